"""AWS Signature Version 4, the verifying side (IAM user guide, "AWS Signature Version 4 for API requests").

Pure: `parse` reads who claims to have signed, `check` judges the claim before the body is there, the caller looks the key
up, `prove` decides. Both forms are read: the
`Authorization` header, and the query parameters of a presigned URL.

A signing key is good for one secret, day, region and service; whoever calls may keep it (`signing_key`).
"""

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from moorage.aws.canonical import SignedRequest, canonical_hashes, query_values
from moorage.aws.signature_errors import (
    IncompleteSignatureError,
    InvalidSignatureError,
    MissingAuthenticationTokenError,
    SignatureMismatchError,
)
from moorage.core.clock import MINUTE, SECOND, Timestamp

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
MAX_SKEW = 15 * MINUTE
"""How far the client's clock may be off, and so how long a signature made in headers lives. Milliseconds."""
MAX_EXPIRES = 604_800
"""Seconds: a presigned URL lives for a week at most."""

_BASIC_FORMAT = "%Y%m%dT%H%M%SZ"
_BASIC_TIME = re.compile("([0-9]{4})" + "([0-9]{2})" * 2 + "T" + "([0-9]{2})" * 3 + "Z")
_REGION = re.compile(r"[a-z0-9-]{2,25}")
"""The form of a region's name, as it stands in ARNs and host names; what has another form is nobody's region."""
_SIGNATURE_VALUE = re.compile(r"(Signature\s*=\s*)[^,\s]+")
_QUERY_PARTS = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date")
_MAX_SHOWN = 512


@dataclass(frozen=True, slots=True)
class Credential:
    """What a request says of its signature; nothing of it is proven yet."""

    access_key_id: str
    date: str
    """The scope's date, `YYYYMMDD`."""
    region: str
    service: str
    terminator: str
    signed_headers: str
    """Names joined by semicolons, as the client wrote them."""
    signature: str
    stamp: str
    """The time of signing in ISO 8601's basic format, as it was signed."""
    time: Timestamp
    expires: int | None = None
    """Seconds for which a presigned URL lives; None in the header form."""
    session_token: str | None = None
    presigned: bool = False


def parse(request: SignedRequest) -> Credential:
    """Read the credential of a request.

    Raises MissingAuthenticationTokenError where there is none, IncompleteSignatureError where it cannot be read, and
    InvalidSignatureError where there are two.
    """
    header = _single(request, "authorization")
    in_query = any(query_values(request.query, name) for name in _QUERY_PARTS[:3])
    if header is None:
        if not in_query:
            raise MissingAuthenticationTokenError
        return _parse_query(request)
    if in_query:
        raise InvalidSignatureError("Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")
    return _parse_header(request, header)


def check(
    request: SignedRequest,
    credential: Credential,
    *,
    now_ms: int,
    services: Sequence[str] | None,
    regions: Sequence[str] | None = None,
) -> None:
    """Raise InvalidSignatureError unless the claim is for this server and this moment, and covers what it has to.

    Needs neither the secret nor the body. `services` are the signing names accepted here, the first of them named in
    errors, None for any; `regions` likewise, None for any of a region's form.
    """
    _check_scope(credential, services, regions)
    _check_time(credential, now_ms)
    _check_signed_headers(request, credential)


def prove(request: SignedRequest, credential: Credential, key: bytes, *, body_sha256: str) -> None:
    """Raise InvalidSignatureError unless the owner of the signing key signed exactly this request.

    `body_sha256` is the lower-case hex SHA-256 of the body that was received, never what a header claims.
    """
    _check_payload(request, body_sha256)
    scope = f"{credential.date}/{credential.region}/{credential.service}/{credential.terminator}"
    given = credential.signature.encode("utf-8", "replace")
    hashes = canonical_hashes(request, credential.signed_headers, body_sha256, presigned=credential.presigned)
    for canonical in hashes:
        text = f"{ALGORITHM}\n{credential.stamp}\n{scope}\n{canonical}"
        if hmac.compare_digest(_mac(key, text).hex().encode("ascii"), given):
            return
    raise SignatureMismatchError


