"""What the server prepares once and uses often, used once."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from moorage.aws.canonical import SignedRequest
from moorage.aws.decode import Params, decoder
from moorage.aws.encode import encoder
from moorage.aws.sigv4 import Credential, check, prove, signing_key
from moorage.aws.validate import checker

if TYPE_CHECKING:
    from botocore.model import Shape


def decode(body: bytes, shape: "Shape | None") -> Params:
    """The members of one request body."""
    return decoder(shape)(body)


def validate(params: Mapping[str, Any], shape: "Shape | None") -> None:
    """Check one request's parameters."""
    checker(shape)(params)


def encode(result: Mapping[str, Any] | None, shape: "Shape | None") -> bytes:
    """One result as a JSON object."""
    return encoder(shape)(result)


def verify(
    request: SignedRequest,
    credential: Credential,
    secret: str,
    *,
    now_ms: int,
    services: Sequence[str],
    body_sha256: str,
    regions: Sequence[str] | None = None,
) -> None:
    """The owner of `secret` signed exactly this request, for this server, just now."""
    check(request, credential, now_ms=now_ms, services=services, regions=regions)
    prove(request, credential, signing_key(secret, credential), body_sha256=body_sha256)
