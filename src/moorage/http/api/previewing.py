"""`/api/v1/repositories/preview`: what a push would make, before anybody pushes."""

from typing import Literal

from msgspec import Struct

from moorage.http.api.exchange import Exchange
from moorage.http.api.values import Nothing, Repository
from moorage.repositories import creation
from moorage.repositories.creation import Preview
from moorage.storage.database.transaction import Transaction


class PreviewQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The name that would be pushed to."""

    repository: Repository


class PreviewedRepository(Struct, frozen=True, kw_only=True):
    """What a push would find or make. The settings are null where it would be refused."""

    repository: str
    outcome: Literal["exists", "created", "refused"]
    reason: str | None
    """Why a push would be refused."""
    template: str | None
    """The prefix of the creation template that decides; null where the repository exists or no template fits."""
    tag_mutability: str | None
    tag_mutability_exclusions: list[str]
    encryption_type: str | None
    kms_key: str | None
    resource_tags: dict[str, str]
    repository_policy: str | None
    lifecycle_policy: str | None
    """Tags and policies are the template's, as written; those of a repository that exists are shown by ECR's operations."""


async def preview_repository(exchange: Exchange, query: PreviewQuery, _body: Nothing) -> PreviewedRepository:
    """Say what a push to a name would make, by the creation templates as they are now, if the caller pushed."""
    call = exchange.call
    judge = exchange.context.warden.judge

    def work(tx: Transaction) -> Preview:
        may_create = judge.allowed_in(tx, call, creation.CREATE_ACTION)(query.repository)
        return creation.preview(tx, call.registry, query.repository, may_create=may_create)

    return _shown(await exchange.read(work))


def _shown(found: Preview) -> PreviewedRepository:
    settings = found.repository
    template = found.template if found.outcome == "created" else None
    return PreviewedRepository(
        repository=found.name,
        outcome=found.outcome,
        reason=found.reason or None,
        template=found.template.prefix if found.template else None,
        tag_mutability=settings.mutability.mode if settings else None,
        tag_mutability_exclusions=list(settings.mutability.exclusions) if settings else [],
        encryption_type=settings.encryption.type if settings else None,
        kms_key=settings.encryption.kms_key if settings else None,
        resource_tags=dict(template.resource_tags) if template else {},
        repository_policy=template.repository_policy.text if template and template.repository_policy else None,
        lifecycle_policy=template.lifecycle_policy if template else None,
    )
