"""The containers family of Debian: skopeo, podman, buildah and umoci. Each works below its sandbox only."""

from tests.clients.tool import Result, Sandbox, Tool, asks, on_path

SKOPEO = Tool("skopeo", on_path("skopeo"), asks("--version"), "Debian package skopeo")
PODMAN = Tool("podman", on_path("podman"), asks("--version"), "Debian package podman", needs_root=True)
BUILDAH = Tool("buildah", on_path("buildah"), asks("--version"), "Debian package buildah", needs_root=True)
UMOCI = Tool("umoci", on_path("umoci"), asks("--version"), "Debian package umoci")
TOOLS = (SKOPEO, PODMAN, BUILDAH, UMOCI)


def skopeo(box: Sandbox, *words: str, stdin: str | None = None, check: bool = True) -> Result:
    """Run skopeo. As root it would remember in /var/lib which blobs it saw anywhere, and push others in their place."""
    return box.run(SKOPEO.path(), *words, stdin=stdin, check=check, env={"_CONTAINERS_ROOTLESS_UID": "1000"})


def skopeo_copy(box: Sandbox, source: str, target: str, *words: str) -> Result:
    """Copy an image with all its platforms; both sides may be a registry without TLS."""
    tls = [f"--{side}-tls-verify=false" for side, name in (("src", source), ("dest", target)) if name.startswith("docker://")]
    return skopeo(box, "copy", "--all", *tls, *words, source, target)


def podman(box: Sandbox, *words: str, stdin: str | None = None) -> Result:
    """Run podman with its own image store. `run` needs runc and low limits, since containers inherit a tight machine."""
    stores = ("--root", f"{box.root}/pm/root", "--runroot", f"{box.root}/pm/run", "--storage-driver", "vfs")
    return box.run(PODMAN.path(), *stores, "--cgroup-manager=cgroupfs", "--runtime", "runc", *words, stdin=stdin)


def buildah(box: Sandbox, *words: str) -> Result:
    """Run buildah with its own image store."""
    stores = ("--root", f"{box.root}/bh/root", "--runroot", f"{box.root}/bh/run", "--storage-driver", "vfs")
    return box.run(BUILDAH.path(), *stores, *words)


def umoci(box: Sandbox, *words: str) -> Result:
    """Run umoci in the sandbox's folder."""
    return box.run(UMOCI.path(), *words)
