"""How to bring about every error that the model declares for an operation and that can arise, and what it says."""

import uuid
from typing import Any

from tests.contract.aws import error_cases_registry as registry
from tests.contract.aws import error_cases_repositories as repositories
from tests.contract.aws.case import ABSENT, Case, Members, Preparation, absent, always
from tests.contract.aws.door import ACCOUNT, Door, constraint, no_repository
from tests.e2e.images import OCI_INDEX, digest, index, small

_MIB = 1024 * 1024
_NOBODY = str(uuid.UUID(int=0))

# What the model declares and this server never raises, with the reason.
NEVER = {
    "ServerException": "a fault of the server; nothing that a caller sends may lead there",
    "KmsException": "no key management service is asked: the disk or the bucket encrypts",
    "UnableToGetUpstreamImageException": "there is no pull-through cache",
    "UnableToGetUpstreamLayerException": "there is no pull-through cache",
}
NEVER_BY = {
    ("BatchGetImage", "LimitExceededException"): "only a pull-through import would exceed a quota",
    **registry.NEVER_BY,
    **repositories.NEVER_BY,
}


_EMPTY_LIST = "Member must have length greater than or equal to 1"
_IDS = {"imageIds": [{"imageTag": "1"}]}
_PART: Members = {"uploadId": _NOBODY, "partFirstByte": 0, "partLastByte": 0, "layerPartBlob": b"x"}
_COMPLETE: Members = {"uploadId": _NOBODY, "layerDigests": [digest(b"x")]}
_MANIFEST = small("errors").manifest.data.decode()
_NO_UPLOAD = (
    f"The upload with id '{_NOBODY}' does not exist within the repository with name '%s' in the registry with id '{ACCOUNT}'"
)


def _taken(_door: Door, repository: str) -> tuple[Members, str]:
    return {}, f"The repository with name '{repository}' already exists in the registry with id '{ACCOUNT}'"


def _too_many_repositories(door: Door, _repository: str) -> tuple[Members, str]:
    client = door.client(f"xx-full-{uuid.uuid4().hex[:8]}")
    door.new_repository(client)
    door.prepare(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)"
        " INSERT INTO repositories (registry_id, name, created_at, created_by, tag_mutability, mutability_exclusions,"
        " scan_on_push, encryption_type)"
        " SELECT registry_id, 'full/' || n.i, created_at, created_by, tag_mutability, mutability_exclusions, scan_on_push,"
        " encryption_type FROM n, repositories WHERE registry_id = (SELECT max(id) FROM registries)"
    )
    return {"client": client, "repositoryName": "one/more"}, "The registry already has 100000 repositories."


def _not_empty(door: Door, repository: str) -> tuple[Members, str]:
    door.push(repository, small("not empty"))
    text = f"The repository with name '{repository}' in registry with id '{ACCOUNT}' cannot be deleted because it still contains images"
    return {}, text


def _no_image(_door: Door, repository: str) -> tuple[Members, str]:
    text = (
        "The image with imageId {imageDigest:'null', imageTag:'1'} does not exist within the repository with name "
        f"'{repository}' in the registry with id '{ACCOUNT}'"
    )
    return _IDS, text


def _image_exists(door: Door, repository: str) -> tuple[Members, str]:
    content = small("exists")
    door.push(repository, content, "1")
    members = {"imageManifest": content.manifest.data.decode(), "imageTag": "1"}
    text = (
        f"Image with digest '{content.digest}' and tag '1' already exists in the repository with name "
        f"'{repository}' in registry with id '{ACCOUNT}'"
    )
    return members, text


def _tag_exists(door: Door, repository: str) -> tuple[Members, str]:
    name = f"{repository}-fixed"
    door.call("CreateRepository", repositoryName=name, imageTagMutability="IMMUTABLE")
    old, new = small("old"), small("new")
    door.push(name, old, "1")
    door.push(name, new)
    text = f"The image tag '1' already exists in the '{name}' repository and cannot be overwritten because the repository is immutable."
    return {"repositoryName": name, "imageManifest": new.manifest.data.decode(), "imageTag": "1"}, text


def _no_layers(_door: Door, repository: str) -> tuple[Members, str]:
    content = small("no layers")
    text = (
        f"Layers with digests '[{', '.join(blob.digest for blob in content.blobs)}]' required for pushing image into repository "
        f"with name '{repository}' in the registry with id '{ACCOUNT}' do not exist"
    )
    return {"imageManifest": content.manifest.data.decode()}, text


def _no_children(_door: Door, repository: str) -> tuple[Members, str]:
    content = index(small("child 1"), small("child 2"))
    text = (
        f"Images with digests '[{', '.join(child.digest for child in content.children)}]' required for pushing image into "
        f"repository with name '{repository}' in the registry with id '{ACCOUNT}' do not exist"
    )
    return {"imageManifest": content.manifest.data.decode(), "imageManifestMediaType": OCI_INDEX}, text


