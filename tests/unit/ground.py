"""The lower floors without their edges: a real SQLite file, blobs in memory, and a clock that moves when it is told to."""

import base64
import functools
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from moorage.access.judge import Judge
from moorage.aws.model import Service
from moorage.aws.operation import Dispatcher
from moorage.core import clock, media_types
from moorage.core.addresses import Addresses
from moorage.core.call import Call, Principal, Registry
from moorage.core.clock import ManualClock
from moorage.core.digest import Digest
from moorage.core.manifest import parse_manifest
from moorage.core.names import TagName
from moorage.core.page import PageTokens
from moorage.identity import accounts
from moorage.identity.credentials import access_keys
from moorage.identity.credentials.sealing import Sealer
from moorage.identity.operations import IdentityOperations
from moorage.identity.principals import bound_ids, current_arns, principal_exists
from moorage.images import drop, remove
from moorage.images import store as image_store
from moorage.images.facts import read_facts
from moorage.images.listing import ListingOperations
from moorage.images.model import Pushed, TagCondition
from moorage.images.operations import ImageOperations
from moorage.images.push import Push, put_image
from moorage.images.referrer_operations import ReferrerOperations
from moorage.layers import store as layer_store
from moorage.layers import uploads as upload_rows
from moorage.layers.download_urls import DownloadUrls
from moorage.layers.model import Layer, Upload
from moorage.layers.operations import LayerOperations
from moorage.layers.service import UploadLimits, UploadService
from moorage.registries.operations import RegistryOperations
from moorage.registries.policy_operations import RegistryPolicyOperations
from moorage.registries.policy_text import Principals
from moorage.repositories import store as repositories
from moorage.repositories.model import Repository
from moorage.repositories.operations import RepositoryOperations
from moorage.repositories.policy_operations import RepositoryPolicyOperations
from moorage.repositories.scanning_operations import RepositoryScanningOperations
from moorage.repositories.tag_operations import TagOperations
from moorage.repositories.template_operations import TemplateOperations
from moorage.storage.blobs.memory import MemoryBlobs
from moorage.storage.blobs.port import BlobStore
from moorage.storage.database import migrate
from moorage.storage.database.database import Database
from moorage.storage.database.transaction import Transaction

PRINCIPALS = Principals(principal_exists, bound_ids, current_arns)

T = TypeVar("T")

ACCOUNT = "123456789012"
REGION = "us-east-1"
GRACE = clock.DAY
RETENTION = 7 * clock.DAY
SECRET = b"s" * 32
ADDRESSES = Addresses(ACCOUNT, REGION, "localhost:5000", "localhost:5001")
ROOT = Principal.root(ACCOUNT, "AKIATESTTESTTESTTEST")


@functools.cache
def service() -> Service:
    """botocore's model, loaded once."""
    return Service("ecr")


def make_template(folder: Path) -> Path:
    """A migrated, empty database file to copy, since copying is faster than migrating."""
    path = folder / "template.db"
    migrate.upgrade(path)
    return path


def config_of(name: str = "app", **members: Any) -> bytes:
    """An image config."""
    return json.dumps({"os": "linux", "architecture": "amd64", "config": {"Labels": {"name": name}}, **members}).encode()


def descriptor(media_type: str, data: bytes, **members: Any) -> dict[str, Any]:
    """A descriptor of these bytes."""
    return {"mediaType": media_type, "digest": f"sha256:{hashlib.sha256(data).hexdigest()}", "size": len(data), **members}


def manifest_of(config: bytes, layers: Iterable[bytes], /, **members: Any) -> bytes:
    """An OCI image manifest."""
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "config": descriptor(media_types.OCI_CONFIG, config),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer) for layer in layers],
        **members,
    }
    return json.dumps(document).encode()


def index_of(manifests: Iterable[bytes], /, **members: Any) -> bytes:
    """An OCI index of these manifests."""
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_INDEX,
        "manifests": [descriptor(media_types.OCI_MANIFEST, manifest) for manifest in manifests],
        **members,
    }
    return json.dumps(document).encode()


def digest_of(data: bytes) -> str:
    """The sha256 digest of these bytes as text."""
    return str(Digest.of(data))


