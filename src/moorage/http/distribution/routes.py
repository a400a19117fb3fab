"""The route table of `/v2/`: what each entry is, which AWS operation it corresponds to, and what it requires.

Names contain slashes, and words such as `blobs` and `manifests` are legal in them, so paths are matched from the right.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from moorage.core.call import Requirement
from moorage.core.errors import MoorageError
from moorage.http.distribution import blobs, listing, manifests, uploads
from moorage.http.distribution.exchange import Exchange
from moorage.http.messages import MethodNotAllowedError, Response
from moorage.images.subjects import Subject
from moorage.repositories.creation import CREATE_ACTION

Handler = Callable[[Exchange], Awaitable[Response]]

_PULL = Requirement(("ecr:BatchGetImage",))
_READ_LAYER = Requirement(("ecr:GetDownloadUrlForLayer",))
# A pull needs no more than the right to download, a push no more than the right to check; either may look.
_SEE_LAYER = Requirement(("ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer"), any_of=True)
_DELETE = Requirement(("ecr:BatchDeleteImage",))


@dataclass(frozen=True, slots=True)
class Route:
    """One entry of the table."""

    method: str
    pattern: re.Pattern[str]
    handler: Handler
    event_name: str
    """Empty where there is nothing to record but the token's use."""
    requirement: Requirement | None
    """None for the entry that asks only for a valid login."""
    read_only: bool = True
    asks: tuple[str, ...] = ()
    """Actions on the same resource that are not needed, but made use of when the caller may do them."""
    source: Requirement | None = None
    """What is needed on the repository that a blob is mounted from; a source without it counts as none."""
    subjects: Callable[[Exchange], Awaitable[Sequence[Subject]]] | None = None
    """What is acted on inside the repository, each decided for itself, where a policy reads such keys."""


async def ping(_exchange: Exchange) -> Response:
    """GET /v2/: the login is good, and this speaks the protocol (end-1)."""
    return Response(200, {"content-type": "application/json"}, b"{}")


class NoSuchRouteError(MoorageError):
    """The path is none of the protocol's."""

    oci_code = "UNSUPPORTED"
    oci_status = 404


def _pattern(rest: str) -> re.Pattern[str]:
    return re.compile(rf"/v2/(?P<name>.+)/{rest}", re.DOTALL)


_BASE = re.compile(r"/v2/?")
_CATALOG = re.compile(r"/v2/_catalog")
_TAGS = _pattern("tags/list")
_REFERRERS = _pattern("referrers/(?P<reference>[^/]*)")
_SESSIONS = _pattern("blobs/uploads/?")
_SESSION = _pattern("blobs/uploads/(?P<reference>[^/]+)")
_MANIFEST = _pattern("manifests/(?P<reference>[^/]+)")
_BLOB = _pattern("blobs/(?P<reference>[^/]+)")

ROUTES = (
    Route("GET", _BASE, ping, "", None),
    Route(
        "GET", _CATALOG, listing.get_catalog, "DescribeRepositories", Requirement(("ecr:DescribeRepositories",), "repositories")
    ),
    Route("GET", _TAGS, listing.get_tags, "ListImages", Requirement(("ecr:ListImages",))),
    Route("GET", _REFERRERS, listing.get_referrers, "ListImageReferrers", _PULL),
    Route(
        "POST",
        _SESSIONS,
        uploads.post_upload,
        "InitiateLayerUpload",
        Requirement(("ecr:InitiateLayerUpload",)),
        read_only=False,
        asks=(CREATE_ACTION,),
        source=_READ_LAYER,
    ),
    Route("PATCH", _SESSION, uploads.patch_upload, "UploadLayerPart", Requirement(("ecr:UploadLayerPart",)), read_only=False),
    Route(
        "PUT", _SESSION, uploads.put_upload, "CompleteLayerUpload", Requirement(("ecr:CompleteLayerUpload",)), read_only=False
    ),
    Route("GET", _SESSION, uploads.get_upload, "UploadLayerPart", Requirement(("ecr:UploadLayerPart",))),
    Route("DELETE", _SESSION, uploads.delete_upload, "UploadLayerPart", Requirement(("ecr:UploadLayerPart",)), read_only=False),
    Route("GET", _MANIFEST, manifests.get_manifest, "BatchGetImage", _PULL, subjects=manifests.pulled),
    Route(
        "PUT",
        _MANIFEST,
        manifests.put_manifest,
        "PutImage",
        Requirement(("ecr:PutImage",)),
        read_only=False,
        subjects=manifests.pushed,
    ),
    Route(
        "DELETE",
        _MANIFEST,
        manifests.delete_manifest,
        "BatchDeleteImage",
        _DELETE,
        read_only=False,
        subjects=manifests.deleted,
    ),
    Route("GET", _BLOB, blobs.get_blob, "GetDownloadUrlForLayer", _READ_LAYER),
    Route("HEAD", _BLOB, blobs.get_blob, "BatchCheckLayerAvailability", _SEE_LAYER),
    Route("DELETE", _BLOB, blobs.delete_blob, "BatchDeleteImage", _DELETE, read_only=False),
)
"""In the order in which they are tried; the first pattern that fits decides which methods there are."""


@dataclass(frozen=True, slots=True)
class Match:
    """What a request's path names; the parts are not parsed yet."""

    route: Route
    name: str
    reference: str


def match(method: str, path: str, table: Sequence[Route] = ROUTES) -> Match:
    """The route of a request; raises NoSuchRouteError or MethodNotAllowedError. HEAD is GET where it has no own entry."""
    fitting, missed = None, None
    for route in table:
        if route.pattern is missed or (fitting is not None and route.pattern is not fitting.re):
            continue
        found = fitting or route.pattern.fullmatch(path)
        if found is None:
            missed = route.pattern
            continue
        fitting = found
        if route.method == method:
            return _matched(route, found)
    if fitting is None:
        raise NoSuchRouteError("There is nothing at this address.")
    if method == "HEAD":
        return match("GET", path, table)
    allowed = sorted({route.method for route in table if route.pattern is fitting.re})
    raise MethodNotAllowedError("This method is not supported here.", headers={"Allow": ", ".join(allowed)})


def _matched(route: Route, found: re.Match[str]) -> Match:
    groups = found.groupdict()
    return Match(route, groups.get("name") or "", groups.get("reference") or "")
