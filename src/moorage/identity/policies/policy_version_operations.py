"""IAM's operations on the versions of managed policies."""

from moorage.aws.decode import Params
from moorage.aws.operation import Answer, operation
from moorage.core.call import Call, Requirement
from moorage.iam.kinds import parse_managed_policy
from moorage.identity.pages import Pages
from moorage.identity.policies import managed_policies
from moorage.identity.policies.managed_policies import Managed, Version, version_id
from moorage.identity.policies.policy_subjects import own_policy, policy
from moorage.identity.policies.policy_text import encoded
from moorage.storage.database.transaction import Transaction


def _on_policy(action: str) -> tuple[Requirement, ...]:
    return (Requirement((f"iam:{action}",), "policy"),)


class PolicyVersionOperations:
    """All raise NoSuchEntityError for a policy or a version that is not there, and InvalidInputError."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    @operation("CreatePolicyVersion", requires=_on_policy("CreatePolicyVersion"), mode="write")
    def create_policy_version(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """One more version, which counts from now on if SetAsDefault says so.

        Raises MalformedPolicyError, PolicyTooLargeError, PolicyLimitError.
        """
        found = own_policy(tx, call, params)
        text = params["PolicyDocument"]
        parse_managed_policy(text)
        default = bool(params.get("SetAsDefault"))
        made = managed_policies.add_version(tx, found, text, default=default)
        return {"PolicyVersion": _head(made, default=default)}

    @operation("GetPolicyVersion", requires=_on_policy("GetPolicyVersion"), mode="read")
    def get_policy_version(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """The version with its text, percent-encoded."""
        found = policy(tx, call, params)
        version = managed_policies.version(tx, found, params["VersionId"])
        return {"PolicyVersion": whole(found, version)}

    @operation("ListPolicyVersions", requires=_on_policy("ListPolicyVersions"), mode="read")
    def list_policy_versions(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """The newest first, without their texts."""
        found = policy(tx, call, params)
        page = self._pages.of(call, params, found.arn)
        before = page.after
        all_of_them = managed_policies.versions(tx, found)
        cut, more = page.cut([each for each in all_of_them if before is None or each.number < before], lambda each: each.number)
        return {"Versions": [_head(each, default=each.number == found.default_version) for each in cut], **more}

    @operation("DeletePolicyVersion", requires=_on_policy("DeletePolicyVersion"), mode="write")
    def delete_policy_version(self, tx: Transaction, call: Call, params: Params) -> None:
        """Remove one that does not count; raises DeleteConflictError."""
        managed_policies.delete_version(tx, own_policy(tx, call, params), params["VersionId"])

    @operation("SetDefaultPolicyVersion", requires=_on_policy("SetDefaultPolicyVersion"), mode="write")
    def set_default_policy_version(self, tx: Transaction, call: Call, params: Params) -> None:
        """Let another version count, for everyone who holds the policy, from the next request on."""
        managed_policies.set_default_version(tx, own_policy(tx, call, params), params["VersionId"])


def whole(found: Managed, version: Version) -> Answer:
    """A version as answers show it that show texts."""
    return {"Document": encoded(version.text), **_head(version, default=version.number == found.default_version)}


def _head(version: Version, *, default: bool) -> Answer:
    return {"VersionId": version_id(version.number), "IsDefaultVersion": default, "CreateDate": version.created_at}
