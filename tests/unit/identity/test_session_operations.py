"""What STS hands out, to whom, and for how long; who may take a role is decided before and elsewhere."""

import json
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from moorage.aws.signature_errors import InvalidSecurityTokenError
from moorage.core import clock
from moorage.core.call import Call, Principal
from moorage.core.errors import AccessDeniedError
from moorage.iam.errors import MalformedPolicyError, PackedPolicyTooLargeError
from moorage.identity import callers
from moorage.identity.credentials import sessions
from moorage.identity.credentials.session_limits import refuse_credentials, refuse_lasting
from moorage.identity.credentials.sessions import Session
from moorage.identity.iam_errors import IamValidationError, InvalidInputError
from moorage.identity.roles import roles
from moorage.identity.roles.roles import Role
from moorage.identity.sts.session_operations import SessionOperations
from moorage.storage.database.schema.identity import access_keys
from tests.unit.ground import ACCOUNT, ROOT, Ground

TRUST = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}})
ALLOW = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}})
READ_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
SOMEBODY = callers.of_user("111122223333", ("AIDASOMEBODY", "bob", "/"), "AKIABOB")


@pytest.fixture
def role(ground: Ground) -> Role:
    return ground.write(lambda tx: roles.create(tx, ACCOUNT, "Push", TRUST, path="/ci/", max_session_seconds=7200))


def call_of(ground: Ground, principal: Principal) -> Call:
    return replace(ground.call("AssumeRole"), principal=principal)


def assume(ground: Ground, principal: Principal, role: Role, /, **params: Any) -> dict[str, Any]:
    members: dict[str, Any] = {"RoleArn": role.resource.arn, "RoleSessionName": "ci", **params}
    operations = SessionOperations(ground.sealer)
    return ground.write(lambda tx: operations.assume_role(tx, call_of(ground, principal), members))


def session_of(ground: Ground, answer: Mapping[str, Any]) -> Session:
    found = ground.read(lambda tx: sessions.find(tx, answer["Credentials"]["AccessKeyId"]))
    assert found is not None
    return found


def test_a_role_is_taken_for_an_hour_unless_asked_otherwise(ground: Ground, role: Role) -> None:
    answer = assume(ground, SOMEBODY, role)
    assert answer["AssumedRoleUser"] == {
        "AssumedRoleId": f"{role.resource.id}:ci",
        "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Push/ci",
    }
    assert answer["PackedPolicySize"] is None and answer["SourceIdentity"] is None
    assert answer["Credentials"]["Expiration"] == ground.clock.now() + clock.HOUR
    found = session_of(ground, answer)
    assert (found.principal.account_id, found.principal.arn) == (ACCOUNT, answer["AssumedRoleUser"]["Arn"])
    longest = assume(ground, SOMEBODY, role, DurationSeconds=7200)
    assert longest["Credentials"]["Expiration"] == ground.clock.now() + 2 * clock.HOUR
    with pytest.raises(IamValidationError, match="exceeds the MaxSessionDuration set for this role"):
        assume(ground, SOMEBODY, role, DurationSeconds=7201)


def test_nobody_takes_a_role_that_is_not_there(ground: Ground, role: Role) -> None:
    for arn in (role.resource.arn.replace("/ci/", "/"), role.resource.arn.replace("Push", "push"), role.resource.arn + "x"):
        with pytest.raises(AccessDeniedError, match=r"bob is not authorized to perform: sts:AssumeRole on resource: arn"):
            assume(ground, SOMEBODY, role, RoleArn=arn)
    with pytest.raises(IamValidationError, match="is invalid"):
        assume(ground, SOMEBODY, role, RoleArn="Push")


def test_a_root_takes_no_role_and_may_have_every_other_session() -> None:
    for root in (ROOT, Principal.root(ACCOUNT, "ASIA4", "ASIA4")):
        with pytest.raises(AccessDeniedError, match="Roles may not be assumed by root accounts"):
            refuse_credentials("sts", "AssumeRole", root)
    for operation in ("GetCallerIdentity", "GetSessionToken", "GetFederationToken", "GetAccessKeyInfo"):
        refuse_credentials("sts", operation, ROOT)


