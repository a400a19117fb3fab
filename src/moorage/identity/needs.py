"""What an operation of IAM asks of its caller (Service Authorization Reference, "AWS Identity and Access Management")."""

from moorage.core.call import Requirement


def needs(action: str, kind: str) -> tuple[Requirement, ...]:
    """The permission of the operation's own name, on the resource of that kind that the request names, or on `*`."""
    return (Requirement((f"iam:{action}",), kind),)
