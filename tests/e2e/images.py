"""Images made in plain Python, byte for byte the same on every run: what the scenarios push."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import zstandard

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"

_BUSYBOX = Path("/bin/busybox")


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes with a media type."""

    media_type: str
    data: bytes

    @property
    def digest(self) -> str:
        """Its sha256 digest."""
        return digest(self.data)

    def descriptor(self, **members: Any) -> dict[str, Any]:
        """What points to it, with further members."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.data), **members}


@dataclass(frozen=True, slots=True)
class Content:
    """A manifest with everything that must stand in the registry before it."""

    manifest: Blob
    blobs: tuple[Blob, ...] = ()
    children: "tuple[Content, ...]" = ()

    @property
    def digest(self) -> str:
        """The manifest's digest."""
        return self.manifest.digest

    def walk(self) -> "Iterator[Content]":
        """This and every manifest below, children first, as they must be pushed."""
        for child in self.children:
            yield from child.walk()
        yield self

    def everything(self) -> dict[str, bytes]:
        """Every byte by digest: manifests and blobs."""
        parts = [blob for content in self.walk() for blob in (*content.blobs, content.manifest)]
        return {blob.digest: blob.data for blob in parts}


def digest(data: bytes, algorithm: str = "sha256") -> str:
    """`algorithm:hex` of these bytes."""
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def json_bytes(document: Any) -> bytes:
    """JSON as one fixed text."""
    return json.dumps(document, separators=(",", ":")).encode()


def tar(files: Mapping[str, bytes]) -> bytes:
    """A tar file with fixed times and owners; everything is executable."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(data), 0o755, 1_700_000_000
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def layer(files: Mapping[str, bytes], compression: str = "gzip") -> tuple[Blob, str]:
    """A layer and its diff id. `compression` is gzip, zstd or none."""
    plain = tar(files)
    packed = {
        "gzip": lambda: (f"{OCI_LAYER}+gzip", gzip.compress(plain, 6, mtime=0)),
        "zstd": lambda: (f"{OCI_LAYER}+zstd", zstandard.compress(plain)),
        "none": lambda: (OCI_LAYER, plain),
    }[compression]()
    return Blob(*packed), digest(plain)


def image(
    *layers: tuple[Blob, str],
    architecture: str = "amd64",
    config: Mapping[str, Any] | None = None,
    labels: Mapping[str, str] | None = None,
    **members: Any,
) -> Content:
    """An OCI image of these layers; `members` are further members of its manifest."""
    document = {
        "created": "2026-01-02T03:04:05Z",
        "architecture": architecture,
        "os": "linux",
        "config": {"Cmd": ["/bin/busybox", "echo", "hello"], "Labels": dict(labels or {}), **(config or {})},
        "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in layers]},
        "history": [{"created": "2026-01-02T03:04:05Z", "created_by": "test"} for _ in layers],
    }
    blobs = tuple(blob for blob, _ in layers)
    settings = Blob(OCI_CONFIG, json_bytes(document))
    return manifest(settings, *blobs, **members)


def manifest(config: Blob, *layers: Blob, media_type: str = OCI_MANIFEST, **members: Any) -> Content:
    """An image manifest of any config and layers."""
    document = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": config.descriptor(),
        "layers": [blob.descriptor() for blob in layers],
        **members,
    }
    return Content(Blob(media_type, json_bytes(document)), (*dict.fromkeys((config, *layers)),))


def index(*children: Content, media_type: str = OCI_INDEX, **members: Any) -> Content:
    """An index of images; each child's platform is read from its config."""
    entries = [child.manifest.descriptor(**_platform(child)) for child in children]
    document = {"schemaVersion": 2, "mediaType": media_type, "manifests": entries, **members}
    return Content(Blob(media_type, json_bytes(document)), children=children)


def _platform(child: Content) -> dict[str, Any]:
    if not child.blobs or child.blobs[0].media_type not in {OCI_CONFIG, DOCKER_CONFIG}:
        return {}
    config = json.loads(child.blobs[0].data)
    return {"platform": {"architecture": config["architecture"], "os": config["os"]}}


