"""Policy texts of ECR's at the border: what is refused, and in which words (ECR API reference; texts as observed)."""

from collections.abc import Callable
from typing import Literal

from moorage.core.errors import InvalidParameterError
from moorage.iam.document import Document
from moorage.iam.ecr import parse_ecr_policy, principals_of
from moorage.iam.errors import MalformedPolicyError
from moorage.iam.principal import NamedPrincipal
from moorage.storage.database.transaction import Transaction

PrincipalExists = Callable[[Transaction, str, NamedPrincipal], bool]
"""Whether a policy of this account may name this principal; from the composition root, since this room knows no accounts."""

Kind = Literal["repository", "registry"]


def accept(
    tx: Transaction, owner: str, text: str, kind: Kind, exists: PrincipalExists, *, member: str = "PolicyText"
) -> Document:
    """An account's policy, once it is seen to be a good one of its kind; raises InvalidParameterError in ECR's words.

    A registry's policy needs `Resource`; a repository's need not have it.
    """
    try:
        document = parse_ecr_policy(text, resource=True if kind == "registry" else None)
    except MalformedPolicyError as error:
        raise refused(kind, member) from error
    if not all(exists(tx, owner, named) for named in dict.fromkeys(principals_of(document))):
        raise InvalidParameterError.at(member, "Principal not found")
    return document


def refused(kind: Kind, member: str = "PolicyText") -> InvalidParameterError:
    """ECR's answer to a bad policy; clients wait and try again when they read exactly this, or `Principal not found`."""
    return InvalidParameterError.at(member, f"Invalid {kind} policy provided")