def _other_digest(_door: Door, _repository: str) -> tuple[Members, str]:
    wrong = digest(b"something else")
    text = f"The provided image digest '{wrong}' does not match the calculated digest '{digest(_MANIFEST.encode())}' of the manifest."
    return {"imageDigest": wrong}, text


def _too_many_tags_on_an_image(door: Door, repository: str) -> tuple[Members, str]:
    content = small("many tags")
    door.push(repository, content)
    door.prepare(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
        " INSERT INTO tags (repository_id, name, image_id, moved_at)"
        " SELECT images.repository_id, 't' || n.i, images.id, 0 FROM n, images JOIN repositories ON repositories.id = repository_id"
        " WHERE repositories.name = ?",
        repository,
    )
    return {"imageManifest": content.manifest.data.decode(), "imageTag": "one-more"}, "An image can have at most 1000 tags."


def _session(door: Door, repository: str, *parts: bytes) -> Members:
    session = door.call("InitiateLayerUpload", repositoryName=repository)["uploadId"]
    first = 0
    for part in parts:
        last = first + len(part) - 1
        where = {"repositoryName": repository, "uploadId": session}
        door.call("UploadLayerPart", **where, partFirstByte=first, partLastByte=last, layerPartBlob=part)
        first = last + 1
    return {"uploadId": session}


def _gap(door: Door, repository: str) -> tuple[Members, str]:
    session = _session(door, repository, b"0123456789")
    text = f"The layer part is not the continuation of the upload '{session['uploadId']}'; the last valid byte is 9."
    return {**_PART, **session, "partFirstByte": 11, "partLastByte": 11}, text


def _too_many_parts(door: Door, repository: str) -> tuple[Members, str]:
    session = _session(door, repository)
    door.prepare("UPDATE uploads SET parts = 4200 WHERE id = ?", session["uploadId"])
    return {**_PART, **session}, "A layer can have at most 4200 parts."


def _too_small(door: Door, repository: str) -> tuple[Members, str]:
    session = _session(door, repository, b"x" * (5 * _MIB - 1), b"y")
    return {**_COMPLETE, **session}, "Layer parts must be at least 5 MiB in size, except the last."


def _other_layer(door: Door, repository: str) -> tuple[Members, str]:
    session = _session(door, repository, b"these bytes")
    return {**_COMPLETE, **session}, "None of the provided layer digests match the calculated layer digest."


def _layer_exists(door: Door, repository: str) -> tuple[Members, str]:
    door.upload(repository, b"x")
    session = _session(door, repository, b"x")
    text = (
        f"Layers with digests '[{digest(b'x')}]' already exist in the repository with name '{repository}' in registry "
        f"with id '{ACCOUNT}'"
    )
    return {**_COMPLETE, **session}, text


def _empty_upload(door: Door, repository: str) -> tuple[Members, str]:
    session = _session(door, repository)
    return {**_COMPLETE, **session}, f"The upload '{session['uploadId']}' has no layer parts."


def _no_upload(**members: Any) -> Preparation:
    return lambda _door, repository: (members, _NO_UPLOAD % repository)


def _no_layer(_door: Door, repository: str) -> tuple[Members, str]:
    text = (
        f"The layer with digest '{digest(b'none')}' does not exist within the repository with name '{repository}' in the "
        f"registry with id '{ACCOUNT}'"
    )
    return {"layerDigest": digest(b"none")}, text


def _inaccessible(door: Door, repository: str) -> tuple[Members, str]:
    found = door.upload(repository, b"nobody refers to this")
    text = (
        f"The layer with digest '{found}' in the repository with name '{repository}' in the registry with id "
        f"'{ACCOUNT}' is not accessible: it is not associated with an image."
    )
    return {"layerDigest": found}, text


_INVALID = "InvalidParameterException"
_NOT_FOUND = "RepositoryNotFoundException"
_MODES = "[IMMUTABLE, MUTABLE, MUTABLE_WITH_EXCLUSION, IMMUTABLE_WITH_EXCLUSION]"
_TAGS = [{"Key": f"k{number}", "Value": ""} for number in range(51)]

