"""ECR's operations on repository creation templates."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from moorage.aws.operation import operation
from moorage.core.call import Call, Requirement
from moorage.core.errors import InvalidParameterError
from moorage.core.events import Event
from moorage.core.page import PageTokens
from moorage.iam import json_text
from moorage.iam.errors import MalformedPolicyError
from moorage.registries.errors import ValidationError
from moorage.registries.policy_text import Kept, Principals
from moorage.repositories import template_store
from moorage.repositories.errors import (
    InvalidTagParameterError,
    LimitExceededError,
    TemplateAlreadyExistsError,
    TemplateNotFoundError,
    TooManyTagsError,
)
from moorage.repositories.model import EXCLUSION_MODES, Encryption, TagMutability
from moorage.repositories.policy import accepted_policy
from moorage.repositories.resource_tags import parse_tags, requested_tags
from moorage.repositories.template import CreationTemplate, stem_of
from moorage.storage.database.transaction import Transaction

MOST_TEMPLATES = 500
"""In a registry. ECR has a quota, and does not tell it."""

DEFAULT_PAGE = 100

_ROLE = re.compile(r"arn:aws(?:-[a-z]+)*:iam::(?P<account>[0-9]{12}):role/[\w+=,.@/-]+", re.ASCII)
_CHANGED = "Moorage Repository Creation Template Changed"


def _requires(action: str, params: Mapping[str, Any]) -> tuple[Requirement, ...]:
    """Whoever writes a template decides what others' pushes make, so they need the rights to make it themselves."""
    made = {
        "resourceTags": "ecr:TagResource",
        "repositoryPolicy": "ecr:SetRepositoryPolicy",
        "lifecyclePolicy": "ecr:PutLifecyclePolicy",
    }
    also = tuple(needed for member, needed in made.items() if params.get(member))
    passed = (Requirement(("iam:PassRole",), "role"),) if params.get("customRoleArn") else ()
    made_of_it = tuple(Requirement((needed,), "templated") for needed in ("ecr:CreateRepository", *also))
    return (Requirement((action,), "*"), *made_of_it, *passed)


