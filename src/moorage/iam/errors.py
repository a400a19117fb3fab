"""Faults of policies."""

from moorage.core.errors import MoorageError


class MalformedPolicyError(MoorageError):
    """A text that is no policy; the message is the precise reason (IAM: MalformedPolicyDocument).

    Services say it in their own words: ECR's `Invalid repository policy provided` keeps the reason to itself, and IAM's
    `Syntax errors in policy.` has it as `detail`.
    """

    aws_code = "MalformedPolicyDocumentException"
    query_code = "MalformedPolicyDocument"
    oci_code = "UNSUPPORTED"


class PolicyTooLargeError(MoorageError):
    """A document with more characters, white space not counted, than its kind may have (IAM: LimitExceeded)."""

    aws_code = "LimitExceededException"
    query_code = "LimitExceeded"
    query_status = 409
    oci_code = "UNSUPPORTED"
    api_status = 409

    def __init__(self, quota: str, limit: int) -> None:
        super().__init__(f"Cannot exceed quota for {quota}: {limit}")


class PackedPolicyTooLargeError(MoorageError):
    """Policies and tags of a session that are together larger than a session may carry (STS: PackedPolicyTooLarge)."""

    aws_code = "PackedPolicyTooLargeException"
    query_code = "PackedPolicyTooLarge"
    oci_code = "UNSUPPORTED"

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"Packed policy consumes {-(-size * 100 // limit)}% of allotted space, please use smaller policy.")
