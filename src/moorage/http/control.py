"""`POST /`: the door to the AWS APIs. Signature, selection, decoding, authorization, the operation in its transaction, errors
in AWS's tongues.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from moorage.access.errors import DeniedError
from moorage.audit.parameters import parameters_of
from moorage.aws.decode import Params
from moorage.aws.model import Service
from moorage.aws.operation import Dispatcher, Entry
from moorage.core.call import Call, Registry
from moorage.http import problems
from moorage.http.asking import asked_of
from moorage.http.bodies import Bodies
from moorage.http.context import Context
from moorage.http.limits import AddressLimit
from moorage.http.messages import DisconnectedError, Request, Response
from moorage.http.peer import Peer
from moorage.http.progress import Progress
from moorage.http.signatures import IN_LOOP, Caller, Claim, Signatures, Unsigned
from moorage.http.strangers import Strangers
from moorage.http.tongues import MOST_UNSIGNED, Asked, JsonTongue, QueryTongue, Tongue, speaks_query
from moorage.identity.credentials.session_limits import refuse_credentials
from moorage.storage.database.transaction import Transaction

_LARGE_ANSWERS = frozenset(
    {"BatchGetImage", "DescribeImages", "DescribeRepositoryCreationTemplates", "ListImageReferrers", "ListImages"}
)
"""Encoding these can take long enough to hold up the event loop."""

UNSIGNED_PER_SECOND = 20
UNSIGNED_AT_ONCE = 100
"""Of one address in one worker process: calls of what is open."""

_REGISTRY_SERVICE = "ecr"
"""The service whose calls are about a registry of the caller's region; the others' are about an account."""


@dataclass(slots=True)
class _Progress(Progress):
    service: Service | None = None
    """Whose tongue a failure is told in."""


class Control:
    """Answers the requests of the AWS services that are here."""

    def __init__(
        self,
        context: Context,
        json: Sequence[Dispatcher],
        query: Sequence[Dispatcher],
        signatures: Signatures,
        strangers: Strangers,
    ) -> None:
        self._context = context
        self._signatures = signatures
        self._strangers = strangers
        self._bodies = Bodies()
        self._unsigned = AddressLimit(context.clock, per_second=UNSIGNED_PER_SECOND, burst=UNSIGNED_AT_ONCE)
        self._json = JsonTongue(json)
        self._query = QueryTongue(query)

    async def answer(self, request: Request) -> Response:
        """The response, whatever happens; raises DisconnectedError when there is nobody to answer."""
        request_id = self._context.ids.next()
        progress = _Progress()
        tongue: Tongue = self._query if speaks_query(request) else self._json
        try:
            response = await self._handle(tongue, request, request_id, progress)
        except DisconnectedError:
            raise
        except Exception as error:
            known = problems.known(error, request_id)
            if progress.call:
                self._context.recorder.call(progress.call, tongue.code(known), known.message)
            else:
                name = tongue.operation(request)
                known = self._strangers.unsigned(known, request, request_id, protocol="aws", code=tongue.code, event_name=name)
            response = tongue.failure(known, request_id, progress.service)
            if isinstance(known, DeniedError):
                response.headers |= known.headers
        response.headers["x-amzn-requestid"] = request_id
        response.headers["x-content-type-options"] = "nosniff"
        response.headers["content-length"] = str(len(response.body)) if isinstance(response.body, bytes) else "0"
        return response

    async def _handle(self, tongue: Tongue, request: Request, request_id: str, progress: _Progress) -> Response:
        context = self._context
        if not tongue.is_ready:
            await context.in_thread(tongue.prepare)
        # Whose signature it claims to be comes first: nobody without a key makes this server read a large body.
        seek = self._signatures.claim_or_none if tongue.may_be_unsigned(request) else self._signatures.claim
        claim = seek(request, tongue.signing_names(request))
        most = MOST_UNSIGNED if isinstance(claim, Unsigned) else tongue.most_body
        async with self._bodies.whole(request, most, claim.peer.address) as body:
            return await self._answer_claim(tongue, request, request_id, progress, claim, body)

    async def _answer_claim(
        self, tongue: Tongue, request: Request, request_id: str, progress: _Progress, claim: Claim | Unsigned, body: bytes
    ) -> Response:
        context = self._context
        caller = await self._signatures.verify(claim, body)
        asked = tongue.read(request, body, caller.service)
        if isinstance(claim, Unsigned):
            self._unsigned.take(claim.peer.address)
        progress.service = asked.dispatcher.service
        entry = asked.dispatcher.ready(asked.operation)
        if entry is None:
            entry = await context.in_thread(asked.dispatcher.find, asked.operation)
        progress.call = call = self._call(request, request_id, claim.peer, caller, entry)
        refuse_credentials(entry.service.name, entry.name, caller.principal)
        params = entry.decode(asked.given) if len(body) <= IN_LOOP else await context.in_thread(entry.decode, asked.given)
        progress.call = call = replace(call, parameters=parameters_of(entry.service, entry.name, params))
        account_id = entry.registry_id(params) or caller.principal.account_id
        required = await asked_of(context, entry, call, params, account_id)
        progress.call = call = replace(call, resource=required[0].arn if required else "*")
        try:
            call = replace(call, ruling=await context.warden.require(call, required))
        except DeniedError as error:
            progress.call = context.warden.refused(call, error)
            raise
        registry = call.registry
        if entry.service.name == _REGISTRY_SERVICE:
            registry = await context.registry(account_id, caller.region, read_only=entry.read_only)
        also = await context.warden.allowed(call, entry.asks, required[0]) if required else frozenset()
        progress.call = call = replace(call, registry=registry, also_allowed=also)
        return await self._result(tongue, asked, entry, call, params)

    async def _result(self, tongue: Tongue, asked: Asked, entry: Entry, call: Call, params: Params) -> Response:
        result = await self._run(entry, call, params)
        if entry.name in _LARGE_ANSWERS:
            body = await self._context.in_thread(entry.encode, result, call.request_id)
        else:
            body = entry.encode(result, call.request_id)
        return tongue.success(asked, body)

    def _call(self, request: Request, request_id: str, peer: Peer, caller: Caller, entry: Entry) -> Call:
        return Call(
            request_id=request_id,
            at=self._context.clock.now(),
            event_source=entry.service.event_source,
            event_name=entry.name,
            principal=caller.principal,
            registry=Registry(0, "private", caller.principal.account_id, caller.region),
            source_address=peer.address,
            user_agent=request.header(b"user-agent") or "",
            referer=request.header(b"referer") or "",
            read_only=entry.read_only,
            authority=peer.authority,
        )

    async def _run(self, entry: Entry, call: Call, params: Params) -> Mapping[str, Any] | None:
        context = self._context
        result: Mapping[str, Any] | None

        def work(tx: Transaction) -> Mapping[str, Any] | None:
            answer: Mapping[str, Any] | None = entry.method(tx, call, params)
            return answer

        if entry.mode == "write":
            return await context.write(work, call)
        if entry.mode == "read":
            result = await (context.read_briefly(work) if entry.brief(params) else context.read(work))
        elif entry.mode == "plain":
            result = entry.method(call, params)
        else:
            result = await context.in_thread(partial(entry.method, context.database, call, params))
        if entry.read_only:
            context.recorder.call(call)
        return result
