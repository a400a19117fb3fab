"""Canaries: secrets that go through every door, rightly, wrongly and in the wrong place, and are then looked for everywhere.

A secret may be kept sealed or hashed, and shown to whoever it was made for, once. It may stand in no database file, no audit
file, no log line and no error.
"""

import base64
import json
import re
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import requests
from botocore.exceptions import ClientError

from tests.contract.aws.door import TARGET, Signer
from tests.e2e.api import Api, Key
from tests.e2e.http import push
from tests.e2e.images import small
from tests.e2e.people import DEFAULT, Person, Town, allow, policy
from tests.e2e.server import ACCESS_KEY_ID, SECRET_ACCESS_KEY, Server

pytestmark = pytest.mark.ours

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Cage:
    """An installation, the secrets that went through it, and every error that it answered."""

    town: Town
    out: Path
    secrets: dict[str, str] = field(default_factory=dict)
    errors: list[bytes] = field(default_factory=list)

    def secret(self, what: str, value: str = "") -> str:
        """A secret to look for later; made up unless it is given. Twenty characters and more, so that none is there by chance."""
        made = value or f"cAnary{len(self.secrets):03d}Zq7xW2pL9v{what.title().replace(' ', '')}"
        assert len(made) >= 20
        self.secrets[what] = made
        return made

    def post(self, path: str = "/", method: str = "POST", **request: Any) -> requests.Response:
        """A raw request, whose answer is kept if it is an error."""
        answer = requests.request(method, f"http://{self.town.server.host}{path}", timeout=60, **request)
        if answer.status_code >= 400:
            self.errors.append(answer.content + str(answer.headers).encode())
        return answer

    def call(self, client: Any, operation: str, **members: Any) -> Any:
        """An operation, whose error is kept."""
        try:
            return getattr(client, operation)(**members)
        except ClientError as error:
            self.errors.append(json.dumps(error.response, default=str).encode())
            return None

    def api(self, api: Api, method: str, path: str, body: Any = None) -> Any:
        """A request to `/api/v1`, whose answer is kept if it is an error."""
        answer = api.ask(method, path, body)
        if answer.status >= 400:
            self.errors.append(answer.body)
        return answer.document if answer.body else None


@pytest.fixture(scope="module")
def cage(connection: str) -> Iterator[Cage]:
    root = Path(tempfile.mkdtemp(prefix="mo-"))
    out = root / "stdout"
    redirected = ("sh", "-c", f'exec "$@" >{out}', "sh")
    server = Server(root / "data", connection, settings={"MOORAGE_LOG_LEVEL": "debug"}, wrapper=redirected).named("localhost")
    server.start()
    made = Cage(Town(server), out)
    made.secret("root secret", SECRET_ACCESS_KEY)
    made.secret("other root secret", made.town.other_root.secret)
    person = made.town.person(allow("ecr:*"), allow("iam:*"), allow("sts:*"), allow("moorage:*"))
    made.secret("user secret", person.key.secret)
    iam_secrets(made, person)
    sessions(made, person)
    registry_passwords(made, person)
    tokens(made, person)
    misplaced(made, person)
    time.sleep(2.5)  # what is recorded after the answer, and then taken to the file, is there by now
    _wait_for_file(made)
    yield made
    made.town.close()
    server.stop()
    shutil.rmtree(root, ignore_errors=True)


def _wait_for_file(cage: Cage) -> None:
    """Until the file has what the database has."""
    deadline = time.monotonic() + 30
    path = cage.town.server.data / "audit" / "audit.jsonl"
    with closing(sqlite3.connect(cage.town.server.data / "moorage.db", timeout=30)) as connection:
        (rows,) = connection.execute("SELECT count(*) FROM audit").fetchone()
    while not path.exists() or path.read_bytes().count(b"\n") < rows:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def iam_secrets(cage: Cage, person: Person) -> None:
    """Passwords and keys through IAM: accepted, refused, denied, and of the wrong shape."""
    iam, denied = person.client("iam"), cage.town.person().client("iam")
    for client in (denied, iam):
        password = cage.secret(f"login password {id(client)}", "") + "!aA1"
        cage.call(client, "create_login_profile", UserName=person.name, Password=password, PasswordResetRequired=False)
        cage.call(
            client, "update_login_profile", UserName=person.name, Password=cage.secret(f"new password {id(client)}") + "!"
        )
        cage.call(client, "create_login_profile", UserName="nobody-here", Password=cage.secret(f"nobody's {id(client)}") + "!")
        cage.call(
            client,
            "change_password",
            OldPassword=cage.secret(f"old {id(client)}"),
            NewPassword=cage.secret(f"new {id(client)}"),
        )
        cage.call(client, "update_login_profile", UserName=person.name, Password=cage.secret(f"long {id(client)}") * 10)
        cage.call(client, "create_access_key", UserName="nobody-here")
    made = cage.call(iam, "create_access_key", UserName=person.name)["AccessKey"]
    cage.secret("second secret", made["SecretAccessKey"])
    cage.call(iam, "update_access_key", UserName=person.name, AccessKeyId=made["AccessKeyId"], Status="Inactive")
    cage.call(cage.town.client("iam", Key(made["AccessKeyId"], made["SecretAccessKey"])), "list_users")
    cage.call(cage.town.client("iam", Key(person.key.id, cage.secret("wrong secret"))), "list_users")