def signing_key(secret: str, credential: Credential) -> bytes:
    """The key that the scope derives from a secret."""
    key = f"AWS4{secret}".encode()
    for part in (credential.date, credential.region, credential.service, credential.terminator):
        key = _mac(key, part)
    return key


def _mac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode("latin-1", "replace"), "sha256")


def _parse_header(request: SignedRequest, header: str) -> Credential:
    algorithm, _, rest = header.strip().partition(" ")
    if not algorithm.startswith("AWS4-"):
        # Basic or Bearer: meant for the registry, and never repeated in an answer.
        raise MissingAuthenticationTokenError
    parts: dict[str, str] = {}
    for item in filter(None, (part.strip() for part in rest.split(","))):
        name, equals, value = (part.strip() for part in item.partition("="))
        if not equals or name in parts:
            shown = _shown(item)
            raise IncompleteSignatureError(
                f"'{shown}' not a valid key=value pair (missing equal-sign) in Authorization header: '{_shown(header)}'."
            )
        parts[name] = value
    stamp = _single(request, "x-amz-date") or _single(request, "date")
    wanted = [name for name in ("Credential", "Signature", "SignedHeaders") if not parts.get(name)]
    missing = [f"Authorization header requires '{name}' parameter." for name in wanted]
    if not stamp:
        missing.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if missing or not stamp:
        raise IncompleteSignatureError(f"{' '.join(missing)} Authorization={_shown(header)}")
    _check_algorithm(algorithm)
    return _credential(
        parts["Credential"], parts["SignedHeaders"], parts["Signature"], stamp, _single(request, "x-amz-security-token")
    )


def _parse_query(request: SignedRequest) -> Credential:
    parts = {name: _parameter(request, name) for name in _QUERY_PARTS}
    if missing := [f"AWS query-string parameters must include '{name}'." for name, value in parts.items() if not value]:
        raise IncompleteSignatureError(f"{' '.join(missing)} Re-examine the query-string parameters.")
    algorithm, scope, signature, signed_headers, stamp = (value or "" for value in parts.values())
    _check_algorithm(algorithm)
    token = _parameter(request, "X-Amz-Security-Token") or _single(request, "x-amz-security-token")
    expires = _expires(_parameter(request, "X-Amz-Expires"))
    return _credential(scope, signed_headers, signature, stamp, token, expires=expires, presigned=True)


def _credential(
    scope: str,
    signed_headers: str,
    signature: str,
    stamp: str,
    token: str | None,
    *,
    expires: int | None = None,
    presigned: bool = False,
) -> Credential:
    parts = scope.split("/")
    if len(parts) != 5 or not all(parts):
        raise IncompleteSignatureError(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term,"
            f" got '{_shown(scope)}'"
        )
    time, basic = _time(stamp)
    key_id, date, region, service, terminator = parts
    return Credential(
        access_key_id=key_id,
        date=date,
        region=region,
        service=service,
        terminator=terminator,
        signed_headers=signed_headers,
        signature=signature,
        stamp=basic,
        time=time,
        expires=expires,
        session_token=token or None,
        presigned=presigned,
    )


def _time(stamp: str) -> tuple[Timestamp, str]:
    """The time of signing and its basic format, in which it is signed whatever format the `Date` header has."""
    try:
        if (basic := _BASIC_TIME.fullmatch(stamp)) is not None:
            year, month, day, hour, minute, second = map(int, basic.groups())
            moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
            return Timestamp(int(moment.timestamp()) * SECOND), stamp
        moment = parsedate_to_datetime(stamp)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return Timestamp(int(moment.timestamp()) * SECOND), moment.strftime(_BASIC_FORMAT)
    except (ValueError, TypeError, OverflowError, IndexError):
        raise IncompleteSignatureError(
            f"Date must be in ISO-8601 'basic format'. Got '{_shown(stamp)}'. See http://en.wikipedia.org/wiki/ISO_8601"
        ) from None


