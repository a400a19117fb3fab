"""Plain HTTP towards the registry, as a careful client would speak it, with the checks that hold for every answer."""

import hashlib
import http.client
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urljoin

import requests

from tests.e2e.images import DOCKER_INDEX, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, Content

CODES = frozenset(
    "BLOB_UNKNOWN BLOB_UPLOAD_INVALID BLOB_UPLOAD_UNKNOWN DIGEST_INVALID MANIFEST_BLOB_UNKNOWN MANIFEST_INVALID MANIFEST_UNKNOWN "
    "NAME_INVALID NAME_UNKNOWN SIZE_INVALID UNAUTHORIZED DENIED UNSUPPORTED TOOMANYREQUESTS TAG_INVALID RANGE_INVALID UNKNOWN "
    "PAGINATION_NUMBER_INVALID MANIFEST_UNVERIFIED".split()
)
"""The spec's error codes and the older ones that clients know (oci-and-peers 1.2)."""


class Http(requests.Session):
    """A session with Basic credentials that takes paths, and refuses any answer that breaks what all must keep."""

    def __init__(self, base: str, username: str, password: str, *, strict: bool = True) -> None:
        super().__init__()
        self.base = base
        self.trust_env = False
        self.auth = (username, password)
        if strict:
            self.hooks["response"].append(check_answer)
        else:  # a peer answers 404 unless the stored type is asked for
            self.headers["Accept"] = ", ".join((OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_INDEX, "*/*"))

    def url(self, path: str) -> str:
        """The full address of a path; a full address stays as it is."""
        return urljoin(self.base, path)

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request to a path of this registry."""
        kwargs.setdefault("timeout", 60)
        kwargs.setdefault("allow_redirects", False)
        return super().request(method, self.url(str(url)), *args, **kwargs)


def check_answer(answer: requests.Response, *_args: Any, **_kwargs: Any) -> None:
    """What every answer below /v2/ keeps: no 500, hardened headers, an error body that clients can read."""
    request = answer.request
    said = f"{request.method} {request.url} -> {answer.status_code} {dict(answer.headers)}"
    assert answer.status_code < 500 or answer.status_code in {503, 507}, said
    if "/v2/" not in str(request.url):
        return
    assert answer.headers.get("X-Content-Type-Options") == "nosniff", said
    assert answer.headers.get("Content-Security-Policy") == "sandbox", said
    assert answer.headers.get("Docker-Distribution-API-Version") == "registry/2.0", said
    assert request.method == "HEAD" or "Content-Length" in answer.headers or answer.status_code in {204, 304}, said
    if answer.status_code >= 400 and answer.status_code != 401 and request.method != "HEAD":
        errors = answer.json()["errors"]
        assert errors and {error["code"] for error in errors} <= CODES, answer.text
        assert all(isinstance(error["message"], str) and error["message"] for error in errors), answer.text


def codes(answer: requests.Response) -> list[str]:
    """The error codes of an answer."""
    return [error["code"] for error in answer.json()["errors"]]


def upload(session: Http, repository: str, data: bytes, digest: str | None = None) -> str:
    """Upload a blob the usual way, POST then PUT; returns its digest."""
    digest = digest or f"sha256:{hashlib.sha256(data).hexdigest()}"
    location = start_upload(session, repository)
    done = session.put(with_query(location, digest=digest), data=data, headers={"Content-Type": "application/octet-stream"})
    assert done.status_code == 201, done.text
    return digest


def start_upload(session: Http, repository: str, **query: str) -> str:
    """Open an upload session; returns its location."""
    answer = session.post(with_query(f"/v2/{repository}/blobs/uploads/", **query))
    assert answer.status_code == 202, answer.text
    return answer.headers["Location"]


def with_query(location: str, **query: str) -> str:
    """Append parameters to a location that may have some already, as clients do."""
    return f"{location}{'&' if '?' in location else '?'}{urlencode(query)}" if query else location


def push(session: Http, repository: str, content: Content, *tags: str) -> str:
    """Push an image with everything below it; returns its digest."""
    for each in content.walk():
        for blob in each.blobs:
            upload(session, repository, blob.data)
        references = [each.digest, *(tags if each is content else ())]
        for reference in references:
            done = put_manifest(session, repository, each, reference)
            assert done.status_code == 201, done.text
            assert done.headers["Docker-Content-Digest"] == each.digest
    return content.digest


def put_manifest(
    session: Http, repository: str, content: Content, reference: str | None = None, **headers: str
) -> requests.Response:
    """Put only the manifest."""
    named = {"Content-Type": content.manifest.media_type, **{key.replace("_", "-"): value for key, value in headers.items()}}
    return session.put(f"/v2/{repository}/manifests/{reference or content.digest}", data=content.manifest.data, headers=named)


def assert_holds(session: Http, repository: str, content: Content, *tags: str) -> None:
    """Fetch every byte below these references and compare."""
    for each in content.walk():
        for reference in (each.digest, *(tags if each is content else ())):
            got = session.get(f"/v2/{repository}/manifests/{reference}")
            assert (got.status_code, got.content) == (200, each.manifest.data), reference
            assert got.headers["Content-Type"] == each.manifest.media_type
            assert got.headers["Docker-Content-Digest"] == each.digest
        for blob in each.blobs:
            got = session.get(f"/v2/{repository}/blobs/{blob.digest}")
            assert (got.status_code, got.content) == (200, blob.data), blob.digest


def pages(session: Http, path: str, member: str) -> Iterator[list[str]]:
    """Follow a listing by its Link headers."""
    following: str | None = path
    while following:
        answer = session.get(following)
        assert answer.status_code == 200, answer.text
        yield answer.json()[member]
        following = answer.links["next"]["url"] if "next" in answer.links else None


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer as it came."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


def raw(session: Http, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Raw:
    """Send a request whose target is not touched by any client library; the credentials are the session's."""
    host = session.base.removeprefix("http://").rstrip("/")
    connection = http.client.HTTPConnection(host, timeout=30)
    prepared = session.prepare_request(requests.Request("GET", session.base))
    try:
        connection.request(method, target, body, {"Authorization": prepared.headers["Authorization"], **(headers or {})})
        answer = connection.getresponse()
        return Raw(answer.status, answer.headers, answer.read())
    finally:
        connection.close()
