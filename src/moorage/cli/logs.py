"""Log lines on stderr: `time level message key=value …`, one line per event, whatever the event holds.

A caller adds keys with `extra={"worker": 3}`; an exception becomes the keys `error` and `trace`.
"""

import json
import logging
import sys
import time

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class LineFormatter(logging.Formatter):
    """Formats a record as one line; times are UTC with milliseconds."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        head = f"{moment}.{int(record.msecs):03d}Z {record.levelname.lower()} {_bare(record.getMessage().strip())}"
        pairs = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info and record.exc_info[1] is not None:
            pairs["error"] = f"{type(record.exc_info[1]).__name__}: {record.exc_info[1]}"
            pairs["trace"] = self.formatException(record.exc_info)
        return " ".join([head, *(f"{key}={_value(value)}" for key, value in pairs.items())])


def _bare(text: str) -> str:
    # A line end from outside must not begin a second, forged line.
    return text if text.isprintable() else json.dumps(text)[1:-1]


def _value(value: object) -> str:
    text = str(value)
    plain = text and text.isprintable() and not any(character in text for character in ' "=')
    return text if plain else json.dumps(text)


def configure(level: str) -> None:
    """Send every logger's lines of at least this level to stderr, once per process tree."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # Theirs are the lines of a server's insides; what an operator needs is in ours.
    for name in ("uvicorn", "asyncio", "alembic", "botocore", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)
