import json
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from moorage.access.explaining import Answer, Question, answer
from moorage.access.judge import Judge
from moorage.core.call import Principal, Registry
from moorage.core.errors import InvalidParameterError
from moorage.iam.decision import Layer, Outcome
from moorage.iam.explain import Place
from moorage.identity import accounts, callers
from moorage.identity.iam_errors import NoSuchEntityError
from moorage.identity.resources import Resource
from moorage.storage.database.schema.iam import roles
from tests.unit.ground import ACCOUNT, REGION, ROOT, Ground
from tests.unit.identity.iam_api import ADMINISTRATOR, IamApi, allow

PUSH = "ecr:PutImage"
OTHER = "999988887777"
REPOSITORY = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/team/app"
STRANGER = Principal.root(OTHER, "AKIASTRANGERSTRANGER")


@pytest.fixture
def api(ground: Ground) -> IamApi:
    ground.write(lambda tx: accounts.ensure_account(tx, OTHER, "other"))
    return IamApi(ground)


def policy(**elements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ecr:*", **elements}})


def asked(
    api: IamApi,
    principal: str = "self",
    action: str = PUSH,
    resource: str = "team/app",
    *,
    by: Principal = ROOT,
    **context: str,
) -> Answer:
    call = replace(
        api.ground.call("ExplainAccess", principal=by),
        registry=Registry(0, "private", by.account_id, REGION),
        source_address="10.1.2.3",
        user_agent="moorage",
    )
    given = {key.replace("__", ":"): (value,) for key, value in context.items()}
    return api.ground.read(lambda tx: answer(tx, Judge(), call, Question(principal, action, resource, given), ACCOUNT))


def outcome(found: Answer) -> tuple[Outcome, Layer]:
    return found.explanation.decision.outcome, found.explanation.decision.layer


def suggested(found: Answer) -> list[tuple[Place, dict[str, Any]]]:
    return [(each.place, json.loads(each.text)) for each in found.explanation.suggestions]


def put(api: IamApi, user: Resource, text: str, name: str = "own") -> None:
    api.do("PutUserPolicy", UserName=user.name, PolicyName=name, PolicyDocument=text)


def test_whoever_asks_about_itself_is_decided_as_it_is(api: IamApi) -> None:
    found = asked(api)
    assert outcome(found) == (Outcome.ALLOWED, Layer.ROOT)
    assert (found.request.principal, found.request.resource, found.foreign) == (ROOT, REPOSITORY, False)
    assert outcome(asked(api, ROOT.arn)) == (Outcome.ALLOWED, Layer.ROOT)


def test_a_users_policies_groups_and_boundary_are_read(api: IamApi) -> None:
    alice = api.user()
    assert suggested(asked(api, alice.arn)) == [
        (Place.IDENTITY, {"Effect": "Allow", "Action": PUSH, "Resource": REPOSITORY}),
    ]
    api.group("team", alice)
    api.do("PutGroupPolicy", GroupName="team", PolicyName="shared", PolicyDocument=allow(PUSH))
    found = asked(api, alice.arn)
    assert outcome(found) == (Outcome.ALLOWED, Layer.IDENTITY)
    assert [str(each) for each in found.explanation.decision.matched] == ["shared#S"]
    api.do("PutUserPermissionsBoundary", UserName="alice", PermissionsBoundary=api.policy("limit", "s3:*"))
    assert [place for place, _ in suggested(asked(api, alice.arn))] == [Place.BOUNDARY]


def test_a_role_is_asked_about_as_a_session_of_it(api: IamApi) -> None:
    role = api.role("builder", "/ci/")
    api.do("AttachRolePolicy", RoleName="builder", PolicyArn=ADMINISTRATOR)
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/builder/run-1"
    by_role, by_session = asked(api, role.arn), asked(api, session)
    assert outcome(by_role) == outcome(by_session) == (Outcome.ALLOWED, Layer.IDENTITY)
    assert by_session.request.principal.arn == session
    assert by_role.request.principal.identity_arn == by_session.request.principal.identity_arn == role.arn


def test_what_belongs_to_a_request_is_known_only_of_whoever_asks(api: IamApi) -> None:
    alice = api.user()
    put(api, alice, policy(Resource="*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))
    assert outcome(asked(api, alice.arn))[0] is Outcome.IMPLICIT_DENY
    assert asked(api, alice.arn).explanation.missing == ("aws:SourceIp",)
    assert asked(api, alice.arn, AWS__SourceIp="10.0.0.1").explanation.decision.allowed
    itself = callers.of_user(ACCOUNT, (alice.id, alice.name, alice.path), "AKIA")
    assert asked(api, by=itself).explanation.decision.allowed
    assert not asked(api, by=itself, aws__sourceip="192.168.0.1").explanation.decision.allowed


def test_the_policies_and_tags_of_a_repository_are_read(api: IamApi) -> None:
    alice = api.user()
    api.ground.repository(tags=[{"Key": "env", "Value": "prod"}])
    put(api, alice, policy(Resource="*", Condition={"StringEquals": {"ecr:ResourceTag/env": "prod"}}))
    assert asked(api, alice.arn).explanation.decision.allowed
    deny = policy(Effect="Deny", Principal="*", Sid="frozen")
    api.ground.do("SetRepositoryPolicy", repositoryName="team/app", policyText=deny, force=True)
    found = asked(api, alice.arn)
    assert outcome(found) == (Outcome.EXPLICIT_DENY, Layer.RESOURCE)
    assert [str(each) for each in found.explanation.obstacles] == ["repository-policy#frozen"]
    assert outcome(asked(api))[0] is Outcome.EXPLICIT_DENY


def test_who_may_have_a_token_no_resources_policy_says(api: IamApi) -> None:
    found = asked(api, api.user().arn, "ecr:GetAuthorizationToken", "*")
    assert suggested(found) == [(Place.IDENTITY, {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"})]


def test_of_another_accounts_resource_only_the_askers_side_is_answered(api: IamApi) -> None:
    api.ground.repository(tags=[{"Key": "env", "Value": "prod"}])
    role = api.role()
    before = asked(api, resource=REPOSITORY, by=STRANGER), asked(api, "self", "sts:TagSession", role.arn, by=STRANGER)
    condition = {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}
    statement = {"Effect": "Deny", "Principal": "*", "Action": PUSH, "Sid": "theirs", "Condition": condition}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement, {**statement, "Effect": "Allow", "Sid": "ours"}]})
    api.ground.do("SetRepositoryPolicy", repositoryName="team/app", policyText=text, force=True)
    guessed = {**statement, "Action": "sts:TagSession", "Condition": {"StringEquals": {"sts:ExternalId": "guess"}}}
    trust = json.dumps({"Version": "2012-10-17", "Statement": guessed})
    api.ground.write(lambda tx: tx.execute(sa.update(roles).where(roles.c.id == role.id).values(trust_policy=trust)))
    after = asked(api, resource=REPOSITORY, by=STRANGER), asked(api, "self", "sts:TagSession", role.arn, by=STRANGER)
    tried = (
        asked(api, resource=REPOSITORY, by=STRANGER, aws__PrincipalOrgID="o-1"),
        asked(api, "self", "sts:TagSession", role.arn, by=STRANGER, sts__ExternalId="guess"),
    )
    for found in (*before, *after, *tried):
        assert found.foreign and outcome(found) == (Outcome.ALLOWED, Layer.ROOT)
    assert [each.explanation for each in tried] == [each.explanation for each in after] == [each.explanation for each in before]


def test_the_tags_of_another_accounts_repository_are_nobody_elses(api: IamApi) -> None:
    api.ground.repository(tags=[{"Key": "env", "Value": "prod"}])
    api.ground.write(lambda tx: accounts.ensure_account(tx, OTHER, "other"))
    theirs = f"arn:aws:ecr:{REGION}:{OTHER}:repository/team/app"
    alice = api.user()
    put(api, alice, policy(Resource="*", Condition={"StringEquals": {"aws:ResourceAccount": OTHER}}))
    assert outcome(asked(api, alice.arn, resource=theirs)) == (Outcome.ALLOWED, Layer.IDENTITY)
    put(api, alice, policy(Resource="*", Condition={"StringEquals": {"ecr:ResourceTag/env": "prod"}}))
    assert asked(api, alice.arn, resource=theirs).explanation.missing == ("ecr:ResourceTag/env",)
    assert suggested(asked(api, alice.arn, resource=theirs)) == [
        (Place.IDENTITY, {"Effect": "Allow", "Action": PUSH, "Resource": theirs})
    ]


def test_a_role_can_be_assumed_by_those_whom_its_trust_policy_names(api: IamApi) -> None:
    role, alice = api.role(), api.user()
    found = asked(api, alice.arn, "sts:AssumeRole", role.arn)
    assert outcome(found) == (Outcome.ALLOWED, Layer.TRUST)
    gone = f"arn:aws:iam::{ACCOUNT}:role/gone"
    missing = asked(api, alice.arn, "sts:AssumeRole", gone)
    assert outcome(missing) == (Outcome.IMPLICIT_DENY, Layer.TRUST)
    assert suggested(missing) == [
        (Place.TRUST, {"Effect": "Allow", "Principal": {"AWS": alice.arn}, "Action": "sts:AssumeRole"}),
    ]


def test_what_is_of_iam_and_of_another_account_can_never_be_allowed(api: IamApi) -> None:
    found = asked(api, api.user().arn, "iam:GetUser", f"arn:aws:iam::{OTHER}:user/bob")
    assert (found.explanation.possible, found.explanation.suggestions) == (False, ())


def test_a_name_means_the_accounts_user(api: IamApi) -> None:
    alice = api.user("alice", "/people/")
    assert asked(api, "alice").request.principal.arn == alice.arn
    for name in ("bob", "root"):
        with pytest.raises(NoSuchEntityError, match=name):
            asked(api, name)


def test_what_concerns_the_installation_is_reserved_to_the_default_account(api: IamApi) -> None:
    for action in ("moorage:ListAccounts", "moorage:listaccounts"):
        found = asked(api, action=action, resource="*", by=STRANGER)
        assert outcome(found) == (Outcome.IMPLICIT_DENY, Layer.RESERVED)
        assert (found.explanation.possible, found.explanation.suggestions) == (False, ())
        assert found.reason == f"Only principals of the account {ACCOUNT} can be allowed this action."
        assert found.refusal == (
            f"User: {STRANGER.arn} is not authorized to perform: {action} on resource: * "
            f"because the {action} action is reserved to the account {ACCOUNT}"
        )
    ours = asked(api, action="moorage:ListAccounts", resource="*")
    assert (outcome(ours), ours.refusal, ours.reason) == ((Outcome.ALLOWED, Layer.ROOT), None, None)
    alice = asked(api, api.user().arn, "moorage:ListAccounts", "*")
    assert [place for place, _ in suggested(alice)] == [Place.IDENTITY] and alice.reason is None


@pytest.mark.parametrize("action", ["iam:DeletePolicy", "iam:deletepolicy", "iam:CreatePolicyVersion", "iam:TagPolicy"])
def test_nobody_may_change_a_policy_of_awss_and_everybody_may_read_it(api: IamApi, action: str) -> None:
    found = asked(api, action=action, resource=ADMINISTRATOR)
    assert outcome(found) == (Outcome.IMPLICIT_DENY, Layer.RESOURCE)
    assert (found.explanation.possible, found.explanation.suggestions) == (False, ())
    assert outcome(asked(api, action="iam:GetPolicy", resource=ADMINISTRATOR)) == (Outcome.ALLOWED, Layer.ROOT)
    assert outcome(asked(api, action=action, resource=api.policy("own"))) == (Outcome.ALLOWED, Layer.ROOT)


def test_what_the_callers_credentials_are_never_good_for_is_refused_as_the_door_refuses_it(api: IamApi) -> None:
    role = api.role()
    session = callers.of_role(ACCOUNT, (role.id, role.name, role.path), "run", "ASIA")
    api.do("AttachRolePolicy", RoleName=role.name, PolicyArn=ADMINISTRATOR)
    for by, action, message in (
        (ROOT, "sts:AssumeRole", "Roles may not be assumed by root accounts."),
        (session, "sts:GetFederationToken", "Cannot call GetFederationToken with session credentials"),
        (session, "sts:getsessiontoken", "Cannot call getsessiontoken with session credentials"),
    ):
        found = asked(api, action=action, resource=role.arn if by is ROOT else "*", by=replace(by, session_id="ASIA"))
        assert outcome(found) == (Outcome.IMPLICIT_DENY, Layer.CREDENTIALS)
        assert (found.refusal, found.reason, found.explanation.possible) == (message, message, False)
    assert asked(api, action="sts:TagSession", resource=role.arn, by=session).reason is None


def test_what_was_asked_of_an_image_is_a_condition_of_what_is_suggested(api: IamApi) -> None:
    alice = api.user()
    put(api, alice, policy(Resource="*", Condition={"StringLike": {"moorage:ImageTag": "dev-*"}}))
    found = asked(api, alice.arn, moorage__ImageTag="prod-1", aws__SourceIp="10.0.0.1")
    condition = {"StringEquals": {"moorage:ImageTag": "prod-1"}}
    assert suggested(found) == [
        (Place.IDENTITY, {"Effect": "Allow", "Action": PUSH, "Resource": REPOSITORY, "Condition": condition}),
    ]
    assert asked(api, alice.arn).explanation.missing == ("moorage:ImageTag",)


def test_for_many_repositories_of_another_account_nothing_is_suggested(api: IamApi) -> None:
    found = asked(api, resource=f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/team/*", by=STRANGER)
    assert found.foreign
    assert suggested(found) == []


def test_other_accounts_principals_and_those_that_are_not_there_are_not_found(api: IamApi) -> None:
    alice = api.user("alice", "/people/")
    for arn in (
        f"arn:aws:iam::{ACCOUNT}:user/nobody",
        alice.arn.replace("/people", ""),
        f"arn:aws:iam::{ACCOUNT}:role/nobody",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/nobody/session",
        f"arn:aws:iam::{OTHER}:root",
        f"arn:aws:iam::{OTHER}:user/nobody",
    ):
        with pytest.raises(NoSuchEntityError):
            asked(api, arn)
    with pytest.raises(NoSuchEntityError):
        asked(api, alice.arn, by=STRANGER)


@pytest.mark.parametrize(
    ("question", "member"),
    [
        (("self", "ecr:Get*", "*"), "action"),
        (("self", "PutImage", "*"), "action"),
        (("self", PUSH, "Not A Name"), "resource"),
        (("self", PUSH, "arn:aws:ecr"), "resource"),
        (("al ice", PUSH, "*"), "principal"),
        ((f"arn:aws:iam::{ACCOUNT}:group/team", PUSH, "*"), "principal"),
        ((f"arn:aws:iam::{ACCOUNT}:root/x", PUSH, "*"), "principal"),
        ((f"arn:aws:iam::{ACCOUNT}:user", PUSH, "*"), "principal"),
        ((f"arn:aws:sts::{ACCOUNT}:federated-user/guest", PUSH, "*"), "principal"),
    ],
)
def test_what_makes_no_sense_is_refused_by_the_members_name(api: IamApi, question: tuple[str, str, str], member: str) -> None:
    with pytest.raises(InvalidParameterError, match=f"'{member}'"):
        asked(api, *question)
