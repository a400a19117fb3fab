"""What a request tells conditions: the values of context keys (IAM user guide, "AWS global condition context keys").

Only the keys that some policy reads are filled. What an operation fills itself counts for other keys only, so that no request
can say who asks, from where or when.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from moorage.core.call import Call
from moorage.core.clock import SECOND
from moorage.iam.context import Context

IMAGE_KEYS = frozenset({"moorage:imagetag", "moorage:platform", "moorage:artifacttype"})
"""What an image is, is looked up only where a policy reads one of these."""

RESOURCE_TAGS = ("aws:resourcetag/", "ecr:resourcetag/")
IAM_RESOURCE_TAGS = ("aws:resourcetag/", "iam:resourcetag/")
PRINCIPAL_TAG = "aws:principaltag/"

_PRINCIPAL_TYPES = {"Root": "Account", "IAMUser": "User", "AssumedRole": "AssumedRole", "FederatedUser": "FederatedUser"}


def _time_text(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _user_name(call: Call) -> str | None:
    """Of IAM users only."""
    principal = call.principal
    return principal.identity_arn.rpartition("/")[2] if principal.kind == "IAMUser" else None


_OF_CALL: Mapping[str, Callable[[Call], str | None]] = {
    "aws:currenttime": lambda call: _time_text(call.at),
    "aws:epochtime": lambda call: str(call.at // SECOND),
    "aws:requestedregion": lambda call: call.registry.region or None,
    "aws:securetransport": lambda call: str(call.authority.startswith("https://")).lower(),
    "aws:useragent": lambda call: call.user_agent or None,
    "aws:referer": lambda call: call.referer or None,
    "aws:sourceip": lambda call: call.source_address or None,
    "aws:principalarn": lambda call: call.principal.identity_arn or call.principal.arn or None,
    "aws:principalaccount": lambda call: call.principal.account_id or None,
    "aws:principaltype": lambda call: _PRINCIPAL_TYPES.get(call.principal.kind, "Anonymous"),
    "aws:userid": lambda call: call.principal.id or None,
    "aws:username": _user_name,
    "aws:principalisawsservice": lambda _call: "false",
    "aws:viaawsservice": lambda _call: "false",
}

_RESERVED_ONCE = frozenset(
    {
        "aws:tokenissuetime",
        "aws:sourceidentity",
        "aws:federatedprovider",
        "aws:multifactorauthpresent",
        "aws:multifactorauthage",
    }
    | {"aws:resourceaccount", "aws:calledvia", "aws:calledviafirst", "aws:calledvialast", "aws:principalservicename"}
    | {"aws:principalservicenameslist", "aws:sourcearn", "aws:sourceaccount", "aws:sourcevpc", "aws:sourcevpce"}
    | {"aws:vpcsourceip", "aws:principalorgid", "aws:principalorgpaths", "aws:resourceorgid", "aws:sourceorgid"}
)
_RESERVED_PREFIXES = (PRINCIPAL_TAG,)


def is_reserved(key: str) -> bool:
    """Whether only this server says what a key is, never an operation's parameters."""
    return key in _OF_CALL or key in _RESERVED_ONCE or key.startswith(_RESERVED_PREFIXES)


def context_of(keys: Iterable[str], call: Call, known: Iterable[Context], filled: Context) -> dict[str, tuple[str, ...]]:
    """The values of these keys, in lower case.

    `known` is what is kept of the caller and of the resource; a key of the call itself goes before it, and both before what
    the operation filled.
    """
    context: dict[str, tuple[str, ...]] = {}
    for key in keys:
        of_call = _OF_CALL.get(key)
        if of_call is not None:
            value = of_call(call)
            if value is not None:
                context[key] = (value,)
            continue
        values = next((each[key] for each in known if key in each), None)
        if values is None and not is_reserved(key):
            values = filled.get(key)
        if values is not None:
            context[key] = values
    return context


def of_tags(tags: Mapping[str, str], prefixes: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Tags as context keys under each of the prefixes; tag keys are compared without regard to case.

    Releases before there were conditions took tags on repositories whose keys differ in case only. They are one key with the
    values of both, which conditions read to the caller's harm.
    """
    values: dict[str, tuple[str, ...]] = {}
    for key, value in tags.items():
        values[key.lower()] = (*values.get(key.lower(), ()), value)
    return {f"{prefix}{key}": each for prefix in prefixes for key, each in values.items()}


def of_session(created_at: int, source_identity: str | None, provider: str | None) -> dict[str, tuple[str, ...]]:
    """What temporary credentials tell of how they came to be. Nobody signs in with a second factor."""
    context: dict[str, tuple[str, ...]] = {
        "aws:tokenissuetime": (_time_text(created_at),),
        "aws:multifactorauthpresent": ("false",),
    }
    if source_identity:
        context["aws:sourceidentity"] = (source_identity,)
    if provider:
        context["aws:federatedprovider"] = (provider,)
    return context
