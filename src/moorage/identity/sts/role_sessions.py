"""Opening a session of a role (STS API reference, "AssumeRole"); whether the caller may was decided before."""

from collections.abc import Mapping
from typing import Any

from moorage.core.clock import SECOND
from moorage.identity import callers, tagging
from moorage.identity.credentials import sessions
from moorage.identity.credentials.sealing import Sealer
from moorage.identity.credentials.sessions import NewSession, Session, SessionKind, SessionTerms
from moorage.identity.iam_errors import IamValidationError
from moorage.identity.roles.roles import Role
from moorage.identity.sts import session_policies
from moorage.storage.database.transaction import Transaction

DEFAULT_SECONDS = 3600
LONGEST_CHAINED_SECONDS = 3600
"""A session that a role's session opens lasts no longer, whatever the role allows."""


def open_session(
    tx: Transaction,
    sealer: Sealer,
    role: Role,
    params: Mapping[str, Any],
    *,
    opener: Session | None = None,
    tags: Mapping[str, str] | None = None,
    transitive: tuple[str, ...] = (),
    source_identity: str | None = None,
    provider: str | None = None,
    opened_by: str | None = None,
) -> dict[str, Any]:
    """A new session, as the answers of AssumeRole and AssumeRoleWithWebIdentity show it.

    `params` has RoleSessionName, and perhaps DurationSeconds, Policy and PolicyArns. `opener` is the temporary credentials
    that ask: of a role's session, transitive tags and the source identity go on. `opened_by` is the ARN of the caller who
    signed, `provider` that of the identity provider whose token was shown. Raises IamValidationError for a duration, tags or an
    identity that cannot be, and what is wrong with the policies.
    """
    chaining = opener if opener is not None and opener.kind is SessionKind.ASSUMED_ROLE else None
    seconds = params.get("DurationSeconds") or DEFAULT_SECONDS
    _check_duration(seconds, role, chained=chaining is not None)
    terms = SessionTerms(
        policies=session_policies.accepted(tx, role.resource.account_id, params),
        tags=_tags(tags or {}, chaining),
        transitive_tag_keys=_transitive(tags or {}, transitive, chaining),
        source_identity=_source_identity(source_identity, opener),
        provider=provider,
        opened_by=opened_by,
        chained=chaining is not None,
    )
    packed = session_policies.packed_size(terms.policies, terms.tags)
    name = params["RoleSessionName"]
    account_id = role.resource.account_id
    made = sessions.make(
        tx,
        sealer,
        account_id,
        SessionKind.ASSUMED_ROLE,
        lifetime=seconds * SECOND,
        name=name,
        role_id=role.resource.id,
        terms=terms,
    )
    return {
        "Credentials": credentials(made),
        "AssumedRoleUser": {
            "AssumedRoleId": f"{role.resource.id}:{name}",
            "Arn": callers.assumed_role_arn(account_id, role.resource.name, name),
        },
        "PackedPolicySize": packed,
        "SourceIdentity": terms.source_identity,
    }


def credentials(made: NewSession) -> dict[str, Any]:
    """New credentials as STS's answers have them; nobody can read them later."""
    return {
        "AccessKeyId": made.access_key_id,
        "SecretAccessKey": made.secret,
        "SessionToken": made.session_token,
        "Expiration": made.expires_at,
    }


def inherited_tags(opener: Session | None) -> dict[str, str]:
    """The tags that go on from a role's session to those that it opens."""
    if opener is None or opener.kind is not SessionKind.ASSUMED_ROLE:
        return {}
    keys = {key.lower() for key in opener.terms.transitive_tag_keys}
    return {key: value for key, value in opener.terms.tags.items() if key.lower() in keys}


def _check_duration(seconds: int, role: Role, *, chained: bool) -> None:
    if seconds > role.max_session_seconds:
        raise IamValidationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    if chained and seconds > LONGEST_CHAINED_SECONDS:
        raise IamValidationError(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        )


def _tags(tags: Mapping[str, str], opener: Session | None) -> dict[str, str]:
    inherited = inherited_tags(opener)
    if {key.lower() for key in inherited} & {key.lower() for key in tags}:
        raise IamValidationError(
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the"
            " calling session."
        )
    together = {**inherited, **tags}
    if len(together) > tagging.MOST_TAGS:
        raise IamValidationError(f"A session may have {tagging.MOST_TAGS} tags at most.")
    return together


def _transitive(tags: Mapping[str, str], keys: tuple[str, ...], opener: Session | None) -> tuple[str, ...]:
    if not {key.lower() for key in keys} <= {key.lower() for key in tags}:
        raise IamValidationError("The specified transitive tag key must be included in the requested tags.")
    return tuple(dict.fromkeys((*inherited_tags(opener), *keys)))


def _source_identity(given: str | None, opener: Session | None) -> str | None:
    """Once set it stays the same through every further role."""
    if given is not None and given.lower().startswith("aws:"):
        raise IamValidationError("A source identity must not begin with aws:, which is reserved.")
    kept = opener.terms.source_identity if opener is not None else None
    if kept is not None and given not in {None, kept}:
        raise IamValidationError("The source identity that the calling session has cannot be replaced by another one.")
    return given if given is not None else kept
