"""How to bring about every error that the model declares for IAM's operations on users, groups, keys, passwords and accounts."""

from collections.abc import Iterator
from typing import Any

from moorage.identity.account_operations import AbsentCredentialOperations, AccountOperations
from moorage.identity.users.access_key_operations import AccessKeyOperations
from moorage.identity.users.group_operations import GroupOperations
from moorage.identity.users.login_operations import LoginOperations
from moorage.identity.users.user_operations import UserOperations
from tests.contract.aws.iam import fresh
from tests.contract.aws.iam_case import Ground, IamCase, Members, Preparation, always

ROOMS = (
    UserOperations,
    GroupOperations,
    AccessKeyOperations,
    LoginOperations,
    AccountOperations,
    AbsentCredentialOperations,
)

_PASSWORD = "Corr3ct-horse"
_NO_KEY = "AKIANOBODY0000000000"
_NO_USER = "The user with name nobody cannot be found."
_NO_GROUP = "The group with name nobody cannot be found."
_SHORT = "Password should have a minimum length of 8"

# Members that a request needs besides the user's name.
USUAL: dict[str, Members] = {
    "CreateGroup": {"GroupName": "nobody"},
    "CreateLoginProfile": {"Password": _PASSWORD},
    "GetGroup": {"GroupName": "nobody"},
    "UpdateGroup": {"GroupName": "nobody"},
    "DeleteGroup": {"GroupName": "nobody"},
    "AddUserToGroup": {"GroupName": "nobody"},
    "RemoveUserFromGroup": {"GroupName": "nobody"},
    "TagUser": {"Tags": [{"Key": "a", "Value": "b"}]},
    "UntagUser": {"TagKeys": ["a"]},
    "UpdateAccessKey": {"AccessKeyId": _NO_KEY, "Status": "Inactive"},
    "DeleteAccessKey": {"AccessKeyId": _NO_KEY},
    "GetAccessKeyLastUsed": {"AccessKeyId": _NO_KEY},
    "ChangePassword": {"OldPassword": _PASSWORD, "NewPassword": _PASSWORD},
    "DeleteAccountAlias": {"AccountAlias": "nobody"},
}

_NOT_MORE = "it makes nothing more than there was"
_UNTAGGED = "groups have neither tags nor boundaries, and everything else about a new one is in the model"
NEVER_BY = {
    ("CreateGroup", "NoSuchEntity"): _UNTAGGED,
    ("CreateAccountAlias", "LimitExceeded"): "a new alias takes the place of the old one",
    ("CreateLoginProfile", "LimitExceeded"): "a user has one password, and another one is EntityAlreadyExists",
    **{
        (operation, "LimitExceeded"): _NOT_MORE
        for operation in (
            "UpdateUser",
            "DeleteUser",
            "UpdateGroup",
            "DeleteGroup",
            "RemoveUserFromGroup",
            "UpdateAccessKey",
            "DeleteAccessKey",
            "UpdateLoginProfile",
            "DeleteLoginProfile",
            "ChangePassword",
            "DeleteAccountAlias",
        )
    },
    ("ListServiceSpecificCredentials", "NotSupportedService"): "whichever service is asked about, the list is empty",
}


EMPTY = "DELETE FROM iam_resources WHERE id LIKE 'FULL%'"
"""Removes what fills an account."""


def _group(ground: Ground) -> str:
    name = fresh("group")
    ground.iam.create_group(GroupName=name)
    return name


def _filled(ground: Ground, kind: str, most: int) -> None:
    """As many resources of a kind as an account may have, until `EMPTY`."""
    ground.door.prepare(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        " INSERT INTO iam_resources (id, account_id, kind, name, name_key, path, created_at)"
        " SELECT 'FULL' || i, account_id, ?, 'full-' || i, 'full-' || i, '/full/', created_at FROM n, iam_resources"
        " WHERE id = (SELECT id FROM iam_resources WHERE kind = 'user' AND name = ?)",
        most,
        kind,
        ground.user,
    )


def _too_many_users(ground: Ground) -> tuple[Members, str]:
    _filled(ground, "user", 5000)
    return {"UserName": fresh()}, "Cannot exceed quota for UsersPerAccount: 5000"


def _too_many_groups(ground: Ground) -> tuple[Members, str]:
    _filled(ground, "group", 300)
    return {"GroupName": fresh()}, "Cannot exceed quota for GroupsPerAccount: 300"


