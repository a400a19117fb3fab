"""Durations as people write them in settings."""

import re

from moorage.core.clock import DAY, HOUR, MINUTE, SECOND

_UNITS = {"ms": 1, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_DURATION = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)")
_LONGEST = 36_500 * DAY


def parse_duration(text: str) -> int:
    """Milliseconds from a text such as `7d`, `24h`, `90m`, `30s`, `500ms` or `0`.

    Raises ValueError; its text is the second half of a sentence that begins with what the duration is for.
    """
    if text == "0":
        return 0
    match = _DURATION.fullmatch(text)
    milliseconds = int(match[1]) * _UNITS[match[2]] if match else _LONGEST + 1
    if milliseconds > _LONGEST:
        raise ValueError("must be a duration: a number with d, h, m, s or ms, such as 7d or 30s, or 0")
    return milliseconds
