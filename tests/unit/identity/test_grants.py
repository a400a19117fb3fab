"""The caller's side of a decision: which policies count for whom."""

import json
from typing import Any

import pytest
import sqlalchemy as sa

from moorage.core.call import Principal
from moorage.iam.decision import Layer, Outcome
from moorage.iam.evaluate import Grants, Guards, Request, evaluate
from moorage.iam.policy import Policy, Source, SourceKind
from moorage.identity import accounts, resources
from moorage.identity.errors import LastAccountPolicyError
from moorage.identity.policies import grants, service_control
from moorage.identity.resources import Resource
from moorage.storage.database.prepared import Prepared
from moorage.storage.database.schema.identity import access_keys, sessions
from moorage.storage.database.transaction import Transaction
from tests.unit.ground import ACCOUNT, ROOT, Ground
from tests.unit.identity.iam_api import ADMINISTRATOR, READ_ONLY, IamApi, allow, principal_of

SESSION = "ASIATESTTESTTESTTEST"
BOB = f"arn:aws:sts::{ACCOUNT}:federated-user/bob"


@pytest.fixture
def api(ground: Ground) -> IamApi:
    """IAM's API on an installation of one account."""
    return IamApi(ground)


def of(api: IamApi, principal: Principal) -> Grants:
    """The caller's side."""
    return api.ground.read(lambda tx: grants.grants_of(tx, principal))


def sources(policies: tuple[Policy, ...] | None) -> list[tuple[str, str]] | None:
    """Where policies come from."""
    return None if policies is None else [(str(each.source.kind), each.source.name) for each in policies]


def session(api: IamApi, kind: str, *, role: Resource | None = None, user: Resource | None = None, **values: Any) -> None:
    """Temporary credentials of a role, a user, or the root."""
    row = {
        "id": SESSION,
        "account_id": ACCOUNT,
        "kind": kind,
        "role_id": role.id if role else None,
        "user_id": user.id if user else None,
        "name": "bob",
        "sealed_secret": b"",
        "token_hash": b"",
        "created_at": 0,
        "expires_at": 1,
        **values,
    }
    api.ground.write(lambda tx: tx.execute(sa.insert(sessions).values(row)))


def taken(role: Resource) -> Principal:
    """A session of a role."""
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.name}/bob"
    return Principal(ACCOUNT, arn, "AssumedRole", SESSION, f"{role.id}:bob", role.id, role.arn, SESSION)


def federated(user: Resource | None) -> Principal:
    """A federated user that a user, or the root, made."""
    return Principal(ACCOUNT, BOB, "FederatedUser", SESSION, f"{ACCOUNT}:bob", user.id if user else "", BOB, SESSION)


def decide(api: IamApi, principal: Principal, action: str, *guards: str) -> tuple[Outcome, Layer]:
    """What is decided in the principal's own account, beside these resource policies."""
    owner = Guards(principal.account_id, tuple(Policy.compile(text, Source(SourceKind.RESOURCE, "r")) for text in guards))
    resource = f"arn:aws:ecr:us-east-1:{principal.account_id}:repository/r"
    found = evaluate(Request(principal, action, resource), of(api, principal), owner)
    return found.outcome, found.layer


def to(principal: str, action: str) -> str:
    """A resource policy."""
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": action}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_user_has_its_own_policies_and_those_of_all_its_groups(api: IamApi) -> None:
    user, other = api.user(), api.user("other")
    api.group("one", user), api.group("two", user, other), api.group("three", other)
    api.do("PutUserPolicy", UserName="alice", PolicyName="own", PolicyDocument=allow("ecr:*"))
    for name in ("one", "two", "three"):
        api.do("PutGroupPolicy", GroupName=name, PolicyName=f"of-{name}", PolicyDocument=allow("ecr:*"))
    api.do("AttachUserPolicy", UserName="alice", PolicyArn=READ_ONLY)
    api.do("AttachGroupPolicy", GroupName="one", PolicyArn=api.policy("reader", Path="/team/"))
    api.do("AttachGroupPolicy", GroupName="two", PolicyArn=READ_ONLY)
    api.do("AttachGroupPolicy", GroupName="three", PolicyArn=ADMINISTRATOR)
    found = of(api, principal_of(user))
    assert sorted(sources(found.identity) or ()) == [
        ("aws-managed", "AmazonEC2ContainerRegistryReadOnly"),
        ("group", "of-one"),
        ("group", "of-two"),
        ("user", "own"),
        ("user-managed", "reader"),
    ]
    assert (found.boundary, found.session, found.service_control) == (None, None, None)


