"""The record of every call: who did what to what, once, under the id that the caller was given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from moorage.app import operation_names
from tests.contract.aws.case import Case
from tests.contract.aws.credentials import Keys, User
from tests.contract.aws.door import ACCOUNT, ROOT, Answer, Door, Signer, input_of
from tests.contract.aws.error_cases import CASES, USUAL
from tests.contract.aws.error_cases_repositories import REGISTRY_POLICY, REPOSITORY_POLICY
from tests.e2e.images import digest, small
from tests.e2e.server import ACCESS_KEY_ID

Members = dict[str, Any]

_CONTENT = small("audited")


def _nothing(_door: Door, _repository: str) -> Members:
    return {}


def _new_name(_door: Door, repository: str) -> Members:
    return {"repositoryName": f"{repository}-new"}


def _manifest(door: Door, repository: str) -> Members:
    for blob in _CONTENT.blobs:
        door.upload(repository, blob.data)
    return {"imageManifest": _CONTENT.manifest.data.decode(), "imageTag": "1"}


def _image(door: Door, repository: str) -> Members:
    door.push(repository, _CONTENT, "1")
    return {"imageIds": [{"imageTag": "1"}]}


def _part(door: Door, repository: str) -> Members:
    session = door.call("InitiateLayerUpload", repositoryName=repository)["uploadId"]
    return {"uploadId": session, "partFirstByte": 0, "partLastByte": 0, "layerPartBlob": "eA=="}


def _received(door: Door, repository: str) -> Members:
    members = _part(door, repository)
    door.call("UploadLayerPart", repositoryName=repository, **{**members, "layerPartBlob": b"x"})
    return {"uploadId": members["uploadId"], "layerDigests": [digest(b"x")]}


def _role(_door: Door, repository: str) -> Members:
    return {"principalArn": f"arn:aws:iam::{ACCOUNT}:role/{repository}"}


def _excluded(door: Door, repository: str) -> Members:
    door.call("RegisterPullTimeUpdateExclusion", **_role(door, repository))
    return _role(door, repository)


def _tags(_door: Door, repository: str) -> Members:
    return {"resourceArn": _arn(repository), "tags": [{"Key": "team", "Value": "red"}]}


def _with_policy(door: Door, repository: str) -> Members:
    door.call("SetRepositoryPolicy", repositoryName=repository, policyText=REPOSITORY_POLICY)
    return {}


def _with_registry_policy(door: Door, _repository: str) -> Members:
    door.call("PutRegistryPolicy", policyText=REGISTRY_POLICY)
    return {}


def _template(_door: Door, repository: str) -> Members:
    return {"prefix": f"{repository}-t", "appliedFor": ["CREATE_ON_PUSH"]}


def _with_template(door: Door, repository: str) -> Members:
    members = _template(door, repository)
    door.call("CreateRepositoryCreationTemplate", **members)
    return {"prefix": members["prefix"]}


CHANGES: dict[str, Callable[[Door, str], Members]] = {
    "DeregisterPullTimeUpdateExclusion": _excluded,
    "PutAccountSetting": lambda _door, _repository: {"name": "REGISTRY_POLICY_SCOPE", "value": "V2"},
    "PutImageScanningConfiguration": lambda _door, _repository: {"imageScanningConfiguration": {"scanOnPush": True}},
    "PutRegistryScanningConfiguration": lambda _door, _repository: {"rules": []},
    "RegisterPullTimeUpdateExclusion": _role,
    "CreateRepositoryCreationTemplate": _template,
    "DeleteRegistryPolicy": _with_registry_policy,
    "DeleteRepositoryCreationTemplate": _with_template,
    "DeleteRepositoryPolicy": _with_policy,
    "PutImageTagMutability": lambda _door, _repository: {"imageTagMutability": "IMMUTABLE"},
    "PutRegistryPolicy": lambda _door, _repository: {"policyText": REGISTRY_POLICY},
    "SetRepositoryPolicy": lambda _door, _repository: {"policyText": REPOSITORY_POLICY},
    "TagResource": _tags,
    "UntagResource": lambda _door, repository: {"resourceArn": _arn(repository), "tagKeys": ["team"]},
    "UpdateRepositoryCreationTemplate": _with_template,
    "GetAuthorizationToken": _nothing,
    "CreateRepository": _new_name,
    "DeleteRepository": _nothing,
    "PutImage": _manifest,
    "BatchDeleteImage": _image,
    "InitiateLayerUpload": _nothing,
    "UploadLayerPart": _part,
    "CompleteLayerUpload": _received,
}


def _pulled(door: Door, repository: str) -> Members:
    door.push(repository, _CONTENT, "1")
    return {"layerDigest": _CONTENT.blobs[0].digest}


READS: dict[str, Callable[[Door, str], Members]] = {
    "BatchGetRepositoryScanningConfiguration": lambda _door, repository: {"repositoryNames": [repository]},
    "DescribeRegistry": _nothing,
    "GetAccountSetting": lambda _door, _repository: {"name": "BLOB_MOUNTING"},
    "GetRegistryScanningConfiguration": _nothing,
    "ListImageReferrers": lambda _door, _repository: {"subjectId": {"imageDigest": digest(b"x")}},
    "ListPullTimeUpdateExclusions": _nothing,
    "DescribeRepositoryCreationTemplates": _nothing,
    "GetRegistryPolicy": _with_registry_policy,
    "GetRepositoryPolicy": _with_policy,
    "ListTagsForResource": lambda _door, repository: {"resourceArn": _arn(repository)},
    "BatchCheckLayerAvailability": lambda _door, _repository: {"layerDigests": [digest(b"x")]},
    "BatchGetImage": _image,
    "DescribeImages": _nothing,
    "DescribeRepositories": lambda _door, repository: {"repositoryNames": [repository]},
    "GetDownloadUrlForLayer": _pulled,
    "ListImages": _nothing,
}


def _send(door: Door, name: str, repository: str, members: Members) -> Answer:
    shape = input_of(name)
    named = {"repositoryName": repository} if "repositoryName" in shape.members else {}
    return door.raw(name, {**named, **members}, Signer(headers={"User-Agent": f"audit/{name}"}))


def _expected(name: str, resource: str, answer: Answer) -> Members:
    return {
        "request_id": answer.request_id,
        "event_source": "ecr.amazonaws.com",
        "event_name": name,
        "protocol": "aws",
        "account_id": ACCOUNT,
        "principal_arn": ROOT,
        "access_key_id": ACCESS_KEY_ID,
        "region": "us-east-1",
        "resource": resource,
        "source_address": "127.0.0.1",
        "user_agent": f"audit/{name}",
        "error_code": None,
        "count": 1,
    }


def _arn(repository: str) -> str:
    return f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{repository}"


@dataclass(frozen=True, slots=True)
class Made:
    """A call that was made, and the record of it."""

    name: str
    resource: str
    answer: Answer
    at_once: list[dict[str, Any]]
    later: list[dict[str, Any]] = field(default_factory=list)


def _make(door: Door, calls: Mapping[str, Callable[[Door, str], Members]]) -> dict[str, Made]:
    made: dict[str, Made] = {}
    for name, prepare in calls.items():
        repository = door.new_repository()
        members = prepare(door, repository)
        answer = _send(door, name, repository, members)
        assert answer.status == 200
        named = {"repositoryName", "repositoryNames"} & input_of(name).members.keys()
        named = {"repositoryName", "repositoryNames", "resourceArn"} & input_of(name).members.keys()
        resource = _arn(members.get("repositoryName", repository)) if named else "*"
        made[name] = Made(name, resource, answer, door.audited(answer.request_id, seconds=0))
    door.settle()
    for each in made.values():
        each.later.extend(door.audited(each.answer.request_id))
    return made


@pytest.fixture(scope="module")
def changes(door: Door) -> dict[str, Made]:
    """Each operation that changes something, carried out."""
    return _make(door, CHANGES)


@pytest.fixture(scope="module")
def reads(door: Door) -> dict[str, Made]:
    """Each operation that reads, carried out."""
    return _make(door, READS)


def test_every_operation_is_among_these() -> None:
    assert sorted([*CHANGES, *READS]) == operation_names("ecr")


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_a_change_is_recorded_once_and_at_once(changes: dict[str, Made], name: str) -> None:
    made = changes[name]
    assert len(made.at_once) == 1
    assert made.at_once[0] == {**made.at_once[0], **_expected(name, made.resource, made.answer), "read_only": 0}
    assert made.later == made.at_once


@pytest.mark.parametrize("name", sorted(READS))
def test_a_read_is_recorded_within_two_seconds(reads: dict[str, Made], name: str) -> None:
    made = reads[name]
    (row,) = made.later
    assert row == {**row, **_expected(name, made.resource, made.answer), "read_only": 1}


def test_like_reads_of_one_moment_share_a_row(door: Door, repository: str) -> None:
    for _ in range(20):
        door.call("ListImages", repositoryName=repository)
    door.settle()
    rows = door.query("SELECT count FROM audit WHERE event_name = 'ListImages' AND resource = ?", _arn(repository))
    assert sum(row["count"] for row in rows) == 20 and len(rows) < 20


def test_a_denial_is_recorded_with_the_resource_that_was_asked_for(door: Door) -> None:
    members = {"registryId": "210987654321", "imageIds": [{"imageTag": "1"}]}
    answer = _send(door, "BatchDeleteImage", "team/foreign", members)
    (row,) = door.audited(answer.request_id)
    assert row["error_code"] == "AccessDeniedException"
    assert (row["event_name"], row["principal_arn"]) == ("BatchDeleteImage", ROOT)
    assert row["resource"] == "arn:aws:ecr:us-east-1:210987654321:repository/team/foreign"


@pytest.mark.parametrize(
    ("operation", "members", "code"),
    [
        ("get_user", {}, "AccessDenied"),
        ("get_role", {"RoleName": "absent"}, "AccessDenied"),
        ("create_user", {"UserName": "?"}, "ValidationError"),
    ],
)
def test_the_code_is_the_one_that_the_client_was_told(
    door: Door, client_of: Any, iam: Any, power_user: User, operation: str, members: Members, code: str
) -> None:
    iam.delete_user_policy(UserName=power_user.name, PolicyName="all")
    with pytest.raises(ClientError) as caught:
        getattr(client_of("iam", power_user.keys), operation)(**members)
    assert caught.value.response["Error"]["Code"] == code
    (row,) = door.audited(caught.value.response["ResponseMetadata"]["RequestId"])
    assert row["error_code"] == code


def test_a_signature_that_fails_has_the_code_that_the_client_was_told(client_of: Any, door: Door) -> None:
    with pytest.raises(ClientError) as caught:
        client_of("iam", Keys("AKIANOBODYNOBODYNOBO", "x" * 40)).list_users()
    (row,) = door.audited(caught.value.response["ResponseMetadata"]["RequestId"])
    assert row["error_code"] == caught.value.response["Error"]["Code"] == "InvalidClientTokenId"


_ONCE = {case.code: case for case in CASES if case.code != "InvalidParameterException"}


def _fail(door: Door, case: Case) -> Answer:
    repository = door.new_repository()
    members, _ = case.prepare(door, repository)
    shape = input_of(case.operation)
    named = {"repositoryName": repository} if "repositoryName" in shape.members else {}
    request = {**named, **USUAL.get(case.operation, {}), **members}
    client = request.pop("client", door.ecr)
    body = {key: "eA==" if isinstance(value, bytes) else value for key, value in request.items()}
    return door.raw(case.operation, body, Signer(region=client.meta.region_name))


@pytest.fixture(scope="module")
def failures(door: Door) -> dict[str, list[dict[str, Any]]]:
    """The record of each kind of failure, by its code."""
    answers = {code: _fail(door, case) for code, case in _ONCE.items()}
    door.settle()
    assert [answer.document["__type"] for answer in answers.values()] == list(answers)
    return {code: door.audited(answer.request_id) for code, answer in answers.items()}


@pytest.mark.parametrize("code", sorted(_ONCE))
def test_a_failure_is_recorded_once_with_its_code(failures: dict[str, list[dict[str, Any]]], code: str) -> None:
    rows = [(row["error_code"], row["event_name"], row["principal_arn"]) for row in failures[code]]
    assert rows == [(code, _ONCE[code].operation, ROOT)]


def test_what_fails_validation_is_recorded_too(door: Door, repository: str) -> None:
    answer = door.raw("PutImage", {"repositoryName": repository})
    assert answer.document["__type"] == "InvalidParameterException"
    (row,) = door.audited(answer.request_id)
    assert (row["error_code"], row["event_name"], row["principal_arn"]) == ("InvalidParameterException", "PutImage", ROOT)


def test_a_change_and_its_event_carry_the_same_request(door: Door, repository: str) -> None:
    answer = _send(door, "PutImage", repository, _manifest(door, repository))
    (event,) = door.query("SELECT kind, detail FROM events WHERE request_id = ?", answer.request_id)
    assert event["kind"] == "ECR Image Action"
    assert f'"image-digest": "{_CONTENT.digest}"' in event["detail"]
