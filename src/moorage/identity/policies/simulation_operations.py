"""IAM's policy simulator: what policies would decide, without doing anything."""

import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from moorage.aws.decode import Params
from moorage.aws.operation import Answer, operation
from moorage.core.arn import root_arn
from moorage.core.call import Call, Principal, Requirement
from moorage.core.errors import RateExceededError
from moorage.iam.context import Context
from moorage.iam.context_keys import named_keys
from moorage.iam.document import Document
from moorage.iam.positions import Position
from moorage.iam.simulate import Placed, Posed, Stage, Verdict, simulate, together
from moorage.identity import resources
from moorage.identity.iam_errors import InvalidInputError, NoSuchEntityError
from moorage.identity.pages import Pages
from moorage.identity.policies import held_policies
from moorage.identity.policies import simulation_requests as requests
from moorage.identity.resources import Kind, Resource
from moorage.storage.database.database import Database
from moorage.storage.database.transaction import Transaction

_MOST_LONG = 2
"""Long simulations at a time in one process."""
_BRIEF = 50_000
"""Steps that make none."""

_HOLDER = re.compile(r"arn:aws:iam::([0-9]{12}):(user|group|role)/(?:[\x21-\x7e]+/)?([\w+=,.@-]{1,128})", re.ASCII)
_TYPE = re.compile(r"arn:aws:(ecr|ecr-public|iam):[^:]*:[^:]*:([a-z-]+)/.+", re.DOTALL)
_TEMPLATES = {
    ("ecr", "repository"): "arn:${Partition}:ecr:${Region}:${Account}:repository/${RepositoryName}",
    ("ecr-public", "repository"): "arn:${Partition}:ecr-public::${Account}:repository/${RepositoryName}",
    ("ecr-public", "registry"): "arn:${Partition}:ecr-public::${Account}:registry/${RegistryId}",
    ("iam", "user"): "arn:${Partition}:iam::${Account}:user/${UserNameWithPath}",
    ("iam", "group"): "arn:${Partition}:iam::${Account}:group/${GroupNameWithPath}",
    ("iam", "role"): "arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}",
    ("iam", "policy"): "arn:${Partition}:iam::${Account}:policy/${PolicyNameWithPath}",
    ("iam", "instance-profile"): "arn:${Partition}:iam::${Account}:instance-profile/${InstanceProfileNameWithPath}",
    ("iam", "oidc-provider"): "arn:${Partition}:iam::${Account}:oidc-provider/${OidcProviderName}",
}


