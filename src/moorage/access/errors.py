"""The refusal of a call, with what was decided, so that the edge can record and explain it."""

from moorage.core.call import Principal, Ruling
from moorage.core.errors import AccessDeniedError
from moorage.iam.context import Context
from moorage.iam.decision import Decision, Layer, Outcome
from moorage.iam.denial import denied


class DeniedError(AccessDeniedError):
    """The caller is known and may not do this; the text is IAM's ("Access denied error messages", IAM user guide)."""

    def __init__(self, message: str, action: str, resource: str, ruling: Ruling, context: Context | None = None) -> None:
        super().__init__(message)
        self.action = action
        self.resource = resource
        self.ruling = ruling
        self.context = context or {}
        """The context keys that the policies read, with their values."""

    @classmethod
    def of(cls, principal: Principal, action: str, resource: str, decision: Decision, context: Context) -> "DeniedError":
        """The refusal that a decision is."""
        text = denied(principal, action, resource, decision)
        return cls(text, action, resource, decision.ruling(), context)


class DeniedByScopeError(DeniedError):
    """The token's own scope, which is to a token what a session policy is to a session, does not reach this far."""

    def __init__(self, principal: Principal, action: str, resource: str) -> None:
        super().__init__(
            f"User: {principal.arn} is not authorized to perform: {action} on resource: {resource} "
            f"because no session policy allows the {action} action",
            action,
            resource,
            Ruling("implicitDeny", "session policy"),
        )


RESERVED = Decision(Outcome.IMPLICIT_DENY, Layer.RESERVED)


class DeniedInstallationError(DeniedError):
    """Only principals of the default account may be allowed what concerns the whole installation (DESIGN rule 5).

    No policy is to blame, so the text names none, but the account.
    """

    def __init__(self, principal: Principal, action: str, default_account_id: str, resource: str = "*") -> None:
        super().__init__(
            f"User: {principal.arn} is not authorized to perform: {action} on resource: {resource} "
            f"because the {action} action is reserved to the account {default_account_id}",
            action,
            resource,
            RESERVED.ruling(),
        )
