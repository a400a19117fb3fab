"""Manifests on the data plane (distribution-spec, end-3, end-7 and end-9)."""

from collections.abc import Sequence
from functools import partial

from moorage.core.digest import Digest
from moorage.core.errors import MoorageError
from moorage.core.manifest import MAX_MANIFEST_BYTES, Manifest, parse_manifest
from moorage.core.names import Reference, TagName
from moorage.http.distribution.exchange import Exchange
from moorage.http.distribution.headers import manifest_headers
from moorage.http.facts import Fact
from moorage.http.messages import Response
from moorage.http.ranges import entity_tags, is_unchanged
from moorage.images import remove, store, subjects
from moorage.images.errors import ImageDigestDoesNotMatchError, ImageNotFoundError
from moorage.images.facts import read_facts
from moorage.images.model import Image, TagCondition
from moorage.images.push import Push, put_image
from moorage.images.subjects import Subject
from moorage.repositories import store as repositories
from moorage.storage.database.transaction import Transaction

MOST_TAG_PARAMETERS = 100
_IN_LOOP = 64 * 1024
"""Bytes up to which a manifest is read on the event loop."""


class TooManyTagsInUrlError(MoorageError):
    """More `tag` parameters than one request may have (distribution-spec, end-7b: 414)."""

    oci_code = "UNSUPPORTED"
    oci_status = 414


async def get_manifest(exchange: Exchange) -> Response:
    """GET and HEAD: the stored bytes under their stored type, whatever Accept says."""
    reference = Reference.parse(exchange.reference)
    image = find_image(exchange, reference)
    context = exchange.context
    if exchange.request.method == "GET":
        context.recorder.pull(image.id, exchange.call.principal.arn, exchange.call.at)
    headers = manifest_headers(image)
    if is_unchanged(exchange.request.header(b"if-none-match"), image.digest):
        del headers["content-length"]
        return Response(304, headers, head_only=True)
    if exchange.request.method == "HEAD":
        return Response(200, headers, head_only=True, fact=_fact(exchange, image, reference, None))
    body = store.body_now(context.points, image)
    if body is None:
        raise not_found(exchange, reference)
    return Response(200, headers, body, fact=_fact(exchange, image, reference, image.id))


def _fact(exchange: Exchange, image: Image, reference: Reference, pulled_image: int | None) -> Fact:
    """What the answer rests on: a tag is on its image, or a digest's image is not removed."""
    condition, parameters = store.condition_of(image, reference.tag)
    return Fact(exchange.call, exchange.token, condition, parameters, pulled_image)


def find_image(exchange: Exchange, reference: Reference) -> Image:
    """The image that a reference names, by point reads; raises ImageNotFoundError or RepositoryNotFoundError."""
    points, repository_id = exchange.context.points, exchange.repository_id()
    if reference.digest:
        image = store.by_digest_now(points, repository_id, str(reference.digest))
    else:
        image = store.by_tag_now(points, repository_id, str(reference.tag))
    if image is None:
        raise not_found(exchange, reference)
    return image


def not_found(exchange: Exchange, reference: Reference) -> ImageNotFoundError:
    """The error for a reference that names nothing here."""
    digest = str(reference.digest) if reference.digest else None
    return ImageNotFoundError(reference.tag, digest, exchange.name, exchange.call.registry)


async def put_manifest(exchange: Exchange) -> Response:
    """PUT by tag or by digest, with further tags as parameters (end-7a, end-7b)."""
    reference = Reference.parse(exchange.reference)
    tags = _tags(exchange, reference)
    context, request = exchange.context, exchange.request
    body = await exchange.body(MAX_MANIFEST_BYTES)
    manifest, digest = await _parsed(exchange, body, reference)
    push = Push(
        repository=exchange.name,
        manifest=manifest,
        body=body,
        digest=str(digest),
        tags=tags,
        condition=_condition(exchange),
        facts=await context.in_thread(
            read_facts, context.database, context.blobs, exchange.call.registry, exchange.name, manifest
        ),
        grace=context.policy.grace,
        sparse=context.policy.sparse_indexes,
    )
    pushed = await context.write(partial(put_image, call=exchange.call, push=push), exchange.call)
    headers = {"location": exchange.path(f"manifests/{pushed.digest}"), "docker-content-digest": pushed.digest}
    if pushed.subject:
        headers["oci-subject"] = pushed.subject
    if "tag" in request.query:
        headers["oci-tag"] = ", ".join(pushed.tags)
    return Response(201, headers)


