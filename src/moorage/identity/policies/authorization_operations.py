"""IAM's operation that shows an account's users, groups, roles and policies as a whole."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from moorage.aws.operation import Answer, operation
from moorage.core.call import Call, Requirement
from moorage.identity import resources
from moorage.identity.pages import Pages
from moorage.identity.policies import attachments, holdings, managed_policies, policy_operations, policy_version_operations
from moorage.identity.policies.holdings import Holdings
from moorage.identity.policies.managed_policies import Managed
from moorage.identity.resources import Kind, Resource
from moorage.storage.database.transaction import Transaction

_PARTS = ("User", "Group", "Role", "LocalManagedPolicy", "AWSManagedPolicy")
"""What Filter may name, in the order in which pages show it."""
_KINDS = {"User": Kind.USER, "Group": Kind.GROUP, "Role": Kind.ROLE}
_DETAILS: Mapping[str, tuple[str, Callable[[Resource, Holdings], Answer]]] = {
    "User": ("UserDetailList", holdings.user_detail),
    "Group": ("GroupDetailList", holdings.group_detail),
    "Role": ("RoleDetailList", holdings.role_detail),
}
_POLICIES = "Policies"

_Entry = tuple[str, str, Resource | Managed]
"""The part, the key that orders its entries, and what is shown."""


class AuthorizationOperations:
    """GetAccountAuthorizationDetails."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    @operation(
        "GetAccountAuthorizationDetails",
        requires=(Requirement(("iam:GetAccountAuthorizationDetails",), "*"),),
        mode="read",
    )
    def get_account_authorization_details(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> Answer:
        """Users, groups, roles, the account's policies and those of AWS's that something holds, a page across all of them."""
        account_id = call.principal.account_id
        wanted = params.get("Filter") or _PARTS
        page = self._pages.of(call, params, ",".join(sorted(wanted)))
        part, after = page.after or (_PARTS[0], "")
        found: list[_Entry] = []
        for each in _PARTS[_PARTS.index(part) :]:
            if each in wanted and len(found) <= page.limit:
                found += _entries(tx, account_id, each, after if each == part else "", page.limit + 1 - len(found))
        shown, more = page.cut(found, lambda entry: entry[:2])
        return {**_details(tx, account_id, shown), **more}


def _entries(tx: Transaction, account_id: str, part: str, after: str, limit: int) -> list[_Entry]:
    if part in _KINDS:
        listed = resources.listed(tx, account_id, _KINDS[part], after=after, limit=limit)
        return [(part, each.name.lower(), each) for each in listed]
    if part == "LocalManagedPolicy":
        policies = list(managed_policies.own(tx, account_id, after=after))
    else:
        policies = list(managed_policies.of_aws(after=after))
        used = attachments.usage(tx, account_id, [each.arn for each in policies])
        policies = [each for each in policies if used[each.arn] != attachments.Usage()]
    return [(part, each.name.lower(), each) for each in policies[:limit]]


def _details(tx: Transaction, account_id: str, entries: Sequence[_Entry]) -> Answer:
    answer: Answer = {_POLICIES: [], **{member: [] for member, _ in _DETAILS.values()}}
    held = holdings.of_all(tx, [each.id for _, _, each in entries if isinstance(each, Resource)])
    used = attachments.usage(tx, account_id, [each.arn for _, _, each in entries if isinstance(each, Managed)])
    for part, _, each in entries:
        if isinstance(each, Managed):
            versions = managed_policies.versions(tx, each)
            listed = [policy_version_operations.whole(each, version) for version in versions]
            answer[_POLICIES].append({**policy_operations.shown(each, used[each.arn]), "PolicyVersionList": listed})
        else:
            member, detail = _DETAILS[part]
            answer[member].append(detail(each, held))
    return answer
