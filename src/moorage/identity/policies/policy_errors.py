"""What can be wrong with policies as they are kept and attached, in IAM's own words."""

from moorage.core.errors import MoorageError
from moorage.identity.iam_errors import NoSuchEntityError


class PolicyLimitError(MoorageError):
    """More, or larger, policies than a resource or a policy may have (IAM: LimitExceeded)."""

    aws_code = "LimitExceededException"
    query_code = "LimitExceeded"
    query_status = 409
    api_status = 409
    oci_code = "UNSUPPORTED"

    @classmethod
    def of_inline(cls, kind: str, name: str, limit: int) -> "PolicyLimitError":
        """The inline policies of a user, group or role would be too large together."""
        return cls(f"Maximum policy size of {limit} bytes exceeded for {kind} {name}")

    @classmethod
    def of_versions(cls, limit: int) -> "PolicyLimitError":
        """A managed policy has as many versions as it may."""
        return cls(
            f"A managed policy can have up to {limit} versions. "
            "Before you create a new version, you must delete an existing version."
        )


class PolicyNotAttachableError(MoorageError):
    """One of AWS's policies that only its own services may hold (IAM: PolicyNotAttachable)."""

    aws_code = "PolicyNotAttachableException"
    query_code = "PolicyNotAttachable"
    query_status = 400
    oci_code = "UNSUPPORTED"

    def __init__(self) -> None:
        super().__init__("Cannot attach a Service Role Policy to a Customer Role.")


def no_policy(arn: str) -> NoSuchEntityError:
    """There is no such managed policy, or it is not attached there."""
    return NoSuchEntityError(f"Policy {arn} was not found.")


def not_attachable(arn: str) -> NoSuchEntityError:
    """There is no such managed policy that could be attached."""
    return NoSuchEntityError(f"Policy {arn} does not exist or is not attachable.")


def no_version(arn: str, version: str) -> NoSuchEntityError:
    """The managed policy has no such version."""
    return NoSuchEntityError(f"Policy {arn} version {version} does not exist or is not attachable.")


def no_inline_policy(kind: str, name: str) -> NoSuchEntityError:
    """The user, group or role has no inline policy of that name."""
    return NoSuchEntityError(f"The {kind} policy with name {name} cannot be found.")