def test_a_session_of_a_role_has_the_roles_policies_within_its_own(api: IamApi) -> None:
    role = api.role()
    api.do("PutRolePolicy", RoleName="builder", PolicyName="own", PolicyDocument=allow("ecr:*"))
    api.do("PutRolePermissionsBoundary", RoleName="builder", PermissionsBoundary=READ_ONLY)
    session(api, "AssumedRole", role=role, policies=json.dumps([allow("ecr:Get*"), allow("ecr:List*")]))
    found = of(api, taken(role))
    assert sources(found.identity) == [("role", "own")]
    assert sources(found.boundary) == [("aws-managed", "AmazonEC2ContainerRegistryReadOnly")]
    assert sources(found.session) == [("none", "session-policy-1"), ("none", "session-policy-2")]


def test_a_session_without_policies_is_limited_by_none(api: IamApi) -> None:
    role = api.role()
    session(api, "AssumedRole", role=role)
    assert of(api, taken(role)).session is None


def test_a_session_that_is_gone_may_do_nothing(api: IamApi) -> None:
    role = api.role()
    api.do("AttachRolePolicy", RoleName="builder", PolicyArn=ADMINISTRATOR)
    assert decide(api, taken(role), "ecr:PutImage") == (Outcome.IMPLICIT_DENY, Layer.SESSION)


def test_a_session_token_of_a_user_may_do_what_the_user_may(api: IamApi) -> None:
    user = api.user()
    key = {"id": "AKIATESTTESTTESTTES2", "account_id": ACCOUNT, "user_id": user.id, "sealed_secret": b"", "created_at": 0}
    api.ground.write(lambda tx: tx.execute(sa.insert(access_keys).values(key)))
    api.do("AttachUserPolicy", UserName="alice", PolicyArn=READ_ONLY)
    session(api, "SessionToken", user=user, access_key_id=key["id"])
    temporary = Principal(ACCOUNT, user.arn, "IAMUser", SESSION, user.id, user.id, user.arn, SESSION)
    assert of(api, temporary) == of(api, principal_of(user))


def test_a_federated_user_may_do_what_both_its_maker_and_its_policy_allow(api: IamApi) -> None:
    user = api.user()
    api.do("PutUserPolicy", UserName="alice", PolicyName="own", PolicyDocument=allow("ecr:PutImage", "ecr:GetImage"))
    session(api, "FederatedUser", user=user, policies=json.dumps([allow("ecr:GetImage", "ecr:ListImages")]))
    assert decide(api, federated(user), "ecr:GetImage") == (Outcome.ALLOWED, Layer.IDENTITY)
    assert decide(api, federated(user), "ecr:PutImage") == (Outcome.IMPLICIT_DENY, Layer.SESSION)
    assert decide(api, federated(user), "ecr:ListImages") == (Outcome.IMPLICIT_DENY, Layer.IDENTITY)


def test_a_federated_user_without_a_policy_has_only_what_resources_give_to_its_session(api: IamApi) -> None:
    user = api.user()
    api.do("AttachUserPolicy", UserName="alice", PolicyArn=ADMINISTRATOR)
    session(api, "FederatedUser", user=user)
    assert decide(api, federated(user), "ecr:PutImage")[0] is Outcome.IMPLICIT_DENY
    assert decide(api, federated(user), "ecr:PutImage", to(user.arn, "ecr:*"))[0] is Outcome.IMPLICIT_DENY
    assert decide(api, federated(user), "ecr:PutImage", to(BOB, "ecr:*"))[0] is Outcome.ALLOWED


def test_what_is_denied_to_a_user_is_denied_to_whom_it_federates(api: IamApi) -> None:
    user = api.user()
    api.do("PutUserPolicy", UserName="alice", PolicyName="no", PolicyDocument=allow("ecr:PutImage", effect="Deny"))
    session(api, "FederatedUser", user=user)
    assert decide(api, federated(user), "ecr:PutImage", to(BOB, "ecr:*"))[0] is Outcome.EXPLICIT_DENY


