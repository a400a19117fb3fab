"""What a repository is."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from moorage.core.addresses import Addresses
from moorage.core.arn import Arn
from moorage.core.call import Registry
from moorage.core.clock import Timestamp
from moorage.core.errors import InvalidParameterError
from moorage.core.wildcard import matches

EXCLUSION_MODES = frozenset({"IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"})
_MOST_STARS = 2


@dataclass(frozen=True, slots=True)
class TagMutability:
    """Which tags may move to another image (ECR user guide, "Preventing image tags from being overwritten")."""

    mode: str = "MUTABLE"
    exclusions: tuple[str, ...] = ()
    """Wildcard filters, in the caller's order."""

    @classmethod
    def parse(cls, mode: str | None, filters: Sequence[Mapping[str, str]] | None) -> "TagMutability":
        """From the API's members; raises InvalidParameterError where mode and filters do not go together."""
        mode = mode or "MUTABLE"
        if (mode in EXCLUSION_MODES) != bool(filters):
            rule = "must be given for a mode with exclusion, and for no other"
            raise InvalidParameterError.at("imageTagMutabilityExclusionFilters", rule)
        exclusions = tuple(entry["filter"] for entry in filters or ())
        if any(pattern.count("*") > _MOST_STARS for pattern in exclusions):
            rule = f"filter must contain at most {_MOST_STARS} wildcards (*)"
            raise InvalidParameterError.at("imageTagMutabilityExclusionFilters", rule)
        return cls(mode, exclusions)

    def fixes(self, tag: str) -> bool:
        """Whether the tag must stay on the image it is on."""
        excluded = any(matches(pattern, tag) for pattern in self.exclusions)
        return excluded if self.mode == "MUTABLE_WITH_EXCLUSION" else self.mode.startswith("IMMUTABLE") and not excluded

    def describe_exclusions(self) -> list[dict[str, str]] | None:
        """The filters as the ECR API shows them; None where the mode has none."""
        return [{"filterType": "WILDCARD", "filter": pattern} for pattern in self.exclusions] or None


_KMS_KEY = re.compile(r"(?:key/)?[A-Za-z0-9-]{1,128}|alias/[A-Za-z0-9/_-]{1,250}")
_KMS_ARN = re.compile(
    r"arn:aws[a-z0-9-]*:kms:(?P<region>[a-z0-9-]+):[0-9]{12}:(?:key/[A-Za-z0-9-]{1,128}|alias/[A-Za-z0-9/_-]{1,250})"
)
"""A key by its id, alias or ARN (KMS API reference, DescribeKey, `KeyId`)."""


@dataclass(frozen=True, slots=True)
class Encryption:
    """The encryption that was asked for at creation. The disk or the bucket encrypts; this is kept and shown."""

    type: str = "AES256"
    kms_key: str | None = None

    @classmethod
    def parse(cls, given: Mapping[str, str] | None) -> "Encryption":
        """From the API's members, the key as it was given.

        Raises InvalidParameterError for a key with AES256, and for what is neither a key's id nor its alias nor its ARN.
        """
        kind, key = (given["encryptionType"], given.get("kmsKey")) if given else ("AES256", None)
        if kind == "AES256" and key:
            raise InvalidParameterError.at("encryptionConfiguration", "kmsKey must not be given with AES256")
        if key and not _KMS_KEY.fullmatch(key) and not _KMS_ARN.fullmatch(key):
            raise InvalidParameterError.at("encryptionConfiguration.kmsKey", "must be the id, alias or ARN of a KMS key")
        return cls(kind, key or None)

    def resolved(self, registry: Registry) -> "Encryption":
        """With the key as an ARN, as ECR resolves it: the account's own by default; an alias or id is of the account.

        Raises InvalidParameterError for a key of another region.
        """
        if self.type == "AES256":
            return self
        name = self.kms_key or "alias/aws/ecr"
        if not name.startswith("arn:"):
            resource = name if name.startswith(("alias/", "key/")) else f"key/{name}"
            name = str(Arn("kms", registry.region, registry.account_id, resource))
        elif (arn := _KMS_ARN.fullmatch(name)) is None or arn["region"] != registry.region:
            raise InvalidParameterError.at("encryptionConfiguration.kmsKey", f"must be a key of the region {registry.region}")
        return Encryption(self.type, name)


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository's settings."""

    id: int
    name: str
    created_at: Timestamp
    mutability: TagMutability = field(default_factory=TagMutability)
    scan_on_push: bool = False
    encryption: Encryption = field(default_factory=Encryption)

    def describe(self, registry: Registry, addresses: Addresses) -> dict[str, Any]:
        """As the ECR API shows it."""
        mutability, encryption = self.mutability, self.encryption
        return {
            "repositoryArn": registry.repository_arn(self.name),
            "registryId": registry.account_id,
            "repositoryName": self.name,
            "repositoryUri": f"{addresses.registry(registry.account_id, registry.region)}/{self.name}",
            "createdAt": self.created_at,
            "imageTagMutability": mutability.mode,
            "imageTagMutabilityExclusionFilters": mutability.describe_exclusions(),
            "imageScanningConfiguration": {"scanOnPush": self.scan_on_push},
            "encryptionConfiguration": {"encryptionType": encryption.type, "kmsKey": encryption.kms_key},
        }
