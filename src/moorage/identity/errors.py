"""What can be wrong with accounts and tokens."""

from moorage.core.errors import MoorageError


class AccountAlreadyExistsError(MoorageError):
    """There is an account of that id."""

    api_status = 409

    def __init__(self, account_id: str) -> None:
        super().__init__(f"The account {account_id} already exists.")


class RegistriesWithoutNamesError(MoorageError):
    """The registries of a further account could not be addressed."""

    api_status = 409

    def __init__(self, address: str) -> None:
        super().__init__(
            f"Registries of further accounts are reached as <account>.dkr.ecr.<region>.{address}, which cannot be, since"
            f" {address} is an IP address. Set MOORAGE_ADDRESS to a host name such as localhost:<port>, or MOORAGE_DOMAIN to a"
            " domain of your own, whose names lead to this server, and start it again."
        )


class TokenNotFoundError(MoorageError):
    """The account has no live token of that id; another account's answers the same."""

    api_status = 404

    def __init__(self) -> None:
        super().__init__("There is no such token.")


class RobotScopeUnknownError(MoorageError):
    """A robot's policy was changed by hand, and it has no token whose scope another one could have."""

    api_status = 409

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The robot {name} has no password whose scope a new one could keep, and its policy was changed, so that it does"
            " not tell one. Remove the robot and make it anew, or give it a policy as other robots have."
        )


class SessionNotFoundError(MoorageError):
    """The account has no live session of that access key; another account's answers the same."""

    api_status = 404

    def __init__(self) -> None:
        super().__init__("There is no such session.")


class AccountNotFoundError(MoorageError):
    """There is no account of that id."""

    api_status = 404

    def __init__(self, account_id: str) -> None:
        super().__init__(f"The account {account_id} does not exist.")


class AccountPolicyNotFoundError(MoorageError):
    """The account has no service control policy of that name."""

    api_status = 404

    def __init__(self, account_id: str, name: str) -> None:
        super().__init__(f"The account {account_id} has no service control policy with the name {name}.")


class LastAccountPolicyError(MoorageError):
    """An account's only service control policy (AWS: the last policy cannot be detached)."""

    api_status = 409

    def __init__(self, account_id: str, name: str) -> None:
        super().__init__(
            f"{name} is the only service control policy of the account {account_id}; without any, everything would be denied"
            " to it. Set another one first, such as FullAWSAccess, which allows everything."
        )


class DefaultAccountPolicyError(MoorageError):
    """A service control policy for the account that operates the installation (AWS: the management account)."""

    api_status = 409

    def __init__(self, account_id: str) -> None:
        super().__init__(
            f"The account {account_id} operates this installation, and service control policies never limit that account,"
            " lest nobody could lift them again. Limit its users and roles by permissions boundaries instead."
        )


class TooManyCredentialsError(MoorageError):
    """A principal has as many temporary credentials or tokens as it may have at a time; the text tells no more than that."""

    aws_code = "ThrottlingException"
    query_code = "Throttling"
    oci_code = "TOOMANYREQUESTS"
    oci_status = 429

    def __init__(self, what: str, most: int) -> None:
        super().__init__(f"Rate exceeded: there are already {most} {what} that are good. Some must expire or be revoked first.")
