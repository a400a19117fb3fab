"""OpenID Connect providers through boto3, and the keys that are given to them."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.contract.aws.door import ACCOUNT, Door
from tests.contract.aws.iam import failed, fresh
from tests.e2e.api import Api
from tests.e2e.server import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from tests.unit.identity.signing import Key, key_set

_PATH = "/oidc-providers/keys"


def _url() -> str:
    return f"https://issuer.example/{uuid.uuid4().hex}"


def _arn(url: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:oidc-provider/{url.removeprefix('https://')}"


@pytest.fixture
def url(iam: Any) -> str:
    """The URL of a fresh provider."""
    made = _url()
    iam.create_open_id_connect_provider(Url=made, ClientIDList=["sts.amazonaws.com"])
    return made


def test_a_provider_is_shown_as_it_was_made(iam: Any) -> None:
    url, tags = _url(), [{"Key": "team", "Value": "core"}]
    made = iam.create_open_id_connect_provider(
        Url=url, ClientIDList=["a", "b", "a"], ThumbprintList=["A" * 40, "b" * 40], Tags=tags
    )
    assert (made["OpenIDConnectProviderArn"], made["Tags"]) == (_arn(url), tags)
    shown = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=_arn(url))
    assert shown["Url"] == url.removeprefix("https://")
    assert shown["ClientIDList"] == ["a", "b"]
    assert shown["ThumbprintList"] == ["a" * 40, "b" * 40]
    assert shown["Tags"] == tags and shown["CreateDate"]
    assert {"Arn": _arn(url)} in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]


def test_audiences_come_and_go(iam: Any, url: str) -> None:
    arn = _arn(url)
    for _ in range(2):  # what is there already is no fault, and what is gone neither
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="more")
    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ClientIDList"] == ["sts.amazonaws.com", "more"]
    for _ in range(2):
        iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="sts.amazonaws.com")
    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ClientIDList"] == ["more"]


def test_thumbprints_are_replaced(iam: Any, url: str) -> None:
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=_arn(url), ThumbprintList=["c" * 40])
    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=_arn(url))["ThumbprintList"] == ["c" * 40]


def test_tags_come_and_go(iam: Any, url: str) -> None:
    arn = _arn(url)
    iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=[{"Key": k, "Value": k} for k in "abc"])
    iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=arn, TagKeys=["b"])
    page = iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn, MaxItems=1)
    assert (page["Tags"], page["IsTruncated"]) == ([{"Key": "a", "Value": "a"}], True)
    rest = iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn, MaxItems=9, Marker=page["Marker"])
    assert (rest["Tags"], rest["IsTruncated"]) == ([{"Key": "c", "Value": "c"}], False)


def test_a_provider_goes_and_may_go_twice(iam: Any, url: str) -> None:
    for _ in range(2):
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=_arn(url))
    with failed("NoSuchEntity", f"OpenIDConnect Provider not found for arn {_arn(url)}", 404):
        iam.get_open_id_connect_provider(OpenIDConnectProviderArn=_arn(url))


def test_a_name_is_taken_once_in_whatever_case(iam: Any, url: str) -> None:
    with failed("EntityAlreadyExists", f"Provider with url {url} already exists.", 409):
        iam.create_open_id_connect_provider(Url=url)
    with pytest.raises(ClientError, match="EntityAlreadyExists"):
        iam.create_open_id_connect_provider(Url="https://ISSUER.example/" + url.rpartition("/")[2])


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://issuer.example",
            "issuer.example",
            "https://",
            "https:///path",
            "https://user@issuer.example",
            "HTTPS://issuer.example",
        ),
        *("https://issuer.example?a=b", "https://issuer.example/?", "https://issuer.example#a", "https://issuer.example/a b"),
        *("https://issuer.example:0", "https://issuer.example:99999", "https://issuer.example:x", "https://-a", "https://a/*"),
        *("https://[::1]", "https://issuer.example/\u00e9", "https://issuer.example/%2e", "https://issuer.example\\a"),
    ],
)
def test_what_is_no_issuers_url_is_refused(iam: Any, url: str) -> None:
    with failed("ValidationError", "Invalid Open ID Connect Provider URL", 400):
        iam.create_open_id_connect_provider(Url=url)


def test_a_url_may_name_a_port_and_end_in_a_slash(iam: Any) -> None:
    for url in (f"https://issuer.example:8443/{fresh()}", f"https://issuer.example/{fresh()}/"):
        assert iam.create_open_id_connect_provider(Url=url)["OpenIDConnectProviderArn"] == _arn(url)
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=_arn(url))


def test_quotas_are_named(iam: Any, url: str) -> None:
    with failed("LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100", 409):
        iam.create_open_id_connect_provider(Url=_url(), ClientIDList=[f"id-{n}" for n in range(101)])
    with failed("InvalidInput", "Thumbprint list must contain fewer than 5 entries.", 400):
        iam.create_open_id_connect_provider(Url=_url(), ThumbprintList=[f"{n:040d}" for n in range(6)])
    with pytest.raises(ClientError, match="ValidationError"):
        iam.create_open_id_connect_provider(Url=_url(), ThumbprintList=["a" * 39])
    with failed("InvalidInput", "A thumbprint is 40 hexadecimal digits: the SHA-1 of a certificate.", 400):
        iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=_arn(url), ThumbprintList=["x" * 40])
    with pytest.raises(ClientError, match="ValidationError"):
        iam.create_open_id_connect_provider(Url="https://issuer.example/" + "a" * 255)


def test_a_provider_that_is_not_the_accounts_is_not_found(iam: Any) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/nothing.example"
    with failed("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}", 404):
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="a")
    other = "arn:aws:iam::210987654321:oidc-provider/issuer.example"
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=other, ClientID="a")


def test_what_is_no_providers_arn_is_refused(iam: Any) -> None:
    with pytest.raises(ClientError, match="InvalidInput"):
        iam.get_open_id_connect_provider(OpenIDConnectProviderArn=f"arn:aws:iam::{ACCOUNT}:user/somebody")


# --- keys that are given ----------------------------------------------------------------------------------------------


def _assume(door: Door, iam: Any, url: str, token: str) -> Any:
    name = fresh("role")
    statement = {"Effect": "Allow", "Principal": {"Federated": _arn(url)}, "Action": "sts:AssumeRoleWithWebIdentity"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=text)["Role"]["Arn"]
    made: Any = boto3.client
    options = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
    sts = made("sts", endpoint_url=f"http://{door.host}", region_name="us-east-1", config=options)
    try:
        return sts.assume_role_with_web_identity(RoleArn=arn, RoleSessionName="ci", WebIdentityToken=token)
    finally:
        sts.close()


def _claims(url: str) -> dict[str, Any]:
    return {"iss": url, "aud": "sts.amazonaws.com", "sub": "job", "exp": 4_000_000_000}


def test_with_given_keys_an_issuer_need_not_be_there(door: Door, iam: Any, url: str) -> None:
    rsa, curve = Key(), Key("ES384", id="key-2")
    api = Api(door.host)
    answer = api.ask("PUT", _PATH, {"url": url, **json.loads(key_set(rsa, curve, {"kty": "OKP"}))})
    assert (answer.status, answer.document) == (200, {"arn": _arn(url), "key_ids": ["key-1", "key-2"]})
    for key in (rsa, curve):
        assert _assume(door, iam, url, key.token(_claims(url)))["SubjectFromWebIdentityToken"] == "job"
    assert api.ask("DELETE", f"{_PATH}?url={url}").status == 204
    with pytest.raises(ClientError, match="IDPCommunicationError"):
        _assume(door, iam, url, rsa.token(_claims(url)))


def test_keys_that_are_no_public_keys_are_refused(door: Door, url: str) -> None:
    api = Api(door.host)
    wrong: list[list[Any]] = [[{**Key().jwk, "d": "AQAB"}], [{"kty": "oct", "k": "c2VjcmV0"}], [{"kty": "OKP"}], [{}]]
    for keys in wrong:
        answer = api.ask("PUT", _PATH, {"url": url, "keys": keys})
        assert (answer.status, answer.code) == (400, "InvalidInput")
    bodies: list[dict[str, Any]] = [
        {"url": url},
        {"url": url, "keys": []},
        {"url": url, "keys": ["a"]},
        {"url": url, "keys": [{}] * 101},
        {"keys": [{}]},
    ]
    for body in bodies:
        assert api.ask("PUT", _PATH, body).status == 400
    answer = api.ask("PUT", _PATH, {"url": _url(), "keys": [Key().jwk]})
    assert (answer.status, answer.code) == (404, "NoSuchEntity")


def test_the_command_gives_and_forgets_keys(door: Door, url: str, tmp_path: Path) -> None:
    env = {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": f"http://{door.host}",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_REGION": "us-east-1",
    }

    def run(*words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "moorage", "iam", "oidc", "keys", *words]
        return subprocess.run(command, env=env, input=given, capture_output=True, text=True, timeout=60, check=False)

    (tmp_path / "keys.json").write_text(key_set(Key()))
    done = run("set", url, str(tmp_path / "keys.json"))
    assert (done.returncode, done.stdout) == (0, f"provider: {_arn(url)}\nkeys:     key-1\n"), done.stderr
    done = run("set", "--json", url, "-", given=key_set(Key()))
    assert json.loads(done.stdout) == {"arn": _arn(url), "key_ids": ["key-1"]}
    assert run("clear", url).returncode == 0
    for wrong, said in (("nonsense", "is not JSON"), ("[]", "is no key set")):
        refused = run("set", url, "-", given=wrong)
        assert refused.returncode == 1 and said in refused.stderr and "Traceback" not in refused.stderr
    assert "cannot be read" in run("set", url, str(tmp_path / "nothing")).stderr
