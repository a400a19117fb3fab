"""What a store of images must do, in plain dictionaries: no database, no objects, nothing clever."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Hold:
    """A repository's hold on a blob."""

    shown: bool
    touched: int
    """When somebody last had reason to rely on it."""


@dataclass(slots=True)
class ModelImage:
    """An image, removed or not."""

    size: int
    blobs: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    """What an index names."""
    pushed: int = 0
    removed: int | None = None
    lost: tuple[str, ...] = ()
    """The tags that it had when it was removed."""


@dataclass(slots=True)
class ModelRepository:
    """One repository."""

    holds: dict[str, Hold] = field(default_factory=dict)
    images: dict[str, ModelImage] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    history: list[tuple[str, str | None, str | None]] = field(default_factory=list)

    def live(self) -> dict[str, ModelImage]:
        """Images that can be seen."""
        return {digest: image for digest, image in self.images.items() if image.removed is None}

    def shows(self, digest: str) -> bool:
        """Whether a client finds the layer here."""
        return digest in self.holds and self.holds[digest].shown

    def refers(self, blob: str) -> bool:
        """Whether an image, removed or not, needs the blob."""
        return any(blob in image.blobs for image in self.images.values())

    def needs(self, blob: str) -> bool:
        """Whether an image that can be seen needs the blob."""
        return any(blob in image.blobs for image in self.live().values())

    def is_named(self, digest: str) -> bool:
        """Whether an index that can be seen names the image."""
        return any(digest in image.names for image in self.live().values())

    def move(self, tag: str, digest: str | None) -> None:
        """Put a tag somewhere, or take it away."""
        before = self.tags.pop(tag, None)
        if digest is not None:
            self.tags[tag] = digest
        if before != digest:
            self.history.append((tag, before, digest))

    def remove(self, digest: str, now: int) -> None:
        """Remove an image and its tags; layers that nothing else needs are hidden."""
        self.images[digest].removed = now
        self.images[digest].lost = tuple(sorted(tag for tag, on in self.tags.items() if on == digest))
        for tag in self.images[digest].lost:
            self.move(tag, None)
        for blob in self.images[digest].blobs:
            if not self.needs(blob):
                self.holds[blob].shown = False

    def purge(self, now: int, retention: int) -> int:
        """Forget what was removed long ago; returns how many images."""
        old = {
            digest for digest, image in self.images.items() if image.removed is not None and image.removed <= now - retention
        }
        blobs = {blob for digest in old for blob in self.images.pop(digest).blobs}
        for blob in blobs:
            if not self.refers(blob):
                self.holds[blob].touched = now
        return len(old)

    def collect(self, now: int, grace: int) -> None:
        """Let go of what nothing has needed for longer than the grace period."""
        self.holds = {blob: hold for blob, hold in self.holds.items() if self.refers(blob) or now - hold.touched <= grace}

    def usage(self, sizes: dict[str, int]) -> tuple[int, int]:
        """How many images and bytes can be seen, each blob once."""
        live = self.live().values()
        blobs = {blob for image in live for blob in image.blobs}
        return len(live), sum(image.size for image in live) + sum(sizes[blob] for blob in blobs)


@dataclass(slots=True)
class Model:
    """The whole store."""

    repositories: dict[str, ModelRepository] = field(default_factory=dict)
    deleted: list[ModelRepository] = field(default_factory=list)
    """Out of sight, but not dropped yet."""
    orphans: dict[str, int] = field(default_factory=dict)
    """Blobs whose last holder was dropped, and when."""

    def everywhere(self) -> list[ModelRepository]:
        """Every repository that still has rows."""
        return [*self.repositories.values(), *self.deleted]

    def link(self, name: str, blob: str, now: int) -> None:
        """Let a repository hold and show a blob."""
        self.repositories[name].holds[blob] = Hold(shown=True, touched=now)
        self.orphans.pop(blob, None)

    def delete(self, name: str) -> None:
        """Delete a repository: nobody sees it any more."""
        self.deleted.append(self.repositories.pop(name))

    def drop(self, now: int) -> None:
        """Let go of what deleted repositories held."""
        dropped, self.deleted = self.deleted, []
        held = {blob for repository in self.repositories.values() for blob in repository.holds}
        self.orphans.update({blob: now for repository in dropped for blob in repository.holds if blob not in held})

    def collect(self, now: int, grace: int) -> None:
        """Online garbage collection."""
        for repository in self.everywhere():
            repository.collect(now, grace)
        self.orphans = {blob: since for blob, since in self.orphans.items() if now - since <= grace}

    def stored(self) -> set[str]:
        """Every blob that must be there."""
        return {blob for repository in self.everywhere() for blob in repository.holds} | set(self.orphans)
