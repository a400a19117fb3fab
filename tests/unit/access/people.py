"""Users on the ground, and repositories with policies."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from moorage.access.judge import Judge, Where
from moorage.core.call import Call, Principal
from moorage.identity import resources
from moorage.identity.resources import Kind, Resource
from moorage.storage.database.schema.iam import inline_policies, users
from moorage.storage.database.transaction import Transaction
from tests.unit.ground import ACCOUNT, REGION, Ground

PULL = "ecr:BatchGetImage"


def policy(*statements: dict[str, Any]) -> str:
    """A policy of these statements, which say what is not said otherwise: everything may be done."""
    whole = [{"Effect": "Allow", "Action": "ecr:*", "Resource": "*", **each} for each in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": whole})


def resource_policy(principal: Any, **elements: Any) -> str:
    """A repository's policy that lets this principal do everything."""
    return json.dumps({"Statement": [{"Effect": "Allow", "Principal": principal, "Action": "ecr:*", **elements}]})


def principal_of(user: Resource) -> Principal:
    """The user with a key."""
    return Principal(user.account_id, user.arn, "IAMUser", "AKIAUSER", user.id, user.id, user.arn)


def add_user(ground: Ground, name: str, *texts: str) -> Principal:
    """A new user with these inline policies."""

    def work(tx: Transaction) -> Resource:
        made = resources.create(tx, ACCOUNT, Kind.USER, name)
        tx.execute(sa.insert(users).values(id=made.id))
        return made

    made = ground.write(work)
    give(ground, made.id, *texts)
    return principal_of(made)


def give(ground: Ground, user_id: str, *texts: str) -> None:
    """The user's inline policies from now on."""

    def work(tx: Transaction) -> None:
        tx.execute(sa.delete(inline_policies).where(inline_policies.c.resource_id == user_id))
        for number, text in enumerate(texts):
            name = f"policy-{number}"
            tx.execute(sa.insert(inline_policies).values(resource_id=user_id, name_key=name, name=name, text=text))
        resources.changed(tx, ACCOUNT)

    ground.write(work)


def decided(
    ground: Ground, judge: Judge, principal: Principal, name: str, action: str = PULL, **members: Any
) -> tuple[str, str]:
    """Outcome and layer of the decision about an action on a repository, as it is now; `members` are of the call."""
    call: Call = replace(ground.call("BatchGetImage", name, principal=principal), **members)

    def work(tx: Transaction) -> tuple[str, str]:
        caller, place = judge.caller(tx, principal), judge.place(tx, Where(ACCOUNT, REGION, name))
        made = judge.decide(call, caller, place, action, ground.registry.repository_arn(name)).decision
        return str(made.outcome), str(made.layer)

    return ground.read(work)


def allowed(ground: Ground, judge: Judge, principal: Principal, names: Sequence[str]) -> list[str]:
    """The repositories of these names that may be pulled from."""
    call = ground.call(principal=principal)
    return ground.read(lambda tx: [name for name in names if judge.allowed_in(tx, call, PULL)(name)])