CASES = (
    *registry.CASES,
    *repositories.CASES,
    Case("GetAuthorizationToken", _INVALID, always(constraint("registryIds", _EMPTY_LIST), registryIds=[])),
    Case(
        "CreateRepository",
        _INVALID,
        always(constraint("imageTagMutability", f"Member must satisfy enum value set: {_MODES}"), imageTagMutability="FIXED"),
    ),
    Case("CreateRepository", "LimitExceededException", _too_many_repositories),
    Case("CreateRepository", "RepositoryAlreadyExistsException", _taken),
    Case(
        "CreateRepository",
        "InvalidTagParameterException",
        always("Tag keys that begin with 'aws:' are reserved for AWS.", tags=[{"Key": "aws:mine", "Value": ""}]),
    ),
    Case("CreateRepository", "TooManyTagsException", always("A repository can have at most 50 tags.", tags=_TAGS)),
    Case("DescribeRepositories", _INVALID, always(constraint("repositoryNames", _EMPTY_LIST), repositoryNames=[])),
    Case("DescribeRepositories", _NOT_FOUND, always(no_repository(ABSENT), repositoryNames=[ABSENT])),
    Case("DeleteRepository", _INVALID, always(constraint("repositoryName", "Member must not be null"), repositoryName=None)),
    Case("DeleteRepository", _NOT_FOUND, absent()),
    Case("DeleteRepository", "RepositoryNotEmptyException", _not_empty),
    Case("PutImage", _INVALID, always(constraint("ImageManifest", "Invalid JSON syntax"), imageManifest="{")),
    Case("PutImage", _NOT_FOUND, absent(imageManifest=_MANIFEST)),
    Case("PutImage", "ImageAlreadyExistsException", _image_exists),
    Case("PutImage", "ImageTagAlreadyExistsException", _tag_exists),
    Case("PutImage", "LayersNotFoundException", _no_layers),
    Case("PutImage", "ReferencedImagesNotFoundException", _no_children),
    Case("PutImage", "ImageDigestDoesNotMatchException", _other_digest),
    Case("PutImage", "LimitExceededException", _too_many_tags_on_an_image),
    Case("BatchGetImage", _INVALID, always(constraint("imageIds", _EMPTY_LIST), imageIds=[])),
    Case("BatchGetImage", _NOT_FOUND, absent(**_IDS)),
    Case(
        "ListImages",
        _INVALID,
        always(constraint("maxResults", "Member must have value less than or equal to 1000"), maxResults=1001),
    ),
    Case("ListImages", _NOT_FOUND, absent()),
    Case("DescribeImages", _INVALID, always(constraint("imageIds", _EMPTY_LIST), imageIds=[])),
    Case("DescribeImages", _NOT_FOUND, absent()),
    Case("DescribeImages", "ImageNotFoundException", _no_image),
    Case("BatchDeleteImage", _INVALID, always(constraint("imageIds", _EMPTY_LIST), imageIds=[])),
    Case("BatchDeleteImage", _NOT_FOUND, absent(**_IDS)),
    Case(
        "InitiateLayerUpload",
        _INVALID,
        always(constraint("registryId", "must satisfy regular expression [0-9]{12}"), registryId="1"),
    ),
    Case("InitiateLayerUpload", _NOT_FOUND, absent()),
    Case(
        "UploadLayerPart",
        _INVALID,
        always(constraint("partFirstByte", "Member must have value greater than or equal to 0"), partFirstByte=-1),
    ),
    Case("UploadLayerPart", _NOT_FOUND, absent(**_PART)),
    Case("UploadLayerPart", "UploadNotFoundException", _no_upload(**_PART)),
    Case("UploadLayerPart", "InvalidLayerPartException", _gap),
    Case("UploadLayerPart", "LimitExceededException", _too_many_parts),
    Case("CompleteLayerUpload", _INVALID, always(constraint("layerDigests", _EMPTY_LIST), layerDigests=[])),
    Case("CompleteLayerUpload", _NOT_FOUND, absent(**_COMPLETE)),
    Case("CompleteLayerUpload", "UploadNotFoundException", _no_upload(**_COMPLETE)),
    Case("CompleteLayerUpload", "InvalidLayerException", _other_layer),
    Case("CompleteLayerUpload", "LayerPartTooSmallException", _too_small),
    Case("CompleteLayerUpload", "LayerAlreadyExistsException", _layer_exists),
    Case("CompleteLayerUpload", "EmptyUploadException", _empty_upload),
    Case("BatchCheckLayerAvailability", _INVALID, always(constraint("layerDigests", _EMPTY_LIST), layerDigests=[])),
    Case("BatchCheckLayerAvailability", _NOT_FOUND, absent(layerDigests=["sha256:00"])),
    Case(
        "GetDownloadUrlForLayer",
        _INVALID,
        always(constraint("layerDigest", "must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"), layerDigest="x"),
    ),
    Case("GetDownloadUrlForLayer", _NOT_FOUND, absent(layerDigest="sha256:00")),
    Case("GetDownloadUrlForLayer", "LayersNotFoundException", _no_layer),
    Case("GetDownloadUrlForLayer", "LayerInaccessibleException", _inaccessible),
)

# A request that would succeed, but for the repository's content.
USUAL: dict[str, Members] = {
    **registry.USUAL,
    **repositories.USUAL,
    "PutImage": {"imageManifest": _MANIFEST},
    "BatchGetImage": _IDS,
    "BatchDeleteImage": _IDS,
    "UploadLayerPart": _PART,
    "CompleteLayerUpload": _COMPLETE,
    "BatchCheckLayerAvailability": {"layerDigests": [digest(b"x")]},
    "GetDownloadUrlForLayer": {"layerDigest": digest(b"x")},
}
