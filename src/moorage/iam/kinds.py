"""The kinds of IAM's own policies: what each must and must not say, and IAM's words for what is wrong with one.

IAM checks in stages and names the first fault only (IAM API reference, MalformedPolicyDocument; the wording is as seen in its
answers). What the stages do not know is `Syntax errors in policy.`; the precise reason is then the error's `detail`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from moorage.core.texts import is_unicode
from moorage.iam import json_text
from moorage.iam.document import MOST_CHARACTERS, Document
from moorage.iam.errors import MalformedPolicyError, PackedPolicyTooLargeError, PolicyTooLargeError
from moorage.iam.kind_checks import Fault, check_actions, check_conditions, check_resources, check_sids, listed
from moorage.iam.principal import Kind, NamedPrincipal

MANAGED_POLICY_SIZE = 6_144
"""Characters of a managed policy, white space not counted (IAM user guide, "IAM and STS quotas")."""
TRUST_POLICY_SIZE = 2_048
"""The same of a role's trust policy."""
SERVICE_CONTROL_POLICY_SIZE = 10_240
"""The same of a service control policy (AWS Organizations user guide, "Quotas")."""
SESSION_POLICY_SIZE = 2_048
"""Characters of a session's policy, white space included."""

_NEWEST = "2012-10-17"
_SYNTAX = "Syntax errors in policy."
_PRINCIPAL_KEYS = {Kind.SERVICE: "SERVICE", Kind.FEDERATED: "FEDERATED", Kind.CANONICAL_USER: "CANONICALUSER"}


def size_of(text: str) -> int:
    """The size that IAM's quotas are about: characters that are not white space."""
    return sum(map(len, text.split()))


def parse_identity_policy(text: str) -> Document:
    """A policy of a user, group or role; raises MalformedPolicyError. How large the inline ones may be is not asked here."""
    statements, value = _statements(text)
    if value is not None:
        _check(_faults(statements), _identity_faults(statements))
    return _document(text)


def parse_managed_policy(text: str) -> Document:
    """A managed policy, which a permissions boundary is too: the newest version of the grammar, and of a limited size.

    Raises MalformedPolicyError and PolicyTooLargeError.
    """
    return _parse_newest(text, "PolicySize", MANAGED_POLICY_SIZE)


def parse_service_control_policy(text: str) -> Document:
    """A service control policy, which has the same elements; raises MalformedPolicyError and PolicyTooLargeError."""
    return _parse_newest(text, "ServiceControlPolicySize", SERVICE_CONTROL_POLICY_SIZE)


def parse_session_policy(text: str) -> Document:
    """A policy that limits one session; raises MalformedPolicyError and PackedPolicyTooLargeError."""
    if len(text) > SESSION_POLICY_SIZE:
        raise PackedPolicyTooLargeError(len(text), SESSION_POLICY_SIZE)
    return parse_identity_policy(text)


def parse_resource_policy(text: str) -> Document:
    """A policy of any resource, as the simulator takes it: it names principals, and may name resources."""
    statements, value = _statements(text)
    if value is not None:
        _check(_faults(statements), _principal_faults(statements))
    return _document(text)


def parse_trust_policy(text: str) -> Document:
    """Who may assume a role: principals, actions of STS, no resources. Raises MalformedPolicyError and PolicyTooLargeError.

    Whether the principals exist is asked by `check_principals`.
    """
    statements, value = _statements(text, broken="This policy contains invalid Json")
    if value is not None:
        _check(_faults(statements), _trust_faults(statements))
    document = _document(text)
    _limit(text, "ACLSizePerRole", TRUST_POLICY_SIZE)
    return document


def check_principals(document: Document, exists: Callable[[NamedPrincipal], bool]) -> None:
    """Raise MalformedPolicyError for the first principal that does not exist; `*` is not asked about."""
    for statement in document.statements:
        for named in (statement.principals or ()) + (statement.not_principals or ()):
            if named.kind is not Kind.ANYONE and not exists(named):
                raise MalformedPolicyError(_invalid(_PRINCIPAL_KEYS.get(named.kind, "AWS"), named.canonical))


def _parse_newest(text: str, quota: str, limit: int) -> Document:
    statements, value = _statements(text)
    if value is not None:
        if value.get("Version", "") != _NEWEST:
            _check(iter((f"Policy document must be version {_NEWEST} or greater.",)))
        _check(_faults(statements), _identity_faults(statements))
    document = _document(text)
    _limit(text, quota, limit)
    return document


def _statements(text: str, broken: str = _SYNTAX) -> tuple[list[Mapping[str, Any]], Mapping[str, Any] | None]:
    """The statements and the whole as JSON, or nothing where they are not what statements are: `_document` will say so."""
    if len(text) > MOST_CHARACTERS:
        return [], None
    try:
        value = json_text.read(text)
    except MalformedPolicyError as error:
        raise MalformedPolicyError(broken, detail=error.message) from None
    statements = listed(value.get("Statement")) if isinstance(value, dict) else []
    if not statements or not all(isinstance(statement, dict) for statement in statements):
        return [], None
    return statements, value


def _document(text: str) -> Document:
    try:
        return Document.parse(text)
    except MalformedPolicyError as error:
        raise MalformedPolicyError(_SYNTAX, detail=error.message) from None


def _check(*stages: Iterator[Fault]) -> None:
    for stage in stages:
        for fault in stage:
            if not is_unicode(fault) or "\0" in fault:  # it repeats what no answer can carry
                raise MalformedPolicyError(_SYNTAX)
            raise MalformedPolicyError(fault)


def _limit(text: str, quota: str, limit: int) -> None:
    if size_of(text) > limit:
        raise PolicyTooLargeError(quota, limit)


def _faults(statements: list[Mapping[str, Any]]) -> Iterator[Fault]:
    """What is wrong whatever the kind, in IAM's order."""
    yield from check_conditions(statements)
    yield from check_sids(statements)
    yield from check_resources(statements)
    yield from check_actions(statements)


def _identity_faults(statements: list[Mapping[str, Any]]) -> Iterator[Fault]:
    for statement in statements:
        if "Principal" in statement or "NotPrincipal" in statement:
            yield "Policy document should not specify a principal."
    for statement in statements:
        if statement.get("Resource", []) == [] and statement.get("NotResource", []) == []:
            yield "Policy statement must contain resources."


def _principal_faults(statements: list[Mapping[str, Any]]) -> Iterator[Fault]:
    for statement in statements:
        if "Principal" not in statement and "NotPrincipal" not in statement:
            yield "Missing required field Principal"
        for element in ("Principal", "NotPrincipal"):
            yield from _unknown_principals(statement.get(element))


def _trust_faults(statements: list[Mapping[str, Any]]) -> Iterator[Fault]:
    for statement in statements:
        for element in ("Resource", "NotResource", "NotPrincipal", "NotAction"):
            if element in statement:
                yield f"Has prohibited field {element}."
    yield from _principal_faults(statements)
    for statement in statements:
        for action in listed(statement.get("Action")):
            if isinstance(action, str) and not action.lower().startswith("sts:"):
                yield "AssumeRole policy may only specify STS AssumeRole actions."


def _unknown_principals(value: Any) -> Iterator[Fault]:
    if not isinstance(value, dict):
        return
    for key, texts in value.items():
        for text in listed(texts):
            if isinstance(text, str):
                try:
                    NamedPrincipal.parse(key, text)
                except MalformedPolicyError:
                    yield _invalid(key if key == "AWS" else key.upper(), text)


def _invalid(key: str, text: str) -> Fault:
    return f'Invalid principal in policy: "{key[:64]}":"{text[:2048]}"'
