"""Why somebody may or may not do something: the question, both sides of it as they are now, and `iam.explain`'s answer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from moorage.access.authorize import refuse_strangers
from moorage.access.caller import read_caller
from moorage.access.conditions import context_of
from moorage.access.errors import RESERVED, DeniedInstallationError
from moorage.access.judge import Judge, Where
from moorage.access.naming import named, owner_of_account
from moorage.access.owner import Owner
from moorage.access.reserved import is_of_installation
from moorage.aws.requirements import Need
from moorage.core.call import Call, Principal
from moorage.core.errors import InvalidParameterError, MoorageError
from moorage.core.names import is_repository_name
from moorage.iam.decision import Decision, Layer, Outcome
from moorage.iam.denial import denied
from moorage.iam.ecr import FIRST_SCOPE
from moorage.iam.evaluate import Request
from moorage.iam.explain import Explanation, Place, explain
from moorage.identity import callers, resources
from moorage.identity.credentials.session_limits import refuse_action
from moorage.identity.iam_errors import NoSuchEntityError
from moorage.identity.resources import Kind
from moorage.storage.database.transaction import Transaction

SELF = "self"
"""The principal that stands for whoever asks, with the session that it has."""

NAME = "[A-Za-z0-9_+=,.@-]{1,64}"
ACTION = "[a-z0-9-]+:[A-Za-z0-9]+"
"""What an action looks like, as a regular expression for the whole text; the next two, and a user's name, the same."""
PRINCIPAL = (
    rf"{NAME}|arn:aws:iam::[0-9]{{12}}:(?:root|(?:user|role)/(?:[!-~]+/)?{NAME})"
    rf"|arn:aws:sts::[0-9]{{12}}:assumed-role/{NAME}/{NAME}"
)
RESOURCE = r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:(?:[0-9]{12}|aws|):.+"
"""An ARN; `*` and the name of a repository are resources too."""

_ACTION = re.compile(ACTION)
_PRINCIPAL = re.compile(PRINCIPAL)
_RESOURCE = re.compile(RESOURCE, re.DOTALL)
_OF_IDENTITY_ONLY = "ecr:getauthorizationtoken"
_OF_CREDENTIALS = Decision(Outcome.IMPLICIT_DENY, Layer.CREDENTIALS)
_NO_POLICY = "The resource is not this account's, and can have no policy of its own."
_SESSION_NAME = "explain"
"""What a session of a role that is only asked about is called."""


@dataclass(frozen=True, slots=True)
class Question:
    """Whether somebody may do something, and why."""

    principal: str
    """`self`, a user's name, or the ARN of a user, a role, a role's session or the root, all of the asker's account."""
    action: str
    """Such as `ecr:PutImage`; no wildcards."""
    resource: str
    """An ARN, `*`, or the name of a repository in the asker's registry."""
    context: Mapping[str, tuple[str, ...]]
    """Values of context keys to be taken for true, whatever they are; keys in any case, which suggestions keep."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer, and what exactly it is about."""

    request: Request
    explanation: Explanation
    foreign: bool
    """Whether the resource is another account's. The answer is then about the asker's side alone: what that account's policies
    say, to this request or to one that is made up, is for its own people to ask; they must allow it too."""
    refusal: str | None
    """What the principal would be told; None where it is allowed."""
    reason: str | None
    """Why no statement could allow it, in a sentence; None where one could."""


def answer(tx: Transaction, judge: Judge, call: Call, question: Question, default_account_id: str) -> Answer:
    """Explain, by what is in the database now; raises InvalidParameterError, NoSuchEntityError.

    `default_account_id` operates the installation: what concerns all of it is reserved to that account.

    Session policies count where somebody asks about itself; a role is asked about as a session without any.
    """
    if not _ACTION.fullmatch(question.action):
        raise InvalidParameterError.at("action", "must be a service and an operation, such as ecr:PutImage")
    arn = _resource(call, question.resource)
    principal = _principal(tx, call, question.principal)
    foreign = _account_of(arn, principal) != call.principal.account_id
    if foreign:
        owner, place = _owner_abroad(principal, question.action, arn), None
    else:
        owner, place = _owner(tx, judge, call, principal, question.action, arn)
    caller = read_caller(tx, principal)
    asked = (
        call
        if principal is call.principal
        else replace(call, principal=principal, source_address="", user_agent="", referer="")
    )
    given = {key.lower(): values for key, values in question.context.items()}
    known = context_of(caller.keys | owner.keys, asked, (caller.context, owner.context), {})
    request = Request(principal, question.action, arn, {**known, **given})
    explanation = explain(request, caller.grants, owner.guards(question.action), place, question.context)
    try:
        if is_of_installation(question.action):
            refuse_strangers(principal, default_account_id, (question.action,), arn)
        refuse_action(question.action, principal)
    except DeniedInstallationError as error:
        reason = f"Only principals of the account {default_account_id} can be allowed this action."
        return Answer(request, _never(explanation, RESERVED), foreign, error.message, reason)
    except MoorageError as error:
        return Answer(request, _never(explanation, _OF_CREDENTIALS), foreign, error.message, error.message)
    decision = explanation.decision
    refusal = None if decision.allowed else denied(principal, question.action, arn, decision)
    return Answer(request, explanation, foreign, refusal, None if explanation.possible else _NO_POLICY)


