"""IAM's operations on managed policies and their tags."""

import itertools
from collections.abc import Iterable, Iterator

from moorage.aws.decode import Params
from moorage.aws.operation import Answer, operation
from moorage.core.call import Call, Requirement
from moorage.iam.kinds import parse_managed_policy
from moorage.identity import resources, tagging
from moorage.identity.pages import Pages
from moorage.identity.policies import attachments, managed_policies
from moorage.identity.policies.attachments import Usage
from moorage.identity.policies.managed_policies import Managed, version_id
from moorage.identity.policies.policy_subjects import own_policy, policy
from moorage.identity.resources import Kind, Resource
from moorage.storage.database.transaction import Transaction

_ON_POLICY = "policy"
_BATCH = 100
_USERS, _ROLES, _GROUPS = "PolicyUsers", "PolicyRoles", "PolicyGroups"
_LISTS = {Kind.USER: _USERS, Kind.ROLE: _ROLES, Kind.GROUP: _GROUPS}


class PolicyOperations:
    """Managed policies. All but CreatePolicy and ListPolicies raise NoSuchEntityError, InvalidInputError."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    @operation(
        "CreatePolicy",
        requires=tagging.to_create(_ON_POLICY, "CreatePolicy", "TagPolicy"),
        mode="write",
        context=tagging.context,
    )
    def create_policy(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """A new policy, `v1` of which counts.

        Raises EntityAlreadyExistsError, QuotaExceededError, MalformedPolicyError, PolicyTooLargeError, InvalidInputError.
        """
        tags = tagging.requested(params)
        text = params["PolicyDocument"]
        parse_managed_policy(text)
        made = managed_policies.create(
            tx,
            call.principal.account_id,
            params["PolicyName"],
            text,
            path=params.get("Path") or "/",
            description=params.get("Description"),
        )
        if made.resource is not None and tags:
            tagging.add(tx, made.resource, tags)
        # AWS leaves the description out of this answer and of listings, and shows it in GetPolicy's (API reference, Policy).
        return {"Policy": {**shown(made, Usage()), "Tags": tagging.shown(tags) or None}}

    @operation("GetPolicy", requires=(Requirement(("iam:GetPolicy",), _ON_POLICY),), mode="read")
    def get_policy(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """One of the account's or of AWS's, without its text."""
        found = policy(tx, call, params)
        used = attachments.usage(tx, call.principal.account_id, [found.arn])[found.arn]
        tags = resources.tags_of(tx, found.resource) if found.resource is not None else {}
        return {"Policy": {**shown(found, used), "Description": found.description, "Tags": tagging.shown(tags)}}

    @operation("DeletePolicy", requires=(Requirement(("iam:DeletePolicy",), _ON_POLICY),), mode="write")
    def delete_policy(self, tx: Transaction, call: Call, params: Params) -> None:
        """Remove one that nothing holds, and that has no other version; raises DeleteConflictError."""
        managed_policies.delete(tx, own_policy(tx, call, params))

    @operation("ListPolicies", requires=(Requirement(("iam:ListPolicies",), "*"),), mode="read")
    def list_policies(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """The account's own policies in the order of their names, and behind them AWS's."""
        page = self._pages.of(call, params)
        place, after = page.after or (0, "")
        found: list[tuple[int, Managed, Usage]] = []
        prefix, scope = params.get("PathPrefix") or "/", params.get("Scope") or "All"
        if place == 0 and scope != "AWS":
            own = managed_policies.own(tx, call.principal.account_id, path_prefix=prefix, after=after)
            found += [(0, *each) for each in _wanted(tx, call, own, params, page.limit + 1)]
        if scope != "Local":
            ours = managed_policies.of_aws(path_prefix=prefix, after=after if place == 1 else "")
            found += [(1, *each) for each in _wanted(tx, call, ours, params, page.limit + 1 - len(found))]
        cut, more = page.cut(found, lambda entry: (entry[0], entry[1].name.lower()))
        return {"Policies": [shown(each, used) for _, each, used in cut], **more}

    @operation("ListEntitiesForPolicy", requires=(Requirement(("iam:ListEntitiesForPolicy",), _ON_POLICY),), mode="read")
    def list_entities_for_policy(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """Who holds it or has it as boundary, or one of these, as PolicyUsageFilter asks."""
        found = policy(tx, call, params)
        page = self._pages.of(call, params, found.arn)
        wanted = params.get("PolicyUsageFilter")
        holding: dict[str, Resource] = {}
        for boundary, usage in ((False, "PermissionsPolicy"), (True, "PermissionsBoundary")):
            if wanted in {None, usage}:
                for each in attachments.holders(tx, call.principal.account_id, found.arn, boundary=boundary):
                    holding[each.id] = each
        kind, prefix = (params.get("EntityFilter") or "").lower(), params.get("PathPrefix") or "/"
        fitting = [each for each in holding.values() if each.path.startswith(prefix) and kind in {"", each.kind}]
        cut, more = page.cut_whole(sorted(fitting, key=lambda each: (each.kind, each.name.lower())))
        answer: Answer = {_USERS: [], _ROLES: [], _GROUPS: []}
        for each in cut:
            word = each.kind.capitalize()
            answer[_LISTS[each.kind]].append({f"{word}Name": each.name, f"{word}Id": each.id})
        return {**answer, **more}

    @operation("TagPolicy", requires=(Requirement(("iam:TagPolicy",), _ON_POLICY),), mode="write", context=tagging.context)
    def tag_policy(self, tx: Transaction, call: Call, params: Params) -> None:
        """Add tags or give them other values; raises QuotaExceededError."""
        tagging.add(tx, managed_policies.resource_of(own_policy(tx, call, params)), tagging.requested(params))

    @operation("UntagPolicy", requires=(Requirement(("iam:UntagPolicy",), _ON_POLICY),), mode="write", context=tagging.context)
    def untag_policy(self, tx: Transaction, call: Call, params: Params) -> None:
        """Remove tags; those that are not there are no fault."""
        resources.remove_tags(tx, managed_policies.resource_of(own_policy(tx, call, params)), params["TagKeys"])

    @operation("ListPolicyTags", requires=(Requirement(("iam:ListPolicyTags",), _ON_POLICY),), mode="read")
    def list_policy_tags(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """Its tags in the order of their keys; AWS's policies have none."""
        found = policy(tx, call, params)
        page = self._pages.of(call, params, found.arn)
        tags = resources.tags_of(tx, found.resource) if found.resource is not None else {}
        cut, more = page.cut_whole(tagging.shown(tags))
        return {"Tags": cut, **more}


