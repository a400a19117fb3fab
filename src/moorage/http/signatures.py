"""Who signed a request (Signature Version 4), for every door that takes signatures: the AWS APIs and `/api/v1`.

Two steps, since the body is read in between: `claim` says whose signature it claims to be, so that nobody without a key
makes this server read a large body; `verify` sees whether it is.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from moorage.aws import sigv4
from moorage.aws.canonical import SignedRequest
from moorage.aws.signature_errors import (
    ExpiredTokenError,
    InvalidSecurityTokenError,
    MissingAuthenticationTokenError,
    SignatureError,
)
from moorage.core.call import Principal
from moorage.http.context import Context
from moorage.http.messages import Request
from moorage.http.peer import Peer, peer_of
from moorage.identity.credentials import sessions
from moorage.identity.credentials.access_keys import AccessKey, KeyRing
from moorage.identity.credentials.user_keys import Use

IN_LOOP = 64 * 1024
"""Bytes of a body up to which hashing and decoding it do not hold up the event loop."""

_MOST_SIGNING_KEYS = 1000


NOBODY = Principal("", "", "Unknown", "")
"""Who calls what is open, until that operation itself has seen who it is."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who signed, or nobody."""

    principal: Principal
    region: str
    """The region of the credential's scope: it selects the registry, as the endpoint's does at AWS."""
    service: str | None
    """The signing name in the credential's scope; None where nobody signed."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A signature that is not proven yet, and the key that it claims."""

    request: SignedRequest
    credential: sigv4.Credential
    key: AccessKey
    peer: Peer


@dataclass(frozen=True, slots=True)
class Unsigned:
    """No signature at all: only what is open may be asked for."""

    peer: Peer


class Signatures:
    """Finds and proves the signatures of requests."""

    def __init__(self, context: Context, keys: KeyRing) -> None:
        self._context = context
        self._keys = keys
        self._signing_keys: dict[tuple[str, str, str, str], bytes] = {}

    def claim(self, request: Request, services: Sequence[str] | None) -> Claim:
        """Who claims to have signed a request for one of these signing names; raises SignatureError where nobody can have.

        None stands for any name; whoever gives it looks at the caller's `service` afterwards.
        Looks the key up and judges everything about the claim that needs no body. Blocks for one point read.
        """
        peer = peer_of(request, self._context.policy.trusted_proxies)
        signed = _signed(request, peer.host)
        credential = sigv4.parse(signed)
        key = self._keys.find(credential.access_key_id)
        if key is None or not key.active or not sessions.fits(key.token_hash, credential.session_token):
            raise InvalidSecurityTokenError
        now = self._context.clock.now()
        if key.expires_at is not None and key.expires_at <= now:
            raise ExpiredTokenError
        sigv4.check(signed, credential, now_ms=now, services=services)
        return Claim(signed, credential, key, peer)

    def claim_or_none(self, request: Request, services: Sequence[str] | None) -> Claim | Unsigned:
        """`claim` for an entry that some may reach unsigned: a request with no trace of a signature is no fault yet."""
        try:
            return self.claim(request, services)
        except MissingAuthenticationTokenError:
            return Unsigned(peer_of(request, self._context.policy.trusted_proxies))

    async def verify(self, claim: Claim | Unsigned, body: bytes) -> Caller:
        """The caller, once the signature is seen to be theirs; raises SignatureError where it is not."""
        if isinstance(claim, Unsigned):
            return Caller(NOBODY, self._context.addresses.default_region, None)
        if len(body) <= IN_LOOP:
            body_hash = hashlib.sha256(body).hexdigest()
        else:
            body_hash = await self._context.in_thread(lambda: hashlib.sha256(body).hexdigest())
        credential = claim.credential
        sigv4.prove(claim.request, credential, self._signing_key(claim), body_sha256=body_hash)
        self._note_use(claim)
        return Caller(claim.key.principal, credential.region, credential.service)

    def _note_use(self, claim: Claim) -> None:
        """A long-term key was used, or by a temporary one its role; of others nobody asks."""
        credential, principal = claim.credential, claim.key.principal
        of_role = principal.kind == "AssumedRole"
        if claim.key.token_hash is None or of_role:
            use = Use(self._context.clock.now(), credential.service, credential.region)
            self._context.recorder.key(principal.identity_id if of_role else credential.access_key_id, use)

    def _signing_key(self, claim: Claim) -> bytes:
        """Kept while it is in use: it follows from the secret, which is read anew, and from what it is good for."""
        credential = claim.credential
        what = (claim.key.secret, credential.date, credential.region, credential.service)
        key = self._signing_keys.get(what)
        if key is None:
            if len(self._signing_keys) >= _MOST_SIGNING_KEYS:
                self._signing_keys.clear()
            key = self._signing_keys[what] = sigv4.signing_key(claim.key.secret, credential)
        return key


def claimed_key_id(request: Request) -> str:
    """The access key that a request claims to be signed with, or an empty text. Nothing of it is proven."""
    try:
        return sigv4.parse(_signed(request, "")).access_key_id
    except SignatureError:
        return ""


def _signed(request: Request, host: str) -> SignedRequest:
    """The request as it was signed, with the host that the client asked for: a trusted proxy may have put its own there."""
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.scope["headers"]]
    return SignedRequest(
        method=request.method,
        path=request.raw_path,
        query=request.scope["query_string"].decode("latin-1"),
        headers=[(name, host if name == "host" and host else value) for name, value in headers],
    )
