"""Robots: users for pipelines, each with one inline policy and one token, and no keys.

A robot is an ordinary user below the path `/robot/`. Its policy, `robot`, is the one truth about what it may do; it can be
seen and changed with IAM's own operations, and counts at the next request.
"""

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from moorage.core.clock import Timestamp
from moorage.core.errors import InvalidParameterError
from moorage.identity import inline_policies, resources, tokens, users
from moorage.identity.iam_errors import NoSuchEntityError
from moorage.identity.inline_policies import InlinePolicy
from moorage.identity.resources import Kind, Resource
from moorage.identity.scope import WORDS, Scope
from moorage.identity.tokens import NewToken
from moorage.storage.database.schema.iam import iam_resources
from moorage.storage.database.schema.identity import tokens as tokens_table
from moorage.storage.database.transaction import Transaction

PATH = "/robot/"
POLICY = "robot"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a robot's policy allows, as it was asked for."""

    repositories: tuple[str, ...]
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Robot:
    """A robot, and its token as far as it may be known."""

    user: Resource
    grant: Grant | None
    """None: somebody changed its policy to what cannot be told in two lists."""
    expires_at: Timestamp | None
    """When its token ends or ended; None: it has none."""
    last_used_at: Timestamp | None


def create(tx: Transaction, account_id: str, name: str, scope: Scope, *, region: str, lifetime: int) -> tuple[Robot, NewToken]:
    """A new robot that may do what the scope says in all regions, and its token for one. `lifetime` in milliseconds.

    Raises EntityAlreadyExistsError for a name that a user has, QuotaExceededError, and PolicyLimitError for too many patterns.
    """
    user = users.create(tx, account_id, name, PATH).resource
    inline_policies.put(tx, user, InlinePolicy(POLICY, policy_text(account_id, scope)))
    made = tokens.make_for_user(tx, user.id, region, lifetime, name=name)
    return Robot(user, Grant(scope.repositories, scope.actions), made.expires_at, None), made


def get(tx: Transaction, account_id: str, name: str) -> Robot:
    """The account's robot of that name; raises NoSuchEntityError, also for a user that is no robot.

    The name must be spelled as the robot's is: what the caller may do was decided about an ARN in that spelling.
    """
    user = resources.find(tx, account_id, Kind.USER, name)
    if user is None or user.path != PATH or user.name != name:
        raise NoSuchEntityError(f"The robot with name {name} cannot be found.")
    return _read(tx, user)


def rotate(tx: Transaction, robot: Robot, *, region: str, lifetime: int) -> NewToken:
    """A new token in place of all that it has, which end now; what the robot may do stays. `lifetime` in milliseconds."""
    tx.execute(sa.delete(tokens_table).where(tokens_table.c.user_id == robot.user.id))
    return tokens.make_for_user(tx, robot.user.id, region, lifetime, name=robot.user.name)


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
    allowed = {
        "Effect": "Allow",
        "Action": sorted(scope.granted),
        "Resource": [f"{_repositories(account_id)}{pattern}" for pattern in scope.repositories],
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [allowed]}, separators=(",", ":"))


def grant_in(account_id: str, text: str) -> Grant | None:
    """What a policy of `policy_text` allows, in the shortest words; None for a policy that it did not write."""
    try:
        document: Any = json.loads(text)
        (statement,) = document["Statement"]
        patterns = [resource.removeprefix(_repositories(account_id)) for resource in statement["Resource"]]
        scope = Scope.parse(patterns, _words(statement["Action"]))
    except (ValueError, TypeError, KeyError, AttributeError, InvalidParameterError):
        return None
    return Grant(scope.repositories, scope.actions) if policy_text(account_id, scope) == text else None


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
        return Robot(user, grant, None, None)
    return Robot(user, grant, token.expires_at, token.last_used_at)
