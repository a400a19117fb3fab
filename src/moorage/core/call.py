"""Who asks, for which registry, when and from where: the facts that every operation and its audit record share."""

import re
from dataclasses import dataclass, field
from typing import Any

from moorage.core.arn import root_arn
from moorage.core.clock import Timestamp

_ACCOUNT = re.compile("[0-9]{12}")


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller (IAM user guide, "IAM identifiers")."""

    account_id: str
    """Twelve digits."""
    arn: str
    """The caller as IAM's texts name it: `arn:aws:iam::123456789012:root`, a user's ARN, or a session's,
    `arn:aws:sts::123456789012:assumed-role/ROLE/SESSION`."""
    kind: str
    """`Root`, `IAMUser`, `AssumedRole`, `FederatedUser` or `WebIdentityUser`, as CloudTrail spells it; `Unknown` for nobody."""
    access_key_id: str
    """The key, long-term or temporary, that signed the request or that the token was issued to; empty for a robot's token."""
    id: str = ""
    """`aws:userid`: `AIDA…`, `AROA…:SESSION`, `ACCOUNT:NAME` of a federated user, the account's id for its root."""
    identity_id: str = ""
    """The unique id of the user or role whose policies count, `AIDA…` or `AROA…`; empty for a root."""
    identity_arn: str = ""
    """`aws:PrincipalArn`: the ARN of the user, role (never of its session) or root; of a federated user that session's own."""
    session_id: str = ""
    """The temporary credentials that speak, `ASIA…`; empty for what is good until it is removed."""
    subject: str = ""
    """Whom an identity provider vouches for, in its words; empty for everybody else."""
    maker_arn: str = ""
    """The ARN of the user who asked for a federated user's credentials; empty for everybody else."""

    @property
    def name(self) -> str:
        """What people call it: a user's name, a session's name, `root`, a provider's subject; empty for nobody."""
        return self.subject or self.arn.rpartition("/")[2].rpartition(":")[2]

    @classmethod
    def root(cls, account_id: str, access_key_id: str, session_id: str = "") -> "Principal":
        """The root user of an account."""
        arn = root_arn(account_id)
        return cls(account_id, arn, "Root", access_key_id, id=account_id, identity_arn=arn, session_id=session_id)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What was decided about a call and why, as its audit record keeps it."""

    outcome: str
    """`allowed`, `explicitDeny` or `implicitDeny`, as IAM's simulator spells it."""
    by: str
    """The kind of policy that decided, such as `identity-based policy`, or `root` or `open`."""
    statements: tuple[str, ...] = ()
    """Those of the caller's account that decided, as `POLICY#SID`, or `POLICY#3` for the third one where it has no Sid."""
    theirs: tuple[str, ...] = ()
    """Those of the other account whose resource it is. Each account is shown its own statements only."""


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
        return f"arn:aws:ecr:{self.region}:{self.account_id}:repository/{name}"


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a caller must be allowed to do before an entry runs (DESIGN rule 5)."""

    actions: tuple[str, ...]
    """IAM action names such as `ecr:PutImage`."""
    resource: str = "repository"
    """`repository` (the one that the request names), `repositories` (those that it names, or all), `templated` (all that fit
    the prefix of the creation template that it names), `each` (each one that is shown, if none is named), `user`, `group`,
    `role`, `policy`, `instance-profile`, `oidc-provider`, `federated-user` or `service-linked-role` (the one of IAM's that it
    names; a user that it does not name is the caller) or `*`."""
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
    referer: str = ""
    """As the request's header says it; empty where it says nothing."""
    resource: str = "*"
    """The ARN that was decided upon, or `*`."""
    read_only: bool = True
    protocol: str = "aws"
    """`aws`, `oci` or `api`: through which door."""
    authority: str = ""
    """`scheme://host[:port]` by which the caller reached this server."""
    also_allowed: frozenset[str] = frozenset()
    """Of the actions that the entry asks about but does not require, those that the caller may do on the resource."""
    ruling: Ruling | None = None
    """What let it pass or refused it; None where nothing was asked."""
    parameters: dict[str, Any] = field(default_factory=dict)
    """What the audit record keeps of the request (JSON); never a secret."""

    def decided(self, ruling: Ruling | None, registry: Registry, also_allowed: frozenset[str]) -> "Call":
        """The call with what was decided about it. Written out, since `replace` costs four times as much on every pull."""
        return Call(
            self.request_id,
            self.at,
            self.event_source,
            self.event_name,
            self.principal,
            registry,
            self.source_address,
            self.user_agent,
            self.referer,
            self.resource,
            self.read_only,
            self.protocol,
            self.authority,
            also_allowed,
            ruling,
            self.parameters,
        )

    @property
    def owner_account_id(self) -> str | None:
        """The account whose resource it is about, where that is not the caller's; its audit record is that account's too."""
        owner = self.resource.split(":", 5)[4] if self.resource.startswith("arn:") else ""
        if not _ACCOUNT.fullmatch(owner):
            owner = self.registry.account_id
        return owner if owner and owner != self.principal.account_id else None