def _too_many_groups_of_one(ground: Ground) -> tuple[Members, str]:
    groups = [_group(ground) for _ in range(11)]
    for group in groups[:10]:
        ground.iam.add_user_to_group(GroupName=group, UserName=ground.user)
    return {"GroupName": groups[10]}, "Cannot exceed quota for GroupsPerUser: 10"


def _too_many_keys(ground: Ground) -> tuple[Members, str]:
    for _ in range(2):
        ground.iam.create_access_key(UserName=ground.user)
    return {}, "Cannot exceed quota for AccessKeysPerUser: 2"


def _too_many_tags(ground: Ground) -> tuple[Members, str]:
    ground.iam.tag_user(UserName=ground.user, Tags=[{"Key": f"key-{number}", "Value": ""} for number in range(50)])
    return {}, "Cannot exceed quota for TagsPerUser: 50"


def _with(text: str, first: str, **members: Any) -> Preparation:
    """Something is done for the user first."""

    def prepare(ground: Ground) -> tuple[Members, str]:
        getattr(ground.iam, first)(UserName=ground.user, **members)
        return {}, text

    return prepare


def _taken(ground: Ground) -> tuple[Members, str]:
    return {}, f"User with name {ground.user} already exists."


def _taken_in_capitals(ground: Ground) -> tuple[Members, str]:
    other = fresh()
    ground.iam.create_user(UserName=other)
    return {"NewUserName": other.upper()}, f"User with name {other.upper()} already exists."


def _group_taken(ground: Ground) -> tuple[Members, str]:
    name = _group(ground)
    return {"GroupName": name}, f"Group with name {name} already exists."


def _other_group_taken(ground: Ground) -> tuple[Members, str]:
    name, other = _group(ground), _group(ground)
    return {"GroupName": name, "NewGroupName": other}, f"Group with name {other} already exists."


def _profile_taken(ground: Ground) -> tuple[Members, str]:
    ground.iam.create_login_profile(UserName=ground.user, Password=_PASSWORD)
    return {}, f"Login Profile for user {ground.user} already exists."


def _no_profile(ground: Ground) -> tuple[Members, str]:
    return {}, f"Login Profile for User {ground.user} cannot be found."


def _weak_password(ground: Ground) -> tuple[Members, str]:
    ground.iam.create_login_profile(UserName=ground.user, Password=_PASSWORD)
    return {"Password": "short"}, _SHORT


def _alias_taken(ground: Ground) -> tuple[Members, str]:
    ground.door.prepare("INSERT INTO accounts (id, name, alias, created_at) VALUES ('300000000003', 'third', 'taken', 0)")
    return {"AccountAlias": "taken"}, "The account alias taken already exists."


def _group_with(text: str, **state: str) -> Preparation:
    def prepare(ground: Ground) -> tuple[Members, str]:
        group = _group(ground)
        if state:
            ground.iam.attach_group_policy(GroupName=group, **state)
        else:
            ground.iam.add_user_to_group(GroupName=group, UserName=ground.user)
        return {"GroupName": group}, text

    return prepare


def _as_user(ground: Ground, code: str) -> tuple[Members, str]:
    """For ChangePassword, which concerns the caller."""
    key = ground.iam.create_access_key(UserName=ground.user)["AccessKey"]
    client = ground.door.client(key_id=key["AccessKeyId"], secret=key["SecretAccessKey"], service="iam")
    ground.iam.attach_user_policy(UserName=ground.user, PolicyArn="arn:aws:iam::aws:policy/IAMFullAccess")
    if code == "NoSuchEntity":
        return {"client": client}, f"Login Profile for User {ground.user} cannot be found."
    ground.iam.create_login_profile(UserName=ground.user, Password=_PASSWORD)
    return {"client": client, "NewPassword": "short"}, _SHORT


def _nobody(operation: str) -> Iterator[IamCase]:
    yield IamCase(operation, "NoSuchEntity", always(_NO_USER, UserName="nobody"))


_READ_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
_DETACH = "Cannot delete entity, must detach all policies first."
_DUPLICATE = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
_TWICE = [{"Key": "a", "Value": "b"}, {"Key": "A", "Value": "c"}]

