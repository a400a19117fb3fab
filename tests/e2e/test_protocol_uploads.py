"""The upload session and everything that clients do to it (oci-and-peers 1.3)."""

import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from requests import Response

from tests.e2e.http import Http, codes, start_upload, with_query
from tests.e2e.images import digest
from tests.e2e.registry import Registry

pytestmark = pytest.mark.ours

_DATA = bytes(range(256)) * 64
_HALF = len(_DATA) // 2


def _patch(session: Http, location: str, data: bytes, content_range: str | None = None) -> requests.Response:
    headers = {"Content-Type": "application/octet-stream"}
    if content_range:
        headers["Content-Range"] = content_range
    return session.patch(location, data=data, headers=headers)


def _finish(session: Http, location: str, data: bytes, body: bytes = b"", **headers: str) -> requests.Response:
    named = {key.replace("_", "-"): text for key, text in headers.items()}
    return session.put(with_query(location, digest=digest(data)), data=body, headers=named)


def test_a_new_session_says_where_it_stands(registry: Registry, repository: str) -> None:
    answer = registry.http.post(f"/v2/{repository}/blobs/uploads/")
    assert (answer.status_code, answer.headers["Range"], answer.content) == (202, "0-0", b"")
    location, session = answer.headers["Location"], answer.headers["Docker-Upload-UUID"]
    assert location.startswith(f"/v2/{repository}/blobs/uploads/")
    assert str(uuid.UUID(session)) == session
    status = registry.http.get(location)
    assert (status.status_code, status.headers["Range"]) == (204, "0-0")
    without_slash = registry.http.post(f"/v2/{repository}/blobs/uploads")
    assert without_slash.status_code == 202


def test_chunks_are_counted_and_joined(registry: Registry, repository: str) -> None:
    location = start_upload(registry.http, repository)
    for first in range(0, len(_DATA), 1000):
        chunk = _DATA[first : first + 1000]
        last = first + len(chunk) - 1
        answer = _patch(registry.http, location, chunk, f"{first}-{last}")
        assert (answer.status_code, answer.headers["Range"]) == (202, f"0-{last}")
        location = answer.headers["Location"]
        assert registry.http.get(location).headers["Range"] == f"0-{last}"
    done = _finish(registry.http, location, _DATA)
    assert done.status_code == 201
    assert registry.http.get(done.headers["Location"]).content == _DATA


def test_a_stream_without_length_is_taken(registry: Registry, repository: str) -> None:
    def stream() -> Iterator[bytes]:
        for first in range(0, len(_DATA), 777):
            yield _DATA[first : first + 777]

    location = start_upload(registry.http, repository)
    answer = registry.http.patch(location, data=stream(), headers={"Content-Type": "application/octet-stream"})
    assert (answer.status_code, answer.headers["Range"]) == (202, f"0-{len(_DATA) - 1}")
    done = _finish(registry.http, answer.headers["Location"], _DATA)
    assert done.status_code == 201


def test_the_last_chunk_may_come_with_the_closing_request(registry: Registry, repository: str) -> None:
    location = _patch(registry.http, start_upload(registry.http, repository), _DATA[:_HALF]).headers["Location"]
    span = f"{_HALF}-{len(_DATA) - 1}"
    done = _finish(registry.http, location, _DATA, _DATA[_HALF:], Content_Range=span)
    assert done.status_code == 201
    assert registry.http.get(done.headers["Location"]).content == _DATA


@pytest.mark.parametrize("span", [(0, 99), (_HALF + 1, _HALF + 100), (_HALF - 1, _HALF + 98), (2**40, 2**40 + 99)])
def test_a_chunk_out_of_order_is_refused_and_told_where_to_go_on(
    registry: Registry, repository: str, span: tuple[int, int]
) -> None:
    location = _patch(registry.http, start_upload(registry.http, repository), _DATA[:_HALF]).headers["Location"]
    answer = _patch(registry.http, location, b"x" * 100, f"{span[0]}-{span[1]}")
    assert answer.status_code == 416
    assert (answer.headers["Range"], codes(answer)) == (f"0-{_HALF - 1}", ["BLOB_UPLOAD_INVALID"])
    closing = _finish(registry.http, location, _DATA, b"x" * 100, Content_Range=f"{span[0]}-{span[1]}")
    assert closing.status_code == 416
    rest = _patch(registry.http, answer.headers["Location"], _DATA[_HALF:], f"{_HALF}-{len(_DATA) - 1}")
    assert rest.status_code == 202
    assert _finish(registry.http, rest.headers["Location"], _DATA).status_code == 201