def _context(params: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """A template's tags are what it requests; its role is for ECR."""
    passed = {"iam:passedtoservice": ("ecr.amazonaws.com",)} if params.get("customRoleArn") else {}
    return {**requested_tags(params.get("resourceTags")), **passed}


def _requirements_to_create(params: Mapping[str, Any]) -> tuple[Requirement, ...]:
    return _requires("ecr:CreateRepositoryCreationTemplate", params)


def _requirements_to_update(params: Mapping[str, Any]) -> tuple[Requirement, ...]:
    return _requires("ecr:UpdateRepositoryCreationTemplate", params)


class TemplateOperations:
    """The four operations on templates."""

    def __init__(self, principals: Principals, page_tokens: PageTokens) -> None:
        self._principals = principals
        self._page_tokens = page_tokens

    @operation("CreateRepositoryCreationTemplate", requires=_requirements_to_create, mode="write", context=_context)
    def create_repository_creation_template(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
        """Add a template; raises TemplateAlreadyExistsError for a prefix that is taken, with or without a `/` at its end."""
        registry, prefix = call.registry, params["prefix"]
        blank = CreationTemplate(prefix, (), tx.now, tx.now)
        template = replace(blank, **self._settings(tx, call, params))
        if template_store.find(tx, registry, prefix):
            raise TemplateAlreadyExistsError(prefix, registry)
        if template_store.count(tx, registry) >= MOST_TEMPLATES:
            raise LimitExceededError(f"The registry already has {MOST_TEMPLATES} repository creation templates.")
        template_store.insert(tx, registry, template)
        return self._changed(tx, call, template)

    @operation(
        "DescribeRepositoryCreationTemplates",
        requires=(Requirement(("ecr:DescribeRepositoryCreationTemplates",), "*"),),
        mode="read",
    )
    def describe_repository_creation_templates(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
        """Every template, or those of these prefixes that there are, in pages ordered by prefix."""
        registry, token = call.registry, params.get("nextToken")
        wanted = {stem_of(prefix) for prefix in params.get("prefixes") or ()}
        scope = f"templates {registry.id} {hashlib.sha256(json.dumps(sorted(wanted)).encode()).hexdigest()}"
        after = self._page_tokens.open(scope, token) if token is not None else ""
        limit = params.get("maxResults") or DEFAULT_PAGE
        known = (prefix for prefix in template_store.prefixes(tx, registry) if prefix > after)
        found = [prefix for prefix in known if not wanted or stem_of(prefix) in wanted]
        page = found[:limit]
        return {
            "registryId": registry.account_id,
            "repositoryCreationTemplates": [
                self._described(tx, call, template) for template in template_store.those(tx, registry, page)
            ],
            "nextToken": self._page_tokens.seal(scope, page[-1]) if len(found) > limit else None,
        }

    @operation("UpdateRepositoryCreationTemplate", requires=_requirements_to_update, mode="write", context=_context)
    def update_repository_creation_template(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
        """Change what is given, leave the rest; an empty text clears. Repositories that are there stay as they are."""
        old = _get(tx, call, params["prefix"])
        given = {**_kept_filters(old, params), **params}
        template = replace(old, updated_at=tx.now, **self._settings(tx, call, given))
        template_store.update(tx, call.registry, template)
        return self._changed(tx, call, template)

    @operation(
        "DeleteRepositoryCreationTemplate",
        requires=(Requirement(("ecr:DeleteRepositoryCreationTemplate",), "*"),),
        mode="write",
    )
    def delete_repository_creation_template(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
        """Remove a template and show it a last time; raises TemplateNotFoundError."""
        template = _get(tx, call, params["prefix"])
        template_store.delete(tx, call.registry, template.prefix)
        return self._changed(tx, call, template)

    def _settings(self, tx: Transaction, call: Call, given: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that a request sets; those of members that are absent are absent."""
        found: dict[str, Any] = {}
        if "appliedFor" in given:
            found["applied_for"] = _applied_for(given["appliedFor"])
        if "description" in given:
            found["description"] = given["description"] or None
        if "imageTagMutability" in given or "imageTagMutabilityExclusionFilters" in given:
            filters = given.get("imageTagMutabilityExclusionFilters")
            found["mutability"] = TagMutability.parse(given.get("imageTagMutability"), filters)
        if "encryptionConfiguration" in given:
            found["encryption"] = Encryption.parse(given["encryptionConfiguration"])
            found["encryption"].resolved(call.registry)  # what no push could use is refused now
        if "resourceTags" in given:
            found["resource_tags"] = _tags(given["resourceTags"])
        if "repositoryPolicy" in given:
            found["repository_policy"] = self._policy(tx, call, given["repositoryPolicy"])
        if "lifecyclePolicy" in given:
            found["lifecycle_policy"] = _lifecycle(given["lifecyclePolicy"])
        if "customRoleArn" in given:
            found["custom_role_arn"] = _role(given["customRoleArn"], call)
        return found

    def _policy(self, tx: Transaction, call: Call, text: str) -> Kept | None:
        if not text:
            return None
        owner = call.registry.account_id
        return accepted_policy(tx, owner, text, self._principals, arn=None, member="repositoryPolicy")

    def _described(self, tx: Transaction, call: Call, template: CreationTemplate) -> dict[str, Any]:
        policy = template.repository_policy
        shown = policy.shown(tx, call.registry.account_id, self._principals) if policy is not None else None
        return template.describe(shown)

    def _changed(self, tx: Transaction, call: Call, template: CreationTemplate) -> dict[str, Any]:
        tx.emit(Event(_CHANGED, call.registry.id, {"prefix": template.prefix}))
        return {"registryId": call.registry.account_id, "repositoryCreationTemplate": self._described(tx, call, template)}


def _kept_filters(old: CreationTemplate, given: Mapping[str, Any]) -> dict[str, Any]:
    """The filters that stay when one mode with exclusions is changed for another, or for itself, without naming any."""
    stays = given.get("imageTagMutability") in EXCLUSION_MODES and old.mutability.exclusions
    return {"imageTagMutabilityExclusionFilters": old.mutability.describe_exclusions()} if stays else {}


def _get(tx: Transaction, call: Call, prefix: str) -> CreationTemplate:
    found = template_store.find(tx, call.registry, prefix)
    if found is None:
        raise TemplateNotFoundError(prefix, call.registry)
    return found


def _applied_for(given: list[str]) -> tuple[str, ...]:
    if not given:
        raise InvalidParameterError.at("appliedFor", "Member must have length greater than or equal to 1")
    return tuple(dict.fromkeys(given))


def _tags(given: list[dict[str, str]]) -> tuple[tuple[str, str], ...]:
    """These operations have no errors of their own for tags."""
    try:
        return tuple(parse_tags(given).items())
    except (InvalidTagParameterError, TooManyTagsError) as error:
        raise InvalidParameterError.at("resourceTags", error.message) from error


def _lifecycle(text: str) -> str | None:
    """A JSON object; what it says is not checked before something evaluates it."""
    if not text:
        return None
    try:
        fault = None if isinstance(json_text.read(text), dict) else "It must be a JSON object."
    except MalformedPolicyError as error:
        fault = error.message
    if fault:
        raise InvalidParameterError.at("lifecyclePolicy", f"Lifecycle policy validation failure: {fault}")
    return text


def _role(arn: str, call: Call) -> str | None:
    if not arn:
        return None
    found = _ROLE.fullmatch(arn)
    if found is None:
        raise InvalidParameterError.at("customRoleArn", "Invalid ARN")
    if found["account"] != call.registry.account_id:
        raise ValidationError("The custom role must be in the same account as the registry.")
    return arn
