"""ECR's view of referrers: ListImageReferrers (ECR API reference)."""

from collections.abc import Mapping
from typing import Any

from moorage.aws.operation import Answer, operation
from moorage.core.call import Call, Requirement
from moorage.core.errors import InvalidParameterError
from moorage.core.page import PageTokens
from moorage.images import referrers
from moorage.images.identifiers import DIGEST_PATTERN, is_digest
from moorage.repositories import store as repositories
from moorage.storage.database.transaction import Transaction

DEFAULT_PAGE = 20


class ReferrerOperations:
    """ListImageReferrers."""

    def __init__(self, page_tokens: PageTokens) -> None:
        self._page_tokens = page_tokens

    # There is no action of its own: who may read images may read what refers to them (service authorization reference).
    @operation("ListImageReferrers", requires=(Requirement(("ecr:BatchGetImage",)),), mode="read")
    def list_image_referrers(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """What refers to a digest, in the order of digests, in pages; nothing for a digest that nobody knows."""
        repository = repositories.get(tx, call.registry, params["repositoryName"])
        subject = params["subjectId"]["imageDigest"]
        if not is_digest(subject):
            raise InvalidParameterError.at("subjectId.imageDigest", f"must satisfy regular expression '{DIGEST_PATTERN}'")
        filters = params.get("filter") or {}
        types = sorted(set(filters.get("artifactTypes") or ()))
        status = filters.get("artifactStatus") or "ACTIVE"
        scope = f"image referrers {repository.id} {subject} {types} {status}"
        token, limit = params.get("nextToken"), params.get("maxResults") or DEFAULT_PAGE
        after = self._page_tokens.open(scope, token) if token is not None else None
        if status in {"ARCHIVED", "ACTIVATING"}:
            return {"referrers": []}
        page = referrers.page(tx, repository.id, subject, types, after, limit)
        return {
            "referrers": [{**descriptor, "artifactStatus": "ACTIVE"} for descriptor in page.descriptors],
            "nextToken": self._page_tokens.seal(scope, page.last) if page.last is not None else None,
        }
