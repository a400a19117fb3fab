"""ECR's listings of images, and what only whole repositories and images together can do (ECR API reference)."""

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from moorage.aws.operation import Answer, operation
from moorage.core.addresses import Addresses
from moorage.core.call import Call, Requirement
from moorage.core.events import Event
from moorage.core.page import PageTokens
from moorage.images import drop, identifiers
from moorage.images.errors import ImageNotFoundError
from moorage.images.identifiers import FailedIdentifierError
from moorage.images.operations import refuse_together
from moorage.repositories import store as repositories
from moorage.repositories.errors import RepositoryNotEmptyError
from moorage.repositories.model import Repository
from moorage.storage.database.schema.images import images, tags
from moorage.storage.database.transaction import Transaction

DEFAULT_PAGE = 100


# Never the whole row: annotations and labels can have megabytes.
_SHOWN = (
    images.c.id,
    images.c.digest,
    images.c.image_size,
    images.c.pushed_at,
    images.c.media_type,
    images.c.config_media_type,
    images.c.last_pulled_at,
    images.c.subject_digest,
)


class ListingOperations:
    """ListImages, DescribeImages and DeleteRepository."""

    def __init__(self, addresses: Addresses, page_tokens: PageTokens) -> None:
        self._addresses = addresses
        self._page_tokens = page_tokens

    @operation("ListImages", requires=(Requirement(("ecr:ListImages",)),), mode="read")
    def list_images(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """One element per tag, and one for each image without tags; in the order in which images came."""
        repository = repositories.get(tx, call.registry, params["repositoryName"])
        filters = params.get("filter") or {}
        scope = f"list images {repository.id} {filters}"
        after = self._after(scope, params)
        limit = params.get("maxResults") or DEFAULT_PAGE
        if filters.get("imageStatus") in {"ARCHIVED", "ACTIVATING"}:
            return {"imageIds": []}
        query: sa.Select[Any] = (
            sa.select(images.c.id, images.c.digest, sa.func.coalesce(tags.c.name, "").label("tag"))
            .join_from(images, tags, tags.c.image_id == images.c.id, isouter=True)
            .where(images.c.repository_id == repository.id, images.c.removed_at.is_(None))
        )
        query = _by_tag_status(query, filters.get("tagStatus"))
        if after:
            later_tag = sa.and_(images.c.id == after[0], sa.func.coalesce(tags.c.name, "") > after[1])
            query = query.where(sa.or_(images.c.id > after[0], later_tag))
        rows = tx.all(query.order_by(images.c.id, sa.text("tag")).limit(limit + 1))
        shown = rows[:limit]
        more = len(rows) > limit
        return {
            "imageIds": [{"imageDigest": row.digest, "imageTag": row.tag or None} for row in shown],
            "nextToken": self._page_tokens.seal(scope, [shown[-1].id, shown[-1].tag]) if more else None,
        }

    @operation("DescribeImages", requires=(Requirement(("ecr:DescribeImages",)),), mode="read")
    def describe_images(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """The named images, all or nothing; or all of them, in pages, in the order in which they came."""
        refuse_together(params, "imageIds")
        repository = repositories.get(tx, call.registry, params["repositoryName"])
        if params.get("imageIds") is not None:
            ids = [self._named(tx, call, repository, image_id) for image_id in params["imageIds"]]
            found = _details(tx, call, repository.name, sa.select(*_SHOWN).where(images.c.id.in_(ids)))
            return {"imageDetails": [found[image_id] for image_id in dict.fromkeys(ids)]}
        filters = params.get("filter") or {}
        scope = f"describe images {repository.id} {filters}"
        after = self._after(scope, params)
        limit = params.get("maxResults") or DEFAULT_PAGE
        if filters.get("imageStatus") in {"ARCHIVED", "ACTIVATING"}:
            return {"imageDetails": []}
        query = sa.select(*_SHOWN).where(images.c.repository_id == repository.id, images.c.removed_at.is_(None))
        status = filters.get("tagStatus")
        tagged = sa.exists(sa.select(tags.c.name).where(tags.c.image_id == images.c.id))
        if status in {"TAGGED", "UNTAGGED"}:
            query = query.where(tagged if status == "TAGGED" else ~tagged)
        if after:
            query = query.where(images.c.id > after)
        details = _details(tx, call, repository.name, query.order_by(images.c.id).limit(limit + 1))
        ids = list(details)
        return {
            "imageDetails": list(details.values())[:limit],
            "nextToken": self._page_tokens.seal(scope, ids[limit - 1]) if len(ids) > limit else None,
        }

    @operation("DeleteRepository", requires=(Requirement(("ecr:DeleteRepository",)),), mode="write")
    def delete_repository(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """Delete a repository; with `force` also one that has images. Removed images that are still kept go with it.

        It is gone and its name free when this is committed; its rows go later, in steps.
        """
        repository = repositories.get(tx, call.registry, params["repositoryName"])
        live = sa.select(images.c.id).where(images.c.repository_id == repository.id, images.c.removed_at.is_(None))
        if not params.get("force") and tx.one(live.limit(1)):
            raise RepositoryNotEmptyError(repository.name, call.registry)
        drop.put_out_of_sight(tx, call.registry, repository)
        detail = {"repository-name": repository.name}
        tx.emit(Event("Moorage Repository Deleted", call.registry.id, detail, repository.id))
        return {"repository": repository.describe(call.registry, self._addresses)}

    def _after(self, scope: str, params: Mapping[str, Any]) -> Any:
        token = params.get("nextToken")
        return self._page_tokens.open(scope, token) if token is not None else None

    def _named(self, tx: Transaction, call: Call, repository: Repository, image_id: Mapping[str, str]) -> int:
        try:
            return identifiers.resolve(tx, repository.id, image_id).id
        except FailedIdentifierError:
            tag, digest = image_id.get("imageTag"), image_id.get("imageDigest")
            raise ImageNotFoundError(tag, digest, repository.name, call.registry) from None


def _by_tag_status(query: sa.Select[Any], status: str | None) -> sa.Select[Any]:
    if status == "TAGGED":
        return query.where(tags.c.name.is_not(None))
    return query.where(tags.c.name.is_(None)) if status == "UNTAGGED" else query


def _details(tx: Transaction, call: Call, repository: str, chosen: sa.Select[Any]) -> dict[int, Answer]:
    """ImageDetail of each chosen image by its id, in the order of ids; `chosen` selects _SHOWN.

    One query, and rows as plain tuples: a page has a thousand images, and each has as many tags as its owner likes.
    """
    image = chosen.subquery()
    joined = sa.select(*image.c, tags.c.name).join_from(image, tags, tags.c.image_id == image.c.id, isouter=True)
    registry_id = call.registry.account_id
    details: dict[int, Answer] = {}
    rows: Iterable[Any] = tx.execute(joined.order_by(image.c.id, tags.c.name))
    for image_id, digest, size, pushed_at, media_type, config_type, pulled_at, subject, tag in rows:
        if image_id in details:
            details[image_id]["imageTags"].append(tag)
            continue
        details[image_id] = {
            "registryId": registry_id,
            "repositoryName": repository,
            "imageDigest": digest,
            "imageTags": [tag] if tag is not None else None,
            "imageSizeInBytes": size,
            "imagePushedAt": pushed_at,
            "imageManifestMediaType": media_type,
            "artifactMediaType": config_type,
            "lastRecordedPullTime": pulled_at,
            "subjectManifestDigest": subject,
            "imageStatus": "ACTIVE",
        }
    return details
