"""boto3 against the AWS API: what pipelines call, with the errors they branch on."""

import uuid
from typing import TYPE_CHECKING

import pytest
import requests
from botocore.exceptions import ClientError

from tests.e2e.http import assert_holds, push, upload
from tests.e2e.images import OCI_INDEX, OCI_MANIFEST, digest, runnable, small
from tests.e2e.registry import Registry

if TYPE_CHECKING:
    from mypy_boto3_ecr.type_defs import ImageIdentifierTypeDef

pytestmark = [pytest.mark.ours, pytest.mark.requires_client("boto3")]

_MIB = 1024 * 1024


def test_a_moved_tag_leaves_the_old_image_untagged(registry: Registry, repository: str) -> None:
    old, new = small("old"), small("new")
    push(registry.http, repository, old, "latest")
    push(registry.http, repository, new, "latest")
    listed = registry.ecr.list_images(repositoryName=repository)["imageIds"]
    assert sorted(map(str, listed)) == sorted(
        map(str, [{"imageDigest": new.digest, "imageTag": "latest"}, {"imageDigest": old.digest}])
    )
    untagged = registry.ecr.list_images(repositoryName=repository, filter={"tagStatus": "UNTAGGED"})["imageIds"]
    assert untagged == [{"imageDigest": old.digest}]


def test_deleting_the_last_tag_deletes_the_image(registry: Registry, repository: str) -> None:
    content = small("tagged twice")
    push(registry.http, repository, content, "a", "b")
    ecr = registry.ecr
    ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "a"}])
    assert registry.http.get(f"/v2/{repository}/manifests/{content.digest}").status_code == 200
    ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "b"}])
    assert registry.http.get(f"/v2/{repository}/manifests/{content.digest}").status_code == 404
    assert ecr.list_images(repositoryName=repository)["imageIds"] == []


def test_a_child_goes_only_after_its_index(registry: Registry, repository: str) -> None:
    content = runnable()
    push(registry.http, repository, content, "1")
    child: ImageIdentifierTypeDef = {"imageDigest": content.children[0].digest}
    refused = registry.ecr.batch_delete_image(repositoryName=repository, imageIds=[child])
    assert [failure["failureCode"] for failure in refused["failures"]] == ["ImageReferencedByManifestList"]
    assert_holds(registry.http, repository, content, "1")
    registry.ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageDigest": content.digest}])
    assert registry.ecr.batch_delete_image(repositoryName=repository, imageIds=[child])["failures"] == []


def test_an_index_is_described_with_its_type_and_fetched_unchanged(registry: Registry, repository: str) -> None:
    content = runnable()
    push(registry.http, repository, content, "1")
    (detail,) = registry.ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": "1"}])["imageDetails"]
    assert detail["imageManifestMediaType"] == OCI_INDEX
    types = [OCI_INDEX, OCI_MANIFEST]
    got = registry.ecr.batch_get_image(
        repositoryName=repository, imageIds=[{"imageTag": "1"}, {"imageTag": "absent"}], acceptedMediaTypes=types
    )
    assert [image["imageManifest"].encode() for image in got["images"]] == [content.manifest.data]
    assert [failure["failureCode"] for failure in got["failures"]] == ["ImageNotFound"]


@pytest.mark.parametrize(
    ("operation", "arguments", "code"),
    [
        ("describe_images", {"imageIds": [{"imageTag": "absent"}]}, "ImageNotFoundException"),
        ("get_download_url_for_layer", {"layerDigest": digest(b"absent")}, "LayersNotFoundException"),
        (
            "complete_layer_upload",
            {"uploadId": str(uuid.UUID(int=0)), "layerDigests": [digest(b"x")]},
            "UploadNotFoundException",
        ),
        ("put_image", {"imageManifest": "{", "imageTag": "1"}, "InvalidParameterException"),
    ],
)
def test_errors_have_the_codes_that_pipelines_branch_on(
    registry: Registry, repository: str, operation: str, arguments: dict[str, object], code: str
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(registry.ecr, operation)(**{"repositoryName": repository, **arguments})
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] < 500
    assert caught.value.response["Error"]["Code"] == code


def test_a_manifest_without_its_layers_is_refused(registry: Registry, repository: str) -> None:
    content = small("nothing uploaded")
    with pytest.raises(registry.ecr.exceptions.LayersNotFoundException):
        registry.ecr.put_image(repositoryName=repository, imageManifest=content.manifest.data.decode(), imageTag="1")


def test_parts_out_of_order_tell_where_to_go_on(registry: Registry, repository: str) -> None:
    ecr = registry.ecr
    session = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    ecr.upload_layer_part(
        repositoryName=repository, uploadId=session, partFirstByte=0, partLastByte=99, layerPartBlob=b"x" * 100
    )
    with pytest.raises(ecr.exceptions.InvalidLayerPartException) as caught:
        ecr.upload_layer_part(
            repositoryName=repository, uploadId=session, partFirstByte=200, partLastByte=299, layerPartBlob=b"x" * 100
        )
    assert caught.value.response.get("lastValidByteReceived") == 99


def test_a_layer_uploaded_by_the_api_is_pulled_by_the_protocol_and_the_other_way_round(
    registry: Registry, repository: str
) -> None:
    ecr, data = registry.ecr, b"0123456789abcdef" * (_MIB // 2)
    session = ecr.initiate_layer_upload(repositoryName=repository)
    size = min(session["partSize"], 6 * _MIB)
    for first in range(0, len(data), size):
        part = data[first : first + size]
        ecr.upload_layer_part(
            repositoryName=repository,
            uploadId=session["uploadId"],
            partFirstByte=first,
            partLastByte=first + len(part) - 1,
            layerPartBlob=part,
        )
    done = ecr.complete_layer_upload(repositoryName=repository, uploadId=session["uploadId"], layerDigests=[digest(data)])
    assert done["layerDigest"] == digest(data)
    assert registry.http.get(f"/v2/{repository}/blobs/{digest(data)}").content == data
    content = small("the other way round")
    push(registry.http, repository, content, "1")
    url = ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=content.blobs[1].digest)["downloadUrl"]
    assert requests.get(url, timeout=30).content == content.blobs[1].data
    forged = requests.get(url[:-2] + ("AA" if not url.endswith("AA") else "BB"), timeout=30)
    assert forged.status_code in {401, 403}


def test_a_layer_of_another_repository_is_not_available(registry: Registry, repository: str) -> None:
    data = b"only in the other repository"
    upload(registry.http, registry.new(), data)
    layers = registry.ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[digest(data)])["layers"]
    assert [layer["layerAvailability"] for layer in layers] == ["UNAVAILABLE"]


def test_long_listings_come_in_pages(registry: Registry, repository: str) -> None:
    content = small("many tags")
    tags = {f"v{number:03}" for number in range(25)}
    push(registry.http, repository, content, *tags)
    pages = list(
        registry.ecr.get_paginator("list_images").paginate(repositoryName=repository, PaginationConfig={"PageSize": 10})
    )
    assert [len(page["imageIds"]) for page in pages] == [10, 10, 5]
    assert {entry["imageTag"] for page in pages for entry in page["imageIds"]} == tags
