"""Values as people write them in settings.

What reads one raises ValueError; its text is the second half of a sentence that begins with what the value is for.
"""

import re
from collections.abc import Callable

from moorage.core.clock import DAY, HOUR, MINUTE, SECOND

_UNITS = {"ms": 1, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_DURATION = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)")
_LONGEST = 36_500 * DAY


def parse_duration(text: str) -> int:
    """Milliseconds from a text such as `7d`, `24h`, `90m`, `30s`, `500ms` or `0`."""
    if text == "0":
        return 0
    match = _DURATION.fullmatch(text)
    milliseconds = int(match[1]) * _UNITS[match[2]] if match else _LONGEST + 1
    if milliseconds > _LONGEST:
        raise ValueError("must be a duration: a number with d, h, m, s or ms, such as 7d or 30s, or 0")
    return milliseconds


def integer(low: int, high: int) -> Callable[[str], int]:
    """What reads a whole number within bounds."""

    def parse(text: str) -> int:
        if not re.fullmatch("[0-9]{1,9}", text) or not low <= int(text) <= high:
            # Kubernetes sets NAME_PORT=tcp://… for every service, so also for one that is called moorage.
            hint = " (Kubernetes sets this for a service named moorage: use enableServiceLinks: false)" if "://" in text else ""
            raise ValueError(f"must be a whole number from {low} to {high}{hint}")
        return int(text)

    return parse


def boolean(text: str) -> bool:
    """What `true` and its like mean."""
    if text.lower() not in {"true", "false", "1", "0", "yes", "no", "on", "off"}:
        raise ValueError("must be true or false")
    return text.lower() in {"true", "1", "yes", "on"}


def one_of(*choices: str) -> Callable[[str], str]:
    """What reads one of these words, in any case."""

    def parse(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return text.lower()

    return parse


def matching(pattern: re.Pattern[str], wanted: str) -> Callable[[str], str]:
    """What reads a text that must fit a pattern, which `wanted` describes."""

    def parse(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"must be {wanted}")
        return text

    return parse
