"""Several processes at one database, and a disk without room."""

import itertools
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from moorage.core.errors import StorageFullError, UnavailableError
from moorage.storage.database.faults import translated
from moorage.storage.database.schema.identity import accounts
from moorage.storage.database.transaction import Transaction
from tests.unit.ground import ACCOUNT, Ground

_WRITER = """
import sys
from functools import partial
from pathlib import Path
import sqlalchemy as sa
from moorage.core.clock import SystemClock
from moorage.storage.database.database import Database
from moorage.storage.database.schema.identity import accounts
database = Database(Path(sys.argv[1]), SystemClock())
def add(tx, name):
    tx.execute(sa.insert(accounts).values(id=name, name="", created_at=tx.now))
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[3])):
    database.write(partial(add, name=f"{sys.argv[2]}-{number:04}")).result()
database.close()
"""


def add(tx: Transaction, name: str) -> None:
    tx.execute(sa.insert(accounts).values(id=name, name="", created_at=tx.now))


def test_writers_of_several_processes_interleave_and_none_is_told_that_the_database_is_locked(ground: Ground) -> None:
    count = 80
    started = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(ground.path), name, str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in "ab"
    ]
    for process in started:
        assert process.stdout and process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    for number in range(count):
        ground.write(partial(add, name=f"c-{number:04}"))
    for process in started:
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, "")
    rows = [row.id for row in ground.rows(sa.select(accounts.c.id).where(accounts.c.id != ACCOUNT).order_by(sa.text("rowid")))]
    assert len(rows) == 3 * count
    switches = sum(a[0] != b[0] for a, b in itertools.pairwise(rows))
    assert switches > 10, "one writer starved the others"


_FILL = """
import shutil, sys
from functools import partial
from pathlib import Path
import sqlalchemy as sa
from moorage.core.clock import SystemClock
from moorage.core.errors import StorageFullError
from moorage.storage.database.database import Database
from moorage.storage.database.schema.identity import accounts
path = Path(sys.argv[1]) / "moorage.db"
shutil.copyfile(sys.argv[2], path)
database = Database(path, SystemClock())
def add(tx, number, size):
    tx.execute(sa.insert(accounts).values(id=str(number), name="x" * size, created_at=tx.now))
def names(tx):
    return [row.id for row in tx.all(sa.select(accounts.c.id))]
kept = 0
try:
    for number in range(1000):
        database.write(partial(add, number=number, size=20_000)).result()
        kept += 1
except StorageFullError:
    print("full", 0 < kept < 1000)
found = sorted(map(int, database.read(names).result()))
print("kept", found == list(range(kept)))
group = [database.write(partial(add, number=-number, size=100_000)) for number in range(1, 30)]
print("refused", all(isinstance(future.exception(), StorageFullError) for future in group))
(Path(sys.argv[1]) / "ballast").unlink()
database.write(partial(add, number=-99, size=10)).result()
print("again", len(database.read(names).result()) == kept + 1)
database.close()
"""


def test_a_full_disk_is_told_as_such_and_everything_before_stays(tmp_path: Path, template: Path) -> None:
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("a small file system needs root and unshare")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f'mount -t tmpfs -o size=3m tmpfs {disk} && head -c 300000 /dev/zero > {disk}/ballast && exec "$@"'
    front = ["unshare", "-m", "sh", "-c", mount, "sh"]
    if subprocess.run([*front, "true"], capture_output=True, check=False).returncode:
        pytest.skip("file systems cannot be mounted here")
    command = [*front, sys.executable, "-c", _FILL, str(disk), str(template)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines() == ["full True", "kept True", "refused True", "again True"], done.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("database or disk is full", StorageFullError),
        ("database is locked", UnavailableError),
        ("disk I/O error", UnavailableError),
        ("unable to open database file", UnavailableError),
        ("no such table: x", sa.exc.OperationalError),
    ],
)
def test_the_databases_faults_are_told_in_the_cores_words(text: str, expected: type[Exception]) -> None:
    error = sa.exc.OperationalError("SELECT 1", {}, Exception(text))
    assert type(translated(error)) is expected
    assert type(translated(ValueError(text))) is ValueError
