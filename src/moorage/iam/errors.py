"""Faults of policies."""

from moorage.core.errors import MoorageError


class MalformedPolicyError(MoorageError):
    """A text that is no policy; the message is the precise reason (IAM: MalformedPolicyDocument).

    Services say it in their own words: ECR's `Invalid repository policy provided` keeps the reason to itself.
    """

    aws_code = "MalformedPolicyDocument"
