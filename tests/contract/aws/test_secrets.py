"""A secret is never written down: not in the record, not in the log, not in an answer."""

import base64
from pathlib import Path

import pytest

from tests.contract.aws.door import TARGET, Door, Signer
from tests.e2e.images import small
from tests.e2e.server import SECRET_ACCESS_KEY

_OPEN_TABLES = ("audit", "events", "jobs", "schedule", "tag_history")


@pytest.fixture
def password(door: Door) -> str:
    """A password of the data plane that has just been used, rightly and wrongly."""
    token = str(door.call("GetAuthorizationToken")["authorizationData"][0]["authorizationToken"])
    for path in ("/v2/", "/v2/team/absent/tags/list", "/v2/../..", "/v2/A/manifests/x"):
        door.exchange("GET", path, {"Authorization": f"Basic {token}"}, b"")
    return base64.b64decode(token).decode().removeprefix("AWS:")


def _said(door: Door) -> str:
    return Path(door.server.log).read_text(errors="replace")


def _forms(secret: str) -> set[str]:
    return {secret, base64.b64encode(f"AWS:{secret}".encode()).decode(), secret.encode().hex(), repr(secret)[1:-1]}


def test_no_secret_is_in_the_record_or_in_the_log(door: Door, repository: str, password: str) -> None:
    door.push(repository, small("canary"), "1")
    door.raw("DescribeRepositories", signer=Signer(secret="wrong"))
    door.settle()
    tables = {table: str(door.query(f"SELECT * FROM {table}")) for table in _OPEN_TABLES}
    for secret in (password, SECRET_ACCESS_KEY):
        for form in _forms(secret):
            assert not [table for table, text in tables.items() if form in text]
            assert form not in _said(door)


def test_no_secret_stands_in_the_database_in_the_clear(door: Door, password: str) -> None:
    door.settle()
    files = [path for path in door.server.data.iterdir() if path.name.startswith("moorage.db")]
    assert files
    for path in files:
        content = path.read_bytes()
        for secret in (password, SECRET_ACCESS_KEY):
            assert not [form for form in _forms(secret) if form.encode() in content], path.name


def test_an_answer_does_not_repeat_credentials(door: Door, password: str) -> None:
    token = base64.b64encode(f"AWS:{password}".encode()).decode()
    signature = "c0ffee" * 10
    for authorization in (
        f"Basic {token}",
        f"Bearer {password}",
        f"AWS4-HMAC-SHA256 Signature={signature}",
        f"AWS4-HMAC-SHA256 Credential=a/b/c/d/e, Signature={signature}, SignedHeaders",
        f"AWS4-HMAC-SHA512 Credential=a/b/c/d/e, SignedHeaders=host, Signature={signature}",
    ):
        for method, path in (("POST", "/"), ("GET", "/v2/"), ("GET", "/v2/team/a/tags/list"), ("GET", "/downloads/1/x")):
            headers = {"Authorization": authorization, "X-Amz-Target": f"{TARGET}.ListImages", "X-Amz-Date": "20260101T000000Z"}
            body = door.exchange(method, path, headers, b"").body.decode()
            assert not [form for form in (*_forms(password), signature) if form in body]


def test_a_fault_says_nothing_of_the_machine(door: Door, repository: str) -> None:
    bodies = [
        door.raw("DescribeImages", {"repositoryName": repository, "imageIds": [{"imageTag": "x"}]}).body,
        door.raw("CompleteLayerUpload", {"repositoryName": repository, "uploadId": "x", "layerDigests": ["a:0"]}).body,
        door.raw("PutImage", {"repositoryName": repository, "imageManifest": "{"}).body,
        door.exchange("GET", "/downloads/1/sha256:00?expires=1&mac=x", {}, b"").body,
    ]
    for text in map(bytes.decode, bodies):
        assert str(door.server.data) not in text
        assert "Traceback" not in text and ".py" not in text and "sqlite" not in text.lower()