async def pushed(exchange: Exchange) -> Sequence[Subject]:
    """What a PUT acts on: each of its tags, with what its manifest is."""
    reference = Reference.parse(exchange.reference)
    manifest, _ = await _parsed(exchange, await exchange.body(MAX_MANIFEST_BYTES), reference)
    context, registry = exchange.context, await exchange.registry()
    facts = await context.in_thread(read_facts, context.database, context.blobs, registry, exchange.name, manifest)
    return subjects.of_push(manifest, facts, _tags(exchange, reference))


async def pulled(exchange: Exchange) -> Sequence[Subject]:
    """What a GET acts on: the image, with the tag that is named, or with every tag that is on it."""
    return await _named(exchange, deletes=False)


async def deleted(exchange: Exchange) -> Sequence[Subject]:
    """What a DELETE acts on: the tag that it names, or every tag of the image."""
    return await _named(exchange, deletes=True)


async def _named(exchange: Exchange, *, deletes: bool) -> Sequence[Subject]:
    reference, registry = Reference.parse(exchange.reference), await exchange.registry()
    image_id = {"imageTag": str(reference.tag)} if reference.tag else {"imageDigest": str(reference.digest)}
    name = exchange.name
    return await exchange.context.read(lambda tx: subjects.of_image_ids(tx, registry, name, [image_id], deletes=deletes))


async def _parsed(exchange: Exchange, body: bytes, reference: Reference) -> tuple[Manifest, Digest]:
    read = partial(_read, body, exchange.request.header(b"content-type"), reference.digest)
    # A dense manifest of megabytes takes half a second to read, which must not hold up every pull.
    return read() if len(body) <= _IN_LOOP else await exchange.context.in_thread(read)


def _tags(exchange: Exchange, reference: Reference) -> tuple[TagName, ...]:
    """The tags to put; only a push by digest may name them as parameters."""
    if reference.tag:
        return (reference.tag,)
    values = exchange.request.query.get("tag", [])
    if len(values) > MOST_TAG_PARAMETERS:
        raise TooManyTagsInUrlError(f"At most {MOST_TAG_PARAMETERS} tags can be pushed at once.")
    return tuple(TagName.parse(value) for value in dict.fromkeys(values))


def _read(body: bytes, content_type: str | None, expected: Digest | None) -> tuple[Manifest, Digest]:
    return parse_manifest(body, content_type), _digest(body, expected)


def _digest(body: bytes, expected: Digest | None) -> Digest:
    found = Digest.of(body, expected.algorithm if expected else "sha256")
    if expected and found != expected:
        raise ImageDigestDoesNotMatchError(str(expected), str(found))
    return found


def _condition(exchange: Exchange) -> TagCondition | None:
    must_be = entity_tags(exchange.request.header(b"if-match"))
    must_not_be = entity_tags(exchange.request.header(b"if-none-match"))
    return None if must_be is None and must_not_be is None else TagCondition(must_be, must_not_be)


async def delete_manifest(exchange: Exchange) -> Response:
    """DELETE by tag removes that tag alone, by digest the image and its tags (end-9)."""
    reference = Reference.parse(exchange.reference)

    def work(tx: Transaction) -> None:
        repository = repositories.get(tx, exchange.call.registry, exchange.name)
        if reference.tag:
            image = store.by_tag(tx, repository.id, reference.tag)
        else:
            image = store.by_digest(tx, repository.id, str(reference.digest))
        if image is None:
            raise not_found(exchange, reference)
        if reference.tag:
            remove.remove_tag(tx, exchange.call, repository, reference.tag, image)
        else:
            remove.remove_image(tx, exchange.call, repository, image)

    await exchange.context.write(work, exchange.call)
    return Response(202)
