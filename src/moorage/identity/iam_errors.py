"""What can be wrong with IAM's resources, in IAM's own words (IAM API reference, "Common errors")."""

from moorage.core.errors import MoorageError


class _IamError(MoorageError):
    aws_status = 400
    oci_code = "UNSUPPORTED"


class NoSuchEntityError(_IamError):
    """The account has no such resource."""

    aws_code = "NoSuchEntityException"
    query_code = "NoSuchEntity"
    query_status = 404
    api_status = 404

    @classmethod
    def named(cls, kind: str, name: str) -> "NoSuchEntityError":
        """A user, group, role, instance profile that is not there."""
        if kind == "instance-profile":
            return cls(f"Instance Profile {name} cannot be found.")
        return cls(f"The {kind} with name {name} cannot be found.")


class EntityAlreadyExistsError(_IamError):
    """The name is taken; names that differ in case only are one name."""

    aws_code = "EntityAlreadyExistsException"
    query_code = "EntityAlreadyExists"
    query_status = 409
    api_status = 409

    def __init__(self, kind: str, name: str) -> None:
        words = {
            "policy": f"A policy called {name} already exists. Duplicate names are not allowed.",
            "instance-profile": f"Instance Profile {name} already exists.",
            "account-alias": f"The account alias {name} already exists.",
            "login-profile": f"Login Profile for user {name} already exists.",
            "oidc-provider": f"Provider with url https://{name} already exists.",
        }
        super().__init__(words.get(kind, f"{kind.capitalize()} with name {name} already exists."))


class DeleteConflictError(_IamError):
    """Something still hangs on what is to be deleted."""

    aws_code = "DeleteConflictException"
    query_code = "DeleteConflict"
    query_status = 409
    api_status = 409


class QuotaExceededError(_IamError):
    """One more than the account or the resource may have (IAM: LimitExceeded)."""

    aws_code = "LimitExceededException"
    query_code = "LimitExceeded"
    query_status = 409
    api_status = 409

    def __init__(self, quota: str, limit: int) -> None:
        super().__init__(f"Cannot exceed quota for {quota}: {limit}")


class InvalidInputError(_IamError):
    """A parameter that is well formed and still makes no sense."""

    aws_code = "InvalidInputException"
    query_code = "InvalidInput"


class IamValidationError(_IamError):
    """A parameter outside its constraints, where the model alone does not say so (IAM: ValidationError)."""

    aws_code = "ValidationError"


class PasswordPolicyViolationError(_IamError):
    """A password that breaks the rules for passwords; the text says which, and never the password."""

    aws_code = "PasswordPolicyViolationException"
    query_code = "PasswordPolicyViolation"


class InvalidUserTypeError(_IamError):
    """Only a user can do this with its own credentials (IAM: InvalidUserType)."""

    aws_code = "InvalidUserTypeException"
    query_code = "InvalidUserType"


class WrongPasswordError(_IamError):
    """The old password that came with a new one is not the user's."""

    aws_code = "AccessDeniedException"
    query_code = "AccessDenied"
    query_status = 403
    api_status = 403

    def __init__(self) -> None:
        super().__init__("The old password is not correct.")


class UnmodifiableEntityError(_IamError):
    """A role that belongs to a service of AWS's, which alone may change it (IAM: UnmodifiableEntity)."""

    aws_code = "UnmodifiableEntityException"
    query_code = "UnmodifiableEntity"

    def __init__(self, role_name: str) -> None:
        super().__init__(
            f"Cannot perform the operation on the protected role '{role_name}' - this role is only modifiable by AWS"
        )
