"""Repository creation templates: the settings of repositories that nobody creates by hand (ECR user guide)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from moorage.core.clock import Timestamp
from moorage.registries.policy_text import Kept
from moorage.repositories.model import Encryption, TagMutability

ROOT = "ROOT"
"""The prefix of the template for whatever no other template is for."""

CREATE_ON_PUSH = "CREATE_ON_PUSH"


@dataclass(frozen=True, slots=True)
class CreationTemplate:
    """One template of a registry."""

    prefix: str
    """As it was given, perhaps with a `/` at its end, which makes no difference; or ROOT."""
    applied_for: tuple[str, ...]
    """Of REPLICATION, PULL_THROUGH_CACHE and CREATE_ON_PUSH, in the caller's order."""
    created_at: Timestamp
    updated_at: Timestamp
    description: str | None = None
    mutability: TagMutability = field(default_factory=TagMutability)
    encryption: Encryption = field(default_factory=Encryption)
    """The key as it was given: None is the account's own key for ECR."""
    resource_tags: tuple[tuple[str, str], ...] = ()
    repository_policy: Kept | None = None
    """With whom it meant when the template was written: for repositories that are made of it later, it means the same ones."""
    lifecycle_policy: str | None = None
    """Word for word."""
    custom_role_arn: str | None = None

    @property
    def stem(self) -> str:
        """The prefix without the `/` that is always implied at its end; two templates of a registry never share it."""
        return stem_of(self.prefix)

    def describe(self, policy: str | None) -> dict[str, Any]:
        """As the ECR API shows it; what is not set is left out. `policy` is the repository policy as it is shown now."""
        return {
            "prefix": self.prefix,
            "description": self.description,
            "encryptionConfiguration": {"encryptionType": self.encryption.type, "kmsKey": self.encryption.kms_key},
            "resourceTags": [{"Key": key, "Value": value} for key, value in self.resource_tags] or None,
            "imageTagMutability": self.mutability.mode,
            "imageTagMutabilityExclusionFilters": self.mutability.describe_exclusions(),
            "repositoryPolicy": policy,
            "lifecyclePolicy": self.lifecycle_policy,
            "appliedFor": list(self.applied_for),
            "customRoleArn": self.custom_role_arn,
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
        }


def stem_of(prefix: str) -> str:
    """A prefix without the `/` at its end."""
    return prefix.removesuffix("/")


def stems_above(name: str) -> list[str]:
    """The prefixes that a repository of that name fits, the longest first, ROOT last."""
    parts = name.split("/")
    return ["/".join(parts[:count]) for count in range(len(parts) - 1, 0, -1)] + [ROOT]


def match(templates: Iterable[CreationTemplate], name: str, scenario: str) -> CreationTemplate | None:
    """The template for a repository of that name in that scenario: the one with the longest prefix, else ROOT's, else None.

    A prefix means all that follows it behind a `/`; the repository that is called as the prefix is not among that. Templates
    that are not applied in the scenario count as absent, so that a wider one may serve.
    """
    applied = {each.stem: each for each in templates if scenario in each.applied_for}
    return next((applied[stem] for stem in stems_above(name) if stem in applied), None)
