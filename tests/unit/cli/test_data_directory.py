"""The data directory, its lock and its key."""

import logging
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from moorage.cli.data_directory import Lock, ensure_secret_key, prepare_directory, running_server
from moorage.cli.errors import CommandError
from moorage.config import Options, load

HOLD = "import sys; from pathlib import Path; from moorage.cli.data_directory import Lock; \
lock = Lock(Path(sys.argv[1])); lock.describe({'endpoint': 'http://localhost:7'}); print('held', flush=True); sys.stdin.read()"


def options(data: Path, key: Path | None = None) -> Options:
    return load({"data_dir": str(data)} | ({"secret_key_file": str(key)} if key else {}), {}).options


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    prepare_directory(tmp_path / "deep" / "data")
    assert mode(tmp_path / "deep" / "data") == 0o700


def test_a_directory_that_exists_keeps_its_mode_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tmp_path.chmod(0o777)
    prepare_directory(tmp_path)
    assert mode(tmp_path) == 0o777
    assert "others can write the data directory" in caplog.text


def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match=r"cannot be made: (Not a directory|File exists)"):
        prepare_directory(tmp_path / "file" / "data")


def test_a_second_server_on_one_directory_is_refused_and_told_of_the_first(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout and first.stdout.readline() == "held\n"
        with pytest.raises(CommandError, match=rf"Another server \(process {first.pid}, http://localhost:7\) holds"):
            Lock(tmp_path)
        assert running_server(tmp_path) == {"pid": first.pid, "endpoint": "http://localhost:7"}
        first.kill()
    assert running_server(tmp_path) is None
    Lock(tmp_path).release()


def test_the_lock_ends_with_its_holder_even_if_a_child_lives_on(tmp_path: Path) -> None:
    lock = Lock(tmp_path)
    assert not os.get_inheritable(lock.descriptor)
    lock.release()
    Lock(tmp_path).release()


def test_the_key_is_made_once(tmp_path: Path) -> None:
    ensure_secret_key(options(tmp_path))
    key = tmp_path / "secret.key"
    made = key.read_bytes()
    assert (len(made), mode(key)) == (32, 0o600)
    ensure_secret_key(options(tmp_path))
    assert key.read_bytes() == made
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


def test_a_key_that_is_lost_is_not_replaced_by_one_that_opens_nothing(tmp_path: Path) -> None:
    (tmp_path / "moorage.db").touch()
    with pytest.raises(CommandError, match=r"secret.key is missing, .*: restore the key from a backup"):
        ensure_secret_key(options(tmp_path))
    assert not (tmp_path / "secret.key").exists()


def test_what_a_crash_left_of_a_key_is_no_key(tmp_path: Path) -> None:
    (tmp_path / ".secret.key.new").write_bytes(b"half")
    ensure_secret_key(options(tmp_path))
    assert len((tmp_path / "secret.key").read_bytes()) == 32


def test_a_key_that_was_named_is_never_made(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"own.key does not exist. Make one with: .*head -c 32"):
        ensure_secret_key(options(tmp_path, tmp_path / "own.key"))
    assert not (tmp_path / "own.key").exists()


def test_a_short_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_bytes(b"short")
    with pytest.raises(CommandError, match="is too short: it needs at least 32 bytes"):
        ensure_secret_key(options(tmp_path))


def test_a_key_that_others_can_read_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    key = tmp_path / "own.key"
    key.write_bytes(bytes(32))
    key.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        ensure_secret_key(options(tmp_path, key))
    assert "others can read the secret key" in caplog.text
