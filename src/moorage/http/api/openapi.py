"""The OpenAPI 3.1 document of `/api/v1`, made from its route table (https://spec.openapis.org/oas/v3.1.1)."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from moorage.aws.signature_errors import SignatureError
from moorage.core.errors import (
    AccessDeniedError,
    InvalidParameterError,
    MoorageError,
    RateExceededError,
    StorageFullError,
    UnavailableError,
)
from moorage.http.api.route import BASE, AnyRoute
from moorage.http.api.values import Nothing
from moorage.http.messages import BadRequestError, BodyTooLargeError, NotFoundError, UnsupportedMediaTypeError
from moorage.http.problems import InternalError, api_code_of, api_status

_ANYWHERE: tuple[type[MoorageError], ...] = (
    BadRequestError,
    InvalidParameterError,
    SignatureError,
    AccessDeniedError,
    BodyTooLargeError,
    RateExceededError,
    InternalError,
    UnavailableError,
)
"""What every entry may answer."""

_STATUS_TEXTS: Mapping[int, str] = {
    400: "The request cannot be understood, or a member is not as it must be.",
    401: "The request is not signed by anybody known here.",
    403: "The caller may not do this.",
    404: "What the request names is not there.",
    409: "The state of what is there forbids it.",
    413: "The body is too large.",
    415: "The body is of another type than JSON.",
    429: "The caller asks too often.",
    500: "A fault of this server.",
    503: "Something that the server needs does not answer now.",
    507: "The disk is full.",
}
_ABOUT = """\
What Moorage has and Amazon ECR does not. Every request but the one for this document is signed with AWS Signature
Version 4, service name `moorage`, with the access keys that sign requests to the ECR API."""


class Error(Struct, frozen=True):
    """Every error has this shape."""

    code: Annotated[str, Meta(description="What went wrong, for programs", examples=["InvalidParameter"])]
    message: Annotated[str, Meta(description="What went wrong, for people")]
    request_id: Annotated[str, Meta(description="The request's id in the log and in the audit record")]


def document(routes: Sequence[AnyRoute]) -> bytes:
    """The document in JSON."""
    named: set[type[Struct]] = {Error}
    for route in routes:
        named |= {route.answer, route.body} - {Nothing}
    structs = sorted(named, key=lambda struct: struct.__name__)
    references, schemas = _schemas(structs)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(BASE + route.path, {})[route.method.lower()] = _operation(route, references)
    found = {
        "openapi": "3.1.0",
        "info": {"title": "Moorage", "version": metadata.version("moorage"), "description": _ABOUT},
        "servers": [{"url": "/"}],
        "tags": [{"name": area} for area in dict.fromkeys(route.area for route in routes)],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "signature": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "AWS Signature Version 4 with the service name `moorage`",
                    "x-amazon-apigateway-authtype": "awsSigv4",
                }
            },
        },
        "security": [{"signature": []}],
    }
    return msgspec.json.encode(found)


def errors_of(route: AnyRoute) -> tuple[type[MoorageError], ...]:
    """Every kind of error that an entry may answer."""
    body = (UnsupportedMediaTypeError,) if route.body is not Nothing else ()
    parts = (NotFoundError,) if route.parts else ()
    full = (StorageFullError,) if route.changes else ()
    return (*_ANYWHERE, *body, *parts, *full, *route.errors)


def _operation(route: AnyRoute, references: Mapping[type[Struct], Mapping[str, Any]]) -> dict[str, Any]:
    summary, _, description = (inspect.getdoc(route.handler) or "").partition("\n")
    actions = ", ".join(f"`{action}`" for each in route.requires for action in each.actions)
    whole = " for the whole installation: only principals of the default account can have it" if route.installation else ""
    refused = "\n\nRefused to credentials of GetSessionToken and GetFederationToken." if route.lasting else ""
    success: dict[str, Any] = {"description": "Done."}
    if route.answer is not Nothing:
        success["content"] = _json(references[route.answer])
    found: dict[str, Any] = {
        "operationId": route.event_name,
        "tags": [route.area],
        "summary": summary,
        "description": f"{description.strip()}\n\nRequires {actions}{whole}.{refused}".strip(),
        "parameters": [*_path_parameters(route), *_query_parameters(route.query)],
        "responses": {str(route.status): success, **_refusals(errors_of(route), references[Error])},
    }
    if route.body is not Nothing:
        found["requestBody"] = {"required": True, "content": _json(references[route.body])}
    return found


def _path_parameters(route: AnyRoute) -> Iterable[dict[str, Any]]:
    for name in route.parts:
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _query_parameters(query: type[Struct]) -> Iterable[dict[str, Any]]:
    """One parameter for each field. In a query there is no null: what is absent is absent."""
    _, schemas = _schemas([query])
    described = schemas[query.__name__]
    for name, schema in described["properties"].items():
        kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
        rest = {key: value for key, value in schema.items() if key not in {"anyOf", "description"}}
        if rest.get("default", 0) is None:
            del rest["default"]
        plain = {**kinds[0], **rest} if len(kinds) == 1 else schema
        text = schema.get("description") or plain.pop("description", "")
        found = {"name": name, "in": "query", "required": name in described["required"], "schema": plain}
        yield {**found, **({"description": text} if text else {})}


def _refusals(errors: Iterable[type[MoorageError]], shape: Mapping[str, Any]) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for kind in errors:
        by_status.setdefault(api_status(kind), []).append(f"`{api_code_of(kind)}`")
    return {
        str(status): {"description": f"{_STATUS_TEXTS[status]} Among the codes: {', '.join(codes)}.", "content": _json(shape)}
        for status, codes in sorted(by_status.items())
    }


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _schemas(structs: Sequence[type[Struct]]) -> tuple[dict[type[Struct], Mapping[str, Any]], dict[str, Any]]:
    references, schemas = msgspec.json.schema_components(structs, ref_template="#/components/schemas/{name}")
    return dict(zip(structs, references, strict=True)), schemas
