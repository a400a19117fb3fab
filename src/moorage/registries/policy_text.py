"""Policy texts of ECR's at the border: what is refused, and in which words (ECR API reference; texts as observed)."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from moorage.core.call import Call
from moorage.core.errors import InvalidParameterError
from moorage.iam.document import Document
from moorage.iam.ecr import parse_ecr_policy, principals_of
from moorage.iam.errors import MalformedPolicyError
from moorage.iam.principal import NamedPrincipal
from moorage.iam.rendering import render
from moorage.storage.database.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Principals:
    """What is known of the principals that policies name; from the composition root, since this room knows no accounts."""

    exists: Callable[[Transaction, str, NamedPrincipal], bool]
    """Whether a policy of this account may name this principal."""
    ids: Callable[[Transaction, Iterable[NamedPrincipal]], dict[str, str]]
    """The unique ids of the users and roles that are named, by ARN."""
    now: Callable[[Transaction, str, Mapping[str, str]], dict[str, str]]
    """Of ARNs with the unique ids that they meant, those of this account that are called otherwise by now, and how."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A policy as it is stored."""

    text: str
    """As ECR prints it."""
    principal_ids: str = "{}"
    """JSON object: ARN in the text to the unique id that it meant when it was written."""

    def shown(self, tx: Transaction, owner: str, principals: Principals) -> str:
        """The text with the names that the owning account's principals have now; one that is gone is shown by its unique id."""
        changed = principals.now(tx, owner, json.loads(self.principal_ids))
        return render(self.text, principals=changed) if changed else self.text


LocksOut = Callable[[Transaction, Call, str, Kept], bool]
"""function(tx, call, repository's name or an empty text for the registry, policy): whether with that policy the caller could
never set another one; from the composition root, since decisions are made above."""

Kind = Literal["repository", "registry"]


def accept(
    tx: Transaction, owner: str, text: str, kind: Kind, principals: Principals, *, member: str = "PolicyText"
) -> Document:
    """An account's policy, once it is seen to be a good one of its kind; raises InvalidParameterError in ECR's words.

    A registry's policy needs `Resource`; a repository's need not have it.
    """
    try:
        document = parse_ecr_policy(text, resource=True if kind == "registry" else None)
    except MalformedPolicyError as error:
        raise refused(kind, member) from error
    if not all(principals.exists(tx, owner, named) for named in dict.fromkeys(principals_of(document))):
        raise InvalidParameterError.at(member, "Principal not found")
    return document


def kept(tx: Transaction, document: Document, text: str, principals: Principals) -> Kept:
    """A good policy as it is to be stored, with what its principals mean now."""
    return Kept(render(text), json.dumps(principals.ids(tx, principals_of(document))))


def refused(kind: Kind, member: str = "PolicyText") -> InvalidParameterError:
    """ECR's answer to a bad policy; clients wait and try again when they read exactly this, or `Principal not found`."""
    return InvalidParameterError.at(member, f"Invalid {kind} policy provided")