def test_a_federated_user_that_the_root_made_may_do_what_its_policy_says(api: IamApi) -> None:
    session(api, "FederatedUser", policies=json.dumps([allow("ecr:GetImage")]))
    assert decide(api, federated(None), "ecr:GetImage")[0] is Outcome.ALLOWED
    assert decide(api, federated(None), "ecr:PutImage") == (Outcome.IMPLICIT_DENY, Layer.SESSION)


def test_a_root_needs_no_policies_and_is_limited_by_those_of_the_operator(api: IamApi) -> None:
    assert of(api, ROOT) == Grants()
    api.ground.write(lambda tx: service_control.put(tx, ACCOUNT, "b", allow("ecr:Get*")))
    api.ground.write(lambda tx: service_control.put(tx, ACCOUNT, "a", allow("ecr:List*")))
    assert sources(of(api, ROOT).service_control) == [("none", "a"), ("none", "b")]
    assert decide(api, ROOT, "ecr:GetImage") == (Outcome.ALLOWED, Layer.ROOT)
    assert decide(api, ROOT, "ecr:PutImage") == (Outcome.IMPLICIT_DENY, Layer.SERVICE_CONTROL)
    assert [api.ground.write(lambda tx, name=name: service_control.delete(tx, ACCOUNT, name)) for name in ("a", "c")] == [  # type: ignore[misc]
        True,
        False,
    ]
    assert sources(of(api, ROOT).service_control) == [("none", "b")]


def test_a_new_account_begins_with_full_access_so_that_a_deny_takes_away_only_what_it_names(api: IamApi) -> None:
    other = Principal.root(api.ground.write(lambda tx: accounts.create_account(tx, None, "second")).id, "AKIA")
    assert sources(of(api, other).service_control) == [("none", "FullAWSAccess")]
    deny = allow("ecr:DeleteRepository").replace("Allow", "Deny")
    api.ground.write(lambda tx: service_control.put(tx, other.account_id, "keep", deny))
    assert decide(api, other, "ecr:PutImage")[0] is Outcome.ALLOWED
    assert decide(api, other, "ecr:DeleteRepository") == (Outcome.EXPLICIT_DENY, Layer.SERVICE_CONTROL)
    api.ground.write(lambda tx: service_control.put(tx, other.account_id, "only", allow("ecr:Put*")))
    assert decide(api, other, "ecr:GetImage")[0] is Outcome.ALLOWED
    api.ground.write(lambda tx: service_control.delete(tx, other.account_id, "FullAWSAccess"))
    assert decide(api, other, "ecr:PutImage")[0] is Outcome.ALLOWED
    assert decide(api, other, "ecr:GetImage") == (Outcome.IMPLICIT_DENY, Layer.SERVICE_CONTROL)


def test_an_accounts_last_policy_stays(api: IamApi) -> None:
    other = api.ground.write(lambda tx: accounts.create_account(tx, None, "second")).id
    with pytest.raises(LastAccountPolicyError, match="FullAWSAccess is the only service control policy"):
        api.ground.write(lambda tx: service_control.delete(tx, other, "FullAWSAccess"))
    assert [each.name for each in api.ground.read(lambda tx: service_control.listed(tx, other))] == ["FullAWSAccess"]


def test_accounts_of_earlier_versions_are_given_full_access_once_and_the_default_account_never(api: IamApi) -> None:
    def work(tx: Transaction) -> dict[str, list[str]]:
        accounts.ensure_account(tx, "111122223333", "old")
        accounts.ensure_account(tx, "444455556666", "limited")
        if not service_control.listed(tx, "444455556666"):
            service_control.put(tx, "444455556666", "limit", allow("ecr:*"))
        service_control.ensure_begun(tx, ACCOUNT)
        named = ("111122223333", "444455556666", ACCOUNT)
        return {account: [each.name for each in service_control.listed(tx, account)] for account in named}

    for _ in range(2):
        assert api.ground.write(work) == {"111122223333": ["FullAWSAccess"], "444455556666": ["limit"], ACCOUNT: []}


