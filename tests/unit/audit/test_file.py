"""The record as a file: whole lines, each once, whatever ends the process; rotated, compressed and dropped in time."""

import gzip
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from moorage.audit.file import AuditFile
from moorage.audit.record import row_id_of
from moorage.core import clock
from tests.unit.audit.rows import ACCOUNT, AT, FOREIGNER, OTHER, a_call, a_row

KEPT = 90 * clock.DAY


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit" / "audit.jsonl"


def rows(*numbers: int, at: int = AT, **changes: Any) -> list[dict[str, Any]]:
    return [a_row(a_call(at=at, **changes), number) for number in numbers]


def ids(path: Path) -> list[int]:
    return [row_id_of(json.loads(line)["eventID"]) or 0 for line in lines(path)]


def lines(path: Path) -> list[bytes]:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    assert content.endswith(b"\n") or not content
    return content.splitlines()


def everything(path: Path) -> list[int]:
    """The ids of all files, the oldest first."""
    rotated = sorted(path.parent.glob("audit.*.jsonl*"), key=lambda each: int(each.name.split(".")[2]))
    return [number for each in (*rotated, path) for number in ids(each)]


def file(path: Path, **options: Any) -> AuditFile:
    return AuditFile(path, **{"retention": KEPT, **options})


def append(path: Path, *given: list[dict[str, Any]], **options: Any) -> None:
    """Write as one process does, from its beginning to its end."""
    opened = file(path, **options)
    for each in given:
        opened.append(each)
    opened.close()


def test_records_are_appended_by_one_process_after_another(path: Path) -> None:
    append(path, rows(1, 2), rows(3))
    append(path, rows(4))
    assert ids(path) == [1, 2, 3, 4]
    assert json.loads(lines(path)[0])["eventName"] == "PutImage"


