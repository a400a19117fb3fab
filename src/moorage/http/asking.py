"""What a request to `POST /` must be allowed to do: an operation's requirements, as access asks them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from moorage.access.asked import Asked
from moorage.access.judge import Where
from moorage.access.naming import named, owner_of_account
from moorage.aws.operation import Entry
from moorage.aws.requirements import Need
from moorage.core.call import Call, Registry
from moorage.http.context import Context
from moorage.iam.context import Context as Values
from moorage.storage.database.transaction import Transaction

_REGISTRY_SERVICE = "ecr"


async def asked_of(context: Context, entry: Entry, call: Call, params: dict[str, Any], account_id: str) -> list[Asked]:
    """What the operation asks, in its order; `account_id` is whose registry it is about."""
    needs = entry.requirements(params)
    filled = entry.context(params)
    if entry.context_from is not None:
        look_up = entry.context_from
        filled = {**filled, **await context.read_briefly(lambda tx: look_up(tx, call, params))}
    subjects = None if entry.subjects is None else partial(_subjects, context, entry, call, params, account_id)
    owner = Registry(0, call.registry.service, account_id, call.registry.region)
    of_registry = entry.service.name == _REGISTRY_SERVICE
    asked: list[Asked] = []
    for need in needs:
        if need.kind == "repository":
            asked += [_of_repository(owner, need, name, filled, subjects) for name in need.names]
        elif need.kind == "*" and of_registry:
            asked.append(_of_registry(owner, need, filled))
        else:
            # A role's trust policy may have to be made ready first, which is no work for the loop.
            run = context.read if need.actions[0].startswith("sts:") else context.read_briefly
            asked += await run(partial(_of_iam, call=call, need=need, filled=filled))
    return asked


async def _subjects(context: Context, entry: Entry, call: Call, params: dict[str, Any], account_id: str) -> Sequence[Values]:
    """What the operation acts on in a registry that need not exist: nobody has been allowed to know yet."""
    if entry.subjects is None:
        return ()
    registry = await context.registry(account_id, call.registry.region, read_only=True)
    return await context.in_thread(entry.subjects, context.database, replace(call, registry=registry), params)


def _of_repository(
    registry: Registry,
    need: Need,
    name: str,
    filled: Values,
    subjects: Callable[[], Awaitable[Sequence[Values]]] | None,
) -> Asked:
    where = Where(registry.account_id, registry.region, "" if name.endswith("*") else name)
    return Asked(need.actions, registry.repository_arn(name), where, need.any_of, filled, subjects)


def _of_registry(registry: Registry, need: Need, filled: Values) -> Asked:
    """About the registry as such; what is no action of ECR's, such as `iam:PassRole`, is a matter of the account alone."""
    if all(action.startswith(f"{_REGISTRY_SERVICE}:") for action in need.actions):
        where = Where(registry.account_id, registry.region)
        return Asked(need.actions, "*", where, need.any_of, filled)
    return Asked(need.actions, "*", None, need.any_of, filled, owner=owner_of_account(registry.account_id))


def _of_iam(tx: Transaction, call: Call, need: Need, filled: Values) -> list[Asked]:
    found = named(tx, call.principal, need)
    return [Asked(need.actions, arn, None, need.any_of, filled, owner=owner) for arn, owner in found]
