"""Lists on the data plane: tags, repositories, referrers (distribution-spec, end-8 and end-12; Docker's catalog)."""

import json
from urllib.parse import quote

from moorage.core.errors import MoorageError
from moorage.core.media_types import OCI_INDEX
from moorage.http.distribution.exchange import Exchange
from moorage.http.messages import Response
from moorage.images import referrers, tagging
from moorage.repositories import store as repositories
from moorage.storage.database.transaction import Transaction

MOST_ENTRIES = 10_000
"""Entries of a page, and the page that is given when nobody asks for less."""


_STEP = 1000
"""How many repositories are looked at in one go, at least: some may be left out."""

_DESCRIBE = "ecr:DescribeRepositories"


class InvalidPageError(MoorageError):
    """`n` is not a whole number of entries."""

    oci_code = "PAGINATION_NUMBER_INVALID"


async def get_tags(exchange: Exchange) -> Response:
    """The repository's tags in the order of their bytes, in pages."""
    wanted, last = _page(exchange)

    def work(tx: Transaction) -> list[str]:
        repository = repositories.get(tx, exchange.call.registry, exchange.name)
        return tagging.names_after(tx, repository.id, last, wanted + 1)

    names = await exchange.context.read(work)
    return _listing(exchange, exchange.path("tags/list"), {"name": exchange.name}, "tags", names, wanted)


async def get_catalog(exchange: Exchange) -> Response:
    """The registry's repositories in the order of their bytes, in pages: those that the caller, and its token, may describe.

    Who may describe none of them is told so.
    """
    wanted, last = _page(exchange)
    scope = exchange.token.scope
    step = max(wanted + 1, _STEP)

    def work(tx: Transaction) -> list[str]:
        names: list[str] = []
        after = last
        may = exchange.context.warden.judge.allowed_in(tx, exchange.call, _DESCRIBE)
        while len(names) <= wanted:
            found = [each.name for each in repositories.page(tx, exchange.call.registry, after, step)]
            names += [name for name in found if (scope is None or scope.covers(name)) and may(name)]
            if len(found) < step:
                break
            after = found[-1]
        return names[: wanted + 1]

    names = await exchange.context.read(work)
    if not names and last is None and exchange.refusal is not None:
        raise exchange.refusal
    return _listing(exchange, "/v2/_catalog", {}, "repositories", names, wanted)


def _page(exchange: Exchange) -> tuple[int, str | None]:
    """How many entries are asked for, and behind which; more than a page holds is clamped, not refused."""
    text, last = exchange.request.parameter("n"), exchange.request.parameter("last")
    if text is None:
        return MOST_ENTRIES, last
    if not (text.isascii() and text.isdigit()):
        raise InvalidPageError("n must be a whole number, 0 or more.", detail={"n": text[:80]})
    # Compared by length first: a number of a thousand digits is as large as it needs to be.
    return (min(int(text), MOST_ENTRIES) if len(text) <= len(str(MOST_ENTRIES)) else MOST_ENTRIES), last


def _listing(exchange: Exchange, path: str, start: dict[str, str], member: str, names: list[str], wanted: int) -> Response:
    shown = names[:wanted]
    headers = {"content-type": "application/json"}
    if shown and len(names) > wanted:
        headers["link"] = f'<{path}?n={wanted}&last={quote(shown[-1], safe="")}>; rel="next"'
    return Response(200, headers, json.dumps({**start, member: shown}).encode())


async def get_referrers(exchange: Exchange) -> Response:
    """What refers to a digest, as an index; empty where nothing does, also for a repository that is not there."""
    digest = str(exchange.digest)
    wanted_type = exchange.request.parameter("artifactType")
    after = exchange.request.parameter("last")

    def work(tx: Transaction) -> referrers.Page:
        repository = repositories.find(tx, exchange.call.registry, exchange.name)
        if repository is None:
            return referrers.Page()
        return referrers.page(tx, repository.id, digest, (wanted_type,) if wanted_type else (), after)

    page = await exchange.context.read(work)
    headers = {"content-type": OCI_INDEX}
    if wanted_type:
        headers["oci-filters-applied"] = "artifactType"
    if page.last is not None:
        parameters = f"last={quote(page.last, safe='')}"
        if wanted_type:
            parameters += f"&artifactType={quote(wanted_type, safe='')}"
        headers["link"] = f'<{exchange.path(f"referrers/{digest}")}?{parameters}>; rel="next"'
    body = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [dict(entry) for entry in page.descriptors]}
    return Response(200, headers, json.dumps(body, ensure_ascii=False).encode())