class SimulationOperations:
    """Tries policies."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._long = threading.BoundedSemaphore(_MOST_LONG)

    @operation("SimulateCustomPolicy", requires=(Requirement(("iam:SimulateCustomPolicy",), "*"),), mode="own", read_only=True)
    def simulate_custom_policy(self, database: Database, call: Call, params: Params) -> Answer:
        """What these policies would decide; raises InvalidInputError, RateExceededError."""
        requests.check_size(params)
        resource = requests.resource_policy(params)
        given = params.get("CallerArn")
        caller = database.read(lambda tx: _simulated_caller(tx, call, given, needed=resource is not None)).result()
        stage = Stage(
            caller=caller,
            identity=requests.posed(params, "PolicyInputList"),
            context=_context(params, caller, known=params.get("CallerArn") is not None),
            boundary=requests.boundary(params),
            organization=requests.organization(params),
            resource=resource,
            owner=requests.owner(params),
        )
        return self._simulated(call, params, stage)

    @operation(
        "SimulatePrincipalPolicy",
        requires=(Requirement(("iam:SimulatePrincipalPolicy",), "user"),),
        mode="own",
        read_only=True,
    )
    def simulate_principal_policy(self, database: Database, call: Call, params: Params) -> Answer:
        """What the policies of a user, group or role would decide, with more policies or without some.

        Raises NoSuchEntityError, InvalidInputError, RateExceededError.
        """
        requests.check_size(params)
        stage = database.read(lambda tx: self._stage(tx, call, params)).result()
        return self._simulated(call, params, stage)

    def _stage(self, tx: Transaction, call: Call, params: Params) -> Stage:
        source = _source(tx, call, params["PolicySourceArn"])
        excluded = requests.Exclusions(params.get("PolicyExclusionList") or ())
        resource = requests.resource_policy(params)
        given = params.get("CallerArn")
        if resource is not None and given is None and source.kind is not Kind.USER:
            raise InvalidInputError("CallerArn is required: a resource policy can be simulated for a user only.")
        caller = _simulated_caller(tx, call, given or source.arn, needed=resource is not None)
        boundary = requests.boundary(params)
        if boundary is None and not excluded.take_out_kind("permission-boundary"):
            boundary = held_policies.boundary_held(tx, source)
        control = () if excluded.take_out_kind("scp") else held_policies.service_control_of(tx, source.account_id)
        own = tuple(held.posed for held in held_policies.held_by(tx, source) if not excluded.take_out(held))
        tags = _principal_tags(resources.tags_of(tx, source)) if source.kind is not Kind.GROUP else {}
        return Stage(
            caller=caller,
            identity=own + requests.posed(params, "PolicyInputList"),
            context={**tags, **_context(params, caller, known=source.kind is not Kind.GROUP)},
            boundary=boundary,
            organization=(control,) if control else None,
            resource=resource,
            owner=requests.owner(params),
        )

    @operation(
        "GetContextKeysForCustomPolicy", requires=(Requirement(("iam:GetContextKeysForCustomPolicy",), "*"),), mode="read"
    )
    def get_context_keys_for_custom_policy(self, _tx: Transaction, _call: Call, params: Params) -> Answer:
        """The context keys that these policies read; raises InvalidInputError."""
        requests.check_size(params)
        return _keys(requests.posed(params, "PolicyInputList"))

    @operation(
        "GetContextKeysForPrincipalPolicy",
        requires=(Requirement(("iam:GetContextKeysForPrincipalPolicy",), "user"),),
        mode="read",
    )
    def get_context_keys_for_principal_policy(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """The context keys that the policies of a user, group or role read; raises NoSuchEntityError, InvalidInputError."""
        requests.check_size(params)
        held = held_policies.held_by(tx, _source(tx, call, params["PolicySourceArn"]))
        return _keys((*(each.posed for each in held), *requests.posed(params, "PolicyInputList")))

    def _simulated(self, call: Call, params: Params, stage: Stage) -> Answer:
        actions, arns = requests.actions_and_resources(params)
        page = self._pages.of(call, params, params.get("PolicySourceArn", ""))
        page = replace(page, limit=min(page.limit, requests.most_actions(stage.weight, len(arns))))
        shown, more = page.cut_whole(actions)
        named = arns != ["*"]
        with self._turn(stage.weight * len(arns) * len(shown)):
            return {"EvaluationResults": [_result(stage, action, arns, named=named) for action in shown], **more}

    @contextmanager
    def _turn(self, steps: int) -> Iterator[None]:
        """While the block takes so many steps; raises RateExceededError where enough others do."""
        if steps <= _BRIEF:
            yield
            return
        if not self._long.acquire(blocking=False):
            raise RateExceededError
        try:
            yield
        finally:
            self._long.release()


def _source(tx: Transaction, call: Call, arn: str) -> Resource:
    """The user, group or role of that ARN, in the caller's account."""
    found = _HOLDER.fullmatch(arn)
    if found is None:
        raise InvalidInputError(f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
    account_id, kind, name = found.groups()
    source = resources.find(tx, account_id, Kind(kind), name) if account_id == call.principal.account_id else None
    if source is None or source.arn != arn:
        raise NoSuchEntityError.named(kind, name)
    return source


def _simulated_caller(tx: Transaction, call: Call, arn: str | None, *, needed: bool) -> Principal:
    """Who is taken to call. It need not exist; with a resource's policy it must be a user."""
    own = call.principal.account_id
    if arn is None:
        if needed:
            raise InvalidInputError("CallerArn is required when a resource policy is included.")
        return Principal(own, root_arn(own), "IAMUser", "")
    found = _HOLDER.fullmatch(arn)
    if found is None or (needed and found[2] != Kind.USER):
        raise InvalidInputError(f"The caller {arn} is not valid: it must be the ARN of a user.")
    account_id, kind, name = found.groups()
    there = resources.find(tx, account_id, Kind(kind), name) if account_id == own else None
    unique_id = there.id if there is not None and there.arn == arn else ""
    return Principal(account_id, arn, "AssumedRole" if kind == Kind.ROLE else "IAMUser", "", unique_id, unique_id, arn)


def _context(params: Params, caller: Principal, *, known: bool) -> Context:
    """What the request gives, and what is certain of a caller that it names."""
    certain: dict[str, tuple[str, ...]] = {}
    if known and ":group/" not in caller.arn:
        certain = {"aws:principalarn": (caller.arn,), "aws:principalaccount": (caller.account_id,)}
        certain["aws:principaltype"] = ("User",) if caller.kind == "IAMUser" else ("AssumedRole",)
        if caller.kind == "IAMUser":
            certain["aws:username"] = (caller.arn.rpartition("/")[2],)
            certain |= {"aws:userid": (caller.id,)} if caller.id else {}
    return {**certain, **requests.context(params)}


def _principal_tags(tags: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    return {f"aws:principaltag/{key.lower()}": (value,) for key, value in tags.items()}


def _keys(policies: Iterable[Posed]) -> Answer:
    return {"ContextKeyNames": list(named_keys(Document.parse(policy.text) for policy in policies))}


def _result(stage: Stage, action: str, arns: Iterable[str], *, named: bool) -> Answer:
    """One action, over all resources: the most restrictive decision, and, where resources are named, that on each."""
    verdicts = [simulate(stage, action, arn) for arn in arns]
    whole = together(verdicts, _called(verdicts))
    answer = {
        "EvalActionName": action,
        "EvalResourceName": whole.resource,
        "EvalDecision": str(whole.outcome),
        **_shown(whole),
    }
    if whole.by_organization is not None:
        answer["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": whole.by_organization}
    if named:
        answer["ResourceSpecificResults"] = [
            {"EvalResourceName": each.resource, "EvalResourceDecision": str(each.outcome), **_shown(each)} for each in verdicts
        ]
    return answer


def _shown(verdict: Verdict) -> Answer:
    answer: Answer = {
        "MatchedStatements": [_statement(placed) for placed in verdict.matched],
        "MissingContextValues": list(verdict.missing),
    }
    if verdict.by_boundary is not None:
        answer["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": verdict.by_boundary}
    if verdict.details is not None:
        answer["EvalDecisionDetails"] = {kind: str(outcome) for kind, outcome in verdict.details.items()}
    return answer


def _statement(placed: Placed) -> Answer:
    return {
        "SourcePolicyId": placed.source.name,
        "SourcePolicyType": str(placed.source.kind),
        "StartPosition": _position(placed.span.start),
        "EndPosition": _position(placed.span.end),
    }


def _position(position: Position) -> Answer:
    return {"Line": position.line, "Column": position.column}


def _called(verdicts: list[Verdict]) -> str:
    """What a result of several resources is called by: the form of their ARNs, if it is one, or `*`."""
    if len(verdicts) == 1:
        return verdicts[0].resource
    types = {found.groups() if (found := _TYPE.fullmatch(verdict.resource)) else None for verdict in verdicts}
    only = types.pop() if len(types) == 1 else None
    return _TEMPLATES.get((only[0], only[1]), "*") if only is not None else "*"