def sessions(cage: Cage, person: Person) -> None:
    """Temporary credentials, tokens of MFA devices that are not there, and web identities."""
    sts = person.client("sts")
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": person.arn}}],
    }
    role = cage.town.iam.create_role(RoleName="canary", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    for what, answer in (
        ("role", cage.call(sts, "assume_role", RoleArn=role, RoleSessionName="canary")),
        ("session", cage.call(sts, "get_session_token")),
        ("federation", cage.call(sts, "get_federation_token", Name="canary", Policy=policy(allow("ecr:*")))),
    ):
        found = answer["Credentials"]
        cage.secret(f"{what} secret", found["SecretAccessKey"])
        cage.secret(f"{what} token", found["SessionToken"])
        signer = Signer(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
        for given in (signer, Signer(found["AccessKeyId"], found["SecretAccessKey"], cage.secret(f"wrong {what} token"))):
            signed = given.sign(cage.town.server.host, "DescribeRepositories", b"{}").prepare()
            cage.post(data=signed.body, headers=dict(signed.headers))
        presigned = Signer(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], expires=60)
        request = presigned.sign(cage.town.server.host, "DescribeRepositories", b"{}").prepare()
        cage.post(request.url.partition(cage.town.server.host)[2], data=request.body, headers=dict(request.headers))
    cage.call(sts, "get_session_token", SerialNumber="arn:aws:iam::123456789012:mfa/x", TokenCode="123456")
    claims = base64.urlsafe_b64encode(json.dumps({"iss": "https://ci.example.com", "sub": cage.secret("subject")}).encode())
    for token in (
        cage.secret("web identity"),
        f"eyJhbGciOiJSUzI1NiJ9.{claims.decode().rstrip('=')}.{cage.secret('web signature')}",
    ):
        for arn in (role, "arn:aws:iam::123456789012:role/absent"):
            form = {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleArn": arn, "RoleSessionName": "canary"}
            cage.post(data=urlencode({**form, "WebIdentityToken": token}), headers=_FORM)
            cage.post(f"/?{urlencode({**form, 'WebIdentityToken': token})}", "GET")


def registry_passwords(cage: Cage, person: Person) -> None:
    """Authorization tokens, used and misused; and the bytes of layers by both doors."""
    ecr = person.client("ecr")
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    password = cage.secret("registry password", base64.b64decode(token).decode().removeprefix("AWS:"))
    assert password
    name = cage.town.repository()
    push(person.sign_in(), name, small("canary"), "1")
    layer = cage.secret("layer bytes").encode()
    session = cage.call(ecr, "initiate_layer_upload", repositoryName=name)["uploadId"]
    part = {"repositoryName": name, "uploadId": session, "partFirstByte": 0, "partLastByte": len(layer) - 1}
    cage.call(ecr, "upload_layer_part", **part, layerPartBlob=layer)
    cage.call(ecr, "upload_layer_part", **part, layerPartBlob=layer)
    cage.call(ecr, "put_image", repositoryName=name, imageManifest=json.dumps({"secret": cage.secret("manifest")}))
    for text in (f"AWS:{cage.secret('wrong password')}", f"{cage.secret('as user')}:x", f"AWS:{password}"):
        basic = base64.b64encode(text.encode()).decode()
        for path in ("/v2/", f"/v2/{name}/manifests/absent", "/v2/A/manifests/x", "/api/v1/tokens", "/"):
            for method in ("GET", "PUT", "POST", "DELETE"):
                cage.post(path, method, headers={"Authorization": f"Basic {basic}"})
    cage.post("/v2/", "GET", headers={"Authorization": f"Bearer {cage.secret('bearer')}"})
    cage.post(f"/v2/{name}/blobs/uploads/", headers={"Authorization": f"Basic {token}"}, data=cage.secret("upload body"))


def tokens(cage: Cage, person: Person) -> None:
    """Tokens and robots of `/api/v1`."""
    api = person.api()
    made = cage.api(api, "POST", "/tokens", {"name": "canary", "repositories": ["team/*"], "actions": ["pull"]})
    cage.secret("token password", made["password"])
    cage.post("/v2/team/x/manifests/1", "PUT", auth=("AWS", made["password"]))
    cage.api(api, "DELETE", f"/tokens/{made['id']}")
    cage.post("/v2/", "GET", auth=("AWS", made["password"]))
    cage.api(api, "POST", "/tokens", {"name": "canary", "password": cage.secret("unknown member")})
    cage.api(api, "POST", "/tokens", {"name": "canary", "lifetime_seconds": cage.secret("of another type")})
    robot = Api(cage.town.server.host).ask(
        "POST", "/robots", {"name": "canary", "repositories": ["team/*"], "actions": ["pull"]}
    )
    if robot.status == 201:
        (password,) = [value for value in _texts(robot.document) if len(value) >= 64]
        cage.secret("robot password", password)
        cage.post("/v2/team/x/manifests/1", "GET", auth=("AWS", password))


def _texts(document: Any) -> list[str]:
    if isinstance(document, dict):
        return [text for value in document.values() for text in _texts(value)]
    return [document] if isinstance(document, str) else []


def misplaced(cage: Cage, person: Person) -> None:
    """Secrets where none belongs: as a key's id, in a signature, in a body that is no JSON, or that nobody may send."""
    host = cage.town.server.host
    for service in ("ecr", "moorage", "cloudtrail"):
        signed = Signer(cage.secret(f"as key id {service}"), "x", service=service).sign(host, "DescribeRepositories", b"{}")
        prepared = signed.prepare()
        cage.post(data=prepared.body, headers=dict(prepared.headers))
        cage.post("/api/v1/tokens", "GET", headers=dict(prepared.headers))
    scope = f"{ACCESS_KEY_ID}/20260101/us-east-1/ecr/aws4_request"
    forged = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={cage.secret('signature')}"
    cage.post(headers={"Authorization": forged, "X-Amz-Target": f"{TARGET}.ListImages", "X-Amz-Date": "20260101T000000Z"})
    iam = "AmazonEC2ContainerRegistry_V20150921.CreateRepository"
    for body in (f'{{"repositoryName": ["{cage.secret("of a wrong type")}"]}}', cage.secret("no json"), '{"a":"\\ud800"}'):
        prepared = Signer(target=iam).sign(host, "CreateRepository", body.encode()).prepare()
        cage.post(data=prepared.body, headers=dict(prepared.headers))
    cage.post(f"/downloads/1/sha256:00?expires=1&mac={cage.secret('mac')}", "GET")
    cage.post(f"/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Security-Token={cage.secret('query token')}", "GET")
    with suppress(ClientError):
        person.client("sts").decode_authorization_message(EncodedMessage=cage.secret("encoded message"))


def _forms(secret: str) -> dict[str, bytes]:
    """How a secret could be written without being hidden."""
    forms = {
        "itself": secret,
        "hex": secret.encode().hex(),
        "in a URL": quote(secret, safe=""),
        "in JSON": json.dumps(secret)[1:-1],
    }
    for start in range(3):  # within a longer text, base64 has three alignments
        encoded = base64.b64encode(b"x" * start + secret.encode()).decode()
        inner = encoded[4 if start else 0 : -4]
        forms[f"base64 {start}"] = inner
        forms[f"URL base64 {start}"] = inner.replace("+", "-").replace("/", "_")
    return {name: text.encode() for name, text in forms.items()}


def _assert_absent(cage: Cage, content: bytes, where: str) -> None:
    found = [
        f"{what} ({form}) in {where}: …{content[max(0, at - 150) : at + 50]!r}"
        for what, secret in cage.secrets.items()
        for form, text in _forms(secret).items()
        if (at := content.find(text)) >= 0
    ]
    assert not found, "\n".join(found)


def test_the_canaries_went_through_every_door(cage: Cage) -> None:
    assert len(cage.secrets) > 40 and len(cage.errors) > 60
    text = (cage.town.server.data / "audit" / "audit.jsonl").read_text()
    records = [json.loads(line) for line in text.splitlines()]
    events = {record["eventName"] for record in records}
    assert {
        "AssumeRole",
        "AssumeRoleWithWebIdentity",
        "ChangePassword",
        "CreateAccessKey",
        "CreateLoginProfile",
        "CreateToken",
        "GetAuthorizationToken",
        "GetFederationToken",
        "GetSessionToken",
        "Login",
        "PutImage",
        "UpdateLoginProfile",
        "UploadLayerPart",
    } <= events
    assert {record["additionalEventData"]["protocol"] for record in records} == {"aws", "oci", "api"}
    outcomes = {(record["eventName"], record.get("errorCode") is None) for record in records}
    assert {("CreateLoginProfile", True), ("CreateLoginProfile", False)} <= outcomes
    assert "HIDDEN_DUE_TO_SECURITY_REASONS" in text and DEFAULT in text


def test_no_secret_stands_in_the_database(cage: Cage) -> None:
    files = [path for path in cage.town.server.data.iterdir() if path.name.startswith("moorage.db")]
    assert {"moorage.db", "moorage.db-wal"} <= {path.name for path in files}
    for path in files:
        _assert_absent(cage, path.read_bytes(), path.name)


def test_no_secret_stands_in_the_audit_file(cage: Cage) -> None:
    for path in (cage.town.server.data / "audit").iterdir():
        _assert_absent(cage, path.read_bytes(), path.name)


def test_no_secret_stands_in_what_the_server_said(cage: Cage) -> None:
    for path in (cage.town.server.log, cage.out):
        content = path.read_bytes()
        assert content or path == cage.out
        _assert_absent(cage, content, path.name)
    assert re.search(rb"ready", cage.town.server.log.read_bytes())


def test_no_error_repeats_a_secret(cage: Cage) -> None:
    _assert_absent(cage, b"\n".join(cage.errors), "errors")
