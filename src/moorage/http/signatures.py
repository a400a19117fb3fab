"""Whose signature a request carries: what every door shares that takes Signature Version 4."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from moorage.aws import sigv4
from moorage.aws.canonical import SignedRequest
from moorage.aws.signature_errors import InvalidSecurityTokenError
from moorage.core.call import Principal
from moorage.http.context import Context
from moorage.http.messages import Request
from moorage.http.peer import peer_of
from moorage.identity.access_keys import AccessKey, find_access_key
from moorage.identity.sealing import Sealer

_IN_LOOP = 64 * 1024
"""Bytes of a body up to which hashing it does not hold up the event loop."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who signed a request."""

    principal: Principal
    region: str
    """The region of the credential's scope: it selects the registry, as the endpoint's does at AWS."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A signature that is not checked yet, and the key that it claims."""

    request: SignedRequest
    credential: sigv4.Credential
    key: AccessKey


class Signatures:
    """Reads and checks signatures against the stored access keys."""

    def __init__(self, context: Context, sealer: Sealer) -> None:
        self._context = context
        self._sealer = sealer

    async def claim(self, request: Request) -> Claim:
        """Who claims to have signed the request; raises SignatureError where nobody can have.

        It needs no body, so that nobody without a key makes this server read a large one.
        """
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.scope["headers"]]
        # The client signed the host that it asked for, which a trusted proxy may have replaced by its own name for us.
        host = peer_of(request, self._context.policy.trusted_proxies).host
        signed = SignedRequest(
            method=request.method,
            path=request.raw_path,
            query=request.scope["query_string"].decode("latin-1"),
            headers=[(name, host if name == "host" and host else value) for name, value in headers],
        )
        credential = sigv4.parse(signed)
        key = await self._key(credential.access_key_id)
        if key is None or not key.active or credential.session_token is not None:
            raise InvalidSecurityTokenError
        return Claim(signed, credential, key)

    async def caller(self, claim: Claim, body: bytes, services: Sequence[str]) -> Caller:
        """The caller, once the signature over this body is seen to be theirs; raises SignatureError.

        `services` are the signing names of the door.
        """
        if len(body) <= _IN_LOOP:
            body_hash = hashlib.sha256(body).hexdigest()
        else:
            body_hash = await self._context.in_thread(lambda: hashlib.sha256(body).hexdigest())
        now = self._context.clock.now()
        sigv4.verify(claim.request, claim.credential, claim.key.secret, now_ms=now, services=services, body_sha256=body_hash)
        return Caller(claim.key.principal, claim.credential.region)

    async def _key(self, key_id: str) -> AccessKey | None:
        return await self._context.read(lambda tx: find_access_key(tx, self._sealer, key_id))
