"""Log lines."""

import logging
import re
import sys

import pytest

from moorage.cli.logs import LineFormatter


def line(message: str, **extra: object) -> str:
    record = logging.makeLogRecord({"levelname": "WARNING", "msg": message, **extra})
    return LineFormatter().format(record)


def test_a_line_holds_time_level_message_and_keys() -> None:
    found = line("worker ended", pid=7, reason="told twice", empty="")
    assert re.fullmatch(
        r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z warning worker ended pid=7 reason="told twice" empty=""', found
    )


def test_no_text_from_outside_can_begin_a_second_line() -> None:
    found = line("a\nb", path="x\r\ny", quoted='"')
    assert "\n" not in found and "\r" not in found
    assert found.endswith(r'warning a\nb path="x\r\ny" quoted="\""')


def test_an_exception_is_one_line() -> None:
    try:
        int("no\nway")
    except ValueError:
        caught = sys.exc_info()
    else:
        pytest.fail("that was no number")
    found = line("failed", exc_info=caught)
    assert "\n" not in found
    assert 'error="ValueError: invalid literal' in found and 'trace="Traceback' in found
