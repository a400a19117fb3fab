"""Layers through the API: what is there, uploads in parts, and their seal."""

import re
from typing import Any

import pytest

from tests.contract.aws.door import ACCOUNT, UUID, Door, constraint, refused
from tests.e2e.images import OCI_CONFIG, digest, small

_MIB = 1024 * 1024
_REGEX = "Invalid request parameters: layer digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"
_EMPTY = "Invalid request parameters: layer digest cannot be null or empty"


class Session:
    """An open upload."""

    def __init__(self, door: Door, repository: str) -> None:
        self.door = door
        answer = door.call("InitiateLayerUpload", repositoryName=repository)
        self.id: str = answer["uploadId"]
        self.where = {"repositoryName": repository, "uploadId": self.id}
        self.size = 0

    def part(self, data: bytes, first: int | None = None, last: int | None = None) -> dict[str, Any]:
        """Send a part; where it stands unless told otherwise."""
        start = self.size if first is None else first
        stop = start + len(data) - 1 if last is None else last
        members = {"partFirstByte": start, "partLastByte": stop, "layerPartBlob": data}
        answer = self.door.call("UploadLayerPart", **self.where, **members)
        self.size = stop + 1
        return answer

    def complete(self, *digests: str) -> dict[str, Any]:
        """Seal it."""
        return self.door.call("CompleteLayerUpload", **self.where, layerDigests=list(digests))

    def invalid(self, last_valid: int) -> str:
        """What is said of a part that does not fit."""
        return f"The layer part is not the continuation of the upload '{self.id}'; the last valid byte is {last_valid}."

    def unknown(self) -> str:
        """What is said once it is closed."""
        repository = self.where["repositoryName"]
        return (
            f"The upload with id '{self.id}' does not exist within the repository with name '{repository}' "
            f"in the registry with id '{ACCOUNT}'"
        )


@pytest.fixture
def session(door: Door, repository: str) -> Session:
    """An open upload in a fresh repository."""
    return Session(door, repository)


def _available(door: Door, repository: str, *digests: str) -> list[str]:
    answer = door.call("BatchCheckLayerAvailability", repositoryName=repository, layerDigests=list(digests))
    return [layer["layerAvailability"] for layer in answer["layers"]]


def test_an_upload_has_an_id_and_a_part_size(door: Door, repository: str) -> None:
    answer = door.call("InitiateLayerUpload", repositoryName=repository)
    assert UUID.fullmatch(answer.pop("uploadId"))
    assert answer == {"partSize": 10 * _MIB}


def test_a_layer_arrives_in_parts(door: Door, repository: str, session: Session) -> None:
    first, second = b"a" * (5 * _MIB), b"the rest"
    shown = {"registryId": ACCOUNT, **session.where}
    assert session.part(first) == {**shown, "lastByteReceived": len(first) - 1}
    assert session.part(second) == {**shown, "lastByteReceived": len(first + second) - 1}
    found = digest(first + second)
    assert _available(door, repository, found) == ["UNAVAILABLE"]
    assert session.complete(found) == {**shown, "layerDigest": found}
    assert _available(door, repository, found) == ["AVAILABLE"]


def test_the_largest_part_of_the_model_is_taken_and_no_larger_one(session: Session) -> None:
    largest = b"x" * (20 * _MIB)
    assert session.part(largest)["lastByteReceived"] == 20 * _MIB - 1
    text = constraint("layerPartBlob", "Member must have length less than or equal to 20971520")
    with refused("InvalidParameterException", text):
        session.part(largest + b"x")


@pytest.mark.parametrize(
    ("first", "last", "data"),
    [
        (11, 12, b"xx"),  # a gap
        (9, 10, b"xx"),  # an overlap
        (0, 9, b"0123456789"),  # the first part again
        (10, 12, b"xx"),  # shorter than it says
        (10, 10, b"xx"),  # longer than it says
        (10, 9, b""),  # nothing
        (10, 10, b""),
        (2**62, 2**62, b"x"),
    ],
)
def test_a_part_that_does_not_continue_is_refused_and_told_where_to_go_on(
    session: Session, first: int, last: int, data: bytes
) -> None:
    session.part(b"0123456789")
    with refused("InvalidLayerPartException", session.invalid(9)) as caught:
        session.part(data, first, last)
    assert caught.value.response["lastValidByteReceived"] == 9  # type: ignore[typeddict-item]
    assert session.part(b"ab", 10, 11)["lastByteReceived"] == 11


