"""The route table of `/api/v1`. The OpenAPI document is made from it, and a test compares docs/api.md with it."""

from moorage.http.api import access_routes, image_routes
from moorage.http.api.route import AnyRoute

ROUTES: tuple[AnyRoute, ...] = (*access_routes.ROUTES, *image_routes.ROUTES)
"""In the order of the document."""