def _never(explanation: Explanation, decision: Decision) -> Explanation:
    """What the policies say, where they do not decide."""
    return replace(explanation, decision=decision, obstacles=(), suggestions=(), possible=False)


def _resource(call: Call, text: str) -> str:
    if text == "*" or _RESOURCE.fullmatch(text):
        return text
    if is_repository_name(text):
        return call.registry.repository_arn(text)
    raise InvalidParameterError.at("resource", "must be an ARN, *, or the name of a repository")


def _principal(tx: Transaction, call: Call, text: str) -> Principal:
    if text in {SELF, call.principal.arn}:
        return call.principal
    if not _PRINCIPAL.fullmatch(text):
        said = "must be self, a user's name, or the ARN of a user, a role, a session of a role or a root"
        raise InvalidParameterError.at("principal", said)
    if not text.startswith("arn:"):
        user = resources.get(tx, call.principal.account_id, Kind.USER, text)
        return callers.of_user(user.account_id, (user.id, user.name, user.path), "")
    account_id, named_by = text.split(":", 5)[4:]
    if account_id != call.principal.account_id:
        raise NoSuchEntityError(f"The principal {text} cannot be found in this account.")
    if named_by == "root":
        return Principal.root(account_id, "")
    kind, *path, name = named_by.split("/")
    if kind == "assumed-role":
        role = resources.get(tx, account_id, Kind.ROLE, path[0])
        return callers.of_role(account_id, (role.id, role.name, role.path), name, "")
    there = resources.get(tx, account_id, Kind(kind), name)
    if there.arn != text:
        raise NoSuchEntityError.named(kind, name)
    identity = (there.id, there.name, there.path)
    if kind == "user":
        return callers.of_user(account_id, identity, "")
    return callers.of_role(account_id, identity, _SESSION_NAME, "")


def _account_of(arn: str, principal: Principal) -> str:
    account_id = "" if arn == "*" else arn.split(":", 5)[4]
    return account_id if account_id.isdigit() else principal.account_id


def _owner_abroad(principal: Principal, action: str, arn: str) -> Owner:
    """The side of another account, of which nothing is read: where it can allow at all, it counts as if it did."""
    of_service, _, account_id, name = arn.split(":", 5)[2:]
    service, kind = action.partition(":")[0].lower(), name.partition("/")[0]
    can_allow = (of_service, service) == ("ecr", "ecr") or (of_service, service, kind) == ("iam", "sts", Kind.ROLE)
    guarding = principal.account_id if can_allow and action.lower() != _OF_IDENTITY_ONLY else account_id
    return replace(owner_of_account(account_id), account_id=guarding)


def _owner(
    tx: Transaction, judge: Judge, call: Call, principal: Principal, action: str, arn: str
) -> tuple[Owner, Place | None]:
    """The resource's side, and where its own policy stands, if it can have one."""
    of_service, region, _, name = ("", "", "", "") if arn == "*" else arn.split(":", 5)[2:]
    account_id = _account_of(arn, principal)
    kind, _, name = name.partition("/")
    service = action.partition(":")[0]
    if service == "ecr" and of_service in {"", "ecr"}:
        name = name if kind == "repository" and "*" not in name else ""  # of many at once, the registry's policy says
        owner = judge.place(tx, Where(account_id, region or call.registry.region, name)).owner
        if action.lower() == _OF_IDENTITY_ONLY:
            return owner, None
        if name:
            return owner, Place.REPOSITORY
        return owner, None if owner.first_scope and action.lower() not in FIRST_SCOPE else Place.REGISTRY
    if of_service == "iam" and service in {"iam", "sts"} and kind in set(Kind):
        ((_, owner),) = named(tx, principal, Need((action,), False, (arn,), kind))
        return owner, Place.TRUST if owner.trust else None
    return owner_of_account(account_id), None
