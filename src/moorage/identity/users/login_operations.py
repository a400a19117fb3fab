"""IAM's operations on login profiles, the passwords of users for the console."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from moorage.aws.operation import Answer, operation
from moorage.core.call import Call
from moorage.identity.iam_errors import (
    EntityAlreadyExistsError,
    IamValidationError,
    InvalidUserTypeError,
    NoSuchEntityError,
    WrongPasswordError,
)
from moorage.identity.needs import needs
from moorage.identity.users import passwords, users
from moorage.identity.users.users import User
from moorage.storage.database.database import Database
from moorage.storage.database.transaction import Transaction


class LoginOperations:
    """Passwords. They are hashed between two transactions, since that is slow."""

    @operation("CreateLoginProfile", requires=needs("CreateLoginProfile", "user"), mode="own")
    def create_profile(self, database: Database, call: Call, params: Mapping[str, Any]) -> Answer:
        """Raises NoSuchEntityError, EntityAlreadyExistsError, PasswordPolicyViolationError, IamValidationError."""
        password = params.get("Password")
        if password is None:
            raise IamValidationError("A password is required.")
        user = database.read(lambda tx: _without_profile(tx, call, params)).result()
        passwords.check(password, user.resource.name)
        kept = passwords.hashed(password)
        reset = bool(params.get("PasswordResetRequired"))

        def work(tx: Transaction) -> User:
            user = _without_profile(tx, call, params)
            passwords.set_password(tx, user, kept, reset_required=reset, created_at=tx.now)
            return replace(user, profile_created_at=tx.now, password_reset_required=reset)

        return {"LoginProfile": _described(database.write(work, call).result())}

    @operation("GetLoginProfile", requires=needs("GetLoginProfile", "user"), mode="read")
    def get_profile(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """Raises NoSuchEntityError for a user that is not there, and for one without a password."""
        return {"LoginProfile": _described(_with_profile(tx, call, params))}

    @operation("UpdateLoginProfile", requires=needs("UpdateLoginProfile", "user"), mode="own")
    def update_profile(self, database: Database, call: Call, params: Mapping[str, Any]) -> None:
        """Another password, or whether it must be changed. Raises NoSuchEntityError, PasswordPolicyViolationError."""
        password, reset = params.get("Password"), params.get("PasswordResetRequired")
        user = database.read(lambda tx: _with_profile(tx, call, params)).result()
        kept = _checked_and_hashed(password, user) if password is not None else None

        def work(tx: Transaction) -> None:
            user = _with_profile(tx, call, params)
            required = user.password_reset_required if reset is None else reset
            if kept is None:
                passwords.require_reset(tx, user, required=required)
            else:
                passwords.set_password(tx, user, kept, reset_required=required, created_at=user.profile_created_at)

        database.write(work, call).result()

    @operation("DeleteLoginProfile", requires=needs("DeleteLoginProfile", "user"), mode="write")
    def delete_profile(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> None:
        """Raises NoSuchEntityError, also where there is no password."""
        passwords.set_password(tx, _with_profile(tx, call, params), None, reset_required=False, created_at=None)

    @operation("ChangePassword", requires=lambda _params: needs("ChangePassword", "user"), mode="own")
    def change_password(self, database: Database, call: Call, params: Mapping[str, Any]) -> None:
        """The calling user's own. Raises InvalidUserTypeError, NoSuchEntityError, WrongPasswordError,
        PasswordPolicyViolationError.
        """
        if call.principal.kind != "IAMUser":
            raise InvalidUserTypeError("Only IAM Users can change their own password.")

        def find(tx: Transaction) -> tuple[User, str | None]:
            user = _with_profile(tx, call, {})
            return user, passwords.kept_of(tx, user)

        user, before = database.read(find).result()
        if not passwords.matches(params["OldPassword"], before):
            raise WrongPasswordError
        kept = _checked_and_hashed(params["NewPassword"], user)

        def work(tx: Transaction) -> None:
            user, now = find(tx)
            if now != before:
                raise WrongPasswordError  # somebody set another one meanwhile
            passwords.set_password(tx, user, kept, reset_required=False, created_at=user.profile_created_at)

        database.write(work, call).result()


def _checked_and_hashed(password: str, user: User) -> str:
    passwords.check(password, user.resource.name)
    return passwords.hashed(password)


def _with_profile(tx: Transaction, call: Call, params: Mapping[str, Any]) -> User:
    user = users.of_caller(tx, call, params.get("UserName"))
    if user is None or user.profile_created_at is None:
        name = user.resource.name if user is not None else users.ROOT_NAME  # which has keys only
        raise NoSuchEntityError(f"Login Profile for User {name} cannot be found.")
    return user


def _without_profile(tx: Transaction, call: Call, params: Mapping[str, Any]) -> User:
    user = users.of_caller(tx, call, params.get("UserName"))
    if user is None:
        raise IamValidationError("Must specify userName when calling with non-User credentials")
    if user.profile_created_at is not None:
        raise EntityAlreadyExistsError("login-profile", user.resource.name)
    return user


def _described(user: User) -> Answer:
    return {
        "UserName": user.resource.name,
        "CreateDate": user.profile_created_at,
        "PasswordResetRequired": user.password_reset_required,
    }
