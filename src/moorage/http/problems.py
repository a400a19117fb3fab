"""One error, several tongues: OCI, AWS JSON, AWS XML and the plain JSON of `/api/v1` (DESIGN rule 6)."""

import json
import logging
import sqlite3

from moorage.aws.encode import ErrorAnswer, encode_error
from moorage.aws.model import Service
from moorage.aws.xml import encode_xml_error
from moorage.core.errors import MoorageError, UnavailableError
from moorage.http.messages import Response
from moorage.identity.credentials.tokens import NotAuthorizedError

_log = logging.getLogger(__name__)


class InternalError(MoorageError):
    """A fault of this program; its cause is in the log, under the request's id, and nowhere else."""

    aws_code = "ServerException"
    aws_status = 500
    query_code = "ServiceFailure"
    oci_code = "UNKNOWN"
    oci_status = 500


def known(error: Exception, request_id: str) -> MoorageError:
    """The error if it is one that a caller may see; any other is logged and becomes an InternalError."""
    if isinstance(error, MoorageError):
        return error
    if isinstance(error, sqlite3.OperationalError):  # a point read on the loop that would have had to wait
        _log.warning("the database does not answer", extra={"request_id": request_id, "reason": str(error)})
        return UnavailableError()
    _log.error("unexpected error", exc_info=error, extra={"request_id": request_id})
    return InternalError(f"Internal server error; the request id is {request_id}.")


def in_oci(error: MoorageError, realm: str) -> Response:
    """As the OCI distribution spec says it; a missing login as ECR's registry says it (`realm` is its address)."""
    if isinstance(error, NotAuthorizedError):
        headers = {
            "www-authenticate": f'Basic realm="{realm}/",service="ecr.amazonaws.com"',
            "content-type": "text/plain; charset=utf-8",
        }
        return Response(error.oci_status, headers, b"Not Authorized\n")
    headers = {"content-type": "application/json", **{name.lower(): value for name, value in error.headers.items()}}
    body = json.dumps({"errors": error.entries()}, ensure_ascii=True).encode()
    return Response(error.oci_status, headers, body)


def in_aws_json(service: Service, error: MoorageError) -> Response:
    """As botocore parses it."""
    return _answered(encode_error(service, error))


def in_aws_xml(service: Service | None, error: MoorageError, request_id: str) -> Response:
    """As the Query services say it; a request that belongs to no service is answered in nobody's namespace."""
    return _answered(encode_xml_error(service, error, request_id))


def _answered(answer: ErrorAnswer) -> Response:
    return Response(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.body)


def in_json(error: MoorageError, request_id: str) -> Response:
    """As `/api/v1` says it: one shape for every error."""
    body = json.dumps({"code": api_code(error), "message": error.message, "request_id": request_id})
    status = api_status(type(error))
    headers = {"content-type": "application/json", **{name.lower(): value for name, value in error.headers.items()}}
    if status == 401:
        headers["www-authenticate"] = "AWS4-HMAC-SHA256"
    return Response(status, headers, body.encode())


def oci_code(error: MoorageError) -> str:
    """What the registry's endpoint calls an error."""
    return error.oci_code


def api_code(error: MoorageError) -> str:
    """What `/api/v1` calls an error."""
    return api_code_of(type(error))


def api_code_of(kind: type[MoorageError]) -> str:
    """What `/api/v1` calls an error: its class's name without the ending, such as `RepositoryNotFound`."""
    return kind.api_code or kind.__name__.removesuffix("Error")


def api_status(kind: type[MoorageError]) -> int:
    """The HTTP status of an error on `/api/v1`."""
    return kind.api_status or kind.oci_status
