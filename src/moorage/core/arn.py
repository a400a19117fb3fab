"""Amazon Resource Names (AWS: IAM user guide, "ARNs")."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arn:
    """`arn:aws:service:region:account:resource`."""

    service: str
    region: str
    account_id: str
    resource: str

    def __str__(self) -> str:
        return f"arn:aws:{self.service}:{self.region}:{self.account_id}:{self.resource}"


def root_arn(account_id: str) -> str:
    """The ARN of an account's root user."""
    return str(Arn("iam", "", account_id, "root"))
