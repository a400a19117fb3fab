"""ECR's operations on repositories themselves."""

from collections.abc import Mapping
from typing import Any

from moorage.aws.operation import operation
from moorage.core.addresses import Addresses
from moorage.core.call import Call, Requirement
from moorage.core.errors import InvalidParameterError
from moorage.core.events import Event
from moorage.core.page import PageTokens
from moorage.repositories import store
from moorage.repositories.creation import create
from moorage.repositories.errors import RepositoryAlreadyExistsError
from moorage.repositories.model import Encryption, Repository, TagMutability
from moorage.repositories.quota import RepositoryQuota
from moorage.repositories.resource_tags import parse_tags, requested_tags
from moorage.storage.database.transaction import Transaction

DEFAULT_PAGE = 100
_FEW = 20


def _requirements_to_create(params: Mapping[str, Any]) -> tuple[Requirement, ...]:
    """Tagging at creation needs the right to tag (service authorization reference, CreateRepository)."""
    tagging = (Requirement(("ecr:TagResource",)),) if params.get("tags") else ()
    return (Requirement(("ecr:CreateRepository",)), *tagging)


class RepositoryOperations:
    """Repositories and their settings; DeleteRepository is a matter of images."""

    def __init__(self, addresses: Addresses, page_tokens: PageTokens) -> None:
        self._addresses = addresses
        self._page_tokens = page_tokens
        self._quota = RepositoryQuota()

    @operation(
        "CreateRepository",
        requires=_requirements_to_create,
        mode="write",
        context=lambda params: requested_tags(params.get("tags")),
    )
    def create_repository(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
        """Create a repository; a name that is taken is refused whatever its settings."""
        registry, name = call.registry, params["repositoryName"]
        filters = params.get("imageTagMutabilityExclusionFilters")
        wanted = Repository(
            id=0,
            name=name,
            created_at=tx.now,
            mutability=TagMutability.parse(params.get("imageTagMutability"), filters),
            scan_on_push=bool((params.get("imageScanningConfiguration") or {}).get("scanOnPush")),
            encryption=Encryption.parse(params.get("encryptionConfiguration")).resolved(registry),
        )
        tags = parse_tags(params.get("tags") or ())
        if store.find(tx, registry, name):
            raise RepositoryAlreadyExistsError(name, registry)
        self._quota.refuse_if_full(tx, registry)
        repository = create(tx, call, wanted, tags)
        return {"repository": repository.describe(registry, self._addresses)}

    @operation(
        "DescribeRepositories",
        requires=(Requirement(("ecr:DescribeRepositories",), "repositories"),),
        mode="read",
        brief=lambda params: 0 < len(params.get("repositoryNames") or ()) <= _FEW,
    )
    def describe_repositories(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
        """The named repositories, all or nothing; or all of them, in pages ordered by name."""
        registry, names, token = call.registry, params.get("repositoryNames"), params.get("nextToken")
        if names is not None:
            if token is not None or params.get("maxResults") is not None:
                raise InvalidParameterError.at("repositoryNames", "must not be combined with nextToken or maxResults")
            chosen = [store.get(tx, registry, name) for name in dict.fromkeys(names)]
            return {"repositories": [found.describe(registry, self._addresses) for found in chosen]}
        scope = f"repositories {registry.id}"
        limit = params.get("maxResults") or DEFAULT_PAGE
        after = self._page_tokens.open(scope, token) if token is not None else None
        found = store.page(tx, registry, after, limit + 1)
        more = len(found) > limit
        return {
            "repositories": [repository.describe(registry, self._addresses) for repository in found[:limit]],
            "nextToken": self._page_tokens.seal(scope, found[limit - 1].name) if more else None,
        }

    @operation("PutImageTagMutability", requires=(Requirement(("ecr:PutImageTagMutability",)),), mode="write")
    def put_image_tag_mutability(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
        """Replace the mode and its filters together, for the pushes to come."""
        mutability = TagMutability.parse(params["imageTagMutability"], params.get("imageTagMutabilityExclusionFilters"))
        repository = store.get(tx, call.registry, params["repositoryName"])
        store.set_mutability(tx, repository.id, mutability)
        tx.emit(Event("Moorage Repository Changed", call.registry.id, {"repository-name": repository.name}, repository.id))
        return {
            "registryId": call.registry.account_id,
            "repositoryName": repository.name,
            "imageTagMutability": mutability.mode,
            "imageTagMutabilityExclusionFilters": mutability.describe_exclusions(),
        }