def test_a_first_part_that_does_not_begin_at_0_is_refused(session: Session) -> None:
    with refused("InvalidLayerPartException", session.invalid(-1)):
        session.part(b"x", 1, 1)


def test_only_the_last_part_may_be_small(door: Door, repository: str) -> None:
    small_text = "Layer parts must be at least 5 MiB in size, except the last."
    for sizes, good in (((5 * _MIB, 1), True), ((1, 5 * _MIB), False), ((1, 1), False), ((5 * _MIB - 1,), True)):
        session = Session(door, repository)
        for size in sizes:
            session.part(bytes([size % 251, len(sizes)]) * (size // 2) + b"x" * (size % 2))
        if good:
            assert re.fullmatch("sha256:[0-9a-f]{64}", session.complete("sha512:00")["layerDigest"])
        else:
            with refused("LayerPartTooSmallException", small_text):
                session.complete("sha512:00")


def test_an_upload_without_parts_is_empty_and_can_go_on(session: Session) -> None:
    with refused("EmptyUploadException", f"The upload '{session.id}' has no layer parts."):
        session.complete(digest(b""))
    session.part(b"now")
    assert session.complete(digest(b"now"))["layerDigest"] == digest(b"now")


def test_a_wrong_digest_leaves_the_upload_open(session: Session) -> None:
    session.part(b"right")
    with refused("InvalidLayerException", "None of the provided layer digests match the calculated layer digest."):
        session.complete(digest(b"wrong"))
    assert session.complete(digest(b"wrong"), digest(b"right"))["layerDigest"] == digest(b"right")


@pytest.mark.parametrize("named", ["sha512:00", "md5:abc", "x+y_z.1-2:0A"])
def test_a_digest_of_another_algorithm_is_taken_and_answered_with_sha256(session: Session, named: str) -> None:
    session.part(named.encode())
    assert session.complete(named)["layerDigest"] == digest(named.encode())


@pytest.mark.parametrize("named", ["", "x", "sha256:", "sha256:xyz", ":00"])
def test_a_digest_that_is_none_is_refused(session: Session, named: str) -> None:
    session.part(b"x")
    pattern = "Member must satisfy regular expression pattern: [a-zA-Z0-9-_+.]+:[a-fA-F0-9]+"
    text = constraint("layerDigests", f"Member must satisfy constraint: [{pattern}]")
    with refused("InvalidParameterException", text):
        session.complete(named)


def test_a_finished_upload_is_unknown(session: Session) -> None:
    session.part(b"finished")
    session.complete(digest(b"finished"))
    with refused("UploadNotFoundException", session.unknown()):
        session.complete(digest(b"finished"))
    with refused("UploadNotFoundException", session.unknown()):
        session.part(b"more")


def test_a_layer_that_is_there_already_ends_the_upload(door: Door, repository: str, session: Session) -> None:
    found = door.upload(repository, b"twice")
    session.part(b"twice")
    text = f"Layers with digests '[{found}]' already exist in the repository with name '{repository}' in registry with id '{ACCOUNT}'"
    with refused("LayerAlreadyExistsException", text):
        session.complete(found)
    with refused("UploadNotFoundException", session.unknown()):
        session.complete(found)
    assert _available(door, repository, found) == ["AVAILABLE"]


def test_a_layer_of_another_repository_is_neither_there_nor_in_the_way(door: Door, repository: str, session: Session) -> None:
    found = door.upload(door.new_repository(), b"elsewhere")
    assert _available(door, repository, found) == ["UNAVAILABLE"]
    session.part(b"elsewhere")
    assert session.complete(found)["layerDigest"] == found
    assert _available(door, repository, found) == ["AVAILABLE"]


def test_an_upload_belongs_to_its_repository(door: Door, session: Session) -> None:
    other = door.new_repository()
    session.where["repositoryName"] = other
    with refused("UploadNotFoundException", session.unknown()):
        session.part(b"x")
    with refused("UploadNotFoundException", session.unknown()):
        session.complete(digest(b"x"))


def test_an_upload_goes_with_its_repository(door: Door, repository: str, session: Session) -> None:
    session.part(b"lost")
    door.call("DeleteRepository", repositoryName=repository)
    door.call("CreateRepository", repositoryName=repository)
    with refused("UploadNotFoundException", session.unknown()):
        session.complete(digest(b"lost"))


@pytest.mark.parametrize("upload_id", ["", "x", "../../etc/passwd", "0" * 36, "00000000-0000-0000-0000-00000000000g"])
def test_an_id_that_is_none_is_refused(door: Door, repository: str, upload_id: str) -> None:
    form = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    with refused("InvalidParameterException", constraint("uploadId", f"must satisfy regular expression '{form}'")):
        door.call("CompleteLayerUpload", repositoryName=repository, uploadId=upload_id, layerDigests=["sha256:00"])


def test_more_uploads_than_a_principal_may_have_open_are_refused(door: Door, repository: str) -> None:
    door.prepare(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
        " INSERT INTO uploads (id, repository_id, principal_arn, key, algorithm, created_at, expires_at)"
        " SELECT 'flood-' || n.i, r.id, 'arn:aws:iam::123456789012:root', 'flood-' || n.i, 'sha256', 0, 99999999999999"
        " FROM n, repositories r WHERE r.name = ?",
        repository,
    )
    try:
        with refused("LimitExceededException", "More than 1000 uploads are open; finish or cancel some."):
            door.call("InitiateLayerUpload", repositoryName=repository)
    finally:
        door.prepare("DELETE FROM uploads WHERE id LIKE 'flood-%'")


def test_availability_is_told_of_each_digest_once(door: Door, repository: str) -> None:
    content = small("availability")
    door.push(repository, content, "1")
    config, layer = content.blobs
    asked = [layer.digest, digest(b"absent"), config.digest, layer.digest, "md5:00"]
    answer = door.call("BatchCheckLayerAvailability", repositoryName=repository, layerDigests=asked)
    assert answer == {
        "layers": [
            {
                "layerDigest": layer.digest,
                "layerAvailability": "AVAILABLE",
                "layerSize": len(layer.data),
                "mediaType": layer.media_type,
            },
            {"layerDigest": digest(b"absent"), "layerAvailability": "UNAVAILABLE"},
            {
                "layerDigest": config.digest,
                "layerAvailability": "AVAILABLE",
                "layerSize": len(config.data),
                "mediaType": OCI_CONFIG,
            },
            {"layerDigest": "md5:00", "layerAvailability": "UNAVAILABLE"},
        ],
        "failures": [],
    }


def test_a_layer_that_no_manifest_names_has_no_media_type_yet(door: Door, repository: str) -> None:
    found = door.upload(repository, b"untyped")
    answer = door.raw("BatchCheckLayerAvailability", {"repositoryName": repository, "layerDigests": [found]}).document
    assert answer["layers"] == [{"layerDigest": found, "layerAvailability": "AVAILABLE", "layerSize": 7}]


@pytest.mark.parametrize(
    ("given", "code", "reason"),
    [
        ("", "MissingLayerDigest", _EMPTY),
        ("x", "InvalidLayerDigest", _REGEX),
        ("sha256:", "InvalidLayerDigest", _REGEX),
        ("sha256:xyz", "InvalidLayerDigest", _REGEX),
        ("sha256:00\n", "InvalidLayerDigest", _REGEX),
        ("ä:00", "InvalidLayerDigest", _REGEX),
    ],
)
def test_a_digest_that_is_none_fails_alone(door: Door, repository: str, given: str, code: str, reason: str) -> None:
    answer = door.call("BatchCheckLayerAvailability", repositoryName=repository, layerDigests=[given, digest(b"x")])
    assert answer == {
        "layers": [{"layerDigest": digest(b"x"), "layerAvailability": "UNAVAILABLE"}],
        "failures": [{"layerDigest": given, "failureCode": code, "failureReason": reason}],
    }
