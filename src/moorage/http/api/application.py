"""`/api/v1`: what ECR does not have. Signature, table, decoding, authorization, the handler, errors in one JSON shape."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, partial

import msgspec
from msgspec import Struct

from moorage.access.asked import Asked
from moorage.access.authorize import refuse_strangers
from moorage.access.errors import DeniedError
from moorage.access.judge import Where
from moorage.access.naming import owner_of_account
from moorage.audit.parameters import plain_parameters
from moorage.core.call import Call, Registry
from moorage.core.errors import InvalidParameterError
from moorage.core.names import RepositoryName, is_repository_name
from moorage.http import problems
from moorage.http.api.decoding import decode_body, decode_query
from moorage.http.api.exchange import Exchange, Parts
from moorage.http.api.matching import match
from moorage.http.api.openapi import document
from moorage.http.api.route import BASE, AnyRoute
from moorage.http.api.routes import ROUTES
from moorage.http.api.values import Nothing
from moorage.http.context import Context
from moorage.http.messages import DisconnectedError, MethodNotAllowedError, Request, Response
from moorage.http.peer import peer_of
from moorage.http.progress import Progress
from moorage.http.signatures import Caller, Signatures
from moorage.http.strangers import Strangers
from moorage.identity.credentials.session_limits import refuse_lasting
from moorage.identity.resources import Kind, arn_of
from moorage.identity.users import robots
from moorage.images.subjects import Subject

DOCUMENT_PATH = f"{BASE}/openapi.json"
MOST_BODY = 64 * 1024
"""Bytes; nothing that is asked for here is long."""

SIGNING_NAME = "moorage"
EVENT_SOURCE = "moorage"


class Api:
    """Answers every request below `/api/`."""

    def __init__(
        self,
        context: Context,
        signatures: Signatures,
        strangers: Strangers,
        parts: Parts,
        table: Sequence[AnyRoute] = ROUTES,
    ) -> None:
        self._context = context
        self._signatures = signatures
        self._strangers = strangers
        self._parts = parts
        self._table = table

    async def answer(self, request: Request) -> Response:
        """The response, whatever happens; raises DisconnectedError when there is nobody to answer."""
        request_id = self._context.ids.next()
        progress = Progress()
        try:
            response = await self._handle(request, request_id, progress)
        except DisconnectedError:
            raise
        except Exception as error:
            known = problems.known(error, request_id)
            if progress.call:
                self._context.recorder.call(progress.call, problems.api_code(known), known.message)
            else:
                known = self._strangers.unsigned(known, request, request_id, protocol="api", code=problems.api_code)
            response = problems.in_json(known, request_id)
        return _completed(request, response, request_id)

    async def describe(self, request: Request) -> Response:
        """The OpenAPI document; it is open, since it says nothing about this installation."""
        request_id = self._context.ids.next()
        if request.method not in {"GET", "HEAD"}:
            raise MethodNotAllowedError("This method is not supported here.", headers={"Allow": "GET"})
        body = await self._context.in_thread(lambda: self._document)
        headers = {"content-type": "application/json", "cache-control": "public, max-age=3600"}
        return _completed(request, Response(200, headers, body), request_id)

    def refusal(self, request: Request, error: Exception) -> Response:
        """An error on the way to the open document."""
        request_id = self._context.ids.next()
        return _completed(request, problems.in_json(problems.known(error, request_id), request_id), request_id)

    @cached_property
    def _document(self) -> bytes:
        return document(self._table)

    async def _handle(self, request: Request, request_id: str, progress: Progress) -> Response:
        # Whose signature it claims to be comes first: nobody without a key makes this server read a body.
        claim = self._signatures.claim(request, (SIGNING_NAME,))
        raw_body = await request.body(MOST_BODY)
        caller = await self._signatures.verify(claim, raw_body)
        found = match(self._table, request.method, request.path)
        route = found.route
        progress.call = call = self._call(request, request_id, caller, route)
        if route.lasting:
            refuse_lasting(route.event_name, caller.principal)
        if route.installation:
            progress.call = call = self._of_installation(call, route, progress)
        query = decode_query(request.query, route.query)
        body = decode_body(raw_body, request.header(b"content-type"), route.body)
        asked = {**found.parts, **msgspec.to_builtins(query), **msgspec.to_builtins(body)}
        progress.call = call = replace(call, parameters=plain_parameters(asked))
        call = await self._authorized(call, route, query, body, progress)
        registry = await self._context.registry(caller.principal.account_id, caller.region, read_only=not route.changes)
        progress.call = call = replace(call, registry=registry)
        answer = await route.handler(Exchange(self._context, self._parts, call, found.parts), query, body)
        if not route.changes:
            self._context.recorder.call(call)
        if route.answer is Nothing:
            return Response(route.status)
        return Response(route.status, {"content-type": "application/json"}, msgspec.json.encode(answer, enc_hook=_plain))

    def _of_installation(self, call: Call, route: AnyRoute, progress: Progress) -> Call:
        """Raise DeniedError for a principal of another account; whether its own policies allow it is asked like anything."""
        actions = [action for each in route.requires for action in each.actions]
        try:
            refuse_strangers(call.principal, self._context.addresses.default_account_id, actions)
        except DeniedError as error:
            progress.call = self._context.warden.refused(call, error)
            raise
        return call

    async def _authorized(self, call: Call, route: AnyRoute, query: Struct, body: Struct, progress: Progress) -> Call:
        """The call with the resource that was decided upon, and what was decided; raises DeniedError."""
        subjects = None if route.subjects is None else partial(self._subjects, call, route, body)
        asked = []
        for each in route.requires:
            resource, where = _resource(call.registry, each.resource, query, body)
            if each.resource == "each" and resource == "*":
                continue  # the handler shows only repositories of which the caller may know
            if where is None and all(action.startswith("ecr:") for action in each.actions):
                where = Where(call.registry.account_id, call.registry.region)
            owner = owner_of_account(call.principal.account_id) if where is None else None
            asked.append(Asked(each.actions, resource, where, each.any_of, subjects=subjects, owner=owner))
        progress.call = call = replace(call, resource=next((each.arn for each in asked if each.arn != "*"), "*"))
        try:
            progress.call = call = replace(call, ruling=await self._context.warden.require(call, asked))
        except DeniedError as error:
            progress.call = self._context.warden.refused(call, error)
            raise
        return call

    async def _subjects(self, call: Call, route: AnyRoute, body: Struct) -> Sequence[Subject]:
        """What the entry acts on inside the repository, as the route says."""
        registry = await self._context.registry(call.registry.account_id, call.registry.region, read_only=True)
        look_up = route.subjects
        if look_up is None:
            return ()
        return await self._context.read(lambda tx: look_up(self._parts, tx, registry, body))

    def _call(self, request: Request, request_id: str, caller: Caller, route: AnyRoute) -> Call:
        peer = peer_of(request, self._context.policy.trusted_proxies)
        return Call(
            request_id=request_id,
            at=self._context.clock.now(),
            event_source=EVENT_SOURCE,
            event_name=route.event_name,
            principal=caller.principal,
            registry=Registry(0, "private", caller.principal.account_id, caller.region),
            source_address=peer.address,
            user_agent=request.header(b"user-agent") or "",
            referer=request.header(b"referer") or "",
            read_only=not route.changes,
            protocol="api",
            authority=peer.authority,
        )


class RequirementError(Exception):
    """A row requires something of a repository that its request does not name: a fault of this program."""


def _resource(registry: Registry, kind: str, query: Struct, body: Struct) -> tuple[str, Where | None]:
    """The ARN of the repository or robot that is named, or `*`; raises InvalidParameterError for a name that is none.

    With it comes whose policies are the owner's side: the repository's, the registry's, or, of what is no registry's, none.
    """
    if kind == "*":
        return "*", None
    if kind == "robot":
        name = getattr(query, "name", None) or getattr(body, "name", None)
        return arn_of(registry.account_id, Kind.USER, str(name), robots.PATH), None
    for source in (query, body):
        name = getattr(source, "repository", None)
        if kind == "each" and (name is None or not is_repository_name(name)):
            return "*", None
        if isinstance(name, str):
            return registry.repository_arn(_parsed(name)), Where(registry.account_id, registry.region, name)
    raise RequirementError(f"nothing names the {kind}")


def _parsed(name: str) -> RepositoryName:
    try:
        return RepositoryName.parse(name)
    except InvalidParameterError as error:
        raise InvalidParameterError(error.message.replace("repositoryName", "repository")) from None


def _plain(value: object) -> object:
    """Names that were parsed are texts of their own type, of which msgspec knows nothing."""
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"answers hold no {type(value).__name__}")


def _completed(request: Request, response: Response, request_id: str) -> Response:
    """With the headers that every answer has."""
    body = response.body if isinstance(response.body, bytes) else b""
    response.headers.setdefault("cache-control", "no-store")
    response.headers |= {
        "x-amzn-requestid": request_id,
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox",
    }
    if response.status != 204:
        response.headers["content-length"] = str(len(body))
    if request.method == "HEAD":
        response.body, response.head_only = b"", True
    return response