@pytest.mark.parametrize("span", ["0-98", "0-100", "0-0"])
def test_a_chunk_of_another_length_than_it_says_changes_nothing(registry: Registry, repository: str, span: str) -> None:
    location = start_upload(registry.http, repository)
    answer = _patch(registry.http, location, b"x" * 100, span)
    assert (answer.status_code, codes(answer)) == (400, ["SIZE_INVALID"])
    assert registry.http.get(location).headers["Range"] == "0-0"
    assert _patch(registry.http, location, _DATA, f"0-{len(_DATA) - 1}").status_code == 202


@pytest.mark.parametrize(
    "span",
    [
        "bytes 0-99",
        "0-99/100",
        "-5-94",
        "a-b",
        "99-0",
        "0-",
        "0-" + "9" * 30,
        f"{2**63}-{2**63 + 99}",
        f"{2**64}-{2**64 + 99}",
        "٠-٩٩",
    ],
)
def test_a_chunk_range_that_is_none_is_refused(registry: Registry, repository: str, span: str) -> None:
    location = start_upload(registry.http, repository)
    headers: dict[str, str | bytes] = {"Content-Range": span.encode(), "Content-Type": "application/octet-stream"}
    answer = registry.http.patch(location, data=b"x" * 100, headers=headers)
    assert answer.status_code in {202, 400, 416}
    assert answer.status_code != 202 or answer.headers["Range"] == "0-99"


def test_a_range_in_the_form_of_http_is_taken(registry: Registry, repository: str) -> None:
    location = start_upload(registry.http, repository)
    answer = _patch(registry.http, location, _DATA, f"bytes 0-{len(_DATA) - 1}/*")
    assert (answer.status_code, answer.headers["Range"]) == (202, f"0-{len(_DATA) - 1}")


def test_a_wrong_digest_publishes_nothing(registry: Registry, repository: str) -> None:
    location = _patch(registry.http, start_upload(registry.http, repository), _DATA).headers["Location"]
    answer = _finish(registry.http, location, b"other bytes")
    assert (answer.status_code, codes(answer)) == (400, ["DIGEST_INVALID"])
    for data in (_DATA, b"other bytes"):
        assert registry.http.head(f"/v2/{repository}/blobs/{digest(data)}").status_code == 404


def test_a_closing_request_without_digest_is_refused(registry: Registry, repository: str) -> None:
    location = _patch(registry.http, start_upload(registry.http, repository), _DATA).headers["Location"]
    answer = registry.http.put(location)
    assert (answer.status_code, codes(answer)) == (400, ["DIGEST_INVALID"])


