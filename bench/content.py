"""What every registry holds before anything is measured, and the pushing of it through the registry's own protocol."""

import hashlib
import json
import os
import random
import secrets
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

from bench.servers import Server
from bench.wire import UnexpectedAnswerError, Wire

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
ACCEPT = ", ".join(
    (
        MANIFEST_TYPE,
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    )
)
"""Without it distribution answers 404 for an OCI manifest."""

PUSHED = "bench/pushed"
BLOBS = "bench/blobs"
_CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Scale:
    """How much content there is: tags = repositories x manifests x tags_each."""

    repositories: int = 100
    manifests: int = 10
    tags_each: int = 10

    @property
    def tags(self) -> int:
        return self.repositories * self.manifests * self.tags_each


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes and their digest."""

    data: bytes
    digest: str

    @classmethod
    def of(cls, data: bytes) -> "Blob":
        return cls(data, f"sha256:{hashlib.sha256(data).hexdigest()}")

    @classmethod
    def random(cls, size: int) -> "Blob":
        return cls.of(os.urandom(size))


@dataclass(frozen=True)
class Content:
    """The same repositories, manifests and blobs for every server of a run."""

    scale: Scale
    blobs: dict[str, tuple[Blob, ...]]
    """The blobs to pull, by the name of their size."""

    @classmethod
    def make(cls, scale: Scale) -> "Content":
        sizes = {"1KiB": (1 << 10, 64), "1MiB": (1 << 20, 16), "256MiB": (256 << 20, 1)}
        return cls(scale, {name: tuple(Blob.random(size) for _ in range(count)) for name, (size, count) in sizes.items()})

    @cached_property
    def repositories(self) -> list[str]:
        return [f"bench/r{number:03d}" for number in range(self.scale.repositories)]

    @cached_property
    def config(self) -> Blob:
        return Blob.of(
            json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
        )

    @cached_property
    def layer(self) -> Blob:
        return Blob.of(b"a layer that stands for all layers" * 30)

    def manifest(self, name: str) -> Blob:
        """An OCI image manifest of a usual size (about 1 KB), different for every name."""
        labels = {
            "org.opencontainers.image.created": "2026-01-01T00:00:00Z",
            "org.opencontainers.image.source": f"https://git.example.com/{name}",
            "org.opencontainers.image.revision": hashlib.sha256(name.encode()).hexdigest(),
            "org.opencontainers.image.title": name,
        }
        config = {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": self.config.digest,
            "size": len(self.config.data),
        }
        layer = {
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            "digest": self.layer.digest,
            "size": len(self.layer.data),
        }
        document = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": [layer], "annotations": labels}
        return Blob.of(json.dumps(document).encode())

    def manifests_of(self, repository: str) -> Iterator[tuple[Blob, list[str]]]:
        """The manifests of a repository, each with its tags."""
        for number in range(self.scale.manifests):
            tags = [f"v{number}.{minor}" for minor in range(self.scale.tags_each)]
            yield self.manifest(f"{repository}/{number}"), tags

    def tag_paths(self) -> list[str]:
        """Where every tag is read, in a mixed order that is the same in every run."""
        return _mixed(
            f"/v2/{repository}/manifests/{tag}"
            for repository in self.repositories
            for _, tags in self.manifests_of(repository)
            for tag in tags
        )

    def digest_paths(self) -> list[str]:
        return _mixed(
            f"/v2/{repository}/manifests/{manifest.digest}"
            for repository in self.repositories
            for manifest, _ in self.manifests_of(repository)
        )

    def missing_paths(self) -> list[str]:
        return _mixed(f"/v2/{repository}/manifests/missing-{n}" for repository in self.repositories for n in range(100))

    def blob_paths(self, size: str) -> list[str]:
        return [f"/v2/{BLOBS}/blobs/{blob.digest}" for blob in self.blobs[size]]

    def new_manifest(self) -> Blob:
        """A manifest that no registry has yet."""
        return self.manifest(f"new-{secrets.token_hex(8)}")

    def prepare(self, server: Server) -> None:
        """Push everything through several keep-alive connections, then read samples back and compare digests.

        Raises UnexpectedAnswerError when the registry refuses something or returns other bytes.
        """
        server.create_repositories([*self.repositories, PUSHED, BLOBS])
        work: list[Callable[[Wire], None]] = [self._repository_work(repository) for repository in self.repositories]
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            list(pool.map(lambda share: _carry_out(server, share), [work[n::_CONNECTIONS] for n in range(_CONNECTIONS)]))
        with server.target.connect() as wire:
            for blob in (blob for blobs in self.blobs.values() for blob in blobs):
                wire.push_blob(BLOBS, blob.data, blob.digest)
            self._verify(wire)

    def _repository_work(self, repository: str) -> Callable[[Wire], None]:
        def push(wire: Wire) -> None:
            for blob in (self.config, self.layer):
                wire.push_blob(repository, blob.data, blob.digest)
            for manifest, tags in self.manifests_of(repository):
                for tag in tags:
                    put_manifest(wire, repository, tag, manifest)

        return push

    def _verify(self, wire: Wire) -> None:
        for size in self.blobs:
            for path, blob in zip(self.blob_paths(size), self.blobs[size], strict=True):
                _expect(wire, path, blob.digest)
        for repository in self.repositories[:: max(1, len(self.repositories) // 5)]:
            for manifest, tags in self.manifests_of(repository):
                _expect(wire, f"/v2/{repository}/manifests/{tags[-1]}", manifest.digest)
                _expect(wire, f"/v2/{repository}/manifests/{manifest.digest}", manifest.digest)


def put_manifest(wire: Wire, repository: str, tag: str, manifest: Blob) -> None:
    """Push one manifest under a tag; raises UnexpectedAnswerError."""
    wire.ask("PUT", f"/v2/{repository}/manifests/{tag}", 201, manifest.data, headers={"Content-Type": MANIFEST_TYPE})


def _carry_out(server: Server, share: Iterable[Callable[[Wire], None]]) -> None:
    with server.target.connect() as wire:
        for step in share:
            step(wire)


def _expect(wire: Wire, path: str, digest: str) -> None:
    if wire.digest_of(path, ACCEPT) != digest:
        raise UnexpectedAnswerError(f"GET {path} returned other bytes than were pushed")


def _mixed(paths: Iterable[str]) -> list[str]:
    listed = list(paths)
    random.Random(2026).shuffle(listed)
    return listed
