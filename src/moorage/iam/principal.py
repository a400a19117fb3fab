"""Who a policy speaks of (IAM user guide, "AWS JSON policy elements: Principal")."""

import re
from dataclasses import dataclass
from enum import StrEnum

from moorage.iam.errors import MalformedPolicyError


class Kind(StrEnum):
    """What sort of principal is named."""

    ANYONE = "anyone"
    ACCOUNT = "account"
    USER = "user"
    ROLE = "role"
    ASSUMED_ROLE = "assumed-role"
    FEDERATED_USER = "federated-user"
    UNIQUE_ID = "unique id"
    SERVICE = "service"
    FEDERATED = "federated"
    CANONICAL_USER = "canonical user"


_SEGMENT = r"[!-)+-.0->@-~]"  # printable ASCII without `*`, `/` and `?`: nothing in a principal is a wildcard
_PATH = rf"(?:{_SEGMENT}+/)*"
_NAME = r"[\w+=,.@-]"
_ACCOUNT = re.compile(r"[0-9]{12}")
_ARN = re.compile(
    r"arn:(?P<partition>aws(?:-[a-z]+)*):(?P<service>iam|sts)::(?P<account>[0-9]{12}):(?P<kind>[a-z-]+)(?:/(?P<name>.+))?"
)
_UNIQUE_ID = re.compile(r"(?:AIDA|AROA)[A-Z0-9]{12,124}")
_SERVICE = re.compile(r"(?:[a-z0-9][a-z0-9-]{0,62}\.){1,8}amazonaws\.com(?:\.cn)?")
_PROVIDER = re.compile(r"arn:aws(?:-[a-z]+)*:iam::(?P<account>[0-9]{12}):(?:saml|oidc)-provider/[\w+=,.@/:-]{1,255}", re.ASCII)
_DOMAIN = re.compile(r"(?:[a-z0-9][a-z0-9-]{0,62}\.){1,8}[a-z]{2,63}")
_CANONICAL_USER = re.compile(r"[0-9a-f]{64}")

# What follows the kind in an ARN: the name with its path, or the role and the session.
_NAMES = {
    ("iam", "root"): (Kind.ACCOUNT, re.compile("")),
    ("iam", "user"): (Kind.USER, re.compile(rf"{_PATH}{_NAME}{{1,64}}", re.ASCII)),
    ("iam", "role"): (Kind.ROLE, re.compile(rf"{_PATH}{_NAME}{{1,64}}", re.ASCII)),
    ("sts", "assumed-role"): (Kind.ASSUMED_ROLE, re.compile(rf"{_NAME}{{1,64}}/{_NAME}{{2,64}}", re.ASCII)),
    ("sts", "federated-user"): (Kind.FEDERATED_USER, re.compile(rf"{_NAME}{{2,32}}", re.ASCII)),
}
_LONGEST = 2048


@dataclass(frozen=True, slots=True)
class NamedPrincipal:
    """One principal that a statement names."""

    kind: Kind
    account_id: str = ""
    """Twelve digits; empty where the form names no account."""
    name: str = ""
    """A user's or role's path and name (`team/alice`), `role/session`, a service, a provider, an id; empty for the others."""
    partition: str = "aws"

    @classmethod
    def parse(cls, key: str, text: str) -> "NamedPrincipal":
        """What stands under a key of the principal map, such as `AWS`; raises MalformedPolicyError."""
        parser = _PARSERS.get(key)
        if parser is None:
            raise MalformedPolicyError(f"{key[:64]!r} is no kind of principal.")
        found = parser(text) if len(text) <= _LONGEST else None
        if found is None:
            raise MalformedPolicyError(f"{text[:256]!r} is no principal of the kind {key!r}.")
        return found

    @property
    def canonical(self) -> str:
        """The one spelling of this principal: `*`, an ARN, or a name. An account is its root's ARN."""
        if self.kind is Kind.ANYONE:
            return "*"
        if self.kind is Kind.ACCOUNT:
            return f"arn:{self.partition}:iam::{self.account_id}:root"
        if self.kind in {Kind.USER, Kind.ROLE}:
            return f"arn:{self.partition}:iam::{self.account_id}:{self.kind}/{self.name}"
        if self.kind in {Kind.ASSUMED_ROLE, Kind.FEDERATED_USER}:
            return f"arn:{self.partition}:sts::{self.account_id}:{self.kind}/{self.name}"
        return self.name


ANYONE = NamedPrincipal(Kind.ANYONE)


def _aws(text: str) -> NamedPrincipal | None:
    if text == "*":
        return ANYONE
    if _ACCOUNT.fullmatch(text):
        return NamedPrincipal(Kind.ACCOUNT, text)
    if _UNIQUE_ID.fullmatch(text):
        return NamedPrincipal(Kind.UNIQUE_ID, name=text)
    arn = _ARN.fullmatch(text)
    kind, pattern = _NAMES.get((arn["service"], arn["kind"]), (None, None)) if arn else (None, None)
    if arn is None or kind is None or pattern is None or not pattern.fullmatch(arn["name"] or ""):
        return None
    return NamedPrincipal(kind, arn["account"], arn["name"] or "", arn["partition"])


def _service(text: str) -> NamedPrincipal | None:
    return NamedPrincipal(Kind.SERVICE, name=text) if _SERVICE.fullmatch(text) else None


def _federated(text: str) -> NamedPrincipal | None:
    if provider := _PROVIDER.fullmatch(text):
        return NamedPrincipal(Kind.FEDERATED, provider["account"], text)
    return NamedPrincipal(Kind.FEDERATED, name=text) if _DOMAIN.fullmatch(text) else None


def _canonical_user(text: str) -> NamedPrincipal | None:
    return NamedPrincipal(Kind.CANONICAL_USER, name=text) if _CANONICAL_USER.fullmatch(text) else None


_PARSERS = {"AWS": _aws, "Service": _service, "Federated": _federated, "CanonicalUser": _canonical_user}
