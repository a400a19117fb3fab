"""Uploads from their first byte to the layer they become. Everything here blocks; the edges call it in threads."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from moorage.core import clock
from moorage.core.call import Call
from moorage.core.digest import Digest, Digester
from moorage.core.errors import MoorageError
from moorage.layers import blobs as blob_rows
from moorage.layers import store, uploads
from moorage.layers.errors import DigestMismatchError, OutOfOrderError, UploadNotFoundError
from moorage.layers.intake import Intake
from moorage.layers.model import Upload
from moorage.repositories import creation
from moorage.storage.blobs.port import BlobMissingError, BlobStore, OffsetConflictError
from moorage.storage.database.database import Database
from moorage.storage.database.transaction import Transaction

_MOST_RUNNING_HASHES = 4096


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """How long sessions last, and how many one principal may have open."""

    expiry: int = 7 * clock.DAY
    """Milliseconds since the last event of the session."""
    most_open: int = 1000


class UploadService:
    """Upload sessions of one process. Any process may continue any session; the running hash stays where bytes arrived."""

    def __init__(self, database: Database, blobs: BlobStore, limits: UploadLimits) -> None:
        self._database = database
        self._blobs = blobs
        self._limits = limits
        self._digesters: OrderedDict[str, Digester] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, call: Call, repository: str, algorithm: str = "sha256", *, audited: bool = True) -> Upload:
        """Open a session, in a repository that this may create; raises RepositoryNotFoundError, TooManyUploadsError.

        Without `audited` the call's record is left to what comes next, as in an upload by a single request.
        """
        limits = self._limits

        def work(tx: Transaction) -> Upload:
            found, arn = creation.for_push(tx, call, repository), call.principal.arn
            return uploads.begin(tx, found.id, arn, algorithm=algorithm, expiry=limits.expiry, limit=limits.most_open)

        upload = self._database.write(work, call if audited else None).result()
        try:
            self._blobs.create(upload.key)
        except MoorageError:
            # Nobody learns of this session, so it must not count among the caller's open ones.
            self._database.write(lambda tx: uploads.cancel(tx, upload.id)).result()
            raise
        return upload

    def offset(self, upload: Upload) -> int:
        """Bytes that the session has."""
        return self._blobs.grown(upload.key)

    def open(self, upload: Upload) -> Intake:
        """Become the session's writer; raises OutOfOrderError while there is another one."""
        try:
            appender = self._blobs.append_to(upload.key)
        except OffsetConflictError as conflict:
            raise OutOfOrderError(conflict.size) from conflict
        with self._lock:
            digester = self._digesters.pop(upload.key, None)
        if digester is None or digester.size > appender.offset:
            digester = Digester(upload.algorithm)
        return Intake(appender, digester)

    def close(self, upload: Upload, intake: Intake) -> None:
        """Let the next writer in, and keep the running hash; prolongs a session that has been open for a while."""
        intake.close()
        if intake.sealed:
            return
        with self._lock:
            self._digesters[upload.key] = intake.digester
            while len(self._digesters) > _MOST_RUNNING_HASHES:
                self._digesters.popitem(last=False)
        if upload.expires_at - self._database.clock.now() < self._limits.expiry - clock.HOUR:
            self._database.write(lambda tx: uploads.prolong(tx, upload.id, self._limits.expiry)).result()

    def finish(self, call: Call, upload: Upload, intake: Intake, expected: Digest) -> tuple[Digest, ...]:
        """Publish the session's bytes as a layer of its repository; returns the blob's digests.

        Raises DigestMismatchError, and then leaves the session as it is; UploadNotFoundError when the session was ended
        meanwhile. When this returns, the layer is durable.
        """
        intake.digester = digester = self._caught_up(upload, intake, expected.algorithm)
        # The lock is held until the object is published: whoever came in between would write into a finished blob.
        if expected in digester.digests():
            self._publish(call, upload, digester, expected)
        else:
            digester = self._body_alone(upload, intake, expected, digester)
            with self._session_of_body_alone(call, upload, intake.start) as renewed:
                self._publish(call, renewed, digester, expected)
        intake.sealed = True
        return digester.digests()

    def computed(self, upload: Upload, intake: Intake) -> Digest:
        """The sha256 of everything that the session has."""
        intake.digester = self._caught_up(upload, intake, "sha256")
        return intake.digester.digests()[0]

    def cancel(self, call: Call | None, upload: Upload) -> bool:
        """End an open session and free its bytes at once; returns whether there was one.

        The bytes go before the row: on a full disk they are the room that the row's change needs. Raises OutOfOrderError
        while somebody is writing to the session.
        """
        try:
            intake = self.open(upload)
        except BlobMissingError:  # done, or without bytes: then its row is all that is left of it
            return self._database.write(lambda tx: uploads.cancel(tx, upload.id), call).result()
        try:
            # Unlinked before it is emptied: an empty object must never be taken for the session's own.
            self._blobs.discard(upload.key)
            intake.empty()
            return self._database.write(lambda tx: uploads.cancel(tx, upload.id), call).result()
        finally:
            intake.close()

    def _caught_up(self, upload: Upload, intake: Intake, algorithm: str) -> Digester:
        """A digester that has seen the whole object and computes the digest that is asked for."""
        digester = intake.digester
        if not digester.computes(algorithm):
            digester = Digester(algorithm)
        for piece in self._blobs.read_grown(upload.key, digester.size, intake.offset):
            digester.update(piece)
        return digester

    def _body_alone(self, upload: Upload, intake: Intake, expected: Digest, whole: Digester) -> Digester:
        """A digester of the closing body alone, if it is the blob; some clients begin anew at byte 0 in their closing PUT."""
        body = Digester(expected.algorithm)
        if intake.start:
            for piece in self._blobs.read_grown(upload.key, intake.start, intake.offset):
                body.update(piece)
        if not body.size or expected not in body.digests():
            calculated = next(found for found in whole.digests() if found.algorithm == expected.algorithm)
            raise DigestMismatchError(str(expected), str(calculated))
        return body

    @contextmanager
    def _session_of_body_alone(self, call: Call, upload: Upload, start: int) -> Iterator[Upload]:
        """The session with an object of its own that holds only what came from `start` on, and that nobody appends to."""

        def work(tx: Transaction) -> Upload:
            _refuse_ended(tx, call, upload)
            return uploads.rekey(tx, upload)

        renewed = self._database.write(work).result()
        self._blobs.create(renewed.key)
        appender = self._blobs.append_to(renewed.key)
        try:
            for piece in self._blobs.read_grown(upload.key, start, self._blobs.grown(upload.key)):
                appender.write(piece)
            yield renewed
        finally:
            appender.close()

    def _publish(self, call: Call, upload: Upload, digester: Digester, expected: Digest) -> None:
        sha256 = digester.digests()[0]
        known = self._database.read(lambda tx: blob_rows.find(tx, sha256)).result()
        broken = known.key if known and not self._is_whole(known) else None
        if known is None or broken:
            try:
                self._blobs.publish(upload.key)
            except BlobMissingError:  # cancelled or reaped meanwhile
                raise UploadNotFoundError(upload.id, _name_in(call), call.registry) from None

        def work(tx: Transaction) -> str | None:
            _refuse_ended(tx, call, upload)
            blob = blob_rows.find(tx, sha256)
            if blob is None and known is not None and not broken:
                return None  # it was collected meanwhile, and ours is not published yet
            if blob is None:
                blob = blob_rows.Blob(
                    blob_rows.insert(tx, upload.key, digester.size, digester.digests()), upload.key, digester.size
                )
            elif blob.key == broken:
                blob = blob_rows.replace_object(tx, blob, upload.key)
            blob_rows.add_digests(tx, blob.id, digester.digests())
            store.link(tx, upload.repository_id, blob.id)
            uploads.finish(tx, upload, str(expected), blob.id)
            return blob.key

        try:
            key = self._database.write(work, call).result()
        except Exception:
            self._blobs.withdraw(upload.key)  # the session goes on where it was
            raise
        if key is None:
            self._publish(call, upload, digester, expected)
            return
        if key != upload.key:  # these bytes were here before; the session's row remembers the key until it is reaped
            self._blobs.discard(upload.key)

    def _is_whole(self, blob: blob_rows.Blob) -> bool:
        try:
            self._blobs.open(blob.key, blob.size).close()
        except BlobMissingError:
            return False
        return True


def _refuse_ended(tx: Transaction, call: Call, upload: Upload) -> None:
    """A session that was finished, cancelled or reaped meanwhile must publish nothing."""
    if not uploads.is_open(tx, upload.id):
        raise UploadNotFoundError(upload.id, _name_in(call), call.registry)


def _name_in(call: Call) -> str:
    return call.resource.partition(":repository/")[2]