def test_closing_twice_is_created_twice(registry: Registry, repository: str) -> None:
    location = _patch(registry.http, start_upload(registry.http, repository), _DATA).headers["Location"]
    first, second = (_finish(registry.http, location, _DATA) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.headers["Location"] == second.headers["Location"]
    assert _finish(registry.http, location, b"other").status_code in {400, 404}
    assert registry.http.get(location).status_code == 404


def test_a_client_that_begins_again_at_the_closing_request_is_forgiven(registry: Registry, repository: str) -> None:
    location = _patch(registry.http, start_upload(registry.http, repository), _DATA[:_HALF]).headers["Location"]
    done = _finish(registry.http, location, _DATA, _DATA)
    assert done.status_code == 201
    assert registry.http.get(done.headers["Location"]).content == _DATA


def test_a_cancelled_session_is_gone(registry: Registry, repository: str) -> None:
    location = _patch(registry.http, start_upload(registry.http, repository), _DATA).headers["Location"]
    assert registry.http.delete(location).status_code == 204
    answers = [
        registry.http.get(location),
        registry.http.delete(location),
        _patch(registry.http, location, b"x"),
        _finish(registry.http, location, _DATA),
    ]
    assert [(answer.status_code, codes(answer)) for answer in answers] == [(404, ["BLOB_UPLOAD_UNKNOWN"])] * 4


def test_a_session_serves_its_own_repository_only(registry: Registry, repository: str) -> None:
    other = registry.new()
    location = _patch(registry.http, start_upload(registry.http, repository), _DATA).headers["Location"]
    stolen = location.replace(f"/v2/{repository}/", f"/v2/{other}/")
    answers = [
        registry.http.get(stolen),
        _patch(registry.http, stolen, b"x"),
        _finish(registry.http, stolen, _DATA),
        registry.http.delete(stolen),
    ]
    assert [(answer.status_code, codes(answer)) for answer in answers] == [(404, ["BLOB_UPLOAD_UNKNOWN"])] * 4
    assert _finish(registry.http, location, _DATA).status_code == 201
    assert registry.http.head(f"/v2/{other}/blobs/{digest(_DATA)}").status_code == 404


@pytest.mark.parametrize("name", ["00000000-0000-0000-0000-000000000000", "x", "..%2f..", "a" * 300, "%00"])
def test_a_session_that_never_was_is_unknown(registry: Registry, repository: str, name: str) -> None:
    answer = registry.http.get(f"/v2/{repository}/blobs/uploads/{name}")
    assert answer.status_code in {400, 404}


def test_an_upload_to_a_missing_repository_is_refused(registry: Registry) -> None:
    answer = registry.http.post("/v2/no/such/repository/blobs/uploads/")
    assert (answer.status_code, codes(answer)) == (404, ["NAME_UNKNOWN"])


def test_an_unknown_digest_algorithm_is_refused_at_once(registry: Registry, repository: str) -> None:
    answer = registry.http.post(f"/v2/{repository}/blobs/uploads/?digest-algorithm=md5")
    assert answer.status_code == 400


def test_of_two_writers_at_once_one_is_told_to_wait(registry: Registry, repository: str) -> None:
    # Nothing tells when the server has begun to take the first one's bytes. Who comes before that is let in; then once more.
    outcomes = (_of_two_writers(registry, repository, wait) for wait in (0.1, 0.5, 2, 8))
    location, first, second = next(outcome for outcome in outcomes if outcome[2].status_code != 202)
    assert (first.status_code, first.headers["Range"]) == (202, "0-1999")
    assert second.status_code in {409, 416, 429}, second.text
    assert _finish(registry.http, location, b"a" * 1000 + b"b" * 1000).status_code == 201


def _of_two_writers(registry: Registry, repository: str, wait: float) -> tuple[str, Response, Response]:
    """An upload, what the first writer was answered, who began some seconds before, and what the second was."""
    location = start_upload(registry.http, repository)
    entered, release = threading.Event(), threading.Event()

    def slow() -> Iterator[bytes]:
        yield b"a" * 1000
        entered.set()
        release.wait(30)
        yield b"b" * 1000

    one, two = (Http(registry.http.base, registry.username, registry.password) for _ in range(2))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(one.patch, location, data=slow())
        assert entered.wait(30)
        time.sleep(wait)
        second = two.patch(location, data=b"c" * 1000, headers={"Content-Range": "0-999"})
        release.set()
        return location, first.result(60), second


def test_writers_that_race_for_one_offset_leave_one_winner(registry: Registry, repository: str) -> None:
    location = start_upload(registry.http, repository)

    def attempt(letter: bytes) -> tuple[bytes, int]:
        session = Http(registry.http.base, registry.username, registry.password)
        return letter, _patch(session, location, letter * 5000, "0-4999").status_code

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(attempt, [bytes([65 + number]) for number in range(8)]))
    (winner,) = [letter for letter, status in outcomes if status == 202]
    assert {status for _, status in outcomes} <= {202, 409, 416, 429}
    assert registry.http.get(location).headers["Range"] == "0-4999"
    assert _finish(registry.http, location, winner * 5000).status_code == 201


def test_many_pushes_of_one_new_blob_at_once_all_succeed(registry: Registry) -> None:
    data, names = uuid.uuid4().bytes * 4096, [registry.new() for _ in range(4)]

    def attempt(number: int) -> int:
        session = Http(registry.http.base, registry.username, registry.password)
        location = start_upload(session, names[number % 4])
        return _finish(session, location, data, data).status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(attempt, range(32))) == {201}
    for name in names:
        assert registry.http.get(f"/v2/{name}/blobs/{digest(data)}").content == data
