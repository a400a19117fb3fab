"""Callers of two accounts, and policies in as few words as they can be said in."""

import json
from typing import Any

from moorage.core.call import Principal
from moorage.iam.context import Context
from moorage.iam.decision import Decision
from moorage.iam.evaluate import Grants, Guards, Request, evaluate
from moorage.iam.policy import Policy, Source, SourceKind

A, B = "111122223333", "444455556666"
ROOT_A, ROOT_B = f"arn:aws:iam::{A}:root", f"arn:aws:iam::{B}:root"
USER_ID, OTHER_ID, ROLE_ID, B_ID = (
    "AIDAAAAAAAAAAAAAAAAAA",
    "AIDAOOOOOOOOOOOOOOOOO",
    "AROARRRRRRRRRRRRRRRRR",
    "AIDABBBBBBBBBBBBBBBBB",
)
USER, OTHER, ROLE = f"arn:aws:iam::{A}:user/team/alice", f"arn:aws:iam::{A}:user/carol", f"arn:aws:iam::{A}:role/ci/deploy"
USER_B = f"arn:aws:iam::{B}:user/bob"
SESSION = f"arn:aws:sts::{A}:assumed-role/deploy/run-1"
FEDERATED = f"arn:aws:sts::{A}:federated-user/guest"
PROVIDER = f"arn:aws:iam::{A}:oidc-provider/issuer.test"
REPOSITORY = f"arn:aws:ecr:us-east-1:{A}:repository/team/a/b"
ACTION = "ecr:BatchGetImage"

user = Principal(A, USER, "IAMUser", "AKIA1", USER_ID, USER_ID, USER)
other = Principal(A, OTHER, "IAMUser", "AKIA2", OTHER_ID, OTHER_ID, OTHER)
user_b = Principal(B, USER_B, "IAMUser", "AKIA3", B_ID, B_ID, USER_B)
session = Principal(A, SESSION, "AssumedRole", "ASIA1", f"{ROLE_ID}:run-1", ROLE_ID, ROLE, "ASIA1")
federated = Principal(A, FEDERATED, "FederatedUser", "ASIA2", f"{A}:guest", USER_ID, FEDERATED, "ASIA2", maker_arn=USER)
root, root_b = Principal.root(A, "AKIA4"), Principal.root(B, "AKIA5")
nobody = Principal("", "", "Unknown", "")
workload = Principal(A, f"arn:aws:sts::{A}:assumed-role/deploy/ci", "WebIdentityUser", "", identity_arn=PROVIDER)


def policy(*statements: dict[str, Any], version: str = "2012-10-17", bound: dict[str, str] | None = None) -> Policy:
    text = json.dumps({"Version": version, "Statement": list(statements)})
    return Policy.compile(text, Source(SourceKind.NONE, "it"), bound=bound or {})


def allow(action: Any = ACTION, resource: Any = "*", **elements: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **elements}


def deny(action: Any = ACTION, resource: Any = "*", **elements: Any) -> dict[str, Any]:
    return {**allow(action, resource, **elements), "Effect": "Deny"}


def to(principal: Any, action: Any = ACTION, **elements: Any) -> dict[str, Any]:
    """An Allow of a resource's policy."""
    return {"Effect": "Allow", "Principal": principal, "Action": action, **elements}


def against(principal: Any, action: Any = ACTION, **elements: Any) -> dict[str, Any]:
    """A Deny of a resource's policy."""
    return {**to(principal, action, **elements), "Effect": "Deny"}


def ask(
    caller: Principal,
    *,
    identity: Policy | None = None,
    owner: Policy | None = None,
    boundary: Policy | None = None,
    session: Policy | None = None,
    control: Policy | None = None,
    trust: bool = False,
    account: str = A,
    action: str = ACTION,
    resource: str = REPOSITORY,
    context: Context | None = None,
) -> Decision:
    def limit(of: Policy | None) -> tuple[Policy, ...] | None:
        return None if of is None else (of,)

    grants = Grants(limit(identity) or (), limit(boundary), limit(session), limit(control))
    return evaluate(Request(caller, action, resource, context or {}), grants, Guards(account, limit(owner) or (), trust))


def said(decision: Decision) -> tuple[str, str]:
    return str(decision.outcome), str(decision.layer)


def allows(statement: dict[str, Any], context: Context | None = None, **request: Any) -> bool:
    """Whether a policy of that one statement allows it to a user who has no other."""
    version = request.pop("version", "2012-10-17")
    return ask(user, identity=policy(statement, version=version), context=context, **request).allowed


def denies(statement: dict[str, Any], context: Context | None = None, **request: Any) -> bool:
    """Whether that statement takes away what everything else allows."""
    version = request.pop("version", "2012-10-17")
    everything = policy(allow("*"), statement, version=version)
    return not ask(user, identity=everything, context=context, **request).allowed


def when(operator: str, key: str, *values: Any) -> dict[str, Any]:
    """A condition."""
    return {"Condition": {operator: {key: list(values)}}}
