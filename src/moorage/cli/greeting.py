"""What the server says when it is ready: where it is, and the commands to paste next."""

import shlex
import shutil
import sys
from pathlib import Path

from moorage.config import Options

ROOT_CREDENTIALS = "root-credentials.json"
"""Name of the file in the data directory that holds the generated root key; mode 0600."""


def greeting(options: Options, command: str, *, moved: str | None, first_start: bool) -> str:
    """The message for the terminal; it holds no secret."""
    endpoint, address = options.endpoint, options.registry_address
    data = near(options.data_dir)
    aws = f"--endpoint-url {endpoint}"
    password = f"aws ecr get-login-password {aws}"
    insecure, unverified = ("", "") if options.secure else (" --tls-verify=false", " --dest-tls-verify=false")
    lines = [
        f"\nMoorage is ready at {endpoint}, its data in {data}.",
        *([f"Note: {moved}."] if moved else []),
        "\nTo push a first image, paste:\n",
        f'  eval "$({_env(options, command)})"',
        f"  aws ecr create-repository --repository-name hello {aws}",
        f"  {password} | docker login --username AWS --password-stdin {address}",
        "  docker pull hello-world",
        f"  docker tag hello-world {address}/hello",
        f"  docker push {address}/hello",
        "\nor, with skopeo in place of docker:\n",
        f"  {password} | skopeo login --username AWS --password-stdin{insecure} {address}",
        f"  skopeo copy{unverified} docker://docker.io/library/hello-world:latest docker://{address}/hello:latest",
    ]
    credentials = options.data_dir / ROOT_CREDENTIALS
    if first_start and options.identity.root_access_key_id is None and credentials.exists():
        lines.append(f"\nThe root key was made and written to {near(credentials)}, which only you can read.")
    return "\n".join(lines) + "\n\n"


def _env(options: Options, command: str) -> str:
    given = "" if options.data_dir == Path("moorage-data").absolute() else f" --data-dir {shlex.quote(near(options.data_dir))}"
    return f"{command} env{given}"


def command_used(argv0: str) -> str:
    """How this program was started, as one would type it here: `moorage`, `.venv/bin/moorage` or `python -m moorage`."""
    if Path(argv0).name == "__main__.py":
        return f"{shlex.quote(near(Path(sys.executable)))} -m moorage"
    found = shutil.which("moorage")
    if found and Path(found).absolute() == Path(argv0).absolute():
        return "moorage"
    return shlex.quote(near(Path(argv0).absolute()))


def near(path: Path) -> str:
    """The path as seen from here: relative when it lies below the current directory."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
