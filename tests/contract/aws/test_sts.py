"""STS: who the caller is, over the Query protocol, in every form in which clients ask."""

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.contract.aws.door import ACCOUNT, ROOT, UUID, Answer, Door
from tests.e2e.server import ACCESS_KEY_ID, SECRET_ACCESS_KEY

_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
_FORM = "application/x-www-form-urlencoded; charset=utf-8"
_WHO = "Action=GetCallerIdentity&Version=2011-06-15"
_IDENTITY = f"<UserId>{ACCOUNT}</UserId><Account>{ACCOUNT}</Account><Arn>{ROOT}</Arn>"


def _client(
    door: Door, service: str = "sts", region: str = "us-east-1", key_id: str = ACCESS_KEY_ID, secret: str = SECRET_ACCESS_KEY
) -> Any:
    made: Any = boto3.client  # its stubs want a literal name
    return made(
        service,
        endpoint_url=f"http://{door.host}",
        region_name=region,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
    )


@pytest.fixture
def sts(door: Door) -> Iterator[Any]:
    with closing(_client(door)) as client:
        yield client


def _ask(
    door: Door,
    form: str = "",
    *,
    query: str = "",
    method: str = "POST",
    service: str = "sts",
    expires: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """A signed request as it stands on the wire."""
    address = f"http://{door.host}/" + (f"?{query}" if query else "")
    given = {"Content-Type": _FORM} if method == "POST" else {}
    request = AWSRequest(method, address, headers={**given, **(headers or {})}, data=form.encode())
    keys = Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY)
    signer = SigV4Auth(keys, service, "us-east-1") if expires is None else SigV4QueryAuth(keys, service, "us-east-1", expires)
    signer.add_auth(request)
    prepared = request.prepare()
    return door.exchange(method, prepared.url.partition(door.host)[2], dict(prepared.headers), form.encode())


def _code(answer: Answer) -> str:
    found = re.search(r"<Code>(\w+)</Code>", answer.body.decode())
    return found[1] if found else ""


def test_callers_are_told_who_they_are(sts: Any) -> None:
    answer = sts.get_caller_identity()
    metadata = answer.pop("ResponseMetadata")
    assert answer == {"UserId": ACCOUNT, "Account": ACCOUNT, "Arn": ROOT}
    assert metadata["RequestId"] == metadata["HTTPHeaders"]["x-amzn-requestid"]
    assert UUID.fullmatch(metadata["RequestId"])


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "aws-global"])
def test_any_regions_endpoint_answers_and_makes_no_registry(door: Door, region: str) -> None:
    with closing(_client(door, region=region)) as client:
        assert client.get_caller_identity()["Arn"] == ROOT
    if region == "aws-global":
        assert door.query("SELECT id FROM registries WHERE region = ?", region) == []


def test_the_answer_is_the_xml_of_the_service(door: Door) -> None:
    answer = _ask(door, _WHO)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/xml")
    assert answer.body.decode().strip() == (
        f'<GetCallerIdentityResponse xmlns="{_NAMESPACE}"><GetCallerIdentityResult>{_IDENTITY}</GetCallerIdentityResult>'
        f"<ResponseMetadata><RequestId>{answer.request_id}</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
    )


def test_the_call_is_recorded_though_it_needs_no_permission(door: Door) -> None:
    door.settle()  # like calls of one second share a row
    (row,) = door.audited(_ask(door, _WHO).request_id)
    seen = {name: row[name] for name in ("event_source", "event_name", "account_id", "read_only", "error_code", "resource")}
    assert seen == {
        "event_source": "sts.amazonaws.com",
        "event_name": "GetCallerIdentity",
        "account_id": ACCOUNT,
        "read_only": 1,
        "error_code": None,
        "resource": "*",
    }


def test_the_parameters_may_stand_in_the_query_string(door: Door) -> None:
    assert _ask(door, query=_WHO).status == 200
    assert _ask(door, "Version=2011-06-15", query="Action=GetCallerIdentity").status == 200
    assert _ask(door, query=_WHO, method="GET").status == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_presigned_identity_is_proven_as_cluster_authenticators_do(door: Door, method: str) -> None:
    answer = _ask(door, query=_WHO, method=method, expires=60, headers={"x-k8s-aws-id": "a-cluster"})
    assert (answer.status, _IDENTITY in answer.body.decode()) == (200, True)


