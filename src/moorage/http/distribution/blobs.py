"""Blobs on the data plane (distribution-spec, end-2 and end-10)."""

import asyncio

from moorage.core.digest import Digest
from moorage.http.distribution.exchange import Exchange
from moorage.http.distribution.headers import blob_headers
from moorage.http.distribution.hot import LARGEST_BODY
from moorage.http.facts import Fact
from moorage.http.messages import FileBody, Response
from moorage.http.ranges import byte_range, is_unchanged
from moorage.layers import reads, store
from moorage.layers.errors import LayersNotFoundError
from moorage.layers.model import Layer
from moorage.repositories import store as repositories
from moorage.storage.blobs.port import BlobMissingError, Reader
from moorage.storage.database.transaction import Transaction


async def get_blob(exchange: Exchange) -> Response:
    """GET and HEAD: the blob if this repository holds it; a range with 206."""
    digest = exchange.digest
    layer = find_layer(exchange, digest)
    reader = open_layer(exchange, digest, layer)
    request = exchange.request
    headers = blob_headers(digest)
    try:
        if is_unchanged(request.header(b"if-none-match"), str(digest)):
            reader.close()
            return Response(304, headers, head_only=True)
        if request.method == "HEAD":
            reader.close()
            await renew(exchange, digest, layer)
            return Response(200, {**headers, "content-length": str(layer.size)}, head_only=True)
        return _body(exchange, headers, digest, layer, reader)
    except BaseException:
        reader.close()
        raise


def _body(exchange: Exchange, headers: dict[str, str], digest: Digest, layer: Layer, reader: Reader) -> Response:
    request = exchange.request
    condition = request.header(b"if-range")
    wanted = request.header(b"range") if condition is None or condition.strip('"') == str(digest) else None
    part = byte_range(wanted, layer.size)
    if part is None and layer.size <= LARGEST_BODY and wanted is None:
        return _small(exchange, headers, layer, reader)
    if part is None:
        return Response(200, {**headers, "content-length": str(layer.size)}, FileBody(reader, 0, layer.size))
    offset, count = part
    headers |= {"content-length": str(count), "content-range": f"bytes {offset}-{offset + count - 1}/{layer.size}"}
    return Response(206, headers, FileBody(reader, offset, count))


def _small(exchange: Exchange, headers: dict[str, str], layer: Layer, reader: Reader) -> Response:
    """A small blob, such as the config that every pull begins with; asked for again, it needs no parsing."""
    body = reader.read_at(0, layer.size)
    reader.close()
    if len(body) != layer.size:  # it was cut while it was open
        raise LayersNotFoundError(headers["docker-content-digest"], exchange.name, exchange.call.registry)
    parameters: dict[str, int | str] = {"repository": layer.repository_id, "blob": layer.blob_id}
    fact = Fact(exchange.call, exchange.token, store.STILL_HELD, parameters)
    return Response(200, {**headers, "content-length": str(layer.size)}, body, fact=fact)


def find_layer(exchange: Exchange, digest: Digest) -> Layer:
    """The layer that the path names, by point reads; raises LayersNotFoundError or RepositoryNotFoundError."""
    layer = store.find_now(exchange.context.points, exchange.repository_id(), str(digest))
    if layer is None:
        raise LayersNotFoundError(str(digest), exchange.name, exchange.call.registry)
    return layer


def open_layer(exchange: Exchange, digest: Digest, layer: Layer) -> Reader:
    """The layer's bytes; a torn or missing object is not served as if it were whole, it is not there."""
    try:
        return exchange.context.blobs.open(layer.key, layer.size)
    except BlobMissingError:
        raise LayersNotFoundError(str(digest), exchange.name, exchange.call.registry) from None


async def renew(exchange: Exchange, digest: Digest, layer: Layer) -> None:
    """The client may rely on the layer now: it must not be collected before its manifest comes."""
    context = exchange.context
    if reads.wants_touch(layer, exchange.call.at, context.policy.grace):

        def work(tx: Transaction) -> None:
            # It may have been collected since it was looked at; then the answer is that it is not here.
            repository = repositories.get(tx, exchange.call.registry, exchange.name)
            if store.find(tx, repository.id, str(digest)) is None:
                raise LayersNotFoundError(str(digest), exchange.name, exchange.call.registry)
            store.touch(tx, repository.id, [layer.blob_id])

        await asyncio.wrap_future(context.database.write(work))


async def delete_blob(exchange: Exchange) -> Response:
    """DELETE: the repository lets go of the blob; refused while one of its images refers to it."""
    digest, call = exchange.digest, exchange.call

    def work(tx: Transaction) -> None:
        repository = repositories.get(tx, call.registry, exchange.name)
        reads.unlink(tx, call.registry, repository.id, repository.name, digest)

    await exchange.context.write(work, call)
    return Response(202)
