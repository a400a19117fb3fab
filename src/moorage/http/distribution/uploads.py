"""Upload sessions on the data plane (distribution-spec, end-4, end-5, end-6, end-11, end-13 and end-14)."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from functools import partial

from moorage.core.call import Registry
from moorage.core.digest import ALGORITHMS, Digest
from moorage.core.errors import InvalidDigestError, InvalidNameError
from moorage.core.names import RepositoryName
from moorage.http.distribution.content_range import chunk_range
from moorage.http.distribution.exchange import Exchange
from moorage.http.messages import Response
from moorage.http.streaming import drain
from moorage.layers import reads, store, uploads
from moorage.layers.errors import OutOfOrderError, SizeMismatchError, UploadNotFoundError
from moorage.layers.intake import Intake
from moorage.layers.model import Upload
from moorage.registries import store as registries
from moorage.registries.settings import BLOB_MOUNTING
from moorage.repositories import creation
from moorage.repositories import store as repositories
from moorage.repositories.model import Repository
from moorage.storage.blobs.port import BlobMissingError
from moorage.storage.database.transaction import Transaction

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class _NothingMountedError(Exception):
    """Undoes the transaction of a mount; never leaves this module."""


async def post_upload(exchange: Exchange) -> Response:
    """POST: mount a blob, upload one in a single request, or open a session."""
    request, context, call = exchange.request, exchange.context, exchange.call
    mount = request.parameter("mount")
    if mount is not None and await _mount(exchange, Digest.parse(mount)):
        return _created(exchange, Digest.parse(mount))
    digest_text = request.parameter("digest")
    expected = Digest.parse(digest_text) if digest_text is not None and mount is None else None
    algorithm = request.parameter("digest-algorithm") or (expected.algorithm if expected else "sha256")
    if algorithm not in ALGORITHMS:
        raise InvalidDigestError(f"The digest algorithm must be one of {', '.join(ALGORITHMS)}.")
    begin = partial(context.uploads.begin, call, exchange.name, algorithm, audited=expected is None)
    upload = await context.in_thread(begin)
    if expected is None:
        return _accepted(exchange, upload, 0)
    try:
        return await _with_intake(exchange, upload, lambda intake: _close(exchange, upload, intake, expected))
    except BaseException:
        # Nobody knows this session's address, so nobody could go on with it.
        await context.in_thread(context.uploads.cancel, None, upload)
        raise


async def patch_upload(exchange: Exchange) -> Response:
    """PATCH: append the body, as a stream or as a chunk that says where it belongs."""
    upload = find_upload(exchange)

    async def receive(intake: Intake) -> Response:
        await _receive(exchange, upload, intake)
        return _accepted(exchange, upload, intake.offset)

    return await _with_intake(exchange, upload, receive)


async def put_upload(exchange: Exchange) -> Response:
    """PUT: the last bytes, if any, and the digest that all of them must have. Repeating it succeeds."""
    expected = Digest.parse(exchange.request.parameter("digest") or "")
    upload = find_upload(exchange, done=True)
    if upload.digest is not None:
        if upload.digest != str(expected) or not _holds(exchange, upload, expected):
            raise _unknown(exchange)
        return _created(exchange, expected)
    return await _with_intake(exchange, upload, lambda intake: _close(exchange, upload, intake, expected))


async def get_upload(exchange: Exchange) -> Response:
    """GET: where the session stands."""
    upload = find_upload(exchange)
    try:
        offset = exchange.context.uploads.offset(upload)
    except BlobMissingError:
        raise _unknown(exchange) from None
    response = _accepted(exchange, upload, offset)
    response.status = 204
    return response


async def delete_upload(exchange: Exchange) -> Response:
    """DELETE: cancel the session and free its bytes at once."""
    upload = find_upload(exchange)
    context = exchange.context
    if not await context.in_thread(context.uploads.cancel, exchange.call, upload):
        raise _unknown(exchange)
    return Response(204)


def find_upload(exchange: Exchange, *, done: bool = False) -> Upload:
    """The session of this repository that the path names; raises UploadNotFoundError."""
    if not _UUID.fullmatch(exchange.reference):
        raise _unknown(exchange)
    context = exchange.context
    upload = uploads.find_now(context.points, exchange.repository_id(), exchange.reference, exchange.call.at)
    if upload is None or (upload.digest is not None and not done):
        raise _unknown(exchange)
    return upload


async def _with_intake(exchange: Exchange, upload: Upload, work: Callable[[Intake], Awaitable[Response]]) -> Response:
    """Be the session's one writer while `work` runs. What was received stays, whatever happens."""
    context = exchange.context
    try:
        intake = context.uploads.open(upload)
    except BlobMissingError:
        raise _unknown(exchange) from None
    except OutOfOrderError as error:
        raise _refused(exchange, upload, error) from error
    try:
        return await work(intake)
    finally:
        await context.in_thread(context.uploads.close, upload, intake)


