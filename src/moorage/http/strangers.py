"""Requests whose caller could not be made out though they tried to log in: recorded, and limited per address.

Only failures count against an address: whoever shares one with a client that has a wrong key comes in as before.
"""

import re

from moorage.audit.recorder import Recorder
from moorage.core.call import Call, Principal, Registry
from moorage.core.clock import Clock
from moorage.core.errors import MoorageError, RateExceededError
from moorage.http.limits import AddressLimit
from moorage.http.peer import Peer

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

    def __init__(self, recorder: Recorder, clock: Clock) -> None:
        self._recorder = recorder
        self._clock = clock
        self._each = AddressLimit(clock, per_second=FAILURES_PER_SECOND, burst=FAILURES_AT_ONCE)
        self._all = AddressLimit(clock, per_second=_RECORDED_PER_SECOND, burst=_RECORDED_AT_ONCE)

    def failed(
        self,
        error: MoorageError,
        *,
        request_id: str,
        peer: Peer,
        protocol: str,
        event_name: str = "",
        key_id: str = "",
        user_agent: str = "",
    ) -> MoorageError:
        """Record a failed login; returns the error to answer, which is another one for an address that fails too often.

        `key_id` is what the request claims; what does not look like one is not kept, since it may be a misplaced secret.
        """
        try:
            self._each.take(peer.address)
        except RateExceededError as exceeded:
            error, key_id, event_name = exceeded, "", ""
        code = error.oci_code if protocol == "oci" else error.aws_code
        call = Call(
            request_id=request_id,
            at=self._clock.now(),
            event_source=_SIGN_IN,
            event_name=event_name or _LOGIN,
            principal=Principal("", "", "Unknown", key_id if _KEY_ID.fullmatch(key_id) else ""),
            registry=Registry(0, "private", "", ""),
            source_address=peer.address,
            user_agent=user_agent,
            protocol=protocol,
        )
        self._recorder.call(self._counted(call), code)
        return error

    def _counted(self, call: Call) -> Call:
        try:
            self._all.take("")
        except RateExceededError:
            nobody = Principal("", "", "Unknown", "")
            return Call(call.request_id, call.at, call.event_source, _LOGIN, nobody, call.registry, protocol=call.protocol)
        return call
