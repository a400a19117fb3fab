"""The command line: what is asked for, and who does it."""

import argparse
import re
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Any

from moorage.cli import environment
from moorage.cli.clients import CLIENTS
from moorage.cli.errors import CommandError
from moorage.cli.greeting import command_used
from moorage.cli.remote.command import Verbs
from moorage.cli.remote.groups import COMMANDS, GROUPS
from moorage.config import CONFIG_VARIABLE, FILE_NAME, SETTINGS, ConfigError, Loaded, aws_variables, load
from moorage.core.addresses import Address

_DESCRIPTION = "Moorage, a self-hosted container registry that speaks Amazon ECR's own languages."
_EPILOG = f"""\
a first image:
  moorage serve                       in one terminal; it prints what to paste next
  eval "$(moorage env)"               in another: the aws command line now means this registry
  moorage login                       signs docker in; --client podman or skopeo for those

settings:
  Every flag of `serve` is also a variable (--data-dir is MOORAGE_DATA_DIR) and a key in {FILE_NAME} in the current
  directory (data_dir), or in the file that --config or {CONFIG_VARIABLE} names. Flags win over variables, variables over
  the file. Durations are written 7d, 24h, 90m, 30s or 500ms.
"""
_CLIENT_SETTINGS = ("data_dir", "host", "port", "account_id", "region", "address", "domain")
"""What is needed to find the server; the others are flags of `serve` alone."""
_REMOTE_SETTINGS = tuple(name for name in _CLIENT_SETTINGS if name != "account_id")
_SHOWN = ("data_dir", "region")
"""Of these, what helps whoever asks a server; the rest are taken as ever, and best said as variables or in the file."""
_REMOTE = "Works with the key and endpoint of the AWS_* variables, from any machine, or as env finds them."


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status: 0, 1 when it cannot be done, 2 when it is asked for wrongly."""
    arguments = build_parser().parse_args(argv)
    try:
        return _run(arguments)
    except ConfigError as error:
        return _complain(str(error), 2)
    except CommandError as error:
        return _complain(str(error), 1)
    except KeyboardInterrupt:
        return 130


def _run(arguments: argparse.Namespace) -> int:
    if arguments.command == "version":
        print(f"moorage {metadata.version('moorage')}")
        return 0
    loaded = _load(arguments)
    for warning in loaded.warnings:
        _complain(warning, 0)
    if arguments.command == "serve":
        from moorage.cli import serve  # noqa: PLC0415 - start-up time: loads the server, and `env` runs in every new shell

        return serve.run(loaded.options, command_used(sys.argv[0]))
    if arguments.command == "login":
        from moorage.cli import login  # noqa: PLC0415 - start-up time: loads botocore

        return login.run(loaded.options, arguments.client)
    if arguments.command == "env":
        return environment.run(loaded.options)
    if arguments.command == "tls":
        from moorage.cli import tls  # noqa: PLC0415 - start-up time: loads x509

        return tls.self_signed(loaded.options, arguments.name or (), days=arguments.days, force=arguments.force)
    from moorage.cli import client  # noqa: PLC0415 - start-up time: loads botocore

    variables = aws_variables()
    chosen = environment.chosen_environment(loaded.options, variables)
    status: int = arguments.remote(arguments, client.ApiClient(chosen, variables.get("AWS_CA_BUNDLE")))
    return status


def _load(arguments: argparse.Namespace) -> Loaded:
    given = vars(arguments)
    flags = {setting.name: given[setting.name] for setting in SETTINGS if given.get(setting.name) is not None}
    return load(flags, config=arguments.config)


def _complain(message: str, status: int) -> int:
    print(f"moorage: {message}", file=sys.stderr)
    return status


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="moorage",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="command", required=True, parser_class=_Exact)
    serve = commands.add_parser("serve", help="run the registry", description="Run the registry until SIGTERM or Ctrl-C.")
    _add_settings(serve, [setting.name for setting in SETTINGS])
    env = commands.add_parser(
        "env",
        help="print the variables that point AWS's tools here",
        description='Print export lines for: eval "$(moorage env)". The key is the root key; keep it to yourself.',
    )
    _add_settings(env, _CLIENT_SETTINGS)
    login = commands.add_parser(
        "login",
        help="sign a container client in",
        description="Sign docker, podman or skopeo in, with the key and endpoint of the AWS_* variables, or as env finds them.",
    )
    login.add_argument("--client", choices=CLIENTS, default="docker", help="default: docker")
    _add_settings(login, _CLIENT_SETTINGS)
    for group in GROUPS:
        about = f"{group.help[0].upper()}{group.help[1:]}. {_REMOTE}"
        words = commands.add_parser(group.word, help=group.help, description=about)
        verbs = words.add_subparsers(dest="verb", metavar="command", required=True, parser_class=_Exact)
        group.build(Verbs(verbs, _finish_remote))
    for command in COMMANDS:
        about = f"{command.help[0].upper()}{command.help[1:]}. {_REMOTE}"
        remote = commands.add_parser(command.word, help=command.help, description=about)
        remote.set_defaults(remote=command.run)
        remote.add_argument("--json", action="store_true", help="print JSON, for scripts: a record on each line")
        command.build(remote)
        _add_settings(remote, _REMOTE_SETTINGS, shown=_SHOWN)
    _add_tls(commands)
    commands.add_parser("version", help="print the version", description="Print the version.")
    return parser


def _add_tls(commands: "argparse._SubParsersAction[_Exact]") -> None:
    group = commands.add_parser("tls", help="certificates for trials", description="Certificates for trials.")
    self_signed = group.add_subparsers(dest="tls_command", metavar="command", required=True, parser_class=_Exact).add_parser(
        "self-signed",
        help="make a private authority and a certificate",
        description="Make a private authority and a certificate for this installation's names in the data directory, and print "
        "the lines that make clients trust it. An authority that is there is kept.",
    )
    self_signed.add_argument("--name", action="append", type=_certificate_name, help="one more host name, *.name or IP address")
    self_signed.add_argument("--days", type=_days, default=397, help="days that the certificate is good for (default: 397)")
    self_signed.add_argument("--force", action="store_true", help="replace what is there, the authority too")
    _add_settings(self_signed, _CLIENT_SETTINGS)


def _certificate_name(text: str) -> str:
    name = text.lower().removesuffix(".")
    try:
        address = Address.parse(f"[{name}]" if ":" in name else name.removeprefix("*."))
    except ValueError:
        address = None
    if address is None or address.port is not None or (name.startswith("*") and address.is_ip):
        raise argparse.ArgumentTypeError(f"{text!r} is not a host name, *. and a host name, or an IP address")
    return name


def _days(text: str) -> int:
    if not re.fullmatch("[0-9]{1,5}", text) or not 1 <= int(text) <= 36_500:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 36500")
    return int(text)


class _Exact(argparse.ArgumentParser):
    """Takes no abbreviated flags: one that works today would become ambiguous with the next setting."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, allow_abbrev=False)


def _finish_remote(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _REMOTE
    _add_settings(parser, _REMOTE_SETTINGS, shown=_SHOWN)


def _add_settings(parser: argparse.ArgumentParser, names: Sequence[str], shown: Sequence[str] | None = None) -> None:
    """Declare the flags of settings; help tells of those that are `shown`, or of all."""
    parser.add_argument("--config", metavar="PATH", help=f"configuration file (default: {FILE_NAME}, if it exists)")
    groups: dict[str, argparse._ArgumentGroup] = {}
    for setting in SETTINGS:
        if setting.flag is None or setting.name not in names:
            continue
        if setting.group not in groups:
            groups[setting.group] = parser.add_argument_group(setting.group.lower())
        text = f"{setting.help} (default: {setting.default})".replace("%", "%%")
        if shown is not None and setting.name not in shown:
            text = argparse.SUPPRESS
        groups[setting.group].add_argument(setting.flag, dest=setting.name, metavar=_placeholder(setting.name), help=text)


def _placeholder(name: str) -> str:
    return name.rpartition("_")[2].upper()
