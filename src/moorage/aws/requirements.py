"""What an operation requires, made concrete: which actions on which resources a request needs."""

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from moorage.core.call import Requirement
from moorage.core.errors import InvalidNameError, InvalidParameterError
from moorage.core.names import RepositoryName

_ACTION = re.compile(r"[a-z0-9-]+:[A-Za-z0-9]+")
_REPOSITORY_ARN = re.compile(r"arn:aws[a-z-]*:ecr:[a-z0-9-]*:(?P<account>[0-9]{12}):repository/(?P<name>.{1,256})")

# Where each kind of resource is read from; the first member that the request has counts.
_SOURCES = {
    "repository": ("repositoryName", "resourceArn"),
    "repositories": ("repositoryNames",),
    "templated": ("prefix",),
    "user": ("UserName", "PolicySourceArn"),
    "access-key": ("AccessKeyId",),  # the user whose key it is
    "group": ("GroupName",),
    "role": ("RoleName", "RoleArn", "customRoleArn"),
    "policy": ("PolicyArn", "PolicyName"),
    "instance-profile": ("InstanceProfileName",),
    "oidc-provider": ("OpenIDConnectProviderArn", "Url"),
    "federated-user": ("Name",),
    "service-linked-role": ("AWSServiceName", "RoleName", "DeletionTaskId"),
    "*": (),
}
_REPOSITORIES = ("repository", "repositories", "templated")
_ROOT = "ROOT"
"""The prefix of the template for whatever no other one fits (ECR user guide, "Repository creation templates")."""

_MAY_BE_LEFT_OUT = frozenset({"repositoryNames", "UserName"})
_MAKERS = frozenset(
    "CreateUser CreateGroup CreateRole CreatePolicy CreateInstanceProfile CreateOpenIDConnectProvider".split(),
)
"""IAM's operations whose resource is not there yet, so that its path is the request's."""


class OperationTableError(Exception):
    """The table of operations contradicts the model or itself: a fault of this program, never of a caller."""


@dataclass(frozen=True, slots=True)
class AnyCaller:
    """Whoever signed may, even under an explicit deny; says why, since no other entry may go without requirements."""

    reason: str


@dataclass(frozen=True, slots=True)
class Open:
    """Needs no signature: what the request carries proves who asks; says how. Nothing else can be reached unsigned."""

    reason: str


@dataclass(frozen=True, slots=True)
class Need:
    """What one request needs: the actions, on each of the resources."""

    actions: tuple[str, ...]
    any_of: bool
    """Whether one of the actions is enough; otherwise all are needed."""
    names: tuple[str, ...]
    """As the request gives them, names or ARNs. In those of repositories, `*` stands for any text; of users, an empty text
    for the caller's own. None at all: the resource is `*` itself."""
    kind: str = "repository"
    """`repository`, one of IAM's kinds as they are spelled in ARNs, or `*`."""
    path: str | None = None
    """Of something of IAM's that is to be made: its path; None where what is there is meant."""


def needs_of(operation: str, required: tuple[Requirement, ...], params: Mapping[str, Any]) -> tuple[Need, ...]:
    """The needs of a request with these decoded parameters; raises OperationTableError rather than returning none."""
    if faults := tuple(faults_of(operation, required, params.keys() | _MAY_BE_LEFT_OUT)):
        raise OperationTableError(" ".join(faults))
    path = str(params.get("Path") or "/") if operation in _MAKERS else None
    return tuple(_need(entry, params, path) for entry in required)


def _need(entry: Requirement, params: Mapping[str, Any], path: str | None) -> Need:
    if entry.resource == "*":
        return Need(entry.actions, entry.any_of, (), "*")
    if entry.resource in _REPOSITORIES:
        return Need(entry.actions, entry.any_of, _named(entry.resource, params))
    name = next((params[member] for member in _SOURCES[entry.resource] if params.get(member) is not None), "")
    return Need(entry.actions, entry.any_of, (str(name),), entry.resource, path)


def faults_of(operation: str, required: tuple[Requirement, ...], members: AbstractSet[str]) -> Iterator[str]:
    """What is wrong with requirements of an operation whose request has these members."""
    if not required:
        yield f"{operation} requires nothing."
    for entry in required:
        if not entry.actions or not all(_ACTION.fullmatch(action) for action in entry.actions):
            yield f"{operation} requires malformed actions {entry.actions}."
        sources = _SOURCES.get(entry.resource)
        if sources is None:
            yield f"{operation} requires an unknown kind of resource {entry.resource!r}."
        elif sources and not members & set(sources):
            yield f"{operation} has no member that names its {entry.resource}."


def named_registry(params: Mapping[str, Any]) -> str | None:
    """The account whose registry a request names: by `registryId`, or in a repository's ARN."""
    if (stated := params.get("registryId")) is not None:
        return str(stated)
    arn = params.get("resourceArn")
    return _parse_arn(arn)[0] if arn is not None else None


def _named(resource: str, params: Mapping[str, Any]) -> tuple[str, ...]:
    if resource == "repositories":
        names = params.get("repositoryNames")
        return tuple(names) if names else ("*",)
    if resource == "templated":
        prefix = str(params["prefix"])
        return ("*" if prefix == _ROOT else f"{prefix.removesuffix('/')}/*",)
    if (name := params.get("repositoryName")) is not None:
        return (str(name),)
    return (_parse_arn(params["resourceArn"])[1],)


def _parse_arn(text: str) -> tuple[str, str]:
    """The account and the repository's name."""
    match = _REPOSITORY_ARN.fullmatch(text)
    try:
        if match is not None:
            return match["account"], RepositoryName.parse(match["name"])
    except InvalidNameError:
        pass
    raise InvalidParameterError.at("resourceArn", "Invalid ARN")