def test_what_counts_is_the_default_version_of_now(api: IamApi) -> None:
    user, arn = api.user(), api.policy("reader", "ecr:GetImage")
    api.do("AttachUserPolicy", UserName="alice", PolicyArn=arn)
    api.do("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=allow("ecr:PutImage"))
    assert decide(api, principal_of(user), "ecr:PutImage")[0] is Outcome.IMPLICIT_DENY
    api.do("SetDefaultPolicyVersion", PolicyArn=arn, VersionId="v2")
    assert decide(api, principal_of(user), "ecr:PutImage")[0] is Outcome.ALLOWED
    assert decide(api, principal_of(user), "ecr:GetImage")[0] is Outcome.IMPLICIT_DENY
    api.do("DetachUserPolicy", UserName="alice", PolicyArn=arn)
    assert decide(api, principal_of(user), "ecr:PutImage")[0] is Outcome.IMPLICIT_DENY


def test_a_text_is_compiled_once(api: IamApi) -> None:
    user, other = api.user(), api.user("other")
    for name in ("alice", "other"):
        api.do("AttachUserPolicy", UserName=name, PolicyArn=READ_ONLY)
        api.do("PutUserPolicy", UserName=name, PolicyName="own", PolicyDocument=allow("ecr:*"))
    first, second = of(api, principal_of(user)).identity, of(api, principal_of(other)).identity
    assert all(one is same for one, same in zip(first, second, strict=True))
    api.do("PutUserPolicy", UserName="other", PolicyName="own", PolicyDocument=allow("ecr:Get*"))
    assert of(api, principal_of(other)).identity[0] is not first[0]


def test_nobody_has_no_policies(api: IamApi) -> None:
    assert of(api, Principal("", "anonymous", "Unknown", "")) == Grants()


def test_the_tags_of_a_session_stand_above_those_of_its_role(api: IamApi) -> None:
    role = api.role()
    api.ground.write(lambda tx: resources.set_tags(tx, role, {"Team": "core", "env": "dev"}))
    session(api, "AssumedRole", role=role, tags=json.dumps({"team": "web", "run": "7"}))

    def tags(principal: Principal) -> dict[str, str]:
        return api.ground.read(lambda tx: grants.principal_tags(tx, principal))

    assert tags(taken(role)) == {"env": "dev", "team": "web", "run": "7"}
    user = api.user()
    api.ground.write(lambda tx: resources.set_tags(tx, user, {"Team": "core"}))
    assert tags(principal_of(user)) == {"Team": "core"}
    assert tags(ROOT) == {}


def test_a_user_that_makes_itself_administrator_is_still_held_by_its_boundary(api: IamApi) -> None:
    user = api.user()
    api.do("PutUserPermissionsBoundary", UserName="alice", PermissionsBoundary=api.policy("limit", "ecr:*", "iam:Attach*"))
    mine = allow("iam:AttachUserPolicy")
    api.do("PutUserPolicy", UserName="alice", PolicyName="own", PolicyDocument=mine)
    assert decide(api, principal_of(user), "iam:AttachUserPolicy")[0] is Outcome.ALLOWED
    api.do("AttachUserPolicy", UserName="alice", PolicyArn=ADMINISTRATOR)
    assert decide(api, principal_of(user), "ecr:PutImage") == (Outcome.ALLOWED, Layer.IDENTITY)
    for action in ("iam:CreateUser", "iam:DeleteUserPermissionsBoundary", "sts:AssumeRole"):
        assert decide(api, principal_of(user), action) == (Outcome.IMPLICIT_DENY, Layer.BOUNDARY)


def test_no_query_reads_more_than_what_an_index_finds(api: IamApi) -> None:
    def plans(tx: Transaction) -> list[str]:
        found = []
        for statement in (value for value in vars(grants).values() if isinstance(value, Prepared)):
            text, order, _ = statement.text(tx.connection.dialect)
            rows = tx.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", ("x",) * len(order))
            found += [row.detail for row in rows]
        return found

    said = api.ground.read(plans)
    assert any(line.startswith("SEARCH policy_attachments USING INDEX") for line in said)
    assert not [line for line in said if line.startswith("SCAN")]
