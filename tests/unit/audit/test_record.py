"""A row as a CloudTrail record, member by member (CloudTrail user guide, "CloudTrail record contents")."""

import json
import uuid
from dataclasses import replace
from typing import Any

import pytest

from moorage.audit.record import RESOURCE_TYPES, accounts_of, event_id, record_of, resources_of, row_id_of
from moorage.core.call import Principal, Registry, Ruling
from tests.unit.audit.rows import ACCOUNT, FOREIGNER, NOBODY, OTHER, REPOSITORY, SESSION, USER, a_call, a_row

# The guide's table of members, and of which the values can be null.
MEMBERS: dict[str, type | tuple[type, ...]] = {
    "eventTime": str,
    "eventVersion": str,
    "userIdentity": dict,
    "eventSource": str,
    "eventName": str,
    "awsRegion": str,
    "sourceIPAddress": str,
    "userAgent": str,
    "errorCode": str,
    "errorMessage": str,
    "requestParameters": (dict, type(None)),
    "responseElements": (dict, type(None)),
    "additionalEventData": dict,
    "requestID": str,
    "eventID": str,
    "eventType": str,
    "managementEvent": bool,
    "readOnly": bool,
    "resources": list,
    "recipientAccountId": str,
    "sharedEventID": str,
    "eventCategory": str,
    "tlsDetails": dict,
}
ALWAYS = MEMBERS.keys() - {"errorCode", "errorMessage", "resources", "recipientAccountId", "sharedEventID", "tlsDetails"}


def record(row: dict[str, Any], account_id: str | None = ACCOUNT) -> dict[str, Any]:
    made = record_of(row, account_id)
    assert made.keys() <= MEMBERS.keys() and made.keys() >= ALWAYS
    assert all(isinstance(value, MEMBERS[name]) for name, value in made.items())
    assert json.loads(json.dumps(made)) == made
    return made


def test_a_push_by_a_user() -> None:
    row = a_row(a_call())
    assert record(row) == {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "AIDABOB0000000000000",
            "arn": f"arn:aws:iam::{ACCOUNT}:user/ci/bob",
            "accountId": ACCOUNT,
            "accessKeyId": "AKIABOB0000000000000",
            "userName": "bob",
        },
        "eventTime": "2026-01-01T00:00:00Z",
        "eventSource": "ecr.amazonaws.com",
        "eventName": "PutImage",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "192.0.2.7",
        "userAgent": "docker/28.0.1",
        "requestParameters": {"repositoryName": "team/app", "imageTag": "1.0"},
        "responseElements": None,
        "additionalEventData": {
            "protocol": "oci",
            "authorization": {"outcome": "allowed", "by": "identity-based policy", "statements": ["push#Dev"]},
        },
        "requestID": "11111111-2222-4333-a444-000000000001",
        "eventID": event_id(row, ACCOUNT),
        "readOnly": False,
        "resources": [{"ARN": REPOSITORY, "accountId": ACCOUNT, "type": "AWS::ECR::Repository"}],
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    }


def test_a_session_of_a_role_says_whose_it_is() -> None:
    identity = record(a_row(a_call(SESSION)))["userIdentity"]
    assert identity == {
        "type": "AssumedRole",
        "principalId": "AROADEPLOY0000000000:run-17",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/run-17",
        "accountId": ACCOUNT,
        "accessKeyId": "ASIARUN0000000000000",
        "sessionContext": {
            "attributes": {"mfaAuthenticated": "false"},
            "sessionIssuer": {
                "type": "Role",
                "principalId": "AROADEPLOY0000000000",
                "arn": f"arn:aws:iam::{ACCOUNT}:role/deploy",
                "accountId": ACCOUNT,
                "userName": "deploy",
            },
        },
    }


def test_root_and_temporary_credentials_of_a_user() -> None:
    root = Principal.root(ACCOUNT, "AKIAROOT000000000000")
    assert record(a_row(a_call(root)))["userIdentity"] == {
        "type": "Root",
        "principalId": ACCOUNT,
        "arn": f"arn:aws:iam::{ACCOUNT}:root",
        "accountId": ACCOUNT,
        "accessKeyId": "AKIAROOT000000000000",
    }
    temporary = record(a_row(a_call(replace(USER, access_key_id="ASIABOB0000000000000"))))["userIdentity"]
    assert temporary["userName"] == "bob"
    assert temporary["sessionContext"] == {"attributes": {"mfaAuthenticated": "false"}}


def test_a_web_identity_has_its_provider_and_its_subject() -> None:
    provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/ci.example.com"
    subject = "repo:team/app:ref:refs/heads/main"
    caller = Principal(ACCOUNT, provider, "WebIdentityUser", "", id=f"{provider}:https://x:8/y:{subject}", subject=subject)
    assert record(a_row(a_call(caller)))["userIdentity"] == {
        "type": "WebIdentityUser",
        "principalId": f"{provider}:https://x:8/y:{subject}",
        "accountId": ACCOUNT,
        "userName": subject,
        "identityProvider": provider,
    }


def test_nobody_is_unknown_and_has_a_record_of_nobodys_account() -> None:
    call = a_call(replace(NOBODY, access_key_id="AKIACLAIMED000000000"), registry=Registry(0, "private", "", ""), resource="*")
    row = a_row(call, error_code="SignatureMismatch")
    assert accounts_of(row) == [None]
    made = record(row, None)
    assert made["userIdentity"] == {"type": "Unknown", "accessKeyId": "AKIACLAIMED000000000"}
    assert "recipientAccountId" not in made and "resources" not in made
    assert made["awsRegion"] == "us-east-1"


