"""Policies of repositories: what may be attached, and what would lock its author out (ECR: SetRepositoryPolicy)."""

from moorage.core.errors import InvalidParameterError
from moorage.iam.matching import Pattern
from moorage.registries.policy_text import Kept, Principals, accept, kept, refused
from moorage.storage.database.transaction import Transaction

_LOCKED_OUT = (
    "The policy would prevent you from setting another policy on this repository in the future; set force to attach it anyway"
)


def accepted_policy(
    tx: Transaction, owner: str, text: str, principals: Principals, *, arn: str | None, member: str = "PolicyText"
) -> Kept:
    """A policy for the repository with that ARN, or for any (None), as it is to be stored; raises InvalidParameterError.

    `Resource` need not be there, since a repository's policy is about that repository; where it is, it must take it in.
    """
    document = accept(tx, owner, text, "repository", principals, member=member)
    for statement in document.statements:
        if statement.not_resources is not None or not all(_may_mean(each, arn) for each in statement.resources or ()):
            raise refused("repository", member)
    return kept(tx, document, text, principals)


def locked_out() -> InvalidParameterError:
    """The answer to a policy that would keep its author from ever setting another one."""
    return InvalidParameterError.at("PolicyText", _LOCKED_OUT)


def _may_mean(resource: str, arn: str | None) -> bool:
    if arn is None:
        return resource == "*" or ":ecr:" in resource
    return Pattern.wild(resource).matches(arn)
