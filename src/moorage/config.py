"""Every setting of the program, declared once, and the only reader of the environment.

A setting is a field below. From its declaration come the flag (`--data-dir`), the variable (`MOORAGE_DATA_DIR`), the key in
`moorage.toml` (`data_dir`), the default, the help text and the test of the documentation. The order of precedence is
flag, environment, file, default.
"""
# ruff: noqa: RUF009 - `_setting` and `_optional` return `dataclasses.field(...)`, no value that instances would share.

import dataclasses
import difflib
import ipaddress
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from moorage.core.addresses import Addresses, parse_address, parse_domain
from moorage.core.parsing import boolean, integer, matching, one_of, parse_duration

T = TypeVar("T")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

FILE_NAME = "moorage.toml"
PREFIX = "MOORAGE_"
CONFIG_VARIABLE = "MOORAGE_CONFIG"
DEFAULT_PORT = 5000

_PRINTABLE = re.compile(r"[\x21-\x7e]{1,256}")


class ConfigError(Exception):
    """A setting that cannot be used; the message is one sentence that names the setting and where it came from."""


class _RefusedError(ValueError):
    """What is wrong with a value, as the second half of a sentence that begins with the setting."""


def _path(text: str) -> Path:
    return Path(os.path.expanduser(text)).absolute()  # Path.expanduser raises for an unknown user


def _paths(text: str) -> tuple[Path, ...]:
    return tuple(_path(part.strip()) for part in text.split(",") if part.strip())


def _file_or_off(text: str) -> str:
    return text.lower() if text.lower() in {"on", "off"} else str(_path(text))


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())
    except ValueError:
        raise _RefusedError("must be a comma-separated list of addresses or networks, such as 10.0.0.0/8,::1") from None


def _cores() -> int:
    # What this process may use, which is less than the machine has inside a container with a CPU set.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, as the table below declares it."""

    name: str
    """The key in `moorage.toml` and the field's name."""
    parse: Callable[[str], object]
    default: str
    """The default as a person reads it."""
    help: str
    group: str
    """The heading that it stands under."""
    secret: bool
    """Never shown, and without a flag, since any user of the machine can read a process's arguments."""

    @property
    def variable(self) -> str:
        """The environment variable."""
        return PREFIX + self.name.upper()

    @property
    def flag(self) -> str | None:
        """The flag, or None for a secret."""
        return None if self.secret else "--" + self.name.replace("_", "-")


def _setting(parse: Callable[[str], T], default: str | Callable[[], T], help: str, *, shown: str = "") -> T:
    facts = {"parse": parse, "default": shown or str(default), "help": help, "secret": False}
    if isinstance(default, str):
        return field(default=parse(default), metadata=facts)
    return field(default_factory=default, metadata=facts)


def _optional(parse: Callable[[str], T], help: str, *, shown: str = "none", secret: bool = False) -> T | None:
    facts = {"parse": parse, "default": shown, "help": help, "secret": secret}
    return field(default=None, repr=not secret, metadata=facts)


@dataclass(frozen=True, slots=True)
class Listen:
    """Listening"""

    host: str = _setting(matching(_PRINTABLE, "an address or a host name"), "127.0.0.1", "address to listen on")
    port: int | None = _optional(
        integer(0, 65535),
        "port to listen on; 0 takes any free one. When not set and 5000 or 5001 is taken, the next free pair is used and kept",
        shown=str(DEFAULT_PORT),
    )
    tls_cert: tuple[Path, ...] = _setting(_paths, "", "certificate chains (PEM), the default one first", shown="none")
    tls_key: tuple[Path, ...] = _setting(_paths, "", "private keys (PEM), in the order of the certificates", shown="none")
    trusted_proxies: tuple[Network, ...] = _setting(
        _networks, "", "addresses or networks whose Forwarded and X-Forwarded-* headers are believed", shown="none"
    )
    workers: int = _setting(integer(1, 1024), _cores, "web worker processes", shown="number of cores")
    connection: str = _setting(
        one_of("fast", "plain"), "fast", "connection class: fast is Moorage's own, plain is uvicorn's (slower, for comparison)"
    )
    shutdown_timeout: int = _setting(parse_duration, "30s", "time that requests in flight get to finish at shutdown")
    """Milliseconds."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Identity"""

    account_id: str = _setting(
        matching(re.compile(r"[0-9]{12}"), "twelve digits"), "123456789012", "account of the default registry (twelve digits)"
    )
    region: str = _setting(
        matching(re.compile(r"[a-z0-9-]{2,25}"), "a region such as us-east-1"), "us-east-1", "region of the default registry"
    )
    root_access_key_id: str | None = _optional(
        matching(re.compile(r"[A-Za-z0-9_]{1,128}"), "1 to 128 letters, digits or underscores"),
        "the default account's root key; goes with its secret",
        shown="generated once",
        secret=True,
    )
    root_secret_access_key: str | None = _optional(
        matching(_PRINTABLE, "1 to 256 printable characters without spaces"),
        "secret of the root key",
        shown="generated once",
        secret=True,
    )


