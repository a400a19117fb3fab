"""Faults about the settings of a registry, in ECR's words."""

from moorage.core.call import Registry
from moorage.core.errors import MoorageError


class ValidationError(MoorageError):
    """The request is well formed, and the registry's state or this server does not allow it (ECR: ValidationException)."""

    aws_code = "ValidationException"


class ExclusionAlreadyExistsError(MoorageError):
    """The principal is excluded already."""

    aws_code = "ExclusionAlreadyExistsException"

    def __init__(self, principal_arn: str, registry: Registry) -> None:
        super().__init__(
            f"The pull time update exclusion for the principal '{principal_arn}' already exists in the registry "
            f"with id '{registry.account_id}'"
        )


class ExclusionNotFoundError(MoorageError):
    """The principal is not excluded."""

    aws_code = "ExclusionNotFoundException"

    def __init__(self, principal_arn: str, registry: Registry) -> None:
        super().__init__(
            f"The pull time update exclusion for the principal '{principal_arn}' does not exist in the registry "
            f"with id '{registry.account_id}'"
        )


class TooManyExclusionsError(MoorageError):
    """The registry has as many exclusions as ECR allows."""

    aws_code = "LimitExceededException"

    def __init__(self, most: int) -> None:
        super().__init__(f"The registry already has {most} pull time update exclusions.")


class RegistryPolicyNotFoundError(MoorageError):
    """The registry has no policy."""

    aws_code = "RegistryPolicyNotFoundException"

    def __init__(self, registry: Registry) -> None:
        super().__init__(f"Registry policy does not exist in the registry with id '{registry.account_id}'")
