"""Requests whose caller could not be made out though they tried to log in: recorded, and limited per address.

Only failures count against an address: whoever shares one with a client that has a wrong key comes in as before.
"""

import re
from collections.abc import Callable, Sequence

from moorage.audit.recorder import Recorder
from moorage.aws.signature_errors import MissingAuthenticationTokenError, SignatureError
from moorage.core.call import Call, Principal, Registry
from moorage.core.clock import Clock
from moorage.core.errors import MoorageError, RateExceededError
from moorage.http.limits import AddressLimit
from moorage.http.messages import Request
from moorage.http.peer import Network, peer_of
from moorage.http.signatures import claimed_key_id

FAILURES_PER_SECOND = 20
FAILURES_AT_ONCE = 100
"""Of one address in one worker process; afterwards it is told that it asks too often, instead of why it failed."""

_RECORDED_PER_SECOND = 200
_RECORDED_AT_ONCE = 1000
"""Of all addresses: what goes beyond it is only counted, so that it cannot drive out other records."""

_KEY_ID = re.compile(r"[A-Z0-9]{16,128}")
_SIGN_IN = "signin.amazonaws.com"
"""As CloudTrail has it: which service was meant is not proven, either."""

_LOGIN = "Login"
"""The name under which a failure is recorded when it asked for no operation that there is."""


class Strangers:
    """Takes note of failed logins."""

    def __init__(self, recorder: Recorder, clock: Clock, trusted: Sequence[Network] = ()) -> None:
        """`trusted` are the proxies whose word about a client's address is believed."""
        self._recorder = recorder
        self._clock = clock
        self._trusted = trusted
        self._each = AddressLimit(clock, per_second=FAILURES_PER_SECOND, burst=FAILURES_AT_ONCE)
        self._all = AddressLimit(clock, per_second=_RECORDED_PER_SECOND, burst=_RECORDED_AT_ONCE)

    def failed(
        self,
        error: MoorageError,
        request: Request,
        request_id: str,
        *,
        protocol: str,
        code: Callable[[MoorageError], str],
        event_name: str = "",
        key_id: str = "",
    ) -> MoorageError:
        """Record a failed login; returns the error to answer, which is another one for an address that fails too often.

        `code` says what the client reads of an error. `key_id` is what the request claims; what does not look like one is not
        kept, since it may be a misplaced secret.
        """
        peer = peer_of(request, self._trusted)
        try:
            self._each.take(peer.address)
        except RateExceededError as exceeded:
            error, key_id, event_name = exceeded, "", ""
        call = Call(
            request_id=request_id,
            at=self._clock.now(),
            event_source=_SIGN_IN,
            event_name=event_name or _LOGIN,
            principal=Principal("", "", "Unknown", key_id if _KEY_ID.fullmatch(key_id) else ""),
            registry=Registry(0, "private", "", ""),
            source_address=peer.address,
            user_agent=request.header(b"user-agent") or "",
            protocol=protocol,
        )
        self._recorder.call(self._counted(call), code(error))
        return error

    def unsigned(
        self,
        error: MoorageError,
        request: Request,
        request_id: str,
        *,
        protocol: str,
        code: Callable[[MoorageError], str],
        event_name: str = "",
    ) -> MoorageError:
        """`failed` for a request that had to be signed; other errors, and requests without any signature, pass unrecorded."""
        if not isinstance(error, SignatureError) or isinstance(error, MissingAuthenticationTokenError):
            return error
        key_id = claimed_key_id(request)
        return self.failed(error, request, request_id, protocol=protocol, code=code, event_name=event_name, key_id=key_id)

    def _counted(self, call: Call) -> Call:
        try:
            self._all.take("")
        except RateExceededError:
            nobody = Principal("", "", "Unknown", "")
            return Call(call.request_id, call.at, call.event_source, _LOGIN, nobody, call.registry, protocol=call.protocol)
        return call
