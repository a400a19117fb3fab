"""What only files can show: other processes, a full disk, and what reaches the disk in which order."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from moorage.storage.blobs.filesystem import FilesystemBlobs
from moorage.storage.blobs.port import OffsetConflictError
from tests.contract.objects import grow

# --- several processes ----------------------------------------------------------------------------------------------

_OTHER = """
import sys
from pathlib import Path
from moorage.storage.blobs.filesystem import FilesystemBlobs
from moorage.storage.blobs.port import OffsetConflictError
blobs, key = FilesystemBlobs(Path(sys.argv[1])), sys.argv[2]
for line in sys.stdin:
    try:
        if line.strip() == "open":
            appender = blobs.append_to(key)
            print("writer", appender.offset, flush=True)
        else:
            appender.write(line.strip().encode())
            print("written", appender.offset, flush=True)
    except OffsetConflictError as error:
        print("refused", error.size, flush=True)
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Callable[[str], "subprocess.Popen[str]"]]:
    """Starts another process that asks to write to a key."""
    started: list[subprocess.Popen[str]] = []

    def start(key: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", _OTHER, str(tmp_path), key]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def say(process: "subprocess.Popen[str]", line: str) -> str:
    assert process.stdin and process.stdout
    process.stdin.write(f"{line}\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def test_there_is_only_one_writer_also_across_processes(
    tmp_path: Path, other: Callable[[str], "subprocess.Popen[str]"]
) -> None:
    blobs = FilesystemBlobs(tmp_path)
    blobs.prepare()
    key = grow(blobs, b"123")
    mine = blobs.append_to(key)
    theirs = other(key)
    assert say(theirs, "open") == "refused 3"
    mine.write(b"45")
    mine.close()
    assert say(theirs, "open") == "writer 5"
    with pytest.raises(OffsetConflictError):
        blobs.append_to(key)
    assert say(theirs, "more") == "written 9"
    theirs.kill()
    theirs.wait()
    appender = blobs.append_to(key)  # a writer that died lets the next one in, and what it wrote is there
    assert appender.offset == 9
    appender.close()


# --- a full disk, and the order of syncs ----------------------------------------------------------------------------

_FILL = """
import os, sys
from pathlib import Path
from moorage.core.errors import StorageFullError
from moorage.storage.blobs.filesystem import FilesystemBlobs
from moorage.storage.blobs.port import new_key
blobs, key = FilesystemBlobs(Path(sys.argv[1])), new_key()
blobs.prepare()
blobs.create(key)
appender = blobs.append_to(key)
try:
    for _ in range(64):
        appender.write(b"x" * 100_000)
except StorageFullError:
    print("full", appender.offset == blobs.grown(key) > 0)
appender.rewind(1000)
appender.close()
blobs.publish(key)
print("kept", blobs.open(key, 1000).read_at(0, 2000) == b"x" * 1000)
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> list[str]:
    """The front of a command that finds a file system of 2 MiB at tmp_path."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("a small file system needs root and unshare")
    front = ["unshare", "-m", "sh", "-c", f'mount -t tmpfs -o size=2m tmpfs {tmp_path} && exec "$@"', "sh"]
    if subprocess.run([*front, "true"], capture_output=True, check=False).returncode:
        pytest.skip("file systems cannot be mounted here")
    return front


def test_a_full_disk_keeps_what_was_written_before(tmp_path: Path, small_disk: list[str]) -> None:
    command = [*small_disk, sys.executable, "-c", _FILL, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split("\n")[:2] == ["full True", "kept True"], done.stderr


_PUBLISH = """
import sys
from pathlib import Path
from moorage.storage.blobs.filesystem import FilesystemBlobs
blobs, key = FilesystemBlobs(Path(sys.argv[1])), "ab" * 20
blobs.create(key)
appender = blobs.append_to(key)
appender.write(b"data")
appender.close()
blobs.publish(key)
if sys.argv[2] == "twice":
    blobs.publish(key)
"""


@pytest.mark.parametrize("times", ["once", "twice"])
def test_the_file_is_synced_then_renamed_then_its_folder_is_synced(tmp_path: Path, times: str) -> None:
    if not shutil.which("strace"):
        pytest.skip("strace is not here")
    FilesystemBlobs(tmp_path).prepare()
    command = ["strace", "-f", "-y", "-e", "trace=fsync,fdatasync,rename,renameat,renameat2", sys.executable, "-c"]
    traced = subprocess.run([*command, _PUBLISH, str(tmp_path), times], capture_output=True, text=True, timeout=60, check=False)
    if traced.returncode and "PTRACE" in traced.stderr.upper():
        pytest.skip("strace may not trace here")
    assert traced.returncode == 0, traced.stderr
    lines = [line for line in traced.stderr.splitlines() if str(tmp_path) in line]
    seen = [re.sub(r"^(?:\[pid +\d+\] )?(\w+)\(.*", r"\1", line) for line in lines]
    synced = "fsync"
    assert seen == [synced, "rename", synced, *([synced] if times == "twice" else [])]
    key = "ab" * 20
    assert f"/staging/{key}>" in lines[0] and f"/objects/ab/{key}" in lines[1]
    assert all(line.split(">")[0].endswith("/objects/ab") for line in lines[2:])
