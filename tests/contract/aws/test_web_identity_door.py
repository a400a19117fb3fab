"""The one operation that is reached without a signature: what else is not, and what a crowd of strangers gets."""

from urllib.parse import urlencode

import pytest
from botocore.exceptions import ClientError

from moorage.aws.model import Service
from tests.contract.aws.door import ACCOUNT
from tests.contract.aws.web_place import FORM, Place, code_of


@pytest.mark.parametrize("service", ["sts", "iam"])
def test_nothing_else_is_reached_without_a_signature(place: Place, service: str) -> None:
    model = Service(service)
    for name in sorted(model.operation_names - {"AssumeRoleWithWebIdentity"}):
        answer = place.unsigned({"Action": name, "Version": model.version})
        assert (answer.status, code_of(answer)) == (403, "MissingAuthenticationToken"), name


def test_no_disguise_opens_the_door_for_something_else(place: Place) -> None:
    usual = {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15"}
    for form, path in (
        ({**usual, "Version": "2010-05-08"}, "/"),
        ({**usual, "Version": ""}, "/"),
        ({**usual, "Action": "assumerolewithwebidentity"}, "/"),
        ({**usual, "Action": "AssumeRoleWithWebIdentity "}, "/"),
        ({}, "/?Action=AssumeRoleWithWebIdentity&Version=2011-06-15"),
    ):
        answer = place.unsigned(form, path)
        assert (answer.status, code_of(answer)) == (403, "MissingAuthenticationToken"), form
    body = urlencode(usual).encode()
    for again in (body + b"&Action=ListUsers", body + b"&%FF=1", body + b"&x=" + b"y" * 70_000):
        answer = place.door.exchange("POST", "/", FORM, again)
        assert (answer.status, code_of(answer)) == (403, "MissingAuthenticationToken")
    json_target = place.door.exchange(
        "POST", "/", {"X-Amz-Target": "AWSSecurityTokenServiceV20110615.AssumeRoleWithWebIdentity"}, b"{}"
    )
    assert json_target.status in {400, 403, 404}
    query = place.door.exchange("GET", "/?" + urlencode(usual), {}, b"")
    assert (query.status, code_of(query)) == (403, "MissingAuthenticationToken")
    both = place.door.exchange("POST", "/?Action=GetCallerIdentity&Version=2011-06-15", FORM, body)
    assert code_of(both) == "ValidationError"  # what is asked for stands in the body


def test_a_wrong_signature_is_not_overlooked(place: Place) -> None:
    form = urlencode({"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15"})
    headers = {
        **FORM,
        "Authorization": "AWS4-HMAC-SHA256 Credential=AKIAX/20260101/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=0",
    }
    assert place.door.exchange("POST", "/", headers, form.encode()).status in {400, 403}
    assert place.door.call("DescribeRepositories", maxResults=1)


def test_tokens_are_nowhere_in_what_the_server_keeps(place: Place) -> None:
    token = place.token(sub="canary-subject")
    signature = token.rpartition(".")[2]
    answer = place.assume(place.role(), token)
    with pytest.raises(ClientError):
        place.assume(f"arn:aws:iam::{ACCOUNT}:role/nobody", token)
    place.door.settle()
    (row,) = place.door.audited(answer["ResponseMetadata"]["RequestId"])
    assert row["event_name"] == "AssumeRoleWithWebIdentity" and row["error_code"] is None
    assert row["account_id"] == ACCOUNT and row["principal_arn"] == place.provider
    data = b"".join(path.read_bytes() for path in place.door.server.data.glob("moorage.db*"))
    assert signature.encode() not in data
    assert signature not in place.door.server.log.read_text()


def test_floods_of_one_address_are_told_to_slow_down(place: Place) -> None:
    form = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/nobody",
        "RoleSessionName": "ci",
        "WebIdentityToken": "a.b.c",
    }
    codes = [code_of(place.unsigned(form)) for _ in range(300)]
    assert set(codes) == {"InvalidIdentityToken", "Throttling"}
