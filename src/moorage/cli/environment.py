"""`moorage env`: the variables by which AWS's tools reach this installation."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from moorage.cli.data_directory import running_server
from moorage.cli.errors import CommandError
from moorage.cli.greeting import ROOT_CREDENTIALS
from moorage.cli.listening import remembered_port
from moorage.config import Options, aws_variables


@dataclass(frozen=True, slots=True)
class Environment:
    """How to reach an installation, and as whom."""

    endpoint_url: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    region: str
    session_token: str | None = field(default=None, repr=False)


def run(options: Options) -> int:
    """Print the export lines for `eval`."""
    print(exports(local_environment(options), stale="AWS_SESSION_TOKEN" in aws_variables()), end="")
    return 0


def chosen_environment(options: Options, variables: Mapping[str, str]) -> Environment:
    """From the AWS variables if they name both an endpoint and a key, else as `moorage env` finds it.

    A key alone does not count: it is more likely one of Amazon's.
    """
    endpoint = variables.get("AWS_ENDPOINT_URL_ECR") or variables.get("AWS_ENDPOINT_URL")
    key_id, secret = variables.get("AWS_ACCESS_KEY_ID"), variables.get("AWS_SECRET_ACCESS_KEY")
    if not endpoint or not key_id or not secret:
        return local_environment(options)
    region = variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION") or options.identity.region
    return Environment(endpoint, key_id, secret, region, variables.get("AWS_SESSION_TOKEN"))


def exports(found: Environment, *, stale: bool) -> str:
    """One `export` line each, quoted for a shell. `stale`: a session token is set that belongs to another key."""
    variables = {
        "AWS_ENDPOINT_URL": found.endpoint_url,
        "AWS_ACCESS_KEY_ID": found.access_key_id,
        "AWS_SECRET_ACCESS_KEY": found.secret_access_key,
        "AWS_REGION": found.region,
        "AWS_DEFAULT_REGION": found.region,
    }
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
    # With it, the tools would send the old session's token next to the new key.
    return "".join([*lines, *(["unset AWS_SESSION_TOKEN\n"] if stale else [])])


def local_environment(options: Options) -> Environment:
    """Of the installation in the data directory; CommandError when it cannot be found or read.

    The endpoint comes from the settings where they say something about it, else from the running server, else from the port
    that an earlier start kept.
    """
    key_id, secret = _root_key(options)
    return Environment(_endpoint(options), key_id, secret, options.identity.region)


def _endpoint(options: Options) -> str:
    if options.naming.address or options.naming.domain or options.listen.port:
        return options.endpoint
    running = running_server(options.data_dir)
    if running and isinstance(running.get("endpoint"), str):
        return str(running["endpoint"])
    port = remembered_port(options.data_dir)
    return (options.listening_on(port) if port else options).endpoint


def _root_key(options: Options) -> tuple[str, str]:
    if options.identity.root_access_key_id and options.identity.root_secret_access_key:
        return options.identity.root_access_key_id, options.identity.root_secret_access_key
    path = options.data_dir / ROOT_CREDENTIALS
    try:
        document = json.loads(path.read_bytes())
        return str(document["access_key_id"]), str(document["secret_access_key"])
    except FileNotFoundError:
        raise CommandError(_absent(options.data_dir, path)) from None
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}. Run this as the user who runs the server.") from None
    except (ValueError, KeyError, TypeError):
        raise CommandError(f"{path} does not hold a key: it must be JSON with access_key_id and secret_access_key.") from None


def _absent(data_dir: Path, path: Path) -> str:
    if not data_dir.is_dir():
        return f"There is no data directory {data_dir}. Start the server first (moorage serve), or name it with --data-dir."
    return (
        f"There is no {path}. Start the server once to make the root key; if it was configured, set "
        "MOORAGE_ROOT_ACCESS_KEY_ID and MOORAGE_ROOT_SECRET_ACCESS_KEY here too."
    )
