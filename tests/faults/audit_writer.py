"""A program that writes the record to its file as the jobs process does, until it is killed: `audit_writer.py DATABASE FILE`."""

import sys
import time
from pathlib import Path

from moorage.audit.file import AuditFile
from moorage.audit.keeping import Export
from moorage.core import clock
from moorage.core.clock import SystemClock
from moorage.storage.database.database import Database


def run(database: Path, path: Path) -> None:
    export = Export(Database(database, SystemClock(), readers=1), AuditFile(path, retention=36_500 * clock.DAY, largest=20_000))
    print("ready", flush=True)
    while True:
        if not export.run(0.05):
            time.sleep(0.002)


if __name__ == "__main__":
    run(Path(sys.argv[1]), Path(sys.argv[2]))
