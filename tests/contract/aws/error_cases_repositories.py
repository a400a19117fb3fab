"""Errors about policies, resource tags, tag mutability and creation templates."""

import json
import uuid
from typing import Any

from tests.contract.aws.case import ABSENT, Case, Members, Preparation, absent, always
from tests.contract.aws.door import ACCOUNT, Door, constraint, no_repository

_INVALID = "InvalidParameterException"
_VALIDATION = "ValidationException"
_NOT_FOUND = "RepositoryNotFoundException"

_PULL: Members = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
REPOSITORY_POLICY = json.dumps({"Version": "2008-10-17", "Statement": [_PULL]})
REGISTRY_POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{**_PULL, "Resource": "*"}]})

_ILL_FORMED = "an ill-formed parameter is InvalidParameterException, and no feature is switched off"
_NOTHING_ASKED = "the request has nothing that could be wrong"

# What the model declares for these operations and this server never raises, with the reason.
NEVER_BY = {
    ("PutRegistryPolicy", _VALIDATION): _ILL_FORMED,
    ("GetRegistryPolicy", _VALIDATION): _NOTHING_ASKED,
    ("GetRegistryPolicy", _INVALID): _NOTHING_ASKED,
    ("DeleteRegistryPolicy", _VALIDATION): _NOTHING_ASKED,
    ("DeleteRegistryPolicy", _INVALID): _NOTHING_ASKED,
    ("DescribeRepositoryCreationTemplates", _VALIDATION): _ILL_FORMED,
    ("DeleteRepositoryCreationTemplate", _VALIDATION): _ILL_FORMED,
}


def _arn(repository: str) -> str:
    return f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{repository}"


def _on(message: str, **members: Any) -> Preparation:
    """On the ARN of the repository that is prepared."""
    return lambda _door, repository: ({"resourceArn": _arn(repository), **members}, message)


def _no_such_arn(**members: Any) -> Preparation:
    return always(no_repository(ABSENT), resourceArn=_arn(ABSENT), **members)


def _no_policy(_door: Door, repository: str) -> tuple[Members, str]:
    text = f"Repository policy does not exist for the repository with name '{repository}' in the registry with id '{ACCOUNT}'"
    return {}, text


def _no_registry_policy(door: Door, _repository: str) -> tuple[Members, str]:
    client = door.client(f"xx-nopolicy-{uuid.uuid4().hex[:8]}")
    return {"client": client}, f"Registry policy does not exist in the registry with id '{ACCOUNT}'"


def _full_of_tags(door: Door, repository: str) -> tuple[Members, str]:
    tags = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    door.call("TagResource", resourceArn=_arn(repository), tags=tags)
    return {"resourceArn": _arn(repository), "tags": _TAG["tags"]}, "A repository can have at most 50 tags."


def _template(door: Door, prefix: str, client: Any = None) -> None:
    door.call("CreateRepositoryCreationTemplate", client, prefix=prefix, appliedFor=["REPLICATION"])


def _template_exists(door: Door, repository: str) -> tuple[Members, str]:
    _template(door, repository)
    text = f"The repository creation template with prefix '{repository}' already exists in the registry with id '{ACCOUNT}'"
    return {"prefix": repository}, text


def _no_template(_door: Door, repository: str) -> tuple[Members, str]:
    text = f"The repository creation template with prefix '{repository}' does not exist in the registry with id '{ACCOUNT}'"
    return {"prefix": repository}, text


def _too_many_templates(door: Door, repository: str) -> tuple[Members, str]:
    client = door.client(f"xx-templates-{uuid.uuid4().hex[:8]}")
    _template(door, repository, client)
    columns = "registry_id, applied_for, tag_mutability, mutability_exclusions, encryption_type, resource_tags, created_at, updated_at"
    door.prepare(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 499)"
        f" INSERT INTO creation_templates (prefix, {columns}) SELECT 'full/' || n.i, {columns}"
        " FROM n, creation_templates WHERE prefix = ?",
        repository,
    )
    return {"client": client, "prefix": "one-more"}, "The registry already has 500 repository creation templates."


def _foreign_role(door: Door, repository: str) -> tuple[Members, str]:
    _template(door, repository)
    members = {"prefix": repository, "customRoleArn": "arn:aws:iam::111122223333:role/theirs"}
    return members, "The custom role must be in the same account as the registry."


_TAG: Members = {"tags": [{"Key": "team", "Value": "red"}]}
_RESERVED = "Tag keys that begin with 'aws:' are reserved for AWS."
_BAD_ARN = constraint("resourceArn", "Invalid ARN")
_BAD_POLICY = "Invalid repository policy provided"
_PREFIX = r"must satisfy regular expression '^([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*/?|ROOT)$'"
_FILTERS = "must be given for a mode with exclusion, and for no other"

