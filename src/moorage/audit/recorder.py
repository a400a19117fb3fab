"""What is recorded after the answer, in batches: reads, denials and failures, last pulls, last uses of tokens and keys.

Changes are not recorded here: their audit row is part of their own transaction. What waits here may be lost in a crash,
the last second of it (DESIGN rule 6).
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from moorage.core.call import Call
from moorage.core.errors import MoorageError
from moorage.identity.credentials.user_keys import Use
from moorage.storage.database.database import Database
from moorage.storage.database.transaction import Transaction, audit_row, record_rows

_log = logging.getLogger(__name__)

_INTERVAL_SECONDS = 1.0
_MOST_ROWS = 20_000
"""Most distinct rows that may wait; beyond it the oldest kind of loss is counted and said in the log."""

_STEP = 100
"""Rows in one transaction: each is in ten indexes, and the writer must not be held for more than 50 ms."""


@dataclass(slots=True)
class _Record:
    call: Call
    error_code: str | None
    error_message: str | None
    count: int = 1


@dataclass(slots=True)
class _Waiting:
    calls: dict[tuple[object, ...], _Record] = field(default_factory=dict)
    pulls: dict[tuple[int, str], int] = field(default_factory=dict)
    tokens: dict[int, int] = field(default_factory=dict)
    keys: dict[str, Use] = field(default_factory=dict)
    dropped: int = 0

    def __bool__(self) -> bool:
        return bool(self.calls or self.pulls or self.tokens or self.keys)


class Recorder:
    """Gathers records on the event loop and writes them from a thread of its own, once a second.

    Calls that differ only in when they came share one row with a count: the same caller, from the same address, doing the
    same to the same resource with the same parameters and the same outcome, decided by the same statements, within one
    interval. The row keeps the first request's id, and its error's text.
    """

    def __init__(
        self,
        database: Database,
        note_pulls: Callable[[Transaction, dict[tuple[int, str], int]], None],
        note_tokens: Callable[[Transaction, dict[int, int]], None],
        note_keys: Callable[[Transaction, dict[str, Use]], None],
    ) -> None:
        self._database = database
        self._note_pulls = note_pulls
        self._note_tokens = note_tokens
        self._note_keys = note_keys
        self._waiting = _Waiting()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def call(self, call: Call, error_code: str | None = None, error_message: str | None = None, *, count: int = 1) -> None:
        """Record a call that changed nothing: a read, or what was denied or failed. The message holds no secret."""
        principal = call.principal
        asked = repr(call.parameters)  # it tells apart all that JSON can hold, in a quarter of the time
        who = (principal.access_key_id, principal.arn, call.source_address, call.protocol)
        key = (call.event_source, call.event_name, call.resource, who, asked, error_code, call.ruling)
        with self._lock:
            record = self._waiting.calls.get(key)
            if record is not None:
                record.count += count
            elif len(self._waiting.calls) < _MOST_ROWS:
                self._waiting.calls[key] = _Record(call, error_code, error_message, count)
            else:
                self._waiting.dropped += 1
        self._ensure_thread()

    def pull(self, image_id: int, principal_arn: str, at: int) -> None:
        """Record that an image was pulled, and by whom (milliseconds); whether that counts is asked when it is written."""
        with self._lock:
            self._waiting.pulls[image_id, principal_arn] = at
        self._ensure_thread()

    def token(self, token_id: int, at: int) -> None:
        """Record that a token was used (milliseconds)."""
        with self._lock:
            self._waiting.tokens[token_id] = at
        self._ensure_thread()

    def key(self, key_id: str, use: Use) -> None:
        """Record that an access key signed a request, or, by its unique id, that a session of a role did."""
        with self._lock:
            self._waiting.keys[key_id] = use
        self._ensure_thread()

    def flush(self) -> None:
        """Write what waits, and return when it is committed."""
        with self._lock:
            waiting, self._waiting = self._waiting, _Waiting()
        if waiting.dropped:
            _log.warning("audit records were dropped", extra={"count": waiting.dropped})
        if not waiting:
            return
        records = waiting.calls.values()
        rows = [
            audit_row(each.call, error_code=each.error_code, error_message=each.error_message, count=each.count)
            for each in records
        ]
        steps = (rows[start : start + _STEP] for start in range(0, len(rows), _STEP))
        pending = [self._database.write(partial(record_rows, rows=step)) for step in steps]
        if waiting.pulls:
            pending.append(self._database.write(lambda tx: self._note_pulls(tx, waiting.pulls)))
        if waiting.tokens:
            pending.append(self._database.write(lambda tx: self._note_tokens(tx, waiting.tokens)))
        if waiting.keys:
            pending.append(self._database.write(lambda tx: self._note_keys(tx, waiting.keys)))
        for future in pending:
            future.result()

    def close(self) -> None:
        """Write what waits, and end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._flush_or_say()

    def _ensure_thread(self) -> None:
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(_INTERVAL_SECONDS):
            self._flush_or_say()

    def _flush_or_say(self) -> None:
        try:
            self.flush()
        except MoorageError as error:
            _log.warning("audit records could not be written", extra={"reason": error.message})
        except Exception:
            # A full disk must end neither the recorder nor an orderly stop; what could not be written is lost, and said.
            _log.exception("audit records could not be written")
