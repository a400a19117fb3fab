"""The data directory as the server takes possession of it: made, locked, with its secret key."""

import contextlib
import fcntl
import json
import logging
import os
import secrets
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moorage.cli.errors import CommandError
from moorage.config import Options
from moorage.storage.private_file import write_private

KEY_BYTES = 32
_DATABASE = "moorage.db"
_TRIES = 5
_PAUSE = 0.05

_log = logging.getLogger(__name__)


def prepare_directory(path: Path) -> None:
    """Make the data directory, for its owner alone. One that exists keeps its mode, since it may be more than ours."""
    try:
        existed = path.is_dir()
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"The data directory {path} cannot be made: {error.strerror}.") from None
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise CommandError(f"The data directory {path} cannot be written; check its owner and mode.")
    if existed and path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        _log.warning("others can write the data directory; chmod 700 protects it", extra={"path": path})


class Lock:
    """The lock that a server holds on its data directory, for as long as the process lives that took it."""

    def __init__(self, data_dir: Path) -> None:
        """Take it, or raise CommandError naming the server that holds it."""
        self._file = data_dir / "lock"
        try:
            self.descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise CommandError(f"The lock {self._file} cannot be opened: {error.strerror}.") from None
        if not self._taken():
            holder = _holder(self._file)
            os.close(self.descriptor)
            whom = f"process {holder.get('pid', 'unknown')}" + (f", {holder['endpoint']}" if "endpoint" in holder else "")
            raise CommandError(
                f"Another server ({whom}) holds the data directory {data_dir}. Stop it, or choose another with --data-dir."
            )
        self.describe({})

    def _taken(self) -> bool:
        # More than one try, for `running_server` takes a shared lock for a moment to see whether one is held.
        for attempt in range(_TRIES):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            time.sleep(_PAUSE if attempt < _TRIES - 1 else 0)
        return False

    def describe(self, facts: Mapping[str, str]) -> None:
        """Write who holds the lock, for others to read: the process's id and these facts."""
        text = json.dumps({"pid": os.getpid(), **facts}).encode()
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, text, 0)

    def release(self) -> None:
        """Give it back."""
        os.close(self.descriptor)


def running_server(data_dir: Path) -> Mapping[str, Any] | None:
    """What the server that runs on this directory says of itself, or None when none runs."""
    try:
        descriptor = os.open(data_dir / "lock", os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(data_dir / "lock")
    finally:
        os.close(descriptor)
    return None


def _holder(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def ensure_secret_key(options: Options) -> None:
    """Make the key in the data directory on the first start; a key that the operator names must exist already.

    A key that is missing while there is a database is never made: what is stored is encrypted with the one that was there.
    Needs the directory's lock.
    """
    path = options.key_path
    try:
        if options.secret_key_file is None and not path.exists():
            if (options.data_dir / _DATABASE).exists():
                raise CommandError(
                    f"The secret key file {path} is missing, and what the database beside it holds cannot be read without it: "
                    "restore the key from a backup."
                )
            write_private(path, secrets.token_bytes(KEY_BYTES))
        found = path.stat()
        with path.open("rb"):
            pass
    except FileNotFoundError:
        raise CommandError(
            f"The secret key file {path} does not exist. Make one with: (umask 077; head -c {KEY_BYTES} /dev/urandom > {path})"
        ) from None
    except OSError as error:
        raise CommandError(f"The secret key file {path} cannot be used: {error.strerror}.") from None
    if found.st_size < KEY_BYTES:
        raise CommandError(f"The secret key file {path} is too short: it needs at least {KEY_BYTES} bytes.")
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        _log.warning("others can read the secret key; chmod 600 protects it", extra={"path": path})