@cache
def runnable(*, zstd: bool = False) -> Content:
    """An index of two platforms whose amd64 image runs: busybox, a second layer of another compression if wished."""
    shell = {"bin/busybox": _BUSYBOX.read_bytes()} if _BUSYBOX.exists() else {"bin/none": b"no busybox here"}
    second = layer({"etc/greeting": b"hello\n"}, "zstd" if zstd else "gzip")
    native = image(layer(shell), second, labels={"org.example.kind": "runnable"})
    foreign = image(layer({"etc/arm": b"arm64\n"}), second, architecture="arm64")
    return index(native, foreign, annotations={"org.example.made-by": "plain python"})


def small(seed: str, **members: Any) -> Content:
    """A tiny image, different for each seed."""
    return image(layer({"seed": seed.encode()}), **members)


def artifact(payload: bytes, artifact_type: str, subject: Content | None = None, **members: Any) -> Content:
    """An artifact with the empty config, attached to a subject if one is given."""
    if subject is not None:
        members["subject"] = subject.manifest.descriptor()
    return manifest(Blob(OCI_EMPTY, b"{}"), Blob("text/plain", payload), artifactType=artifact_type, **members)


def attested(seed: str) -> Content:
    """What BuildKit pushes with provenance: an index with an attestation for its image, of an unknown platform."""
    subject = small(seed)
    statement = Blob("application/vnd.in-toto+json", json_bytes({"_type": "https://in-toto.io/Statement/v0.1"}))
    config = Blob(
        OCI_CONFIG, json_bytes({"architecture": "unknown", "os": "unknown", "config": {}, "rootfs": {"type": "layers"}})
    )
    attestation = manifest(config, statement)
    notes = {"vnd.docker.reference.digest": subject.digest, "vnd.docker.reference.type": "attestation-manifest"}
    entries = [
        subject.manifest.descriptor(platform={"architecture": "amd64", "os": "linux"}),
        attestation.manifest.descriptor(annotations=notes, platform={"architecture": "unknown", "os": "unknown"}),
    ]
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    return Content(Blob(OCI_INDEX, json_bytes(document)), children=(subject, attestation))


def buildkit_cache(seed: str) -> Content:
    """What BuildKit's registry cache pushed before 0.21: an index whose entries are layer blobs and a cache config."""
    first, second = layer({"a": seed.encode()})[0], layer({"b": seed.encode()})[0]
    config = Blob("application/vnd.buildkit.cacheconfig.v0", json_bytes({"layers": [], "records": [], "seed": seed}))
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [b.descriptor() for b in (first, second, config)]}
    return Content(Blob(OCI_INDEX, json_bytes(document)), (first, second, config))


@dataclass(slots=True)
class Layout:
    """An OCI image layout on disk, which most clients read and write."""

    path: Path
    tags: dict[str, Content] = field(default_factory=dict)

    def write(self, content: Content, tag: str) -> None:
        """Add an image under a tag."""
        self.tags[tag] = content
        store = self.path / "blobs/sha256"
        store.mkdir(parents=True, exist_ok=True)
        for name, data in content.everything().items():
            (store / name.partition(":")[2]).write_bytes(data)
        (self.path / "oci-layout").write_bytes(json_bytes({"imageLayoutVersion": "1.0.0"}))
        entries = [
            each.manifest.descriptor(annotations={"org.opencontainers.image.ref.name": name})
            for name, each in self.tags.items()
        ]
        (self.path / "index.json").write_bytes(json_bytes({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}))


def files_by_digest(folder: Path) -> dict[str, bytes]:
    """The blobs of a layout, or of another store with one file per blob."""
    store = folder / "blobs/sha256" if (folder / "blobs/sha256").exists() else folder
    return {f"sha256:{path.name}": path.read_bytes() for path in store.iterdir() if len(path.name) == 64}