@dataclass(frozen=True, slots=True)
class Naming:
    """Names"""

    address: str | None = _optional(
        parse_address,
        "host[:port] before the repository name in the default registry's image names",
        shown="localhost:<port>",
    )
    domain: str | None = _optional(
        parse_domain, "registries live at <account>.dkr.ecr.<region>.<domain>, the API at api.ecr.<region>.<domain>"
    )


@dataclass(frozen=True, slots=True)
class Keeping:
    """Keeping"""

    retention: int = _setting(parse_duration, "7d", "how long a removed image can be brought back; 0 for not at all")
    """Milliseconds."""
    grace: int = _setting(parse_duration, "24h", "how long a blob is kept that nothing refers to")
    """Milliseconds."""
    upload_expiry: int = _setting(parse_duration, "7d", "how long an upload may rest before it is given up")
    """Milliseconds."""
    max_uploads: int = _setting(integer(1, 1_000_000), "1000", "open upload sessions per principal")
    sparse_indexes: bool = _setting(boolean, "false", "whether an index may name manifests that the repository does not hold")


@dataclass(frozen=True, slots=True)
class Auditing:
    """Audit"""

    audit_file: str = _setting(
        _file_or_off, "on", "the record as a file: on for audit/audit.jsonl in the data directory, off, or a path"
    )
    """`on`, `off` or an absolute path; see `Options.audit_path`."""
    audit_retention: int = _setting(parse_duration, "90d", "how long calls stay in the record, in the database and in files")
    """Milliseconds."""


@dataclass(frozen=True, slots=True)
class Options:
    """General"""

    data_dir: Path = _setting(_path, lambda: _path("moorage-data"), "database, blobs, keys", shown="./moorage-data")
    """Absolute."""
    secret_key_file: Path | None = _optional(
        _path, "file with the key that encrypts stored secrets, at least 32 bytes", shown="secret.key in the data directory"
    )
    """Absolute; None stands for `key_path` in the data directory."""
    log_level: str = _setting(one_of("debug", "info", "warning", "error"), "info", "least level of what is logged")
    outgoing_networks: tuple[Network, ...] = _setting(
        _networks, "", "addresses or networks that this server may ask though they are not public", shown="none"
    )
    listen: Listen = field(default_factory=Listen)
    identity: Identity = field(default_factory=Identity)
    naming: Naming = field(default_factory=Naming)
    keeping: Keeping = field(default_factory=Keeping)
    auditing: Auditing = field(default_factory=Auditing)

    @property
    def audit_path(self) -> Path | None:
        """The file that the record is written to, if any."""
        if self.auditing.audit_file == "off":
            return None
        return self.data_dir / "audit" / "audit.jsonl" if self.auditing.audit_file == "on" else Path(self.auditing.audit_file)

    @property
    def key_path(self) -> Path:
        """Where the secret key is read from."""
        return self.secret_key_file or self.data_dir / "secret.key"

    @property
    def secure(self) -> bool:
        """Whether this server speaks TLS."""
        return bool(self.listen.tls_cert)

    @property
    def port(self) -> int:
        """The port that names are made with."""
        return DEFAULT_PORT if self.listen.port is None else self.listen.port

    @property
    def addresses(self) -> Addresses:
        """The names under which clients reach this installation; the next port is the public listener's."""
        return Addresses(
            default_account_id=self.identity.account_id,
            default_region=self.identity.region,
            address=self.naming.address or f"localhost:{self.port}",
            public_address=f"localhost:{self.port + 1}",
            domain=self.naming.domain,
            secure=self.secure,
        )

    @property
    def registry_address(self) -> str:
        """`host[:port]` of the default registry."""
        return self.addresses.registry(self.identity.account_id, self.identity.region)

    @property
    def endpoint(self) -> str:
        """The URL of the AWS APIs, without a trailing slash."""
        host = f"api.ecr.{self.identity.region}.{self.naming.domain}" if self.naming.domain else self.addresses.address
        return f"{'https' if self.secure else 'http'}://{host}"

    def listening_on(self, port: int) -> "Options":
        """The same options with the port that was found."""
        return dataclasses.replace(self, listen=dataclasses.replace(self.listen, port=port))