def test_a_denial_says_what_was_told_and_which_statement_decided() -> None:
    call = a_call(ruling=Ruling("explicitDeny", "service control policy", ("guard#2",)))
    made = record(a_row(call, error_code="DENIED", error_message="User: … is not authorized", count=3))
    assert (made["errorCode"], made["errorMessage"]) == ("DENIED", "User: … is not authorized")
    assert made["additionalEventData"] == {
        "protocol": "oci",
        "authorization": {"outcome": "explicitDeny", "by": "service control policy", "statements": ["guard#2"]},
        "count": 3,
    }


def test_a_call_on_anothers_resource_is_in_both_records() -> None:
    row = a_row(a_call(FOREIGNER))
    assert accounts_of(row) == [OTHER, ACCOUNT]
    callers, owners = record(row, OTHER), record(row, ACCOUNT)
    assert callers["sharedEventID"] == owners["sharedEventID"] and callers["eventID"] != owners["eventID"]
    assert (callers["recipientAccountId"], owners["recipientAccountId"]) == (OTHER, ACCOUNT)
    assert callers["userIdentity"]["accessKeyId"] == "AKIAEVE0000000000000"
    assert owners["userIdentity"] == {
        "type": "AWSAccount",
        "principalId": "AIDAEVE0000000000000",
        "arn": f"arn:aws:iam::{OTHER}:user/eve",
        "accountId": OTHER,
    }


def test_each_account_is_told_of_the_statements_of_its_own_policies_only() -> None:
    def told(*ruling: Any) -> tuple[Any, Any]:
        row = a_row(a_call(FOREIGNER, ruling=Ruling(*ruling)))
        callers, owners = (record(row, account)["additionalEventData"]["authorization"] for account in (OTHER, ACCOUNT))
        return callers, owners

    owners_policy, callers_policy, control = "resource-based policy", "identity-based policy", "service control policy"
    assert told("allowed", owners_policy, ("mine#1",), ("theirs#Partner",)) == (
        {"outcome": "allowed", "by": owners_policy, "statements": ["mine#1"]},
        {"outcome": "allowed", "by": owners_policy, "statements": ["theirs#Partner"]},
    )
    assert told("explicitDeny", owners_policy, (), ("theirs#1",)) == (
        {"outcome": "explicitDeny", "by": owners_policy, "statements": []},
        {"outcome": "explicitDeny", "by": owners_policy, "statements": ["theirs#1"]},
    )
    assert told("explicitDeny", control, ("limit#1",), ("theirs#1",)) == (
        {"outcome": "explicitDeny", "by": control, "statements": ["limit#1"]},
        {"outcome": "explicitDeny", "by": owners_policy, "statements": ["theirs#1"]},
    )
    assert told("implicitDeny", callers_policy)[1] == {"outcome": "implicitDeny"}


def test_the_owner_of_a_registry_has_a_record_of_what_names_no_resource() -> None:
    call = a_call(FOREIGNER, resource="*", registry=Registry(1, "private", ACCOUNT, "us-east-1"))
    assert accounts_of(a_row(call)) == [OTHER, ACCOUNT]


@pytest.mark.parametrize(
    ("resource", "kind"),
    [
        (REPOSITORY, "AWS::ECR::Repository"),
        (f"arn:aws:iam::{ACCOUNT}:user/path/bob", "AWS::IAM::User"),
        (f"arn:aws:iam::{ACCOUNT}:role/deploy", "AWS::IAM::Role"),
        (f"arn:aws:iam::{ACCOUNT}:policy/p", "AWS::IAM::Policy"),
        (f"arn:aws:iam::{ACCOUNT}:oidc-provider/ci.example.com", "AWS::IAM::OIDCProvider"),
        ("*", None),
        ("", None),
        (f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/*", None),
        (f"arn:aws:s3:::{ACCOUNT}", None),
    ],
)
def test_a_resource_has_a_type_or_is_none(resource: str, kind: str | None) -> None:
    found = resources_of(a_row(a_call(resource=resource)))
    assert [each["type"] for each in found] == ([kind] if kind else [])
    assert {each["type"] for each in found} <= RESOURCE_TYPES.keys()


def test_ids_are_uuids_that_name_their_row_and_nothing_else_of_it() -> None:
    seen = set()
    for number in (1, 2, 1_000_000, 2**59):
        row = a_row(a_call(FOREIGNER), number)
        for account in accounts_of(row):
            text = event_id(row, account)
            assert str(uuid.UUID(text)) == text and uuid.UUID(text).version == 8 and uuid.UUID(text).variant == uuid.RFC_4122
            assert row_id_of(text) == number and text == event_id(dict(row), account)
            seen.add(text)
    assert len(seen) == 8
    assert event_id(a_row(a_call(), 5), ACCOUNT) != event_id(a_row(a_call(request_id="another"), 5), ACCOUNT)


@pytest.mark.parametrize("text", ["", "x", "11111111-2222-4333-a444-000000000001", "8" * 32, "é"])
def test_another_text_is_no_events_id(text: str) -> None:
    assert row_id_of(text) is None
