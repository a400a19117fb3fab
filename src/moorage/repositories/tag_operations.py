"""ECR's operations on the tags of resources. Repositories are the only resources that have any."""

from collections.abc import Mapping
from typing import Any

from moorage.aws.operation import operation
from moorage.core.arn import Arn
from moorage.core.call import Call, Requirement
from moorage.core.errors import InvalidParameterError
from moorage.core.events import Event
from moorage.repositories import policy_store, store, tag_store
from moorage.repositories.model import Repository
from moorage.repositories.resource_tags import (
    parse_keys,
    parse_tags,
    refuse_other_spellings,
    refuse_too_many,
    requested_tags,
)
from moorage.storage.database.transaction import Transaction

_KIND = "repository/"
_CHANGED = "Moorage Repository Tags Changed"


class TagOperations:
    """TagResource, UntagResource and ListTagsForResource."""

    @operation(
        "TagResource",
        requires=(Requirement(("ecr:TagResource",)),),
        mode="write",
        context=lambda params: requested_tags(params.get("tags")),
    )
    def tag_resource(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> None:
        """Set these tags; those with other keys stay. Raises InvalidTagParameterError, TooManyTagsError.

        A key that is there in another case is refused, not replaced: whoever may not touch `Env` could take it away by `env`.
        """
        repository, tags = _repository(tx, call, params), parse_tags(params["tags"])
        held = tag_store.of(tx, repository.id)
        refuse_other_spellings(held, tags)
        refuse_too_many(len(held | tags))
        tag_store.put(tx, repository.id, tags)
        _emit(tx, call, repository)

    @operation(
        "UntagResource",
        requires=(Requirement(("ecr:UntagResource",)),),
        mode="write",
        context=lambda params: {"aws:tagkeys": tuple(params["tagKeys"])},
    )
    def untag_resource(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> None:
        """Remove the tags with these keys; keys that are not there are no fault."""
        repository, keys = _repository(tx, call, params), parse_keys(params["tagKeys"])
        tag_store.remove(tx, repository.id, keys)
        _emit(tx, call, repository)

    @operation("ListTagsForResource", requires=(Requirement(("ecr:ListTagsForResource",)),), mode="read")
    def list_tags_for_resource(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
        """Every tag, in the order of the keys."""
        tags = tag_store.of(tx, _repository(tx, call, params).id)
        return {"tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _repository(tx: Transaction, call: Call, params: Mapping[str, Any]) -> Repository:
    """The repository of the ARN; raises InvalidParameterError for one of another region, whose registry is not asked."""
    arn = Arn.parse(params["resourceArn"])
    if (arn.service, arn.region) != ("ecr", call.registry.region) or not arn.resource.startswith(_KIND):
        raise InvalidParameterError.at("resourceArn", "Invalid ARN")
    return store.get(tx, call.registry, arn.resource.removeprefix(_KIND))


def _emit(tx: Transaction, call: Call, repository: Repository) -> None:
    policy_store.changed(tx, repository.id)
    tx.emit(Event(_CHANGED, call.registry.id, {"repository-name": repository.name}, repository.id))
