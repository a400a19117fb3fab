"""Who asks, for which registry, when and from where: the facts that every operation and its audit record share."""

from dataclasses import dataclass, field

from moorage.core.arn import Arn
from moorage.core.clock import Timestamp


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller."""

    account_id: str
    """Twelve digits."""
    arn: str
    """The caller as IAM's texts name it, such as `arn:aws:iam::123456789012:root`."""
    kind: str
    """`Root`, as CloudTrail's `userIdentity.type` spells it; users and roles come with IAM."""
    access_key_id: str
    """The key that signed the request, or that the authorization token was issued to."""


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry: one service of one account in one region. Rows and caches use its id, never a name."""

    id: int
    service: str
    """`private` or `public`."""
    account_id: str
    region: str

    def repository_arn(self, name: str) -> str:
        """The ARN of a repository in this registry."""
        return str(Arn("ecr", self.region, self.account_id, f"repository/{name}"))


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a caller must be allowed to do before an entry runs (DESIGN rule 5)."""

    actions: tuple[str, ...]
    """IAM action names such as `ecr:PutImage`."""
    resource: str = "repository"
    """`repository` (the one that the request names), `each` (each one that is shown, if none is named) or `*`."""
    any_of: bool = False
    """Whether one of the actions is enough; otherwise all are needed."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, known and decided, on its way to an operation."""

    request_id: str
    at: Timestamp
    event_source: str
    """`ecr.amazonaws.com`, as CloudTrail spells it; `moorage` for what ECR does not have."""
    event_name: str
    """The operation that this request is or corresponds to, such as `PutImage`; AWS's where there is one."""
    principal: Principal
    registry: Registry
    source_address: str = ""
    user_agent: str = ""
    resource: str = "*"
    """The ARN that was decided upon, or `*`."""
    read_only: bool = True
    protocol: str = "aws"
    """`aws`, `oci` or `api`: through which door."""
    authority: str = ""
    """`scheme://host[:port]` by which the caller reached this server."""
    also_allowed: frozenset[str] = frozenset()
    """Of the actions that the entry asks about but does not require, those that the caller may do on the resource."""
    parameters: dict[str, str] = field(default_factory=dict)
    """What the audit record keeps of the request; never a secret."""
