"""What a caller is told that may not (IAM user guide, "Troubleshoot access denied error messages")."""

from moorage.core.call import Principal
from moorage.iam.decision import Decision, Layer, Outcome


def denied(principal: Principal, action: str, resource: str, decision: Decision) -> str:
    """AWS's text, without a full stop. The action is shown as it is given, such as `ecr:PutImage`."""
    who = principal.arn if principal.arn and principal.kind != "Unknown" else "anonymous"
    what = f"User: {who} is not authorized to perform: {action} on resource: {resource}"
    if decision.outcome is Outcome.EXPLICIT_DENY:
        return f"{what} with an explicit deny in {_ARTICLES[decision.layer]} {decision.layer}"
    return f"{what} because no {decision.layer} allows the {action} action"


_ARTICLES = {
    Layer.IDENTITY: "an",
    Layer.RESOURCE: "a",
    Layer.BOUNDARY: "a",
    Layer.SESSION: "a",
    Layer.SERVICE_CONTROL: "a",
    Layer.TRUST: "the",
    Layer.ROOT: "the",
}
