"""The container clients that `moorage login` knows."""

CLIENTS = ("docker", "podman", "skopeo")