def shown(found: Managed, used: Usage) -> Answer:
    """The members of a policy that every answer shows."""
    return {
        "PolicyName": found.name,
        "PolicyId": found.id,
        "Arn": found.arn,
        "Path": found.path,
        "DefaultVersionId": version_id(found.default_version),
        "AttachmentCount": used.attached,
        "PermissionsBoundaryUsageCount": used.boundaries,
        "IsAttachable": True,
        "CreateDate": found.created_at,
        "UpdateDate": found.updated_at,
    }


def _wanted(
    tx: Transaction, call: Call, listed: Iterable[Managed], params: Params, limit: int
) -> Iterator[tuple[Managed, Usage]]:
    """The first of these policies that are used as the request asks, with how much they are used."""
    return itertools.islice(_used(tx, call, iter(listed), params), limit)


def _used(tx: Transaction, call: Call, listed: Iterator[Managed], params: Params) -> Iterator[tuple[Managed, Usage]]:
    usage, attached = params.get("PolicyUsageFilter"), bool(params.get("OnlyAttached"))
    while some := list(itertools.islice(listed, _BATCH)):
        used = attachments.usage(tx, call.principal.account_id, [each.arn for each in some])
        for each in some:
            counted = used[each.arn]
            match usage:
                case "PermissionsPolicy":
                    fits = counted.attached > 0
                case "PermissionsBoundary":
                    fits = counted.boundaries > 0
                case _:
                    fits = counted.attached > 0 or not attached
            if fits:
                yield each, counted
