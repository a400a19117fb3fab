"""What the record keeps of requests: everything that says what was asked for, nothing that is secret or long."""

import json
from typing import Any

import pytest

from moorage.audit.parameters import HIDDEN, distribution_parameters, parameters_of, plain_parameters
from moorage.aws.model import Service, members_of

CANARY = "canary-7f3a9c"
ECR, IAM, STS, TRAIL = (Service(name) for name in ("ecr", "iam", "sts", "cloudtrail"))


@pytest.mark.parametrize(
    ("service", "operation", "params", "kept"),
    [
        (
            ECR,
            "CreateRepository",
            {"repositoryName": "team/app", "tags": [{"Key": "team", "Value": "red"}]},
            {"repositoryName": "team/app", "tags": [{"key": "team", "value": "red"}]},
        ),
        (
            ECR,
            "PutImage",
            {"repositoryName": "a/b", "imageManifest": CANARY, "imageTag": "1"},
            {"repositoryName": "a/b", "imageTag": "1"},
        ),
        (
            ECR,
            "UploadLayerPart",
            {"repositoryName": "a/b", "uploadId": "u", "partFirstByte": 0, "partLastByte": 1, "layerPartBlob": CANARY.encode()},
            {"repositoryName": "a/b", "uploadId": "u", "partFirstByte": 0, "partLastByte": 1},
        ),
        (
            IAM,
            "CreateLoginProfile",
            {"UserName": "bob", "Password": CANARY, "PasswordResetRequired": True},
            {"userName": "bob", "password": HIDDEN, "passwordResetRequired": True},
        ),
        (IAM, "ChangePassword", {"OldPassword": CANARY, "NewPassword": CANARY}, {"oldPassword": HIDDEN, "newPassword": HIDDEN}),
        (
            STS,
            "AssumeRoleWithWebIdentity",
            {"RoleArn": "arn:aws:iam::123456789012:role/ci", "RoleSessionName": "s", "WebIdentityToken": CANARY},
            {"roleArn": "arn:aws:iam::123456789012:role/ci", "roleSessionName": "s", "webIdentityToken": HIDDEN},
        ),
        (STS, "GetSessionToken", {"DurationSeconds": 900, "TokenCode": CANARY}, {"durationSeconds": 900, "tokenCode": HIDDEN}),
        (STS, "DecodeAuthorizationMessage", {"EncodedMessage": CANARY}, {"encodedMessage": HIDDEN}),
        (
            TRAIL,
            "LookupEvents",
            {"StartTime": 1_767_225_600_000, "LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "X"}]},
            {"startTime": "2026-01-01T00:00:00Z", "lookupAttributes": [{"attributeKey": "EventName", "attributeValue": "X"}]},
        ),
    ],
)
def test_parameters_are_kept_without_secrets(service: Service, operation: str, params: dict[str, Any], kept: Any) -> None:
    assert parameters_of(service, operation, params) == kept


def _texts(shape: Any, depth: int = 4) -> Any:
    """A value of a shape in which every text and blob is the canary."""
    if shape.type_name == "structure":
        return {name: _texts(member, depth - 1) for name, member in members_of(shape).items()} if depth else {}
    if shape.type_name == "list":
        return [_texts(shape.member, depth - 1)] if depth else []
    if shape.type_name == "map":
        return {"key": _texts(shape.value, depth - 1)} if depth else {}
    return {"string": CANARY, "blob": CANARY.encode(), "boolean": True, "timestamp": 0}.get(shape.type_name, 1)


def _shown(value: Any, path: str = "") -> set[str]:
    """The names of the members in which the canary is readable."""
    if isinstance(value, dict):
        return set().union(*(_shown(item, name) for name, item in value.items()), set())
    if isinstance(value, list):
        return set().union(*(_shown(item, path) for item in value), set())
    return {path.lower()} if isinstance(value, str) and CANARY in value else set()


@pytest.mark.parametrize("service", [ECR, IAM, STS, TRAIL], ids=lambda service: service.name)
def test_no_member_of_any_operation_that_sounds_secret_is_readable(service: Service) -> None:
    shown: set[str] = set()
    for name in service.operation_names:
        shape = service.operation(name).input_shape
        if shape is not None:
            kept = parameters_of(service, name, _texts(shape))
            json.dumps(kept)
            shown |= _shown(kept)
    suspicious = {
        member
        for member in shown
        if any(word in member for word in ("password", "secret", "token", "private", "assertion", "blob"))
    }
    # Page tokens, a version, a mode, and the id of a key that goes: none opens anything.
    harmless = {"nexttoken", "globalendpointtokenversion", "assertionencryptionmode", "removeprivatekey", "credentialarn"}
    assert suspicious <= harmless, suspicious
    assert "imagemanifest" not in shown and shown


def test_what_is_long_is_cut_and_says_so() -> None:
    kept = parameters_of(IAM, "CreatePolicy", {"PolicyName": "p", "PolicyDocument": "x" * 6000})
    assert kept["policyName"] == "p"
    assert kept["policyDocument"].startswith("x" * 512) and kept["policyDocument"].endswith("… (6000 characters)")
    many = [{"imageTag": str(number)} for number in range(300)]
    kept = parameters_of(ECR, "BatchGetImage", {"repositoryName": "a/b", "imageIds": many})
    assert len(kept["imageIds"]) == 101 and kept["imageIds"][-1] == "… (300 entries)"
    assert kept["imageIds"][0] == {"imageTag": "0"}
    wide = [{"Key": f"k{number}", "Value": "v" * 500} for number in range(100)]
    kept = parameters_of(ECR, "TagResource", {"resourceArn": "arn:aws:ecr:x", "tags": wide})
    assert len(json.dumps(kept)) < 20_000 and kept["resourceArn"] == "arn:aws:ecr:x"


@pytest.mark.parametrize(
    ("event", "reference", "kept"),
    [
        ("BatchGetImage", "1.0", {"repositoryName": "a/b", "imageIds": [{"imageTag": "1.0"}]}),
        ("BatchDeleteImage", "sha256:00", {"repositoryName": "a/b", "imageIds": [{"imageDigest": "sha256:00"}]}),
        ("PutImage", "1.0", {"repositoryName": "a/b", "imageTag": "1.0"}),
        ("GetDownloadUrlForLayer", "sha256:00", {"repositoryName": "a/b"}),
        ("UploadLayerPart", "u-1", {"repositoryName": "a/b", "uploadId": "u-1"}),
        ("ListImages", "", {"repositoryName": "a/b"}),
    ],
)
def test_requests_to_the_registry_have_parameters_of_the_operation(event: str, reference: str, kept: Any) -> None:
    assert distribution_parameters(event, "a/b", reference) == kept
    assert distribution_parameters(event, "", "") == {}


def test_members_without_a_model_are_hidden_by_their_names() -> None:
    asked = {"name": "ci", "password": CANARY, "secret_access_key": CANARY, "nested": {"token": CANARY, "a": 1}, "no": None}
    assert plain_parameters({**asked, "on": False, "list": ["x", 2]}) == {
        "name": "ci",
        "password": HIDDEN,
        "secret_access_key": HIDDEN,
        "nested": {"token": HIDDEN, "a": 1},
        "on": False,
        "list": ["x", 2],
    }