CASES = [
    IamCase("CreateUser", "EntityAlreadyExists", _taken),
    IamCase("CreateUser", "LimitExceeded", _too_many_users),
    IamCase("CreateUser", "InvalidInput", lambda _ground: ({"UserName": fresh(), "Tags": _TWICE}, _DUPLICATE)),
    IamCase(
        "CreateUser",
        "NoSuchEntity",
        lambda _ground: (
            {"UserName": fresh(), "PermissionsBoundary": f"{_READ_ONLY}Not"},
            f"Policy {_READ_ONLY}Not does not exist or is not attachable.",
        ),
    ),
    IamCase("UpdateUser", "EntityAlreadyExists", _taken_in_capitals),
    IamCase("DeleteUser", "DeleteConflict", _with(_DETACH, "attach_user_policy", PolicyArn=_READ_ONLY)),
    IamCase("TagUser", "LimitExceeded", _too_many_tags),
    IamCase("TagUser", "InvalidInput", always(_DUPLICATE, Tags=_TWICE)),
    *(
        case
        for operation in (
            "GetUser",
            "UpdateUser",
            "DeleteUser",
            "TagUser",
            "UntagUser",
            "ListUserTags",
            "CreateAccessKey",
            "ListAccessKeys",
            "ListGroupsForUser",
            "CreateLoginProfile",
            "ListMFADevices",
            "ListSigningCertificates",
            "ListSSHPublicKeys",
            "ListServiceSpecificCredentials",
        )
        for case in _nobody(operation)
    ),
    # groups
    IamCase("CreateGroup", "EntityAlreadyExists", _group_taken),
    IamCase("CreateGroup", "LimitExceeded", _too_many_groups),
    *(
        IamCase(operation, "NoSuchEntity", always(_NO_GROUP))
        for operation in ("GetGroup", "UpdateGroup", "DeleteGroup", "AddUserToGroup", "RemoveUserFromGroup")
    ),
    IamCase("UpdateGroup", "EntityAlreadyExists", _other_group_taken),
    IamCase("DeleteGroup", "DeleteConflict", _group_with("Cannot delete entity, must remove users from group first.")),
    IamCase("AddUserToGroup", "LimitExceeded", _too_many_groups_of_one),
    # keys
    IamCase("CreateAccessKey", "LimitExceeded", _too_many_keys),
    *(
        IamCase(operation, "NoSuchEntity", always(f"The Access Key with id {_NO_KEY} cannot be found."))
        for operation in ("UpdateAccessKey", "DeleteAccessKey")
    ),
    IamCase(
        "UpdateAccessKey",
        "InvalidInput",
        always("The status of an access key can be set to Active or Inactive only.", Status="Expired"),
    ),
    # passwords
    IamCase("CreateLoginProfile", "EntityAlreadyExists", _profile_taken),
    IamCase("CreateLoginProfile", "PasswordPolicyViolation", always(_SHORT, Password="short")),
    *(
        IamCase(operation, "NoSuchEntity", _no_profile)
        for operation in ("GetLoginProfile", "UpdateLoginProfile", "DeleteLoginProfile")
    ),
    IamCase("UpdateLoginProfile", "PasswordPolicyViolation", _weak_password),
    IamCase("ChangePassword", "InvalidUserType", always("Only IAM Users can change their own password.")),
    IamCase("ChangePassword", "NoSuchEntity", lambda ground: _as_user(ground, "NoSuchEntity")),
    IamCase("ChangePassword", "PasswordPolicyViolation", lambda ground: _as_user(ground, "PasswordPolicyViolation")),
    # the account
    IamCase("CreateAccountAlias", "EntityAlreadyExists", _alias_taken),
    IamCase("DeleteAccountAlias", "NoSuchEntity", always("The account alias with name nobody cannot be found.")),
    IamCase(
        "GetAccountPasswordPolicy",
        "NoSuchEntity",
        always("The Password Policy with domain name 123456789012 cannot be found."),
    ),
]

# What the model does not declare and yet arises, and what can be left in several ways.
FURTHER = [
    IamCase("GetAccessKeyLastUsed", "NoSuchEntity", always(f"The Access Key with id {_NO_KEY} cannot be found.")),
    IamCase("AddUserToGroup", "NoSuchEntity", lambda ground: ({"GroupName": _group(ground), "UserName": "nobody"}, _NO_USER)),
    IamCase(
        "RemoveUserFromGroup", "NoSuchEntity", lambda ground: ({"GroupName": _group(ground), "UserName": "nobody"}, _NO_USER)
    ),
    IamCase("DeleteUser", "DeleteConflict", _with("Cannot delete entity, must delete access keys first.", "create_access_key")),
    IamCase(
        "DeleteUser",
        "DeleteConflict",
        _with("Cannot delete entity, must delete login profile first.", "create_login_profile", Password=_PASSWORD),
    ),
    IamCase("DeleteGroup", "DeleteConflict", _group_with(_DETACH, PolicyArn=_READ_ONLY)),
]