def test_only_the_servers_user_can_read_it(path: Path) -> None:
    append(path, rows(1), rows(2, at=AT + clock.DAY))
    opened = file(path)
    opened.tidy(AT + clock.DAY)
    opened.close()
    assert {stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len(list(path.parent.iterdir())) == 3


def test_what_was_written_is_passed_over(path: Path) -> None:
    append(path, rows(1, 2, 3), rows(2, 3, 4))
    append(path, rows(3, 4, 5), rows(1, 2))
    assert ids(path) == [1, 2, 3, 4, 5]


def test_a_new_file_has_no_last_record_and_an_old_one_says_which(path: Path) -> None:
    opened = file(path)
    assert opened.last() is None
    opened.append(rows(8))
    again = file(path)
    for each in (opened, again):
        last = each.last()
        assert last is not None and last.row_id == 8
        each.close()


@pytest.mark.parametrize("torn", [b"{", b'{"eventID"', b"\0" * 5000, b"{}\n", b"null\n", b"\xff\xfe\n", b"\n", b"[1]\n{}\n"])
def test_what_a_crash_left_behind_the_last_whole_record_is_cut_off(path: Path, torn: bytes) -> None:
    append(path, rows(1, 2))
    with path.open("ab") as damaged:
        damaged.write(torn)
    append(path, rows(2, 3))
    assert ids(path) == [1, 2, 3]


def test_wherever_a_write_was_torn_nothing_is_lost_and_nothing_repeated(path: Path) -> None:
    given = [*rows(1), a_row(a_call(FOREIGNER), 2), *rows(3)]
    append(path, given)
    whole = path.read_bytes()
    assert len(whole.splitlines()) == 4
    for length in range(0, len(whole), 17):
        path.write_bytes(whole[:length])
        append(path, given)
        assert path.read_bytes() == whole, length


def test_both_accounts_records_are_in_it(path: Path) -> None:
    append(path, [a_row(a_call(FOREIGNER), 5)])
    assert [json.loads(line)["recipientAccountId"] for line in lines(path)] == [OTHER, ACCOUNT]


def test_it_is_rotated_by_day_and_by_size_and_compressed(path: Path) -> None:
    append(path, rows(1), rows(2, at=AT + clock.DAY), rows(3, at=AT), rows(4, at=AT + clock.DAY))
    assert sorted(each.name for each in path.parent.glob("audit.2*")) == ["audit.2026-01-01.1.jsonl"]
    opened = file(path, largest=1500)
    for number in range(5, 12):
        opened.append(rows(number, at=AT + clock.DAY))
    opened.tidy(AT + clock.DAY)
    opened.close()
    rotated = list(path.parent.glob("audit.2*"))
    assert len(rotated) >= 3 and all(each.suffix == ".gz" for each in rotated)
    assert everything(path) == list(range(1, 12))


def test_a_day_that_is_over_is_rotated_though_nothing_comes(path: Path) -> None:
    append(path, rows(1))
    opened = file(path)
    opened.tidy(AT + clock.HOUR)
    assert ids(path) == [1]
    opened.tidy(AT + clock.DAY)
    opened.tidy(AT + 2 * clock.DAY)
    opened.append(rows(1, 2, at=AT + 2 * clock.DAY))
    opened.close()
    assert ids(path) == [2] and everything(path) == [1, 2]


def test_files_go_when_their_time_is_over(path: Path) -> None:
    for day in range(5):
        append(path, rows(day + 1, at=AT + day * clock.DAY))
    (path.parent / "notes.txt").write_text("mine")
    (path.parent / "audit.2020-01-01.txt").write_text("mine")
    opened = file(path, retention=2 * clock.DAY)
    opened.tidy(AT + 4 * clock.DAY)
    opened.close()
    assert everything(path) == [3, 4, 5]
    assert (path.parent / "notes.txt").exists() and (path.parent / "audit.2020-01-01.txt").exists()


def test_a_crash_at_any_step_of_a_rotation_loses_and_repeats_nothing(path: Path) -> None:
    append(path, rows(1, 2))
    content = path.read_bytes()
    append(path, rows(3, at=AT + clock.DAY))
    rotated = path.parent / "audit.2026-01-01.2.jsonl"

    # The position was noted, the file not yet renamed.
    rotated.unlink()
    path.write_bytes(content)
    append(path, rows(2, 3))
    assert ids(path) == [1, 2, 3]

    # It was renamed, and the new one not yet made.
    path.write_bytes(content)
    path.rename(rotated)
    append(path, rows(1, 2, 3))
    assert everything(path) == [1, 2, 3]

    # It was compressed, and the original is still there, or half of the compressed one.
    (path.parent / ".audit.2026-01-01.2.jsonl.gz").write_bytes(b"half")
    (path.parent / "audit.2026-01-01.2.jsonl.gz").write_bytes(b"whole")
    opened = file(path)
    opened.tidy(AT + clock.HOUR)
    opened.close()
    assert everything(path) == [1, 2, 3]
    assert not rotated.exists() and not list(path.parent.glob(".*"))


def test_what_was_taken_away_is_not_written_again(path: Path) -> None:
    append(path, rows(1), rows(2, at=AT + clock.DAY))
    opened = file(path)
    opened.tidy(AT + 2 * clock.DAY)
    opened.close()
    for each in path.parent.glob("audit.2*"):
        each.unlink()
    append(path, rows(1, 2, 3))
    assert ids(path) == [3]


@pytest.fixture
def full(path: Path) -> Iterator[Path]:
    """A path at which every write finds the disk full."""
    path.parent.mkdir()
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    path.symlink_to("/dev/full")
    yield path
    path.unlink(missing_ok=True)


def test_a_full_disk_is_an_error_and_later_everything_is_written(full: Path) -> None:
    opened = file(full)
    for _ in range(2):
        with pytest.raises(OSError, match="No space left"):
            opened.append(rows(1, 2))
    full.unlink()
    opened.append(rows(1, 2))
    opened.close()
    assert ids(full) == [1, 2]


def test_half_a_line_of_a_full_disk_is_mended_by_the_next_attempt(path: Path) -> None:
    opened = file(path)
    opened.append(rows(1))
    opened.close()
    with path.open("ab") as damaged:
        damaged.write(b'{"eventVersion":"1.11","userIden')
    opened.append(rows(2))
    opened.close()
    assert ids(path) == [1, 2]


def test_a_long_batch_is_written_in_parts(path: Path) -> None:
    many = rows(*range(1, 201), user_agent="a" * 512, parameters={"text": "x" * 15_000})
    append(path, many)
    assert os.path.getsize(path) > 3_000_000
    assert ids(path) == list(range(1, 201))


def test_a_file_never_takes_the_name_of_another(path: Path) -> None:
    both = a_row(a_call(FOREIGNER), 2)
    append(path, [both])
    first, second = path.read_bytes().splitlines(keepends=True)
    for part in (first, second):  # a crash came between the two records, and a day's end after each
        path.write_bytes(part)
        opened = file(path)
        opened.tidy(AT + clock.DAY)
        opened.close()
    assert sorted(len(lines(each)) for each in path.parent.glob("audit.2*")) == [1, 1]