CASES = (
    Case(
        "PutImageTagMutability",
        _INVALID,
        always(constraint("imageTagMutabilityExclusionFilters", _FILTERS), imageTagMutability="MUTABLE_WITH_EXCLUSION"),
    ),
    Case("PutImageTagMutability", _NOT_FOUND, absent()),
    Case("SetRepositoryPolicy", _INVALID, always(constraint("PolicyText", _BAD_POLICY), policyText="{}")),
    Case("SetRepositoryPolicy", _NOT_FOUND, absent()),
    Case(
        "GetRepositoryPolicy",
        _INVALID,
        always(constraint("repositoryName", "Member must have length greater than or equal to 2"), repositoryName="x"),
    ),
    Case("GetRepositoryPolicy", _NOT_FOUND, absent()),
    Case("GetRepositoryPolicy", "RepositoryPolicyNotFoundException", _no_policy),
    Case(
        "DeleteRepositoryPolicy",
        _INVALID,
        always(constraint("repositoryName", "Member must not be null"), repositoryName=None),
    ),
    Case("DeleteRepositoryPolicy", _NOT_FOUND, absent()),
    Case("DeleteRepositoryPolicy", "RepositoryPolicyNotFoundException", _no_policy),
    Case(
        "PutRegistryPolicy",
        _INVALID,
        always(constraint("PolicyText", "Invalid registry policy provided"), policyText=REPOSITORY_POLICY),
    ),
    Case("GetRegistryPolicy", "RegistryPolicyNotFoundException", _no_registry_policy),
    Case("DeleteRegistryPolicy", "RegistryPolicyNotFoundException", _no_registry_policy),
    Case("TagResource", _INVALID, always(_BAD_ARN, resourceArn="team/app")),
    Case("TagResource", "InvalidTagParameterException", _on(_RESERVED, tags=[{"Key": "aws:x", "Value": ""}])),
    Case("TagResource", "TooManyTagsException", _full_of_tags),
    Case("TagResource", _NOT_FOUND, _no_such_arn()),
    Case("UntagResource", _INVALID, always(_BAD_ARN, resourceArn=_arn("team/app").replace("us-east-1", "eu-west-1"))),
    Case("UntagResource", "InvalidTagParameterException", _on(_RESERVED, tagKeys=["aws:x"])),
    Case(
        "UntagResource",
        "TooManyTagsException",
        _on("A repository can have at most 50 tags.", tagKeys=[f"k{number}" for number in range(51)]),
    ),
    Case("UntagResource", _NOT_FOUND, _no_such_arn()),
    Case("ListTagsForResource", _INVALID, always(_BAD_ARN, resourceArn=f"arn:aws:ecr:us-east-1:{ACCOUNT}:registry/x")),
    Case("ListTagsForResource", _NOT_FOUND, _no_such_arn()),
    Case("CreateRepositoryCreationTemplate", _INVALID, always(constraint("prefix", _PREFIX), prefix="Team")),
    Case("CreateRepositoryCreationTemplate", _VALIDATION, _foreign_role),
    Case("CreateRepositoryCreationTemplate", "TemplateAlreadyExistsException", _template_exists),
    Case("CreateRepositoryCreationTemplate", "LimitExceededException", _too_many_templates),
    Case(
        "DescribeRepositoryCreationTemplates",
        _INVALID,
        always(constraint("maxResults", "Member must have value less than or equal to 1000"), maxResults=1001),
    ),
    Case(
        "UpdateRepositoryCreationTemplate",
        _INVALID,
        always(constraint("description", "Member must have length less than or equal to 256"), description="d" * 257),
    ),
    Case("UpdateRepositoryCreationTemplate", _VALIDATION, _foreign_role),
    Case("UpdateRepositoryCreationTemplate", "TemplateNotFoundException", _no_template),
    Case(
        "DeleteRepositoryCreationTemplate",
        _INVALID,
        always(constraint("prefix", "Member must have length greater than or equal to 1"), prefix=""),
    ),
    Case("DeleteRepositoryCreationTemplate", "TemplateNotFoundException", _no_template),
)

# A request that would succeed, but for the repository's content.
USUAL: dict[str, Members] = {
    "PutImageTagMutability": {"imageTagMutability": "IMMUTABLE"},
    "SetRepositoryPolicy": {"policyText": REPOSITORY_POLICY},
    "PutRegistryPolicy": {"policyText": REGISTRY_POLICY},
    "TagResource": _TAG,
    "UntagResource": {"tagKeys": ["team"]},
    "CreateRepositoryCreationTemplate": {"prefix": "usual", "appliedFor": ["REPLICATION"]},
    "UpdateRepositoryCreationTemplate": {"prefix": "usual"},
}
