"""What every call tells conditions, for callers whom no policies of their own are about."""

from collections.abc import Iterable
from datetime import UTC, datetime

from moorage.core.call import Call
from moorage.core.clock import SECOND
from moorage.iam.context import Context


def context_of(_keys: Iterable[str], call: Call, known: Iterable[Context], filled: Context) -> Context:
    """See `web_identity_operations.ContextOf`."""
    of_call: dict[str, tuple[str, ...]] = {
        "aws:currenttime": (datetime.fromtimestamp(call.at / SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),),
        "aws:epochtime": (str(call.at // SECOND),),
        "aws:securetransport": (str(call.authority.startswith("https://")).lower(),),
        "aws:useragent": (call.user_agent,) if call.user_agent else (),
        "aws:sourceip": (call.source_address,) if call.source_address else (),
        "aws:principalarn": (call.principal.identity_arn,),
    }
    context = dict(filled)
    for each in known:
        context |= each
    return context | of_call