def _declared(part: type[Any]) -> Iterator[Setting]:
    for each in dataclasses.fields(part):
        if each.metadata:
            yield Setting(name=each.name, group=part.__doc__ or "", **each.metadata)
        else:
            yield from _declared(cast(type[Any], each.type))


SETTINGS: tuple[Setting, ...] = tuple(_declared(Options))
"""Every setting, in the order of the help text."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The options, and what the operator should hear about them."""

    options: Options
    warnings: tuple[str, ...] = ()


class _Given(NamedTuple):
    text: str
    origin: str


def load(flags: Mapping[str, str], environ: Mapping[str, str] | None = None, config: str | None = None) -> Loaded:
    """Options from flags (by setting name), the environment and the file; `config` is the flag `--config`.

    Raises ConfigError. An empty variable counts as not set.
    """
    environ = os.environ if environ is None else environ
    given = _from_file(config or environ.get(CONFIG_VARIABLE))
    for setting in SETTINGS:
        if environ.get(setting.variable):
            given[setting.name] = _Given(environ[setting.variable], f"the variable {setting.variable}")
        if setting.name in flags:
            given[setting.name] = _Given(flags[setting.name], f"the flag {setting.flag}")
    values = {setting.name: _value(setting, given[setting.name]) for setting in SETTINGS if setting.name in given}
    for one, other in (("root_access_key_id", "root_secret_access_key"), ("tls_cert", "tls_key")):
        _together(one, other, given)
    return Loaded(cast(Options, _build(Options, values)), tuple(_unknown_variables(environ)))


def _from_file(named: str | None) -> dict[str, _Given]:
    path = Path(named or FILE_NAME)
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        if named:
            raise ConfigError(f"The configuration file {path} does not exist.") from None
        return {}
    except OSError as error:
        raise ConfigError(f"The configuration file {path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise ConfigError(f"The configuration file {path} is not valid TOML: {error}.") from None
    given, known = {}, {setting.name for setting in SETTINGS}
    for key, value in document.items():
        if key not in known:
            raise ConfigError(f"The configuration file {path} has an unknown key {key!r}{_nearest(key, known)}.")
        given[key] = _Given(_as_text(key, value, path), f"the key {key} in {path}")
    return given


def _as_text(key: str, value: object, path: Path) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ",".join(value)
    if isinstance(value, str | int):
        return str(value)
    raise ConfigError(f"The key {key} in {path} must be a string, a whole number, true or false, or a list of strings.")


def _value(setting: Setting, given: _Given) -> object:
    try:
        return setting.parse(given.text)
    except ValueError as refused:  # _RefusedError, or what `core` says in the same manner
        shown = "" if setting.secret else f", not {given.text!r}"
        raise ConfigError(f"{setting.variable} (from {given.origin}) {refused}{shown}.") from None


def _together(one: str, other: str, given: Mapping[str, _Given]) -> None:
    for present, absent in ((one, other), (other, one)):
        if present in given and absent not in given:
            name, missing = PREFIX + present.upper(), PREFIX + absent.upper()
            raise ConfigError(f"{name} (from {given[present].origin}) needs {missing} too: set both or neither.")


def _build(part: type[Any], values: Mapping[str, object]) -> object:
    chosen: dict[str, object] = {}
    for each in dataclasses.fields(part):
        if not each.metadata:
            chosen[each.name] = _build(cast(type[Any], each.type), values)
        elif each.name in values:
            chosen[each.name] = values[each.name]
    return part(**chosen)


def _unknown_variables(environ: Mapping[str, str]) -> Iterator[str]:
    known = {setting.variable for setting in SETTINGS} | {CONFIG_VARIABLE}
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known:
            yield f"The variable {name} is not a setting of Moorage{_nearest(name, known)}."


def _nearest(name: str, known: set[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return f"; the nearest is {close[0]}" if close else ""


def aws_variables(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables of the AWS tools that are set, by their names; an empty one counts as not set."""
    environ = os.environ if environ is None else environ
    return {name: value for name, value in environ.items() if name.startswith("AWS_") and value}
