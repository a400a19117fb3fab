"""The parent of the worker processes: starts them, starts them again, and ends them.

It runs neither a loop nor a thread, so that forking is safe at any time. Three pipes join it with its children: `leave`,
whose write end only the supervisor holds, so that its end, however it comes, reaches all of them as EOF; `ready`, on which a
web worker says that it accepts; `wake`, from every web worker to the jobs process.
"""

import logging
import os
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import NoReturn

QUICK_DEATH = 10.0
"""Seconds after its start within which a death counts towards giving up."""
QUICK_DEATHS = 5
SAME_WISH = 1.0
"""Seconds within which a second signal is the same wish: `make` and wrappers pass on what the terminal has already sent."""
KILL_AFTER = 5.0
"""Seconds past the shutdown time-out after which what is left is killed."""

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
_SIGNALS = _STOP_SIGNALS | {signal.SIGCHLD}
_READY = struct.Struct("=q")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lines:
    """What a child is given."""

    leave_fd: int
    """Reaches EOF when the supervisor is gone; nothing is ever written to it."""
    wake_fd: int
    """The write end in a web worker, the read end in the jobs process; not blocking."""
    ready: Callable[[], None]
    """To be called once, when the child accepts requests."""


Main = Callable[[Lines], int]
"""A child's life; returns its exit status."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to supervise."""

    web_main: Main
    jobs_main: Main
    workers: int
    shutdown_timeout: int
    """Milliseconds; how long the children may take to finish."""
    on_ready: Callable[[], None]
    """Called once, when every web worker accepts."""
    listener: socket.socket | None = None
    """Inherited by the web workers; closed here when the end begins, so that nobody queues for a server that leaves."""
    private: tuple[int, ...] = ()
    """Descriptors that no child may keep."""


@dataclass(slots=True)
class _Slot:
    name: str
    main: Main
    is_web: bool
    pid: int | None = None
    started: float = 0.0
    due: float | None = 0.0
    quick_deaths: int = 0
    ready: bool = False


