"""Policies of repositories: what may be attached, and what would lock its author out (ECR: SetRepositoryPolicy)."""

from moorage.core.call import Principal
from moorage.core.errors import InvalidParameterError
from moorage.core.wildcard import matches_glob
from moorage.iam.document import Document
from moorage.iam.ecr import denies_outright
from moorage.iam.rendering import render
from moorage.registries.policy_text import PrincipalExists, accept, refused
from moorage.storage.database.transaction import Transaction

_SETTING = "ecr:SetRepositoryPolicy"
_LOCKED_OUT = (
    "The policy would prevent you from setting another policy on this repository in the future; set force to attach it anyway"
)


def accepted_policy(
    tx: Transaction, owner: str, text: str, exists: PrincipalExists, *, arn: str | None, member: str = "PolicyText"
) -> tuple[Document, str]:
    """A policy for the repository with that ARN, or for any (None), and how it is printed; raises InvalidParameterError.

    `Resource` need not be there, since a repository's policy is about that repository; where it is, it must take it in.
    """
    document = accept(tx, owner, text, "repository", exists, member=member)
    for statement in document.statements:
        if statement.not_resources is not None or not all(_may_mean(each, arn) for each in statement.resources or ()):
            raise refused("repository", member)
    return document, render(text)


def refuse_lock_out(document: Document, caller: Principal) -> None:
    """Raise InvalidParameterError for a policy that would keep the caller from ever setting another one."""
    if any(denies_outright(each, _SETTING, caller.account_id, caller.arn) for each in document.statements):
        raise InvalidParameterError.at("PolicyText", _LOCKED_OUT)


def _may_mean(resource: str, arn: str | None) -> bool:
    if arn is None:
        return resource == "*" or ":ecr:" in resource
    return matches_glob(resource, arn)