def test_a_second_factor_that_nobody_has_is_never_right(ground: Ground, role: Role) -> None:
    for factor in ({"SerialNumber": "arn:aws:iam::1:mfa/x"}, {"TokenCode": "123456"}):
        with pytest.raises(AccessDeniedError, match="unable to validate MFA code"):
            assume(ground, SOMEBODY, role, **factor)


def test_a_chain_of_roles_lasts_an_hour_at_most_and_keeps_what_is_transitive(ground: Ground, role: Role) -> None:
    tags = [{"Key": "Team", "Value": "a"}, {"Key": "env", "Value": "b"}]
    first = assume(ground, SOMEBODY, role, DurationSeconds=7200, Tags=tags, TransitiveTagKeys=["team"], SourceIdentity="alice")
    assert first["SourceIdentity"] == "alice" and not session_of(ground, first).terms.chained
    taker = session_of(ground, first).principal
    with pytest.raises(IamValidationError, match="1 hour session limit for roles assumed by role chaining"):
        assume(ground, taker, role, DurationSeconds=3601)
    second = assume(ground, taker, role, Tags=[{"Key": "more", "Value": "c"}])
    terms = session_of(ground, second).terms
    assert (terms.tags, terms.source_identity, terms.chained) == ({"Team": "a", "more": "c"}, "alice", True)
    third = session_of(ground, assume(ground, session_of(ground, second).principal, role)).terms
    assert (third.tags, third.source_identity) == ({"Team": "a"}, "alice")
    with pytest.raises(IamValidationError, match="conflicts with a transitive tag key"):
        assume(ground, taker, role, Tags=[{"Key": "TEAM", "Value": "z"}])
    with pytest.raises(IamValidationError, match="source identity"):
        assume(ground, taker, role, SourceIdentity="mallory")


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"Tags": [{"Key": "a", "Value": ""}, {"Key": "A", "Value": ""}]}, InvalidInputError),
        ({"Tags": [{"Key": "aws:x", "Value": ""}]}, InvalidInputError),
        ({"TransitiveTagKeys": ["team"]}, IamValidationError),
        ({"SourceIdentity": "aws:me"}, IamValidationError),
        ({"Policy": "{}"}, MalformedPolicyError),
        ({"Policy": TRUST}, MalformedPolicyError),
        ({"Policy": ALLOW + " " * 2048}, PackedPolicyTooLargeError),
        ({"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/Nothing"}]}, IamValidationError),
        ({"PolicyArns": [{"arn": "arn:aws:iam::111122223333:policy/Theirs"}]}, IamValidationError),
        ({"PolicyArns": [{}]}, IamValidationError),
        ({"ProvidedContexts": [{"ProviderArn": "arn:aws:iam::aws:contextProvider/x"}]}, IamValidationError),
    ],
)
def test_what_cannot_be_a_session_is_refused(
    ground: Ground, role: Role, params: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        assume(ground, SOMEBODY, role, **params)


def test_policies_and_tags_take_room(ground: Ground, role: Role) -> None:
    answer = assume(ground, SOMEBODY, role, Policy=ALLOW, PolicyArns=[{"arn": READ_ONLY}], Tags=[{"Key": "a", "Value": "b"}])
    assert 1 <= answer["PackedPolicySize"] <= 10
    assert session_of(ground, answer).terms.policies == (ALLOW, READ_ONLY)
    # Text of which nothing repeats cannot be packed.
    tags = [{"Key": f"{number:03}" + _noise(number, 100), "Value": _noise(number + 99, 250)} for number in range(40)]
    with pytest.raises(PackedPolicyTooLargeError, match="Packed policy consumes"):
        assume(ground, SOMEBODY, role, Tags=tags)


def _noise(seed: int, length: int) -> str:
    return "".join(random.Random(seed).choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=length))


