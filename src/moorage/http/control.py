"""`POST /`: the AWS APIs. Signature, decoding, authorization, the operation in its transaction, errors in AWS's tongue."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from moorage.access.authorize import authorize
from moorage.aws.operation import Dispatcher, Entry, UnknownOperationError
from moorage.aws.requirements import Need
from moorage.core.call import Call, Registry
from moorage.http import problems
from moorage.http.context import Context
from moorage.http.messages import DisconnectedError, Request, Response
from moorage.http.peer import peer_of
from moorage.http.signatures import Caller, Signatures
from moorage.storage.database.transaction import Transaction

MOST_BODY = 30 * 1024 * 1024
"""Bytes: a 20 MiB layer part in base64, and its frame."""

_IN_LOOP = 64 * 1024
"""Bytes of a body up to which decoding it does not hold up the event loop."""

_LARGE_ANSWERS = frozenset({"BatchGetImage", "DescribeImages", "ListImages"})
"""Encoding these can take long enough to hold up the event loop."""

EVENT_SOURCE = "ecr.amazonaws.com"


@dataclass(slots=True)
class _Progress:
    """How far a request came, for the record of its failure."""

    call: Call | None = None


class Control:
    """Answers the requests of one AWS service."""

    def __init__(self, context: Context, dispatcher: Dispatcher, signatures: Signatures) -> None:
        self._context = context
        self._dispatcher = dispatcher
        self._signatures = signatures

    async def answer(self, request: Request) -> Response:
        """The response, whatever happens; raises DisconnectedError when there is nobody to answer."""
        request_id = self._context.ids.next()
        progress = _Progress()
        try:
            response = await self._handle(request, request_id, progress)
        except DisconnectedError:
            raise
        except Exception as error:
            known = problems.known(error, request_id)
            if progress.call:
                self._context.recorder.call(progress.call, known.aws_code)
            response = problems.in_aws_json(self._dispatcher.service, known)
        response.headers["x-amzn-requestid"] = request_id
        response.headers["x-content-type-options"] = "nosniff"
        response.headers["content-length"] = str(len(response.body)) if isinstance(response.body, bytes) else "0"
        return response

    async def _handle(self, request: Request, request_id: str, progress: _Progress) -> Response:
        context = self._context
        # Whose signature it claims to be comes first: nobody without a key makes this server read a large body.
        claim = await self._signatures.claim(request)
        body = await request.body(MOST_BODY)
        caller = await self._signatures.caller(claim, body, (self._dispatcher.service.signing_name,))
        entry = await self._entry(request)
        progress.call = call = self._call(request, request_id, caller, entry)
        params = entry.decode(body) if len(body) <= _IN_LOOP else await context.in_thread(entry.decode, body)
        account_id = entry.registry_id(params) or caller.principal.account_id
        needs = entry.requirements(params)
        progress.call = call = replace(call, resource=_resource(call.registry, account_id, needs))
        for need in needs:
            for resource in _resources(call.registry, account_id, need):
                authorize(caller.principal, account_id, need.actions, resource)
        progress.call = call = replace(call, registry=await context.registry(account_id, caller.region))
        result = await self._run(entry, call, params)
        answer = await context.in_thread(entry.encode, result) if entry.name in _LARGE_ANSWERS else entry.encode(result)
        return Response(200, {"content-type": self._dispatcher.service.content_type}, answer)

    async def _entry(self, request: Request) -> Entry:
        """The operation that `X-Amz-Target` names. Looking up the first one loads the service's model."""
        prefix, _, name = (request.header(b"x-amz-target") or "").partition(".")
        if prefix != await self._context.in_thread(lambda: self._dispatcher.service.target_prefix):
            raise UnknownOperationError(name or prefix)
        return await self._context.in_thread(self._dispatcher.find, name)

    def _call(self, request: Request, request_id: str, caller: Caller, entry: Entry) -> Call:
        peer = peer_of(request, self._context.policy.trusted_proxies)
        return Call(
            request_id=request_id,
            at=self._context.clock.now(),
            event_source=EVENT_SOURCE,
            event_name=entry.name,
            principal=caller.principal,
            registry=Registry(0, "private", caller.principal.account_id, caller.region),
            source_address=peer.address,
            user_agent=request.header(b"user-agent") or "",
            read_only=entry.read_only,
            authority=peer.authority,
        )

    async def _run(self, entry: Entry, call: Call, params: Mapping[str, Any]) -> Mapping[str, Any] | None:
        context = self._context
        result: Mapping[str, Any] | None

        def work(tx: Transaction) -> Mapping[str, Any] | None:
            answer: Mapping[str, Any] | None = entry.method(tx, call, params)
            return answer

        if entry.mode == "write":
            return await context.write(work, call)
        if entry.mode == "read":
            result = await context.read(work)
        else:
            result = await context.in_thread(partial(entry.method, context.database, call, params))
        if entry.read_only:
            context.recorder.call(call)
        return result


def _resource(registry: Registry, account_id: str, needs: Iterable[Need]) -> str:
    """What the audit record shows as the resource: the first that is decided upon."""
    return next((resource for need in needs for resource in _resources(registry, account_id, need)), "*")


def _resources(registry: Registry, account_id: str, need: Need) -> list[str]:
    if not need.repositories:
        return ["*"]
    owner = replace(registry, account_id=account_id)
    return [owner.repository_arn(name) for name in need.repositories]