def _expires(text: str | None) -> int | None:
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise IncompleteSignatureError("X-Amz-Expires must be a number")
    if not 1 <= int(text) <= MAX_EXPIRES:
        raise IncompleteSignatureError(f"X-Amz-Expires must be between 1 and {MAX_EXPIRES} seconds")
    return int(text)


def _check_algorithm(algorithm: str) -> None:
    if algorithm != ALGORITHM:
        raise IncompleteSignatureError(f"Unsupported AWS 'algorithm': '{_shown(algorithm)}' (only {ALGORITHM} for now). ")


def _check_scope(credential: Credential, services: Sequence[str] | None, regions: Sequence[str] | None) -> None:
    """Tells every fault at once, as AWS does."""
    faults: list[str] = []
    if not _REGION.fullmatch(credential.region) or (regions is not None and credential.region not in regions):
        faults.append(f"Credential should be scoped to a valid region, not '{_shown(credential.region)}'.")
    if services is not None and credential.service not in services:
        faults.append(f"Credential should be scoped to correct service: '{services[0]}'.")
    if credential.terminator != TERMINATOR:
        shown = _shown(credential.terminator)
        faults.append(f"Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{shown}'.")
    if credential.date != credential.stamp[:8]:
        faults.append(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP:"
            f" '{_shown(credential.date)}' != '{credential.stamp[:8]}', from '{credential.stamp}'."
        )
    if faults:
        raise InvalidSignatureError(" ".join(faults))


def _check_time(credential: Credential, now_ms: int) -> None:
    life = MAX_SKEW if credential.expires is None else credential.expires * SECOND
    if now_ms - life > credential.time:
        raise InvalidSignatureError(
            f"Signature expired: {credential.stamp} is now earlier than {_basic(now_ms - life)}"
            f" ({_basic(now_ms)} - {_duration(life)})"
        )
    if credential.time > now_ms + MAX_SKEW:
        raise InvalidSignatureError(
            f"Signature not yet current: {credential.stamp} is still later than {_basic(now_ms + MAX_SKEW)}"
            f" ({_basic(now_ms)} + {_duration(MAX_SKEW)})"
        )


def _check_signed_headers(request: SignedRequest, credential: Credential) -> None:
    """`host` and every `x-amz-*` header must be signed, or whoever carries the request could exchange them."""
    signed = set(credential.signed_headers.split(";"))
    if "host" not in signed:
        raise InvalidSignatureError("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
    present = {name for name, _ in request.headers}
    unsigned = sorted(name for name in present - signed if name.startswith("x-amz-"))
    if unsigned:
        raise InvalidSignatureError(
            f"There were headers present in the request which were not signed: {_shown(', '.join(unsigned))}"
        )
    if not signed <= present:
        raise SignatureMismatchError


def _check_payload(request: SignedRequest, body_sha256: str) -> None:
    """A stated hash must be the real one; `UNSIGNED-PAYLOAD` and streaming forms are S3's, and refused here."""
    if any(stated != body_sha256 for stated in request.values("x-amz-content-sha256")):
        raise InvalidSignatureError("The provided 'x-amz-content-sha256' header does not match what was computed.")


def _single(request: SignedRequest, name: str) -> str | None:
    values = request.values(name)
    if len(values) > 1:
        raise IncompleteSignatureError(f"The header '{name}' must not be repeated.")
    return values[0].strip() if values else None


def _parameter(request: SignedRequest, name: str) -> str | None:
    values = query_values(request.query, name)
    if len(values) > 1:
        raise IncompleteSignatureError(f"The query-string parameter '{name}' must not be repeated.")
    return values[0] if values else None


def _basic(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms // SECOND, UTC).strftime(_BASIC_FORMAT)


def _duration(milliseconds: int) -> str:
    minutes, rest = divmod(milliseconds, MINUTE)
    return f"{milliseconds // SECOND} sec." if rest else f"{minutes} min."


def _shown(text: str) -> str:
    """A part of the request inside an error: short, and without the signature, which stays good for a quarter of an hour."""
    return _SIGNATURE_VALUE.sub(r"\1***", text[:_MAX_SHOWN])
