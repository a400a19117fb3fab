"""What a refused caller is handed besides the sentence: the whole decision, sealed, in a header of the answer.

Who may call `sts:DecodeAuthorizationMessage` in the caller's account reads it; nobody else can.
"""

from collections.abc import Mapping

from moorage.access.errors import DeniedError
from moorage.core.call import Call
from moorage.identity import authorization_messages
from moorage.identity.sealing import Sealer

HEADER = "x-moorage-authorization-message"


def sealed_decision(sealer: Sealer, call: Call | None, error: Exception) -> Mapping[str, str]:
    """The header that a refusal's answer gets; none where it was no decision about permissions."""
    if call is None or not isinstance(error, DeniedError):
        return {}
    message = authorization_messages.encode(sealer, call.principal, error.action, error.resource, error.ruling, error.context)
    return {HEADER: message}