class Ground:
    """One installation with one account and one registry."""

    def __init__(
        self, folder: Path, template: Path, *, blobs: BlobStore | None = None, wake: Callable[[], None] = lambda: None
    ) -> None:
        self.path = folder / "moorage.db"
        shutil.copyfile(template, self.path)
        self.clock = ManualClock()
        self.memory = MemoryBlobs()
        self.blobs: BlobStore = blobs or self.memory
        self.sealer = Sealer(SECRET)
        self.database = Database(self.path, self.clock, wake_jobs=wake)
        self.registry = self.write(self._account)
        self.uploads = UploadService(self.database, self.blobs, UploadLimits())
        self.urls = DownloadUrls(SECRET)
        self.judge = Judge()

    def _account(self, tx: Transaction) -> Registry:
        accounts.ensure_account(tx, ACCOUNT, "default")
        access_keys.set_root_key(tx, self.sealer, ACCOUNT, ROOT.access_key_id, "secret")
        return accounts.ensure_registry(tx, "private", ACCOUNT, REGION)

    def close(self) -> None:
        """End the database's threads."""
        self.database.close()

    def read(self, work: Callable[[Transaction], T]) -> T:
        """The result of a read."""
        return self.database.read(work).result(60)

    def write(self, work: Callable[[Transaction], T], call: Call | None = None) -> T:
        """The result of a committed write."""
        return self.database.write(work, call).result(60)

    def rows(self, statement: sa.Executable) -> list[sa.Row[Any]]:
        """What a query finds."""
        return self.read(lambda tx: tx.all(statement))

    def count(self, table: sa.Table) -> int:
        """How many rows a table has."""
        return int(self.rows(sa.select(sa.func.count()).select_from(table))[0][0])

    def call(self, name: str = "Test", repository: str = "*", *, principal: Principal = ROOT) -> Call:
        """A call that was allowed."""
        resource = repository if repository == "*" else self.registry.repository_arn(repository)
        return Call("request", self.clock.now(), "ecr.amazonaws.com", name, principal, self.registry, resource=resource)

    @functools.cached_property
    def _dispatcher(self) -> Dispatcher:
        page_tokens = PageTokens(SECRET)
        rooms = [
            IdentityOperations(ADDRESSES),
            RegistryOperations(page_tokens),
            RepositoryOperations(ADDRESSES, page_tokens),
            RepositoryScanningOperations(),
            RegistryPolicyOperations(PRINCIPALS, self.judge.locks_out),
            RepositoryPolicyOperations(PRINCIPALS, self.judge.locks_out),
            TagOperations(),
            TemplateOperations(PRINCIPALS, page_tokens),
            LayerOperations(self.uploads, self.urls, GRACE),
            ImageOperations(self.blobs, self._note_pull, grace=GRACE, sparse_indexes=False),
            ListingOperations(ADDRESSES, page_tokens),
            ReferrerOperations(page_tokens),
        ]
        return Dispatcher(service(), rooms)

    def _note_pull(self, image_id: int, principal_arn: str, at: int) -> None:
        self.write(lambda tx: image_store.note_pulls(tx, {(image_id, principal_arn): at}))

    def do(self, operation: str, **params: Any) -> dict[str, Any]:
        """Carry out an operation as the AWS door does, from JSON on."""
        entry = self._dispatcher.find(operation)
        decoded = entry.decode(json.dumps(params, default=lambda data: base64.b64encode(data).decode()).encode())
        call = replace(self.call(operation, str(decoded.get("repositoryName", "*"))), also_allowed=frozenset(entry.asks))
        if entry.mode == "own":
            answer = entry.method(self.database, call, decoded)
        else:
            run = self.database.read if entry.mode == "read" else functools.partial(self.database.write, call=call)
            answer = run(lambda tx: entry.method(tx, call, decoded)).result(60)
        entry.encode(answer)
        return answer or {}

    # --- repositories, layers ---------------------------------------------------------------------------------------

    def repository(self, name: str = "team/app", **params: Any) -> Repository:
        """A new repository."""
        self.do("CreateRepository", repositoryName=name, **params)
        return self.find_repository(name)

    def find_repository(self, name: str) -> Repository:
        """The repository of that name."""
        return self.read(lambda tx: repositories.get(tx, self.registry, name))

    def begin(self, repository: Repository, algorithm: str = "sha256") -> Upload:
        """An upload session."""
        return self.uploads.begin(self.call("InitiateLayerUpload", repository.name), repository.name, algorithm)

    def append(self, upload: Upload, data: bytes) -> None:
        """Append to a session as a PATCH does."""
        intake = self.uploads.open(upload)
        try:
            intake.write(data)
        finally:
            self.uploads.close(upload, intake)

    def finish(self, repository: Repository, upload: Upload, digest: Digest, data: bytes = b"") -> None:
        """Close a session as a PUT does."""
        intake = self.uploads.open(upload)
        try:
            if data:
                intake.write(data)
            self.uploads.finish(self.call("CompleteLayerUpload", repository.name), upload, intake, digest)
        finally:
            self.uploads.close(upload, intake)

    def push_blob(self, repository: Repository, data: bytes) -> str:
        """Upload a blob; returns its digest."""
        upload = self.begin(repository)
        self.finish(repository, upload, Digest.of(data), data)
        return digest_of(data)

    def layer(self, repository: Repository, digest: str) -> Layer | None:
        """The layer if the repository holds and shows it."""
        return self.read(lambda tx: layer_store.find(tx, repository.id, digest))

    def blob(self, repository: Repository, digest: str) -> bytes | None:
        """The bytes of a layer if the repository holds and shows it."""
        found = self.layer(repository, digest)
        if found is None:
            return None
        reader = self.blobs.open(found.key, found.size)
        try:
            return reader.read_at(0, found.size)
        finally:
            reader.close()

    def upload(self, repository: Repository, upload_id: str) -> Upload | None:
        """The session as it is stored now."""
        return self.read(lambda tx: upload_rows.find(tx, repository.id, upload_id))

    # --- images -----------------------------------------------------------------------------------------------------

    def put(
        self,
        repository: Repository,
        body: bytes,
        *tags: str,
        condition: TagCondition | None = None,
        sparse: bool = False,
        algorithm: str = "sha256",
    ) -> Pushed:
        """Put a manifest as the registry's endpoint does."""
        manifest = parse_manifest(body, None)
        push = Push(
            repository=repository.name,
            manifest=manifest,
            body=body,
            digest=str(Digest.of(body, algorithm)),
            tags=tuple(TagName.parse(tag) for tag in tags),
            grace=GRACE,
            condition=condition,
            facts=read_facts(self.database, self.blobs, self.registry, repository.name, manifest),
            sparse=sparse,
        )
        call = self.call("PutImage", repository.name)
        return self.write(functools.partial(put_image, call=call, push=push), call)

    def push(
        self, repository: Repository, name: str, *tags: str, layers: Iterable[bytes] | None = None, **members: Any
    ) -> bytes:
        """Push config, layers and manifest; returns the manifest."""
        contents = [f"layer of {name}".encode()] if layers is None else list(layers)
        config = config_of(name)
        for data in (config, *contents):
            if self.layer(repository, digest_of(data)) is None:
                self.push_blob(repository, data)
        body = manifest_of(config, contents, **members)
        self.put(repository, body, *tags)
        return body

    def remove(self, repository: Repository, body: bytes) -> list[str]:
        """Remove an image; returns the tags that it had."""
        call = self.call("BatchDeleteImage", repository.name)

        def work(tx: Transaction) -> list[str]:
            image = image_store.by_digest(tx, repository.id, digest_of(body))
            assert image is not None
            return remove.remove_image(tx, call, repository, image)

        return self.write(work, call)

    def purge(self, retention: int = RETENTION) -> int:
        """Drop removed images whose retention is over; returns how many."""
        return self.write(lambda tx: remove.purge(tx, retention))

    def drop(self) -> None:
        """Drop the rows of deleted repositories, as the job does."""
        while self.write(drop.drop_step):
            pass

    def tags(self, repository: Repository) -> Mapping[str, str]:
        """Where each tag is."""
        return {entry["imageTag"]: entry["imageDigest"] for entry in self._listed(repository) if entry.get("imageTag")}

    def digests(self, repository: Repository) -> set[str]:
        """The images that are shown."""
        return {entry["imageDigest"] for entry in self._listed(repository)}

    def _listed(self, repository: Repository) -> list[dict[str, str]]:
        answer = self.do("ListImages", repositoryName=repository.name, maxResults=1000)
        listed = list(answer["imageIds"])
        while token := answer.get("nextToken"):
            answer = self.do("ListImages", repositoryName=repository.name, maxResults=1000, nextToken=token)
            listed += answer["imageIds"]
        return listed
