"""Trust policies: who may take a role (IAM user guide, "Roles terms and concepts")."""

import functools
import json
from collections.abc import Mapping
from typing import Any

from moorage.iam.kinds import check_principals, parse_trust_policy
from moorage.iam.policy import Policy, Source, SourceKind
from moorage.identity.principals import bound_ids, current_arns, principal_exists
from moorage.storage.database.transaction import Transaction

_MOST_COMPILED = 1024


def accept(tx: Transaction, owner: str, text: str) -> dict[str, str]:
    """What the users and roles in an account's trust policy mean now, by ARN, once the policy is seen to be a good one.

    Raises MalformedPolicyError, also for users and roles of the account that there are not, and PolicyTooLargeError.
    """
    document = parse_trust_policy(text)
    check_principals(document, lambda named: principal_exists(tx, owner, named))
    return bound_ids(tx, (named for statement in document.statements for named in statement.principals or ()))


def shown(tx: Transaction, owner: str, text: str, bound: Mapping[str, str]) -> str:
    """An account's trust policy as GetRole shows it: as it was given, but whom it names of the account under the names that
    they have now, and those who are gone by their unique ids.
    """
    changes = current_arns(tx, owner, bound)
    if not changes:
        return text
    document = json.loads(text)
    listed = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    for statement in listed:
        principals = statement.get("Principal")
        if isinstance(principals, dict) and "AWS" in principals:
            principals["AWS"] = _renamed(principals["AWS"], changes)
    return json.dumps(document)


@functools.lru_cache(maxsize=_MOST_COMPILED)
def compiled(text: str, bound: str, role_name: str) -> Policy:
    """A role's trust policy, ready to be asked. `bound` is JSON: what the ARNs in it meant when it was written."""
    return Policy.compile(text, Source(SourceKind.RESOURCE, role_name), bound=json.loads(bound))


def _renamed(value: Any, changes: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_renamed(each, changes) for each in value]
    return changes.get(value, value)
