"""A repository of many images: how long a page of DescribeImages takes, and whom a deletion keeps waiting.

    python -m bench.large [--images 100000] [--pages 200] [--directory DIR]

Starts `moorage serve` with two workers, puts the rows in with SQL, and measures with signed requests over one connection,
from the first byte sent to the last byte received. Pages come in a mixed order, each with 1,000 tagged images.
"""

import argparse
import hashlib
import http.client
import json
import random
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.servers import Moorage

_REPOSITORY = "bench/large"
_OTHER = "bench/other"
_PAGE = 1000


class Caller:
    """Signed requests over one connection, timed."""

    def __init__(self, server: Moorage) -> None:
        self._server = server
        self._connection = http.client.HTTPConnection("127.0.0.1", server.target.port, timeout=120)

    def call(self, operation: str, **members: Any) -> tuple[float, dict[str, Any]]:
        """Milliseconds from the first byte sent to the last received, and the answer; raises RuntimeError for an error."""
        body = json.dumps(members).encode()
        headers = self._server.sign(operation, body)
        began = time.perf_counter()
        self._connection.request("POST", "/", body, headers)
        response = self._connection.getresponse()
        content = response.read()
        took = (time.perf_counter() - began) * 1000
        if response.status != 200:
            raise RuntimeError(f"{operation}: {response.status} {content[:300]!r}")
        return took, json.loads(content)

    def close(self) -> None:
        self._connection.close()


def fill(database: Path, repository: str, count: int) -> None:
    """Put so many tagged images of two layers each into a repository."""
    with closing(sqlite3.connect(database)) as connection, connection:
        (repository_id,) = connection.execute("SELECT id FROM repositories WHERE name = ?", (repository,)).fetchone()
        first = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM images").fetchone()[0]
        ids = range(first, first + count)
        digests = {number: f"sha256:{hashlib.sha256(str(number).encode()).hexdigest()}" for number in ids}
        many = connection.executemany
        many("INSERT INTO manifests VALUES (?, ?, ?)", ((number, digests[number], b"{}" * 500) for number in ids))
        many(
            "INSERT INTO images (id, repository_id, manifest_id, digest, media_type, config_media_type, annotations, size,"
            " image_size, os, architecture, pushed_at, pushed_by, last_pulled_at) VALUES"
            " (?, ?, ?, ?, 'application/vnd.oci.image.manifest.v1+json', 'application/vnd.oci.image.config.v1+json', '{}',"
            " 1000, 52428800, 'linux', 'amd64', ?, 'arn:aws:iam::123456789012:root', ?)",
            ((number, repository_id, number, digests[number], 1_700_000_000_000 + number, 1_710_000_000_000) for number in ids),
        )
        many("INSERT INTO tags VALUES (?, ?, ?, 0)", ((repository_id, f"v1.0.{number}", number) for number in ids))
        blobs = [(number * 2 + half, number) for number in ids for half in (0, 1)]
        many("INSERT INTO blobs (id, key, size, created_at) VALUES (?, ?, 1, 0)", ((blob, f"bench{blob}") for blob, _ in blobs))
        many("INSERT INTO layers VALUES (?, ?, NULL, 0, NULL, NULL)", ((repository_id, blob) for blob, _ in blobs))
        many("INSERT INTO image_layers VALUES (?, ?, ?)", ((image, blob, repository_id) for blob, image in blobs))
        history = "INSERT INTO tag_history (repository_id, tag, moved_at, moved_by, to_digest) VALUES (?, ?, 0, 'x', ?)"
        many(history, ((repository_id, f"v1.0.{number}", digests[number]) for number in ids))
        connection.execute("UPDATE usage SET images = images + ? WHERE repository_id = ?", (count, repository_id))


def describe(caller: Caller, pages: int) -> list[float]:
    """Milliseconds of so many pages of DescribeImages, in a mixed order."""
    members: dict[str, Any] = {"repositoryName": _REPOSITORY, "maxResults": _PAGE}
    requests = [members]
    while token := caller.call("DescribeImages", **requests[-1])[1].get("nextToken"):
        requests.append({**members, "nextToken": token})
    print(f"{len(requests)} pages of {_PAGE}", file=sys.stderr)
    order = random.Random(1)
    return [caller.call("DescribeImages", **order.choice(requests))[0] for _ in range(pages)]


def describe_through_boto3(server: Moorage, pages: int) -> list[float]:
    """The same as a Python program sees it, its client's own work included."""
    client = server.client()
    members: dict[str, Any] = {"repositoryName": _REPOSITORY, "maxResults": _PAGE}
    times: list[float] = []
    more: dict[str, Any] = {}
    for _ in range(pages):
        began = time.perf_counter()
        answer = client.describe_images(**members, **more)
        times.append((time.perf_counter() - began) * 1000)
        more = {"nextToken": answer["nextToken"]} if "nextToken" in answer else {}
    return times


def delete(server: Moorage, caller: Caller) -> tuple[float, list[float], float]:
    """Milliseconds of the deletion, of small writes meanwhile, and until the last row is gone."""
    waits: list[float] = []
    done = threading.Event()

    def write() -> None:
        writer = Caller(server)
        while not done.is_set():
            waits.append(writer.call("PutImageScanningConfiguration", repositoryName=_OTHER, imageScanningConfiguration={})[0])
            time.sleep(0.005)
        writer.close()

    thread = threading.Thread(target=write)
    thread.start()
    time.sleep(0.5)
    began = time.perf_counter()
    took, _ = caller.call("DeleteRepository", repositoryName=_REPOSITORY, force=True)
    with closing(sqlite3.connect(f"file:{server.database}?mode=ro", uri=True)) as connection:
        while connection.execute("SELECT count(*) FROM repositories").fetchone()[0] > 1:
            time.sleep(0.05)
    gone = (time.perf_counter() - began) * 1000
    done.set()
    thread.join()
    return took, waits, gone


def shown(name: str, times: Sequence[float]) -> str:
    """A line of the table."""
    ordered = sorted(times)
    late = ordered[int(len(ordered) * 0.95)]
    return f"| {name} | {len(times)} | {ordered[0]:.1f} | {statistics.median(ordered):.1f} | {late:.1f} | {ordered[-1]:.1f} |"


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m bench.large", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--directory", type=Path, help="where the data lies while it runs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as folder:
        server = Moorage(Path(folder), workers=2)
        try:
            measure(server, options.images, options.pages)
        finally:
            server.stop()


def measure(server: Moorage, images: int, pages: int) -> None:
    """Fill, read and delete."""
    server.start()
    server.create_repositories([_REPOSITORY, _OTHER])
    server.stop()
    fill(server.database, _REPOSITORY, images)
    server.start()
    caller = Caller(server)
    lines = [shown("page of DescribeImages", describe(caller, pages))]
    lines.append(shown("the same through boto3", describe_through_boto3(server, pages)))
    took, waits, gone = delete(server, caller)
    lines += [
        shown("DeleteRepository", [took]),
        shown("small writes meanwhile", waits),
        shown("until every row is gone", [gone]),
    ]
    caller.close()
    print(f"{images} images, milliseconds\n\n| | n | min | median | p95 | max |\n|---|---|---|---|---|---|")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
