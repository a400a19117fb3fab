"""Times as people write them on the command line."""

import re
from datetime import UTC, datetime, timedelta

from moorage.cli.errors import CommandError

_AGO = re.compile(r"([0-9]{1,6})([smhd])")
_LASTING = re.compile(r"([0-9]{1,9})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

FORMS = "a time such as 2026-11-26T18:00:00Z, a date, or how long ago: 90m, 24h, 7d"


def moment(text: str, now: datetime | None = None) -> str:
    """The time as `/api/v1` takes it; a time without a zone is UTC. Raises CommandError."""
    ago = _AGO.fullmatch(text)
    try:
        if ago is not None:
            found = (now or datetime.now(UTC)) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        else:
            found = datetime.fromisoformat(text)
            found = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise CommandError(f"{text!r} is not {FORMS}.") from None
    return f"{found:%Y-%m-%dT%H:%M:%S}.{found.microsecond // 1000:03d}Z".rjust(24, "0")


def is_moment(text: str) -> bool:
    """Whether the text is one of those forms."""
    try:
        moment(text)
    except CommandError:
        return False
    return True


def seconds_of(text: str, flag: str) -> int:
    """A duration as the settings are written, which stood behind `flag`; the server knows the bounds. Raises CommandError."""
    found = _LASTING.fullmatch(text)
    if found is None:
        raise CommandError(f"{flag} must be a time such as 15m, 12h or 30d, not {text!r}.")
    return int(timedelta(**{_UNITS[found[2]]: int(found[1])}).total_seconds())
