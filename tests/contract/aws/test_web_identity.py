"""Signing in with nothing but an issuer's token: from boto3 to a pull, and whose tokens do not get in."""

import base64
import json
import re
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.contract.aws.door import ACCOUNT
from tests.contract.aws.iam import failed, fresh
from tests.contract.aws.web_place import Place, code_of
from tests.e2e.images import small
from tests.unit.identity.signing import Key

_MAIN = "repo:acme/app:ref:refs/heads/main"
_NOT_TRUSTED = "Not authorized to perform sts:AssumeRoleWithWebIdentity"


def _pulled(place: Place, keys: Any, repository: str) -> int:
    """The status of a pull with a token that these credentials get."""
    with closing(
        place.client(
            "ecr",
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )
    ) as ecr:
        token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    headers = {"Authorization": f"Basic {token}"}
    return place.door.exchange("GET", f"/v2/{repository}/manifests/1", headers, b"").status


# --- getting in -------------------------------------------------------------------------------------------------------


def test_a_token_opens_a_session_that_pulls(place: Place) -> None:
    repository = place.door.new_repository()
    place.door.push(repository, small("web identity"), "1")
    role = place.role({"StringEquals": {f"{place.name}:aud": "sts.amazonaws.com"}})
    answer = place.assume(role, place.token())
    name = role.rpartition("/")[2]
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/GitHubActions"
    assert re.fullmatch("AROA[A-Z2-7]{17}:GitHubActions", answer["AssumedRoleUser"]["AssumedRoleId"])
    assert (answer["Provider"], answer["Audience"]) == (place.provider, "sts.amazonaws.com")
    assert answer["SubjectFromWebIdentityToken"] == _MAIN
    assert 3500 < answer["Credentials"]["Expiration"].timestamp() - time.time() <= 3601
    assert _pulled(place, answer["Credentials"], repository) == 200
    rows = place.door.query("SELECT provider, opened_by FROM sessions WHERE id = ?", answer["Credentials"]["AccessKeyId"])
    assert rows == [{"provider": place.provider, "opened_by": None}]


def test_the_sdks_own_provider_signs_in_by_a_file(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = place.door.new_repository()
    place.door.push(repository, small("irsa"), "1")
    subject = "system:serviceaccount:build:pusher"
    role = place.role({"StringEquals": {f"{place.name}:sub": subject, f"{place.name}:aud": "sts.amazonaws.com"}})
    (tmp_path / "token").write_text(place.token(sub=subject))
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_ROLE_ARN", role)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_SESSION_NAME", "pod-7")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{place.door.host}")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    session = boto3.Session()
    with closing(session.client("sts")) as sts, closing(session.client("ecr")) as ecr:
        assert sts.get_caller_identity()["Arn"].endswith("/pod-7")
        entry = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    assert base64.b64decode(entry).startswith(b"AWS:")
    answer = place.door.exchange("GET", f"/v2/{repository}/manifests/1", {"Authorization": f"Basic {entry}"}, b"")
    assert answer.status == 200


@pytest.mark.parametrize(
    ("pattern", "subject", "enters"),
    [
        ("repo:acme/app:*", _MAIN, True),
        ("repo:acme/*:ref:refs/heads/main", _MAIN, True),
        ("repo:acme/app:environment:prod", "repo:acme/app:environment:prod", True),
        ("repo:acme@1/app@2:*", "repo:acme@1/app@2:ref:refs/heads/main", True),
        ("repo:acme/app:ref:refs/heads/main", "repo:acme/app:pull_request", False),
        ("repo:acme/app:*", "repo:acme/app-evil:ref:refs/heads/main", False),
        ("repo:acme/app:*", "repo:evil/app:ref:refs/heads/main", False),
        ("project_path:group/project:ref_type:branch:ref:main", "project_path:group/project:ref_type:branch:ref:main", True),
        ("project_path:group/*:ref_type:tag:ref:*", "project_path:group/project:ref_type:branch:ref:main", False),
        ("system:serviceaccount:build:*", "system:serviceaccount:build:pusher", True),
        ("system:serviceaccount:build:*", "system:serviceaccount:other:pusher", False),
    ],
)
def test_the_trust_policy_says_which_subjects_enter(place: Place, pattern: str, subject: str, enters: bool) -> None:
    role = place.role({"StringLike": {f"{place.name}:sub": pattern}})
    if enters:
        assert place.assume(role, place.token(sub=subject))["SubjectFromWebIdentityToken"] == subject
    else:
        with failed("AccessDenied", _NOT_TRUSTED, 403):
            place.assume(role, place.token(sub=subject))


def test_other_claims_are_conditions_too_but_never_in_place_of_the_verified_ones(place: Place) -> None:
    by_claim = place.role({"StringEquals": {f"{place.name}:repository": "acme/app", f"{place.name}:ref_protected": "true"}})
    place.assume(by_claim, place.token(repository="acme/app", ref_protected=True))
    for wrong in (
        {"repository": "acme/other"},
        {"repository": "acme/app"},
        {"Repository": "acme/app", "REPOSITORY": "acme/app"},
    ):
        with failed("AccessDenied", _NOT_TRUSTED, 403):
            place.assume(by_claim, place.token(**wrong))
    by_subject = place.role({"StringEquals": {f"{place.name}:sub": "me"}})
    with failed("AccessDenied", _NOT_TRUSTED, 403):
        place.assume(by_subject, place.token(sub="you", SUB="me", Sub="me"))


