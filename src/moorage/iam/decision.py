"""What evaluation decides, and why."""

from dataclasses import dataclass
from enum import StrEnum

from moorage.core.call import Ruling
from moorage.iam.policy import Source


class Outcome(StrEnum):
    """As IAM's simulator spells it (IAM API reference, EvaluationResult)."""

    ALLOWED = "allowed"
    EXPLICIT_DENY = "explicitDeny"
    IMPLICIT_DENY = "implicitDeny"


class Layer(StrEnum):
    """The kind of policy that decided, in the words of AWS's denials; `root` where an account's root user needed none."""

    IDENTITY = "identity-based policy"
    RESOURCE = "resource-based policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"
    SERVICE_CONTROL = "service control policy"
    TRUST = "role trust policy"
    ROOT = "root"
    RESERVED = "reserved action"
    CREDENTIALS = "kind of credentials"
    """No policy, so evaluation never decides so: what only one account can be allowed, and what the caller's kind of
    credentials is never good for."""


@dataclass(frozen=True, slots=True)
class Matched:
    """A statement that took part in a decision."""

    source: Source
    sid: str | None
    number: int
    """Its place in its policy; the first is 1."""

    def __str__(self) -> str:
        return f"{self.source.name}#{self.sid or self.number}"


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one request."""

    outcome: Outcome
    layer: Layer
    """What allowed it, what denied it, or, where nothing did, what was missing."""
    own: tuple[Matched, ...] = ()
    """The statements of the caller's account that allowed it, or all that denied it, in the order of their policies; none for
    an implicit deny."""
    theirs: tuple[Matched, ...] = ()
    """The same of another account, whose the resource is: no business of the caller's, as `own` is none of the owner's."""

    @property
    def matched(self) -> tuple[Matched, ...]:
        """All of them."""
        return (*self.own, *self.theirs)

    @property
    def allowed(self) -> bool:
        """Whether the request may go on."""
        return self.outcome is Outcome.ALLOWED

    def ruling(self) -> Ruling:
        """The same for the audit record."""
        return Ruling(str(self.outcome), str(self.layer), tuple(map(str, self.own)), tuple(map(str, self.theirs)))
