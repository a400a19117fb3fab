"""Amazon Resource Names (AWS: IAM user guide, "ARNs")."""

import re
from dataclasses import dataclass

from moorage.core.errors import InvalidParameterError

_ARN = re.compile(r"arn:aws:([a-z0-9-]+):([a-z0-9-]*):([0-9]{12}|):(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Arn:
    """`arn:aws:service:region:account:resource`."""

    service: str
    region: str
    account_id: str
    resource: str

    @classmethod
    def parse(cls, text: str, member: str = "resourceArn") -> "Arn":
        """Read an ARN from outside; raises InvalidParameterError for the member that it stands in, in ECR's wording."""
        found = _ARN.fullmatch(text)
        if found is None:
            raise InvalidParameterError.at(member, "Invalid ARN")
        return cls(*found.groups())

    def __str__(self) -> str:
        return f"arn:aws:{self.service}:{self.region}:{self.account_id}:{self.resource}"


def root_arn(account_id: str) -> str:
    """The ARN of an account's root user."""
    return str(Arn("iam", "", account_id, "root"))
