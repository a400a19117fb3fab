"""The data plane: authentication, routing, authorization, the handler, and every error in OCI's tongue."""

from collections.abc import Sequence
from functools import partial

from moorage.access.asked import Asked
from moorage.access.authorize import confine, confine_tags
from moorage.access.errors import DeniedByScopeError, DeniedError
from moorage.access.judge import Where
from moorage.audit.parameters import distribution_parameters
from moorage.core.addresses import registry_named_by
from moorage.core.call import Call, Registry, Requirement
from moorage.core.clock import Timestamp
from moorage.http import problems
from moorage.http.authentication import Authenticator
from moorage.http.context import Context
from moorage.http.distribution import routes
from moorage.http.distribution.exchange import Exchange, parse_name
from moorage.http.distribution.headers import COMMON_HEADERS
from moorage.http.distribution.hot import HotAnswers
from moorage.http.messages import BadRequestError, DisconnectedError, Request, Response
from moorage.http.peer import Peer, peer_of
from moorage.http.progress import Progress
from moorage.http.strangers import Strangers
from moorage.identity.credentials.tokens import NotAuthorizedError, Token, TokenExpiredError
from moorage.images.subjects import tags_in


class Distribution:
    """Answers every request below `/v2/`."""

    def __init__(
        self,
        context: Context,
        authenticator: Authenticator,
        hot: HotAnswers,
        strangers: Strangers,
        table: Sequence[routes.Route] = routes.ROUTES,
    ) -> None:
        self._context = context
        self._authenticator = authenticator
        self._hot = hot
        self._strangers = strangers
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
                self._context.recorder.call(progress.call, problems.oci_code(known), known.message)
            elif isinstance(known, NotAuthorizedError | TokenExpiredError) and request.header(b"authorization"):
                known = self._strangers.failed(known, request, request_id, protocol="oci", code=problems.oci_code)
            response = problems.in_oci(known, self._realm(request))
        _complete(request, response)
        if response.fact is not None:
            self._hot.learn(request.scope, response.fact, response.headers, response.body)
        response.headers["x-amzn-requestid"] = request_id
        return response

    async def _handle(self, request: Request, request_id: str, progress: Progress) -> Response:
        context = self._context
        peer = peer_of(request, context.policy.trusted_proxies)
        token = self._authenticator.token_of(request.header(b"authorization"))
        found = routes.match(request.method, _path(request), self._table)
        registry = self._registry(peer, token)
        name = parse_name(found.name) if found.name else ""
        progress.call = call = _call(request, request_id, context.clock.now(), peer, token, registry, found, name)
        exchange = Exchange(context, request, call, token, name, found.reference, source=found.route.source)
        await self._authorize(exchange, found.route, progress)
        context.recorder.token(token.id, call.at)
        response = await found.route.handler(exchange)
        if call.event_name and (call.read_only or found.route.method == "PATCH"):
            context.recorder.call(exchange.call)
        return response

    async def _authorize(self, exchange: Exchange, route: routes.Route, progress: Progress) -> None:
        """Note in the exchange what is decided; raises DeniedError. Only then is looked whether there is such a registry."""
        context, call, token, name = self._context, exchange.call, exchange.token, exchange.name
        needed = route.requirement
        ruling, also = None, frozenset[str]()
        try:
            if needed is not None:
                subjects = None if route.subjects is None else partial(route.subjects, exchange)
                where = Where(call.registry.account_id, call.registry.region, name)
                asked = Asked(needed.actions, call.resource, where, needed.any_of, subjects=subjects)
                exchange.place, ruling = await context.warden.enter(
                    call, asked, self._authenticator.moved, token.permission_version
                )
                if token.scope is not None:
                    confine(token.principal, token.scope, needed, name, call.resource)
                    if subjects is not None and token.scope.limits_tags(needed.actions):
                        confine_tags(token.principal, token.scope, needed, tags_in(await subjects()), call.resource)
                if route.asks:
                    wanted = [action for action in route.asks if token.scope is None or token.scope.allows(action, name)]
                    also = await context.warden.allowed(call, wanted, asked)
        except DeniedError as error:
            progress.call = context.warden.refused(call, error)
            if needed is None or needed.resource != "repositories" or isinstance(error, DeniedByScopeError):
                raise
            ruling, exchange.refusal = error.ruling, error
        account_id, region = call.registry.account_id, call.registry.region
        registry = context.registries.get((account_id, region))
        if registry is None:
            registry = await context.registry(account_id, region, read_only=route.read_only)
        progress.call = exchange.call = call.decided(ruling, registry, also)

    def _registry(self, peer: Peer, token: Token) -> Registry:
        """The registry that the host names, or the default one; its id is not looked up, since it may be another account's."""
        addresses = self._context.addresses
        account_id, region = registry_named_by(peer.host) or (addresses.default_account_id, addresses.default_region)
        if region != token.region:
            raise NotAuthorizedError  # a token is good for one region's registries
        return Registry(0, "private", account_id, region)

    def _realm(self, request: Request) -> str:
        peer = peer_of(request, self._context.policy.trusted_proxies)
        return peer.authority


def _path(request: Request) -> str:
    """The decoded path; what hides a slash or a control character is no path of the protocol's."""
    raw = request.raw_path.lower()
    if "%2f" in raw or "%5c" in raw or "%00" in raw or not request.path.isprintable():
        raise BadRequestError("The path has an encoded slash or a control character.", detail=None)
    return request.path


def _call(
    request: Request,
    request_id: str,
    at: Timestamp,
    peer: Peer,
    token: Token,
    registry: Registry,
    found: routes.Match,
    name: str,
) -> Call:
    route = found.route
    return Call(
        request_id=request_id,
        at=at,
        event_source="ecr.amazonaws.com",
        event_name=route.event_name,
        principal=token.principal,
        registry=registry,
        source_address=peer.address,
        user_agent=request.header(b"user-agent") or "",
        referer=request.header(b"referer") or "",
        resource=_resource(registry, route.requirement, name),
        read_only=route.read_only,
        protocol="oci",
        authority=peer.authority,
        parameters=distribution_parameters(route.event_name, name, found.reference),
    )


def _resource(registry: Registry, needed: Requirement | None, name: str) -> str:
    """What a route is about, as policies name it."""
    if needed is None or needed.resource == "*":
        return "*"
    return registry.repository_arn(name if needed.resource == "repository" else "*")


def _complete(request: Request, response: Response) -> None:
    """Add the headers that every answer has; a HEAD answer has no body, whatever the handler gave."""
    response.headers.update(COMMON_HEADERS)
    if request.method == "HEAD" and not response.head_only:
        response.headers["content-length"] = str(_length(response))
        response.body, response.head_only = b"", True
    response.headers.setdefault("content-length", str(_length(response)))
    if response.status in {204, 304}:
        del response.headers["content-length"]


def _length(response: Response) -> int:
    return len(response.body) if isinstance(response.body, bytes) else response.body.count
