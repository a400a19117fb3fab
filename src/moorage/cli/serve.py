"""`moorage serve`: take possession of the data and the port, then hand over to the supervisor."""

import contextlib
import gc
import logging
import os
import resource
import sys
from collections.abc import Callable

from moorage import app
from moorage.cli import greeting, logs
from moorage.cli.data_directory import Lock, ensure_secret_key, prepare_directory
from moorage.cli.errors import CommandError
from moorage.cli.listening import Listener, listen
from moorage.cli.supervisor import Lines, Plan, Supervisor
from moorage.config import ConfigError, Options
from moorage.http.certificates import Certificate, CertificateError, Pair
from moorage.http.server import ServerOptions, serve
from moorage.identity.credentials.sealing import WrongKeyError
from moorage.storage.database.migrate import NewerDatabaseError

_log = logging.getLogger(__name__)


def run(options: Options, command: str) -> int:
    """Serve until told to end; returns the exit status. `command` is how a person starts this program again.

    Raises ConfigError when TLS cannot be served with the certificates, and CommandError when the data, the key or the port
    cannot be had; then nothing is left behind but the data directory.
    """
    logs.configure(options.log_level)
    _check_tls(options)
    # Whatever is written from here on is for this user alone, also what libraries write.
    os.umask(0o077)
    _raise_descriptor_limit()
    prepare_directory(options.data_dir)
    lock = Lock(options.data_dir)
    ensure_secret_key(options)
    listener = listen(options)
    options = options.listening_on(listener.port)
    lock.describe({"endpoint": options.endpoint})
    prepared = _prepare(options)
    return Supervisor(_plan(options, listener, lock, lambda: _greet(options, listener, prepared, command))).run()


def _raise_descriptor_limit() -> None:
    """Let this process and its children open as many files as they are allowed to; each connection needs up to three."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Some systems refuse what they allow; then the limit stays, and the workers take fewer connections.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _prepare(options: Options) -> app.Prepared:
    try:
        return app.prepare(options)
    except WrongKeyError:
        raise CommandError(
            f"The secret key file {options.key_path} is not the one that the database in {options.data_dir} was written with: "
            "restore that key from a backup."
        ) from None
    except NewerDatabaseError as error:
        raise CommandError(str(error)) from None


def _tls_pairs(options: Options) -> tuple[Pair, ...]:
    certs, keys = options.listen.tls_cert, options.listen.tls_key
    if len(certs) != len(keys):
        counts = f"not {len(certs)} and {len(keys)}"
        raise ConfigError(f"MOORAGE_TLS_CERT and MOORAGE_TLS_KEY must name as many certificates as keys, {counts}.")
    return tuple(Pair(cert, key) for cert, key in zip(certs, keys, strict=True))


def _check_tls(options: Options) -> None:
    """Find out now, not in every worker."""
    try:
        for pair in _tls_pairs(options):
            Certificate.load(pair)
    except CertificateError as error:
        raise ConfigError(str(error)) from None


def _plan(options: Options, listener: Listener, lock: Lock, on_ready: Callable[[], None]) -> Plan:
    how = ServerOptions(
        connection=options.listen.connection,
        shutdown_timeout=options.listen.shutdown_timeout,
        tls=_tls_pairs(options),
    )

    def web(lines: Lines) -> int:
        application = app.web(options, lambda: _wake(lines.wake_fd))
        try:
            return serve(application, listener.socket, how, lines.leave_fd, lines.ready)
        finally:
            application.close()

    # What lives now lives in every process; the collector need not touch, and so copy, its pages.
    gc.collect()
    gc.freeze()
    return Plan(
        web_main=web,
        jobs_main=lambda lines: app.run_jobs(options, lines.wake_fd, lines.leave_fd),
        workers=options.listen.workers,
        shutdown_timeout=options.listen.shutdown_timeout,
        on_ready=on_ready,
        listener=listener.socket,
        private=(lock.descriptor,),
    )


def _wake(descriptor: int) -> None:
    # A full pipe means that the jobs process has not yet looked; it will.
    with contextlib.suppress(BlockingIOError, BrokenPipeError):
        os.write(descriptor, b"\0")


def _greet(options: Options, listener: Listener, prepared: app.Prepared, command: str) -> None:
    text = greeting.greeting(options, command, moved=listener.moved, first_start=prepared.first_start)
    # A terminal that is gone is no reason to stop serving.
    with contextlib.suppress(OSError):
        sys.stdout.write(text)
        sys.stdout.flush()
    _log.info("ready", extra={"endpoint": options.endpoint, "workers": options.listen.workers, "pid": os.getpid()})
