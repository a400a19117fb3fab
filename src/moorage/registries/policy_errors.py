"""Faults about the policies of registries, in ECR's words."""

from moorage.core.call import Registry
from moorage.core.errors import MoorageError


class RegistryPolicyNotFoundError(MoorageError):
    """The registry has no policy."""

    aws_code = "RegistryPolicyNotFoundException"

    def __init__(self, registry: Registry) -> None:
        super().__init__(f"Registry policy does not exist in the registry with id '{registry.account_id}'")