def test_a_session_token_is_for_whoever_asks(ground: Ground) -> None:
    operations = SessionOperations(ground.sealer)
    call = call_of(ground, ROOT)
    answer = ground.write(lambda tx: operations.get_session_token(tx, call, {"DurationSeconds": 129_600}))
    found = session_of(ground, answer)
    assert found.principal == Principal.root(ACCOUNT, found.id, found.id)
    assert found.expires_at == ground.clock.now() + clock.HOUR  # a root's last an hour at most
    with pytest.raises(AccessDeniedError, match="MFA"):
        ground.write(lambda tx: operations.get_session_token(tx, call, {"TokenCode": "123456"}))
    ground.write(lambda tx: tx.execute(sa.update(access_keys).values(active=False)))
    with pytest.raises(InvalidSecurityTokenError):
        ground.write(lambda tx: operations.get_session_token(tx, call, {}))


def test_a_federated_user_has_a_name_of_its_own(ground: Ground) -> None:
    operations = SessionOperations(ground.sealer)
    params = {"Name": "bob", "Policy": ALLOW, "Tags": [{"Key": "team", "Value": "a"}]}
    answer = ground.write(lambda tx: operations.get_federation_token(tx, call_of(ground, ROOT), params))
    arn = f"arn:aws:sts::{ACCOUNT}:federated-user/bob"
    assert answer["FederatedUser"] == {"FederatedUserId": f"{ACCOUNT}:bob", "Arn": arn}
    found = session_of(ground, answer)
    assert (found.principal.arn, found.terms.tags, found.terms.policies) == (arn, {"team": "a"}, (ALLOW,))


def test_a_session_that_just_ended_takes_no_role(ground: Ground, role: Role) -> None:
    taker = session_of(ground, assume(ground, SOMEBODY, role)).principal
    ground.write(lambda tx: sessions.revoke(tx, ACCOUNT, taker.session_id))
    with pytest.raises(InvalidSecurityTokenError):
        assume(ground, taker, role)


LONG_TERM = callers.of_user(ACCOUNT, ("AIDA1", "dev", "/"), "AKIADEV")
OWN = callers.of_user(ACCOUNT, ("AIDA1", "dev", "/"), "ASIA1", "ASIA1")
FEDERATED = callers.of_federated_user(ACCOUNT, None, "bob", "ASIA2")
ASSUMED = callers.of_role(ACCOUNT, ("AROA1", "Push", "/"), "ci", "ASIA3")


@pytest.mark.parametrize(
    ("principal", "refused"),
    [
        (LONG_TERM, set()),
        (ASSUMED, {"GetSessionToken", "GetFederationToken"}),
        (OWN, {"GetSessionToken", "GetFederationToken", "GetAccessKeyInfo", "DecodeAuthorizationMessage"}),
        (
            FEDERATED,
            {"AssumeRole", "GetSessionToken", "GetFederationToken", "GetAccessKeyInfo", "DecodeAuthorizationMessage"},
        ),
    ],
    ids=["long-term key", "role", "session token", "federated user"],
)
def test_temporary_credentials_are_not_good_for_every_call_of_sts(principal: Principal, refused: set[str]) -> None:
    operations = {*refused, "GetCallerIdentity", "AssumeRole", "GetSessionToken", "GetFederationToken", "GetAccessKeyInfo"}
    for operation in operations:
        if operation in refused:
            with pytest.raises(AccessDeniedError, match=f"Cannot call {operation} with session credentials"):
                refuse_credentials("sts", operation, principal)
        else:
            refuse_credentials("sts", operation, principal)


def test_iam_does_not_know_credentials_without_a_second_factor() -> None:
    for principal in (OWN, FEDERATED, Principal.root(ACCOUNT, "ASIA4", "ASIA4")):
        with pytest.raises(InvalidSecurityTokenError):
            refuse_credentials("iam", "ListUsers", principal)
        refuse_credentials("ecr", "ListImages", principal)
    for principal in (LONG_TERM, ROOT, ASSUMED):
        refuse_credentials("iam", "ListUsers", principal)


def test_lasting_things_are_made_with_credentials_that_iam_knows() -> None:
    for principal in (OWN, FEDERATED, Principal.root(ACCOUNT, "ASIA4", "ASIA4")):
        with pytest.raises(AccessDeniedError, match="Cannot call CreateRobot with session credentials"):
            refuse_lasting("CreateRobot", principal)
    for principal in (LONG_TERM, ROOT, ASSUMED):
        refuse_lasting("CreateRobot", principal)