def test_a_presigned_url_of_boto3_works(door: Door, sts: Any) -> None:
    url = sts.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    answer = door.exchange("GET", url.partition(door.host)[2], {}, b"")
    assert (answer.status, _IDENTITY in answer.body.decode()) == (200, True)
    changed = door.exchange("GET", url.partition(door.host)[2].replace("X-Amz-Expires=60", "X-Amz-Expires=6000"), {}, b"")
    assert (changed.status, _code(changed)) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize(
    ("action", "version"),
    [
        ("AssumeRoleWithSAML", "2011-06-15"),
        ("Nothing", "2011-06-15"),
        ("GetCallerIdentity", "2000-01-01"),
        ("GetCallerIdentity", ""),
    ],
)
def test_an_operation_that_is_not_here_is_not_found_in_the_services_words(door: Door, action: str, version: str) -> None:
    answer = _ask(door, f"Action={action}&Version={version}")
    text = f"Could not find operation {action} for version {version or 'NO_VERSION_SPECIFIED'}"
    assert (answer.status, _code(answer)) == (400, "InvalidAction")
    assert f"<Type>Sender</Type><Code>InvalidAction</Code><Message>{text}</Message>" in answer.body.decode()
    assert f"<RequestId>{answer.request_id}</RequestId>" in answer.body.decode()


def test_boto3_reads_the_errors(door: Door) -> None:
    with closing(_client(door, "iam")) as client, pytest.raises(ClientError) as caught:
        client.list_saml_providers()
    answer = caught.value.response
    assert answer["Error"]["Code"] == "InvalidAction"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize(
    ("keys", "code", "message"),
    [
        (
            {"key_id": "AKIANOBODY0000000000"},
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        ),
        ({"secret": "another"}, "SignatureDoesNotMatch", "The request signature we calculated does not match.*"),
    ],
)
def test_a_stranger_is_refused_in_the_words_of_the_query_protocol(
    door: Door, keys: dict[str, str], code: str, message: str
) -> None:
    with closing(_client(door, **keys)) as client, pytest.raises(ClientError) as caught:
        client.get_caller_identity()
    answer = caught.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, 403)
    assert re.fullmatch(message, answer["Error"]["Message"])


def test_a_request_without_a_signature_is_refused_in_the_words_of_the_query_protocol(door: Door) -> None:
    for answer in (
        door.exchange("POST", "/", {"Content-Type": _FORM}, _WHO.encode()),
        door.exchange("GET", f"/?{_WHO}", {}, b""),
    ):
        assert (answer.status, _code(answer)) == (403, "MissingAuthenticationToken")
        assert "<Message>Request is missing Authentication Token</Message>" in answer.body.decode()


@pytest.mark.parametrize("service", ["ecr", "iam", "moorage"])
def test_a_signature_for_another_service_is_refused(door: Door, service: str) -> None:
    answer = _ask(door, _WHO, service=service)
    assert (answer.status, _code(answer)) == (403, "SignatureDoesNotMatch")
    assert "Credential should be scoped to correct service: &apos;sts&apos;." in answer.body.decode().replace("'", "&apos;")


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ("Version=2011-06-15", "MissingAction"),
        ("Action=&Version=2011-06-15", "MissingAction"),
        (f"{_WHO}&Action=AssumeRole", "MalformedInput"),
        (f"{_WHO}&x=%FF", "MalformedInput"),
        (f"{_WHO}&x=%00", "MalformedInput"),
        (f"{_WHO}&{'.'.join('a' * 40)}=1", "MalformedInput"),
        ("&".join([_WHO, *(f"p{number}=" for number in range(5000))]), "MalformedInput"),
        ("Action=Get%3Cx%3E%26CallerIdentity&Version=2011-06-15", "InvalidAction"),
    ],
)
def test_a_form_that_cannot_be_read_is_refused(door: Door, form: str, code: str) -> None:
    answer = _ask(door, form)
    assert (answer.status, _code(answer)) == (400, code)
    assert "<x>" not in answer.body.decode()


def test_a_form_of_more_than_a_mebibyte_is_refused(door: Door) -> None:
    answer = _ask(door, f"{_WHO}&x={'y' * (1 << 20)}")
    assert (answer.status, _code(answer)) == (413, "RequestEntityTooLarge")


def test_a_body_that_is_no_form_is_refused(door: Door) -> None:
    answer = _ask(door, "{}", query=_WHO, headers={"Content-Type": "application/json"})
    assert (answer.status, _code(answer)) == (400, "MalformedInput")


def test_a_target_wins_over_a_form(door: Door) -> None:
    answer = _ask(door, _WHO, headers={"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListClusters"})
    assert (answer.status, answer.document["__type"]) == (404, "UnknownOperationException")
