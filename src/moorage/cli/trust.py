"""The lines that make clients trust a certificate authority, ready to paste into a shell."""

import shlex
from pathlib import Path

CONTAINERD_FOLDER = "/etc/containerd/certs.d"


def trust_lines(authority: Path, registry: str) -> dict[str, list[str]]:
    """Shell lines by client. `registry` is what stands before the repository name; `authority` is absolute.

    Each client's lines stand for themselves. A line that begins with `#` is for the reader.
    """
    ca, name = shlex.quote(str(authority)), shlex.quote(registry)
    store = shlex.quote(str(authority.with_suffix(".p12")))
    java = f"-Djavax.net.ssl.trustStore={authority.with_suffix('.p12')} -Djavax.net.ssl.trustStorePassword=changeit"
    containerd = f"{CONTAINERD_FOLDER}/{registry}"
    hosts = [f'server = "https://{registry}"', f'[host."https://{registry}"]', f'  ca = "{containerd}/ca.crt"']
    return {
        "docker, as root": _copy(ca, f"/etc/docker/certs.d/{registry}"),
        "podman, skopeo, buildah, as root": _copy(ca, f"/etc/containers/certs.d/{registry}"),
        "containerd, as root": [
            *_copy(ca, containerd),
            f"printf '%s\\n' {' '.join(shlex.quote(line) for line in hosts)} > {shlex.quote(f'{containerd}/hosts.toml')}",
            f'# config.toml: [plugins."io.containerd.grpc.v1.cri".registry] config_path = "{CONTAINERD_FOLDER}"',
            f"# ctr: ctr images pull --hosts-dir {CONTAINERD_FOLDER} {name}/NAME:TAG",
        ],
        "aws cli, boto3, moorage": [f"export AWS_CA_BUNDLE={ca}"],
        "Python": [f"export SSL_CERT_FILE={ca} REQUESTS_CA_BUNDLE={ca}"],
        "Go: crane, oras, helm, cosign, docker-credential-ecr-login, Terraform": [f"export SSL_CERT_FILE={ca}"],
        "Node": [f"export NODE_EXTRA_CA_CERTS={ca}"],
        "curl": [f"export CURL_CA_BUNDLE={ca}"],
        "Java": [
            f"rm -f {store}",
            f"keytool -importcert -noprompt -alias moorage -file {ca} -keystore {store} -storetype PKCS12 -storepass changeit",
            f"export JAVA_TOOL_OPTIONS={shlex.quote(java)}",
        ],
        "everything that reads the system's list, on Debian and Ubuntu, as root": [
            f"cp {ca} /usr/local/share/ca-certificates/moorage.crt",
            "update-ca-certificates",
        ],
    }


def _copy(ca: str, folder: str) -> list[str]:
    return [f"mkdir -p {shlex.quote(folder)}", f"cp {ca} {shlex.quote(f'{folder}/ca.crt')}"]
