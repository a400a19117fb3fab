"""IAM's operations on an account as a whole, and the lists of what users can have at AWS and nobody has here."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from moorage.aws.operation import Answer, operation
from moorage.core.call import Call
from moorage.iam.kinds import MANAGED_POLICY_SIZE
from moorage.identity import accounts, resources
from moorage.identity.credentials import access_keys, user_keys
from moorage.identity.iam_errors import IamValidationError, NoSuchEntityError
from moorage.identity.needs import needs
from moorage.identity.pages import Pages
from moorage.identity.policies import attachments, inline_policies, managed_policies
from moorage.identity.resources import Kind
from moorage.identity.users import groups, users
from moorage.storage.database.schema.iam import iam_resources, policy_versions
from moorage.storage.database.transaction import Transaction

_QUOTAS = {
    "UsersQuota": users.MOST_PER_ACCOUNT,
    "GroupsQuota": groups.MOST_PER_ACCOUNT,
    "GroupsPerUserQuota": groups.MOST_PER_USER,
    "AccessKeysPerUserQuota": user_keys.MOST_PER_USER,
    "UserPolicySizeQuota": inline_policies.MOST_CHARACTERS[Kind.USER],
    "GroupPolicySizeQuota": inline_policies.MOST_CHARACTERS[Kind.GROUP],
    "RolePolicySizeQuota": inline_policies.MOST_CHARACTERS[Kind.ROLE],
    "PoliciesQuota": managed_policies.MOST_POLICIES,
    "PolicySizeQuota": MANAGED_POLICY_SIZE,
    "AttachedPoliciesPerUserQuota": attachments.MOST_POLICIES,
    "AttachedPoliciesPerGroupQuota": attachments.MOST_POLICIES,
    "AttachedPoliciesPerRoleQuota": attachments.MOST_POLICIES,
    "VersionsPerPolicyQuota": managed_policies.MOST_VERSIONS,
    "PolicyVersionsInUseQuota": managed_policies.MOST_POLICIES * managed_policies.MOST_VERSIONS,
}
_NONE_HERE = (
    "ServerCertificates",
    "MFADevices",
    "MFADevicesInUse",
    "AccountMFAEnabled",
    "AccountPasswordPresent",
    "AccountSigningCertificatesPresent",
)
_COUNTED = {
    "Users": Kind.USER,
    "Groups": Kind.GROUP,
    "Roles": Kind.ROLE,
    "Policies": Kind.POLICY,
    "InstanceProfiles": Kind.INSTANCE_PROFILE,
    "Providers": Kind.OIDC_PROVIDER,
}


class AccountOperations:
    """The account's summary and alias."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    @operation("GetAccountSummary", requires=needs("GetAccountSummary", "*"), mode="read")
    def get_summary(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """How much there is of what, and how much there may be at most."""
        account_id = call.principal.account_id
        counted = {name: resources.count(tx, account_id, kind) for name, kind in _COUNTED.items()}
        summary = {
            **counted,
            **_QUOTAS,
            **dict.fromkeys(_NONE_HERE, 0),
            "PolicyVersionsInUse": _versions(tx, account_id),
            "AccountAccessKeysPresent": int(bool(access_keys.root_keys(tx, account_id))),
        }
        return {"SummaryMap": summary}

    @operation("CreateAccountAlias", requires=needs("CreateAccountAlias", "*"), mode="write")
    def create_alias(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> None:
        """An account has one alias: a new one takes the place of the old one. Raises EntityAlreadyExistsError for another
        account's, and IamValidationError for what could be an account's number.
        """
        if params["AccountAlias"].isdigit():
            raise IamValidationError("The account alias must not consist of digits only.")
        accounts.set_alias(tx, call.principal.account_id, params["AccountAlias"])

    @operation("ListAccountAliases", requires=needs("ListAccountAliases", "*"), mode="read")
    def list_aliases(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """The alias, if the account has one."""
        alias = accounts.alias_of(tx, call.principal.account_id)
        shown, more = self._pages.of(call, params).cut_whole([alias] if alias is not None else [])
        return {"AccountAliases": shown, **more}

    @operation("DeleteAccountAlias", requires=needs("DeleteAccountAlias", "*"), mode="write")
    def delete_alias(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> None:
        """Raises NoSuchEntityError unless this is the account's alias."""
        if accounts.alias_of(tx, call.principal.account_id) != params["AccountAlias"]:
            raise NoSuchEntityError(f"The account alias with name {params['AccountAlias']} cannot be found.")
        accounts.set_alias(tx, call.principal.account_id, None)

    @operation("GetAccountPasswordPolicy", requires=needs("GetAccountPasswordPolicy", "*"), mode="read")
    def get_password_policy(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """Raises NoSuchEntityError: no account has one of its own, IAM's default rules hold for all."""
        raise NoSuchEntityError(f"The Password Policy with domain name {call.principal.account_id} cannot be found.")


class AbsentCredentialOperations:
    """Kinds of credentials that AWS has besides keys and passwords. Nothing makes one here, so the lists are empty."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    @operation("ListMFADevices", requires=needs("ListMFADevices", "user"), mode="read")
    def list_mfa_devices(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """None. Raises NoSuchEntityError, IamValidationError."""
        return self._none(tx, call, params, "MFADevices")

    @operation("ListSigningCertificates", requires=needs("ListSigningCertificates", "user"), mode="read")
    def list_certificates(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """None. Raises NoSuchEntityError, IamValidationError."""
        return self._none(tx, call, params, "Certificates")

    @operation("ListSSHPublicKeys", requires=needs("ListSSHPublicKeys", "user"), mode="read")
    def list_ssh_keys(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """None. Raises NoSuchEntityError, IamValidationError."""
        return self._none(tx, call, params, "SSHPublicKeys")

    @operation("ListServiceSpecificCredentials", requires=needs("ListServiceSpecificCredentials", "user"), mode="read")
    def list_service_credentials(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """None. Raises NoSuchEntityError, IamValidationError."""
        return self._none(tx, call, params, "ServiceSpecificCredentials")

    @operation("ListVirtualMFADevices", requires=needs("ListVirtualMFADevices", "*"), mode="read")
    def list_virtual_mfa_devices(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """None. Raises IamValidationError for a marker, since no page has one."""
        self._pages.of(call, params)
        return {"VirtualMFADevices": [], "IsTruncated": False}

    def _none(self, tx: Transaction, call: Call, params: Mapping[str, Any], member: str) -> Answer:
        users.of_caller(tx, call, params.get("UserName"))
        self._pages.of(call, params)
        return {member: [], "IsTruncated": False}


def _versions(tx: Transaction, account_id: str) -> int:
    joined = policy_versions.c.policy_id == iam_resources.c.id
    query = sa.select(sa.func.count().label("n")).select_from(policy_versions).join(iam_resources, joined)
    row = tx.one(query.where(iam_resources.c.account_id == account_id))
    return int(row.n) if row is not None else 0
