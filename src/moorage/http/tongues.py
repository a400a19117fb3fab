"""The protocols of `POST /`: how each says which operation is asked for, and how each is answered.

`X-Amz-Target` is AWS JSON; a form, in the body or in the query string, is the Query protocol.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from moorage.aws import form, xml
from moorage.aws.form import Form, MalformedInputError
from moorage.aws.model import Service
from moorage.aws.operation import Dispatcher, UnknownOperationError
from moorage.aws.signature_errors import InvalidSignatureError, MissingAuthenticationTokenError
from moorage.core.errors import MoorageError
from moorage.http import problems
from moorage.http.messages import Request, Response

_FORM = "application/x-www-form-urlencoded"

OPEN_OPERATIONS = ("AssumeRoleWithWebIdentity",)
"""What is answered without a signature, if its entry says so too; a test compares this list literally."""

MOST_UNSIGNED = 64 * 1024
"""Bytes of a form that nobody signed: the longest web identity token, session policies, percent-encoded, and room."""


class MissingActionError(MoorageError):
    """A request of the Query protocol that names no operation."""

    aws_code = "MissingAction"
    oci_code = "UNSUPPORTED"

    def __init__(self) -> None:
        super().__init__("The request is missing an action.")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for; whether there is such an operation is not looked up yet."""

    dispatcher: Dispatcher
    operation: str
    given: bytes | Form
    """What the operation's entry decodes."""


class JsonTongue:
    """AWS JSON: the operation is in a header, the parameters are a JSON body."""

    most_body = 30 * 1024 * 1024
    """Bytes: a 20 MiB layer part in base64, and its frame."""

    def __init__(self, dispatchers: Sequence[Dispatcher]) -> None:
        self._dispatchers = dispatchers
        self._by_prefix: Mapping[str, Dispatcher] = {}

    @property
    def is_ready(self) -> bool:
        """Whether the services' models are loaded."""
        return bool(self._by_prefix)

    def prepare(self) -> None:
        """Load the services' models, which blocks."""
        self._by_prefix = {dispatcher.service.target_prefix: dispatcher for dispatcher in self._dispatchers}

    def signing_names(self, request: Request) -> tuple[str, ...] | None:
        """For which services the request may be signed; None for any, where it asks for one that is not here."""
        dispatcher = self._by_prefix.get(_target(request)[0])
        return (dispatcher.service.signing_name,) if dispatcher else None

    def may_be_unsigned(self, _request: Request) -> bool:
        """Never: what is open is not among these services."""
        return False

    def read(self, request: Request, body: bytes, signed_for: str | None) -> Asked:
        """What is asked for; raises UnknownOperationError for a service that is not here."""
        prefix, name = _target(request)
        dispatcher = self._by_prefix.get(prefix)
        if dispatcher is None:
            raise UnknownOperationError(name or prefix)
        return Asked(dispatcher, name, body)

    def operation(self, request: Request) -> str:
        """The operation that a request names that nobody has signed; empty unless there is one of that name."""
        prefix, name = _target(request)
        dispatcher = self._by_prefix.get(prefix)
        return name if dispatcher is not None and name in dispatcher.names() else ""

    def success(self, asked: Asked, body: bytes) -> Response:
        """The answer of an operation."""
        return Response(200, {"content-type": asked.dispatcher.service.content_type}, body)

    def code(self, error: MoorageError) -> str:
        """What this protocol calls an error."""
        return error.aws_code

    def failure(self, error: MoorageError, _request_id: str, service: Service | None) -> Response:
        """An error, in the tongue of the service that was asked, or of the first one."""
        return problems.in_aws_json(service or self._dispatchers[0].service, error)


class QueryTongue:
    """The Query protocol: everything is a form, the answer is XML."""

    most_body = form.MOST_BYTES

    def __init__(self, dispatchers: Sequence[Dispatcher]) -> None:
        self._dispatchers = dispatchers
        self._by_version: Mapping[str, Dispatcher] = {}

    @property
    def is_ready(self) -> bool:
        """Whether the services' models are loaded."""
        return bool(self._by_version)

    def prepare(self) -> None:
        """Load the services' models, which blocks."""
        self._by_version = {dispatcher.service.version: dispatcher for dispatcher in self._dispatchers}

    def signing_names(self, _request: Request) -> tuple[str, ...] | None:
        """Any: which service is asked stands in the body, which is not read yet."""
        return None

    def may_be_unsigned(self, request: Request) -> bool:
        """Whether it could be for what is open: a form of bounded size. Which operation is meant stands in it."""
        length = request.content_length
        return request.method == "POST" and _is_form(request) and (length is None or length <= MOST_UNSIGNED)

    def read(self, request: Request, body: bytes, signed_for: str | None) -> Asked:
        """What is asked for, in which service: the version says it. `signed_for` is None where nobody signed.

        Raises MalformedInputError, MissingActionError, UnknownOperationError for a version that no service here has,
        InvalidSignatureError where the request was signed for another service, and where nobody signed,
        MissingAuthenticationTokenError for everything that is not open.
        """
        if signed_for is None:
            return self._read_unsigned(body)
        if body and not _is_form(request):
            raise MalformedInputError(f"The body of the request must be of the type {_FORM}.")
        asked = Form.parse(request.scope["query_string"], body)
        if not asked.action:
            raise MissingActionError
        dispatcher = self._by_version.get(asked.version)
        if dispatcher is None:
            raise UnknownOperationError(asked.action, asked.version)
        if signed_for != dispatcher.service.signing_name:
            raise InvalidSignatureError(f"Credential should be scoped to correct service: '{dispatcher.service.signing_name}'.")
        return Asked(dispatcher, asked.action, asked)

    def _read_unsigned(self, body: bytes) -> Asked:
        try:
            asked = Form.parse(body)
        except MalformedInputError:
            raise MissingAuthenticationTokenError from None
        dispatcher = self._by_version.get(asked.version)
        if dispatcher is None or asked.action not in OPEN_OPERATIONS or asked.action not in dispatcher.open_names():
            raise MissingAuthenticationTokenError
        return Asked(dispatcher, asked.action, asked)

    def operation(self, request: Request) -> str:
        """The operation that a request names that nobody has signed, as far as its address tells."""
        name = request.parameter("Action") or ""
        return name if any(name in dispatcher.names() for dispatcher in self._dispatchers) else ""

    def success(self, _asked: Asked, body: bytes) -> Response:
        """The answer of an operation."""
        return Response(200, {"content-type": xml.CONTENT_TYPE}, body)

    def code(self, error: MoorageError) -> str:
        """What this protocol calls an error."""
        return xml.code_of(error)

    def failure(self, error: MoorageError, request_id: str, service: Service | None) -> Response:
        """An error as the Query services write it."""
        return problems.in_aws_xml(service, error, request_id)


Tongue = JsonTongue | QueryTongue


def speaks_query(request: Request) -> bool:
    """Whether a request to `/` is one of the Query protocol rather than AWS JSON."""
    if request.header(b"x-amz-target") is not None:
        return False
    return _is_form(request) or is_query_url(request)


def is_query_url(request: Request) -> bool:
    """Whether the query string names an operation, as in a presigned GET."""
    return b"Action=" in request.scope["query_string"]


def _is_form(request: Request) -> bool:
    return (request.header(b"content-type") or "").partition(";")[0].strip().lower() == _FORM


def _target(request: Request) -> tuple[str, str]:
    # A prefix may have dots of its own, as CloudTrail's has.
    prefix, dot, name = (request.header(b"x-amz-target") or "").rpartition(".")
    return (prefix, name) if dot else (name, "")
