"""How repositories come to be: by CreateRepository, or by a push that a creation template provides for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from moorage.core.call import Call, Registry
from moorage.core.events import Event
from moorage.core.names import RepositoryName
from moorage.repositories import policy_store, store, template_store
from moorage.repositories.errors import LimitExceededError, RepositoryNotFoundError
from moorage.repositories.model import Repository
from moorage.repositories.quota import FULL, is_full
from moorage.repositories.template import CREATE_ON_PUSH, CreationTemplate, match
from moorage.storage.database.transaction import Transaction, record

CREATE_ACTION = "ecr:CreateRepository"
"""What a caller must be allowed to do for a push to create a repository. Entries that push ask about it."""


def create(tx: Transaction, call: Call, wanted: Repository, tags: Mapping[str, str]) -> Repository:
    """Add a repository, of which the caller has seen that it is not there and that the registry has room for it."""
    registry = call.registry
    created = store.insert(tx, registry, wanted, call.principal.arn, tags)
    tx.emit(Event("Moorage Repository Created", registry.id, {"repository-name": created.name}, created.id), call)
    return created


def for_push(tx: Transaction, call: Call, name: str) -> Repository:
    """The repository that a push goes to, created when there is none, a template provides for it and the caller may.

    In one transaction with what follows, so that of two pushes at once one creates it and the other finds it. The creation has
    an audit row and an event of its own. Raises RepositoryNotFoundError, LimitExceededError.
    """
    registry = call.registry
    found = store.find(tx, registry, name)
    if found is not None:
        return found
    template = (
        match(template_store.fitting(tx, registry, name), name, CREATE_ON_PUSH) if CREATE_ACTION in call.also_allowed else None
    )
    if template is None:
        raise RepositoryNotFoundError(name, registry)
    if is_full(tx, registry):
        raise LimitExceededError(FULL)
    resource = registry.repository_arn(name)
    parameters = {"repositoryName": name, "repositoryCreationTemplate": template.prefix}
    creation = replace(call, event_name="CreateRepository", resource=resource, read_only=False, parameters=parameters)
    created = create(tx, creation, _wanted(tx, registry, name, template), dict(template.resource_tags))
    if template.repository_policy is not None:
        policy_store.put(tx, created.id, template.repository_policy)
    if template.lifecycle_policy is not None:
        policy_store.add_lifecycle(tx, created.id, template.lifecycle_policy)
    record(tx, [creation])
    return created


@dataclass(frozen=True, slots=True)
class Preview:
    """What a push to a name would make."""

    outcome: Literal["exists", "created", "refused"]
    name: str
    repository: Repository | None = None
    """The repository that there is, or, with the id 0, the one that there would be."""
    template: CreationTemplate | None = None
    """Which template would make it, with its tags and policies. Also the one whose repository would be refused."""
    reason: str = ""
    """Why it would be refused, in a sentence."""


def preview(tx: Transaction, registry: Registry, name: str, *, may_create: bool = True) -> Preview:
    """What a push to this name would make now, by a caller who may create repositories or may not.

    Raises InvalidNameError for what is no name.
    """
    name = RepositoryName.parse(name)
    if found := store.find(tx, registry, name):
        return Preview("exists", name, found)
    templates = template_store.fitting(tx, registry, name)
    template = match(templates, name, CREATE_ON_PUSH)
    if template is None:
        return Preview("refused", name, reason=_why_none(templates, name))
    wanted = _wanted(tx, registry, name, template)
    if not may_create:
        return Preview("refused", name, template=template, reason=f"The caller may not {CREATE_ACTION} on this repository.")
    if is_full(tx, registry):
        return Preview("refused", name, template=template, reason=FULL)
    return Preview("created", name, wanted, template)


def _wanted(tx: Transaction, registry: Registry, name: str, template: CreationTemplate) -> Repository:
    return Repository(
        id=0,
        name=name,
        created_at=tx.now,
        mutability=template.mutability,
        encryption=template.encryption.resolved(registry),
    )


def _why_none(templates: list[CreationTemplate], name: str) -> str:
    for scenario in ("PULL_THROUGH_CACHE", "REPLICATION"):
        if other := match(templates, name, scenario):
            return (
                f"The repository does not exist, and the template with the prefix '{other.prefix}' that its name fits "
                f"is not applied for {CREATE_ON_PUSH}."
            )
    return f"The repository does not exist, and no creation template for {CREATE_ON_PUSH} has a prefix that its name fits."