class Supervisor:
    """Runs a plan in the calling process, which must have no other thread."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._slots = [_Slot(f"web-{number}", plan.web_main, True) for number in range(plan.workers)]
        self._slots.append(_Slot("jobs", plan.jobs_main, False))
        self._leave, self._ready, self._wake, self._woken = (os.pipe() for _ in range(4))
        for descriptor in (*self._wake, *self._woken, self._ready[0]):
            os.set_blocking(descriptor, False)
        self._announced = False
        self._stopping_since: float | None = None
        self._killed = False
        self._status = 0

    def run(self) -> int:
        """Until told to end: 0 after an orderly end, 1 after giving up on a child or killing one."""
        with self._handling_signals():
            while self._stopping_since is None or any(slot.pid for slot in self._slots):
                self._start_what_is_due()
                self._wait()
                self._reap()
                self._kill_what_is_late()
        for descriptor in (*self._leave, *self._ready, *self._wake, *self._woken):
            os.close(descriptor)
        return self._status

    @contextmanager
    def _handling_signals(self) -> Iterator[None]:
        # The handlers do nothing: each signal arrives as a byte on the pipe, where the loop finds it.
        handled = {number for number in _SIGNALS if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN}
        before = {number: signal.signal(number, lambda *_: None) for number in handled}
        woken = signal.set_wakeup_fd(self._woken[1], warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(woken)
            for number, handler in before.items():
                signal.signal(number, handler)

    def _start_what_is_due(self) -> None:
        now = time.monotonic()
        for slot in self._slots:
            if self._stopping_since is None and slot.pid is None and slot.due is not None and slot.due <= now:
                self._start(slot)

    def _start(self, slot: _Slot) -> None:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        slot.ready, slot.due, slot.started = False, None, time.monotonic()
        # Blocked until the child has its own handlers: a signal in between would be written to the supervisor's pipe.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            pid = os.fork()
            if not pid:
                self._live(slot)
            slot.pid = pid
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        _log.debug("process started", extra={"child": slot.name, "pid": slot.pid})

    def _live(self, slot: _Slot) -> NoReturn:
        """The child's whole life; never returns into the supervisor's code."""
        status = 1
        try:
            self._become_child(slot)
            report = _READY.pack(os.getpid())
            lines = Lines(self._leave[0], self._wake[1 if slot.is_web else 0], lambda: _report(self._ready[1], report))
            status = slot.main(lines)
        except SystemExit as left:
            status = left.code if isinstance(left.code, int) else 1
        except BaseException:
            _log.critical("process failed", exc_info=True, extra={"child": slot.name, "pid": os.getpid()})
        finally:
            logging.shutdown()
            os._exit(status & 0xFF)

    def _become_child(self, slot: _Slot) -> None:
        signal.set_wakeup_fd(-1)
        # The terminal's signals reach the whole group, but a child ends when the supervisor says so.
        for number, handler in (
            (signal.SIGINT, signal.SIG_IGN),
            (signal.SIGHUP, signal.SIG_IGN),
            (signal.SIGTERM, signal.SIG_DFL),
            (signal.SIGCHLD, signal.SIG_DFL),
        ):
            signal.signal(number, handler)
        for descriptor in (
            self._leave[1],
            self._ready[0],
            *self._woken,
            self._wake[0 if slot.is_web else 1],
            *self._plan.private,
        ):
            os.close(descriptor)
        if not slot.is_web and self._plan.listener:
            self._plan.listener.close()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)

    def _wait(self) -> None:
        """Until a child ends or reports, a signal comes, or something is due."""
        moments = [slot.due for slot in self._slots if slot.due is not None and self._stopping_since is None]
        if self._stopping_since is not None and not self._killed:
            moments.append(self._deadline(self._stopping_since))
        pause = max(0.0, min(moments) - time.monotonic()) if moments else None
        readable, _, _ = select.select([self._woken[0], self._ready[0]], [], [], pause)
        if self._woken[0] in readable:
            for number in os.read(self._woken[0], 4096):
                if number in _STOP_SIGNALS:
                    self._told_to_end(number)
        if self._ready[0] in readable:
            self._note_ready({pid for (pid,) in _READY.iter_unpack(os.read(self._ready[0], 512 * _READY.size))})

    def _note_ready(self, pids: set[int]) -> None:
        for slot in self._slots:
            if slot.pid in pids:
                slot.ready = True
        if not self._announced and self._stopping_since is None and all(slot.ready for slot in self._slots if slot.is_web):
            self._announced = True
            self._plan.on_ready()

    def _reap(self) -> None:
        for slot in self._slots:
            if slot.pid is None:
                continue
            ended, status = os.waitpid(slot.pid, os.WNOHANG)
            if ended:
                self._ended(slot, os.waitstatus_to_exitcode(status))

    def _ended(self, slot: _Slot, status: int) -> None:
        facts = {"child": slot.name, "pid": slot.pid, "status": status}
        slot.pid = None
        if self._stopping_since is not None:
            _log.log(logging.DEBUG if status in (0, -signal.SIGTERM) else logging.WARNING, "process ended", extra=facts)
            return
        lived = time.monotonic() - slot.started
        slot.quick_deaths = slot.quick_deaths + 1 if lived < QUICK_DEATH else 0
        if slot.quick_deaths >= QUICK_DEATHS:
            _log.critical("giving up: a process ends right after every start", extra={**facts, "times": QUICK_DEATHS})
            self._status = 1
            self._end()
            return
        pause = min(_FIRST_PAUSE * 2 ** max(0, slot.quick_deaths - 1), _LONGEST_PAUSE)
        slot.due = time.monotonic() + pause
        _log.warning("process ended, starting another", extra={**facts, "pause": f"{pause:g}s"})

    def _told_to_end(self, number: int) -> None:
        if self._stopping_since is None:
            _log.info("stopping", extra={"signal": signal.Signals(number).name})
            self._end()
        elif time.monotonic() - self._stopping_since >= SAME_WISH:
            self._kill("told twice")

    def _end(self) -> None:
        self._stopping_since = time.monotonic()
        if self._plan.listener:
            self._plan.listener.close()
        self._signal(signal.SIGTERM)

    def _deadline(self, since: float) -> float:
        return since + self._plan.shutdown_timeout / 1000 + KILL_AFTER

    def _kill_what_is_late(self) -> None:
        if self._stopping_since is not None and time.monotonic() >= self._deadline(self._stopping_since):
            self._kill("time is up")

    def _kill(self, reason: str) -> None:
        late = [slot.name for slot in self._slots if slot.pid]
        if late and not self._killed:
            _log.warning("killing what is left", extra={"reason": reason, "children": ",".join(late)})
            self._killed = True
            self._status = 1
            self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        for slot in self._slots:
            if slot.pid:
                os.kill(slot.pid, number)


def _report(descriptor: int, report: bytes) -> None:
    with suppress(OSError):  # The supervisor is gone; the worker will see it on the other pipe.
        os.write(descriptor, report)
