"""Tags of IAM's resources as requests name them, and the condition keys that they fill (IAM user guide, "Tagging")."""

from collections.abc import Callable, Mapping
from typing import Any

from moorage.core.call import Requirement
from moorage.identity import resources
from moorage.identity.iam_errors import InvalidInputError, QuotaExceededError
from moorage.identity.resources import Resource
from moorage.storage.database.transaction import Transaction

MOST_TAGS = 50

_QUOTAS = {
    "user": "TagsPerUser",
    "role": "TagsPerRole",
    "policy": "TagsPerPolicy",
    "instance-profile": "TagsPerInstanceProfile",
    "oidc-provider": "TagsPerOpenIdConnectProvider",
}


def to_create(kind: str, creating: str, tagging: str) -> Callable[[Mapping[str, Any]], tuple[Requirement, ...]]:
    """What a creation requires, by the names of IAM's actions: with tags, the permission to tag what is made, too."""
    plain, tagged = Requirement((f"iam:{creating}",), kind), Requirement((f"iam:{tagging}",), kind)
    return lambda params: (plain, tagged) if params.get("Tags") else (plain,)


def requested(params: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a request; raises InvalidInputError for a key that is repeated, in whatever case, or reserved."""
    tags = {tag["Key"]: tag["Value"] for tag in params.get("Tags") or ()}
    if len({key.lower() for key in tags}) < len(params.get("Tags") or ()):
        raise InvalidInputError("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    if any(key.lower().startswith("aws:") for key in tags):
        raise InvalidInputError("Tag keys that begin with 'aws:' are reserved for AWS.")
    return tags


def add(tx: Transaction, resource: Resource, tags: Mapping[str, str]) -> None:
    """Add tags, or give them other values; raises QuotaExceededError where the resource would have too many."""
    held = {key.lower() for key in resources.tags_of(tx, resource)}
    if len(held | {key.lower() for key in tags}) > MOST_TAGS:
        raise QuotaExceededError(_QUOTAS[resource.kind], MOST_TAGS)
    resources.set_tags(tx, resource, tags)


def shown(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """The member Tags of an answer."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def context(params: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """`aws:RequestTag/KEY` of each tag that a request gives, and `aws:TagKeys` of these or of those that it takes away."""
    filled: dict[str, tuple[str, ...]] = {}
    for tag in params.get("Tags") or ():
        name = f"aws:requesttag/{tag['Key'].lower()}"
        filled[name] = (*filled.get(name, ()), tag["Value"])
    keys = (*(tag["Key"] for tag in params.get("Tags") or ()), *(params.get("TagKeys") or ()))
    return {**filled, "aws:tagkeys": keys} if keys else filled