def test_conditions_see_the_request_too(place: Place) -> None:
    place.assume(place.role({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}), place.token())
    place.assume(place.role({"StringLike": {"sts:RoleSessionName": "GitHub*"}}), place.token())
    for conditions in (
        {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
        {"StringEquals": {"sts:RoleSessionName": "another"}},
        {"Bool": {"aws:SecureTransport": "true"}},
        {"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}},
    ):
        with failed("AccessDenied", _NOT_TRUSTED, 403):
            place.assume(place.role(conditions), place.token())


def test_a_token_may_be_shown_again_until_it_expires(place: Place) -> None:
    role, token = place.role(), place.token()
    first, second = place.assume(role, token), place.assume(role, token)
    assert first["Credentials"]["AccessKeyId"] != second["Credentials"]["AccessKeyId"]


def test_a_session_lasts_as_long_as_was_asked_for_and_the_role_allows(place: Place) -> None:
    role = place.role(MaxSessionDuration=7200)
    lasting = place.assume(role, place.token(), DurationSeconds=7200)["Credentials"]["Expiration"].timestamp()
    assert 7100 < lasting - time.time() <= 7201
    with failed("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.", 400):
        place.assume(role, place.token(), DurationSeconds=7201)


def test_a_session_policy_limits_the_session(place: Place) -> None:
    repository = place.door.new_repository()
    place.door.push(repository, small("limited"), "1")
    only_login = (
        '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}}'
    )
    answer = place.assume(place.role(), place.token(), Policy=only_login)
    assert answer["PackedPolicySize"] > 0
    assert _pulled(place, answer["Credentials"], repository) == 403
    with pytest.raises(ClientError, match="MalformedPolicyDocument"):
        place.assume(place.role(), place.token(), Policy="{}")


def test_session_tags_and_the_source_identity_of_a_token_need_trust_of_their_own(place: Place) -> None:
    tagging = {"https://aws.amazon.com/tags": {"principal_tags": {"team": ["core"]}, "transitive_tag_keys": ["team"]}}
    naming = {"https://aws.amazon.com/source_identity": "alice"}
    role = place.role()
    for claims, action in ((tagging, "sts:TagSession"), (naming, "sts:SetSourceIdentity")):
        with failed("AccessDenied", f"Not authorized to perform {action}", 403):
            place.assume(role, place.token(**claims))
    actions = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"]
    statement = {"Effect": "Allow", "Principal": {"Federated": place.provider}, "Action": actions}
    conditions = {"StringEquals": {"aws:RequestTag/team": "core"}}
    text = json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Condition": conditions}]})
    place.iam.update_assume_role_policy(RoleName=role.rpartition("/")[2], PolicyDocument=text)
    assert place.assume(role, place.token(**tagging, **naming))["SourceIdentity"] == "alice"


# --- staying out ------------------------------------------------------------------------------------------------------


def test_only_the_issuer_that_the_trust_policy_names_lets_in(place: Place) -> None:
    name = fresh("role")
    for principal in (
        {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/another.example"},
        {"AWS": "*"},
        "*",
        {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    ):
        statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:*"}
        text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        made = place.iam.create_role(RoleName=f"{name}{len(str(principal))}", AssumeRolePolicyDocument=text)
        with failed("AccessDenied", _NOT_TRUSTED, 403):
            place.assume(made["Role"]["Arn"], place.token())


def test_a_role_that_is_not_there_is_refused_in_the_same_words(place: Place) -> None:
    with failed("AccessDenied", _NOT_TRUSTED, 403):
        place.assume(f"arn:aws:iam::{ACCOUNT}:role/nobody", place.token())


def test_a_deny_of_the_trust_policy_wins(place: Place) -> None:
    role = place.role()
    allow = {"Effect": "Allow", "Principal": {"Federated": place.provider}, "Action": "sts:AssumeRoleWithWebIdentity"}
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sts:*",
        "Condition": {"StringLike": {f"{place.name}:sub": "*:pull_request"}},
    }
    text = json.dumps({"Version": "2012-10-17", "Statement": [allow, deny]})
    place.iam.update_assume_role_policy(RoleName=role.rpartition("/")[2], PolicyDocument=text)
    place.assume(role, place.token())
    with failed("AccessDenied", _NOT_TRUSTED, 403):
        place.assume(role, place.token(sub="repo:acme/app:pull_request"))


def test_a_provider_counts_in_its_own_account_only(place: Place) -> None:
    with failed("InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {place.issuer.url}", 400):
        place.assume("arn:aws:iam::210987654321:role/theirs", place.token())


@pytest.mark.parametrize(
    ("claims", "code", "text"),
    [
        (
            {"iss": "https://evil.example"},
            "InvalidIdentityToken",
            "No OpenIDConnect provider found in your account for https://evil.example",
        ),
        ({"iss": None}, "InvalidIdentityToken", "Missing a required claim: iss"),
        ({"aud": "somebody-else"}, "InvalidIdentityToken", "Incorrect token audience"),
        ({"aud": ["a", "b"]}, "InvalidIdentityToken", "Incorrect token audience"),
        ({"aud": "STS.amazonaws.com"}, "InvalidIdentityToken", "Incorrect token audience"),
        ({"aud": "sts.amazonaws.com", "azp": "somebody-else"}, "InvalidIdentityToken", "Incorrect token audience"),
        ({"aud": None}, "InvalidIdentityToken", "Missing a required claim: aud"),
        ({"aud": [1]}, "InvalidIdentityToken", "Missing a required claim: aud"),
        ({"sub": None}, "InvalidIdentityToken", "Missing a required claim: sub"),
        ({"exp": None}, "InvalidIdentityToken", "Missing a required claim: exp"),
        ({"exp": "never"}, "InvalidIdentityToken", "The claim exp is not a time."),
        ({"https://aws.amazon.com/tags": []}, "InvalidIdentityToken", "The claim for session tags is not valid."),
        (
            {"https://aws.amazon.com/source_identity": "a b"},
            "InvalidIdentityToken",
            "The claim for the source identity is not valid.",
        ),
    ],
)
def test_a_token_for_others_is_refused_in_the_words_of_sts(place: Place, claims: dict[str, Any], code: str, text: str) -> None:
    with failed(code, text, 400):
        place.assume(place.role(), place.token(**claims))


def test_of_several_audiences_one_must_be_known_or_the_authorized_party(place: Place) -> None:
    role = place.role({"StringEquals": {f"{place.name}:aud": "sts.amazonaws.com"}})
    assert place.assume(role, place.token(aud=["other", "sts.amazonaws.com"]))["Audience"] == "sts.amazonaws.com"
    issued_to_us = place.token(aud="other", azp="sts.amazonaws.com")
    assert place.assume(role, issued_to_us)["Audience"] == "sts.amazonaws.com"
    with failed("AccessDenied", _NOT_TRUSTED, 403):
        place.assume(place.role({"StringEquals": {f"{place.name}:oaud": "sts.amazonaws.com"}}), issued_to_us)


def test_an_issuer_that_differs_in_spelling_is_another_one(place: Place) -> None:
    for issuer in (
        place.issuer.url.upper().replace("HTTPS", "https"),
        place.issuer.url + "/",
        place.issuer.url.replace("https", "http"),
    ):
        with failed("InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {issuer}", 400):
            place.assume(place.role(), place.token(iss=issuer))


def test_an_expired_token_is_refused_with_the_code_that_sdks_know(place: Place) -> None:
    with pytest.raises(ClientError) as caught:
        place.assume(place.role(), place.token(exp=int(time.time()) - 1))
    answer = caught.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == ("ExpiredTokenException", 400)
    text = r"Token expired: current date/time \d{10} must be before the expiration date/time \d{10}"
    assert re.fullmatch(text, answer["Error"]["Message"])


def test_a_token_that_another_key_signed_is_refused(place: Place) -> None:
    with failed("InvalidIdentityToken", "Token signature invalid", 400):
        place.assume(place.role(), place.issuer.token(None, Key(number=9)))
    unknown = (
        "Couldn't retrieve verification key from your identity provider,  "
        "please reference AssumeRoleWithWebIdentity documentation for requirements"
    )
    with failed("InvalidIdentityToken", unknown, 400):
        place.assume(place.role(), place.issuer.token(None, Key(id="unknown", number=9)))


def test_an_issuer_that_does_not_answer_is_a_passing_failure(place: Place) -> None:
    place.iam.create_open_id_connect_provider(Url="https://localhost:1/gone", ClientIDList=["sts.amazonaws.com"])
    with pytest.raises(ClientError, match="IDPCommunicationError"):
        place.assume(place.role(), place.token(iss="https://localhost:1/gone"))


def test_a_parameter_outside_its_constraints_is_refused(place: Place) -> None:
    role = place.role()
    usual = {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleArn": role, "RoleSessionName": "ci"}
    for changed in (
        {},
        {"WebIdentityToken": "abc"},
        {"WebIdentityToken": "a" * 20_001},
        {"WebIdentityToken": "abcd", "RoleSessionName": "x"},
        {"WebIdentityToken": "abcd", "RoleSessionName": "a b"},
        {"WebIdentityToken": "abcd", "DurationSeconds": "899"},
        {"WebIdentityToken": "abcd", "RoleArn": "arn:aws:iam::123456789012:user/me"},
        {"WebIdentityToken": "abcd", "ProviderId": "www.amazon.com"},
    ):
        answer = place.unsigned({**usual, **changed})
        assert (answer.status, code_of(answer)) == (400, "ValidationError"), changed
    assert code_of(place.unsigned({**usual, "WebIdentityToken": "a" * 20_000})) == "InvalidIdentityToken"