async def _receive(exchange: Exchange, upload: Upload, intake: Intake) -> None:
    """The request's body into the session; raises OutOfOrderError or SizeMismatchError before or after it is read."""
    request = exchange.request
    claimed = chunk_range(request.header(b"content-range"))
    if claimed is not None:
        first, count = claimed
        if first != intake.offset:
            raise _refused(exchange, upload, OutOfOrderError(intake.offset))
        if request.content_length not in {None, count}:
            raise SizeMismatchError(f"Content-Range announces {count} bytes, Content-Length {request.content_length}.")
        intake.expect(count)
    elif request.content_length is not None:
        intake.expect(request.content_length)
    if request.content_length != 0:
        await drain(request, intake, exchange.context.threads)
    received = intake.offset - intake.start
    if claimed is not None and received != claimed[1]:
        await exchange.context.in_thread(intake.rewind)
        raise SizeMismatchError(f"Content-Range announces {claimed[1]} bytes, but {received} came.")


async def _close(exchange: Exchange, upload: Upload, intake: Intake, expected: Digest) -> Response:
    await _receive(exchange, upload, intake)
    context = exchange.context
    finish = partial(context.uploads.finish, exchange.call, upload, intake, expected)
    await asyncio.get_running_loop().run_in_executor(context.closers, finish)
    return _created(exchange, expected)


async def _mount(exchange: Exchange, digest: Digest) -> bool:
    """Link a blob that the caller may read elsewhere; whether it is missing or not theirs, the answer is the same."""
    registry = exchange.call.registry
    source = exchange.request.parameter("from")
    name = _source_name(source)
    if source is not None and name is None:
        return False

    def find(tx: Transaction, target: Repository) -> list[int]:
        holders = store.holders(tx, str(digest), registry.id, target.id) if name is None else _ids(tx, registry, name, target)
        names = repositories.names_of(tx, holders)
        may = exchange.may_read_from(tx)
        readable = [holder for holder in holders if may(names[holder])]
        return [holder for holder in readable if store.find(tx, holder, str(digest))]

    def may_succeed(tx: Transaction) -> bool:
        if registries.setting_of(tx, registry.id, BLOB_MOUNTING) != "ENABLED":
            return False
        target = repositories.find(tx, registry, exchange.name)
        return target is None or bool(find(tx, target))

    def link(tx: Transaction) -> bool:
        target = creation.for_push(tx, exchange.call, exchange.name)
        if not any(reads.mount(tx, target.id, digest, source) for source in find(tx, target)):
            raise _NothingMountedError  # a repository that this created, and the record, are the session's that follows
        return True

    try:
        # Most clients try to mount first; where nothing is to be found, nothing is written.
        return await exchange.context.read(may_succeed) and await exchange.context.write(link, exchange.call)
    except _NothingMountedError:
        return False


def _ids(tx: Transaction, registry: Registry, name: RepositoryName, target: Repository) -> list[int]:
    """The named source, unless it is encrypted in another way (ECR user guide, "Blob mounting")."""
    found = repositories.find(tx, registry, name)
    return [found.id] if found and found.encryption == target.encryption else []


def _holds(exchange: Exchange, upload: Upload, digest: Digest) -> bool:
    """Whether what a finished session became is still here."""
    return store.find_now(exchange.context.points, upload.repository_id, str(digest)) is not None


def _source_name(source: str | None) -> RepositoryName | None:
    try:
        return RepositoryName.parse(source) if source is not None else None
    except InvalidNameError:
        return None


def _accepted(exchange: Exchange, upload: Upload, offset: int) -> Response:
    return Response(202, _session_headers(exchange, upload, offset))


def _session_headers(exchange: Exchange, upload: Upload, offset: int) -> dict[str, str]:
    return {
        "location": exchange.path(f"blobs/uploads/{upload.id}"),
        # An empty session says 0-0 as well: there is no way to write an empty range, and this one is the custom.
        "range": f"0-{max(offset - 1, 0)}",
        "docker-upload-uuid": upload.id,
        "content-length": "0",
    }


def _created(exchange: Exchange, digest: Digest) -> Response:
    headers = {
        "location": exchange.path(f"blobs/{digest}"),
        "docker-content-digest": str(digest),
        "content-length": "0",
    }
    return Response(201, headers)


def _refused(exchange: Exchange, upload: Upload, error: OutOfOrderError) -> OutOfOrderError:
    """The 416 tells where the session stands, so that the client can go on."""
    error.headers.update(_session_headers(exchange, upload, error.expected))
    del error.headers["content-length"]
    return error


def _unknown(exchange: Exchange) -> UploadNotFoundError:
    return UploadNotFoundError(exchange.reference, exchange.name, exchange.call.registry)
