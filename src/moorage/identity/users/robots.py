"""Robots: users for pipelines, each with one inline policy and one token, and no keys.

A robot is an ordinary user below the path `/robot/`. Its policy, `robot`, and the scope of its token say the same when it is
made. Each request needs both. The policy can be seen and changed with IAM's own operations, which counts at the next request;
the scope keeps out what other policies would allow, such as a repository's for everybody, and changes with the token only.
"""

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from moorage.core.clock import Timestamp
from moorage.core.errors import InvalidParameterError
from moorage.identity import resources
from moorage.identity.credentials import tokens
from moorage.identity.credentials.scope import TAGGING, WORDS, Scope
from moorage.identity.credentials.tokens import NewToken
from moorage.identity.errors import RobotScopeUnknownError
from moorage.identity.iam_errors import NoSuchEntityError
from moorage.identity.policies import inline_policies
from moorage.identity.policies.inline_policies import InlinePolicy
from moorage.identity.resources import Kind, Resource
from moorage.identity.users import users
from moorage.storage.database.schema.iam import iam_resources
from moorage.storage.database.schema.identity import tokens as tokens_table
from moorage.storage.database.transaction import Transaction

PATH = "/robot/"
POLICY = "robot"
_OPERATOR, _TAG = "StringLikeIfExists", "moorage:ImageTag"


@dataclass(frozen=True, slots=True)
class Robot:
    """A robot, and its token as far as it may be known."""

    user: Resource
    grant: Scope | None
    """What its policy allows; None: somebody changed its policies to what no scope says."""
    scope: Scope | None
    """What its token is restricted to, so far as it has one."""
    expires_at: Timestamp | None
    """When its token ends or ended; None: it has none."""
    last_used_at: Timestamp | None


def create(tx: Transaction, account_id: str, name: str, scope: Scope, *, region: str, lifetime: int) -> tuple[Robot, NewToken]:
    """A new robot whose policy allows what the scope says in all regions, and its token of that scope for one.

    `lifetime` in milliseconds.

    Raises EntityAlreadyExistsError for a name that a user has, QuotaExceededError, and PolicyLimitError for too many patterns.
    """
    user = users.create(tx, account_id, name, PATH).resource
    inline_policies.put(tx, user, InlinePolicy(POLICY, policy_text(account_id, scope)))
    made = tokens.make_for_user(tx, user.id, region, lifetime, name=name, scope=scope)
    return Robot(user, scope, scope, made.expires_at, None), made


def get(tx: Transaction, account_id: str, name: str) -> Robot:
    """The account's robot of that name; raises NoSuchEntityError, also for a user that is no robot.

    The name must be spelled as the robot's is: what the caller may do was decided about an ARN in that spelling.
    """
    user = resources.find(tx, account_id, Kind.USER, name)
    if user is None or user.path != PATH or user.name != name:
        raise NoSuchEntityError(f"The robot with name {name} cannot be found.")
    return _read(tx, user)


def rotate(tx: Transaction, robot: Robot, *, region: str, lifetime: int) -> NewToken:
    """A new token in place of all that it has, which end now. `lifetime` in milliseconds.

    Its scope is what the robot's policy says now, or, where that was changed to what no scope says, the one of the token
    before. Raises RobotScopeUnknownError where there is neither.
    """
    scope = robot.grant or robot.scope
    if scope is None:
        raise RobotScopeUnknownError(robot.user.name)
    tx.execute(sa.delete(tokens_table).where(tokens_table.c.user_id == robot.user.id))
    return tokens.make_for_user(tx, robot.user.id, region, lifetime, name=robot.user.name, scope=scope)


def delete(tx: Transaction, robot: Robot) -> None:
    """Remove a robot with all that it has: its token ends now."""
    resources.delete(tx, robot.user)


def listed(tx: Transaction, account_id: str, after: str | None, limit: int) -> list[Robot]:
    """Robots in the order of their names in lower case, behind one of them."""
    query = (
        sa.select(iam_resources)
        .where(
            iam_resources.c.account_id == account_id,
            iam_resources.c.kind == Kind.USER,
            iam_resources.c.path == PATH,
            iam_resources.c.name_key > (after or ""),
        )
        .order_by(iam_resources.c.name_key)
        .limit(limit)
    )
    return [_read(tx, resources.read(row)) for row in tx.all(query)]


def policy_text(account_id: str, scope: Scope) -> str:
    """The policy that allows what a scope says, in the account's registries of every region."""
    return json.dumps(_document(account_id, scope), separators=(",", ":"))


def grant_in(account_id: str, text: str) -> Scope | None:
    """What a policy of `policy_text` allows, in the shortest words; None for a policy that it would not write, white space and
    the order of actions aside.
    """
    try:
        document: Any = json.loads(text)
        statements = document["Statement"]
        patterns = [resource.removeprefix(_repositories(account_id)) for resource in statements[0]["Resource"]]
        actions = [action for statement in statements for action in statement["Action"]]
        tags = statements[-1]["Condition"][_OPERATOR][_TAG] if "Condition" in statements[-1] else None
        scope = Scope.parse(patterns, _words(actions), tags)
        for statement in statements:
            statement["Action"].sort()
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, InvalidParameterError):
        return None
    return scope if document == _document(account_id, scope) else None


def _document(account_id: str, scope: Scope) -> dict[str, Any]:
    """One statement, or two where tags limit some of the actions. A part of a multi-platform image is pushed without a tag."""
    limited = scope.granted & TAGGING if scope.tags is not None else frozenset[str]()
    statements = [_allow(account_id, scope, actions) for actions in (scope.granted - limited, limited) if actions]
    if limited:
        statements[-1]["Condition"] = {_OPERATOR: {_TAG: list(scope.tags or ())}}
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(account_id: str, scope: Scope, actions: frozenset[str]) -> dict[str, Any]:
    resources = [f"{_repositories(account_id)}{pattern}" for pattern in scope.repositories]
    return {"Effect": "Allow", "Action": sorted(actions), "Resource": resources}


def _words(actions: list[str]) -> list[str]:
    return next(([word] for word, granted in WORDS.items() if granted == frozenset(actions)), actions)


def _repositories(account_id: str) -> str:
    return f"arn:aws:ecr:*:{account_id}:repository/"


def _read(tx: Transaction, user: Resource) -> Robot:
    policies = inline_policies.listed(tx, user)
    grant = grant_in(user.account_id, policies[0].text) if [policy.name for policy in policies] == [POLICY] else None
    query = sa.select(tokens_table).where(tokens_table.c.user_id == user.id).order_by(tokens_table.c.expires_at.desc())
    token = tx.one(query.limit(1))
    if token is None:
        return Robot(user, grant, None, None, None)
    scope = Scope.load(token.scope) if token.scope is not None else None
    return Robot(user, grant, scope, token.expires_at, token.last_used_at)
