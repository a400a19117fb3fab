"""Faults about repositories, in ECR's words (ECR API reference, "Common errors" of each operation)."""

from moorage.core.call import Registry
from moorage.core.errors import MoorageError


class RepositoryNotFoundError(MoorageError):
    """The registry has no repository of that name."""

    aws_code = "RepositoryNotFoundException"
    oci_code = "NAME_UNKNOWN"
    oci_status = 404

    def __init__(self, name: str, registry: Registry) -> None:
        super().__init__(
            f"The repository with name '{name}' does not exist in the registry with id '{registry.account_id}'",
            detail={"name": name},
        )


class RepositoryAlreadyExistsError(MoorageError):
    """The name is taken, whatever the settings of the repository that has it."""

    aws_code = "RepositoryAlreadyExistsException"
    oci_code = "DENIED"

    def __init__(self, name: str, registry: Registry) -> None:
        super().__init__(f"The repository with name '{name}' already exists in the registry with id '{registry.account_id}'")


class RepositoryNotEmptyError(MoorageError):
    """The repository still has images, and `force` was not given."""

    aws_code = "RepositoryNotEmptyException"

    def __init__(self, name: str, registry: Registry) -> None:
        super().__init__(
            f"The repository with name '{name}' in registry with id '{registry.account_id}' "
            "cannot be deleted because it still contains images"
        )


class InvalidTagParameterError(MoorageError):
    """A resource tag that breaks AWS's rules for tags."""

    aws_code = "InvalidTagParameterException"


class TooManyTagsError(MoorageError):
    """More than 50 resource tags."""

    aws_code = "TooManyTagsException"


class LimitExceededError(MoorageError):
    """A quota of ECR's is used up."""

    aws_code = "LimitExceededException"
    oci_code = "DENIED"
    oci_status = 403


class RepositoryPolicyNotFoundError(MoorageError):
    """The repository has no policy."""

    aws_code = "RepositoryPolicyNotFoundException"

    def __init__(self, name: str, registry: Registry) -> None:
        super().__init__(
            f"Repository policy does not exist for the repository with name '{name}' "
            f"in the registry with id '{registry.account_id}'"
        )


class TemplateAlreadyExistsError(MoorageError):
    """The registry has a creation template of that prefix."""

    aws_code = "TemplateAlreadyExistsException"

    def __init__(self, prefix: str, registry: Registry) -> None:
        super().__init__(
            f"The repository creation template with prefix '{prefix}' already exists "
            f"in the registry with id '{registry.account_id}'"
        )


class TemplateNotFoundError(MoorageError):
    """The registry has no creation template of that prefix."""

    aws_code = "TemplateNotFoundException"

    def __init__(self, prefix: str, registry: Registry) -> None:
        super().__init__(
            f"The repository creation template with prefix '{prefix}' does not exist "
            f"in the registry with id '{registry.account_id}'"
        )
