import itertools
import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from moorage.core.call import Principal
from moorage.iam.context import Context
from moorage.iam.decision import Layer, Matched, Outcome
from moorage.iam.evaluate import Grants, Guards, Request, evaluate
from moorage.iam.explain import Explanation, Place, explain, with_suggestions
from moorage.iam.policy import Policy, Source, SourceKind

HOME, ABROAD = "111122223333", "444455556666"
ALICE = f"arn:aws:iam::{HOME}:user/alice"
ROLE = f"arn:aws:iam::{HOME}:role/ci/builder"
SESSION = f"arn:aws:sts::{HOME}:assumed-role/builder/run"
REPOSITORY = "arn:aws:ecr:us-east-1:{}:repository/team/app"
PULL = "ecr:BatchGetImage"

USER = Principal(HOME, ALICE, "IAMUser", "AKIA", "AIDA1", "AIDA1", ALICE)
BUILDER = Principal(HOME, SESSION, "AssumedRole", "ASIA", "AROA1:run", "AROA1", ROLE, "ASIA")
GUEST_ARN = f"arn:aws:sts::{HOME}:federated-user/guest"
GUEST = Principal(HOME, GUEST_ARN, "FederatedUser", "ASIA", f"{HOME}:guest", "AIDA1", GUEST_ARN, "ASIA")
OWNER = Principal.root(HOME, "AKIA")


def policy(name: str, *statements: dict[str, Any]) -> Policy:
    whole = [{"Effect": "Allow", "Action": "ecr:*", "Resource": "*", **statement} for statement in statements]
    return Policy.compile(json.dumps({"Version": "2012-10-17", "Statement": whole}), Source(SourceKind.USER, name))


def explained(
    caller: Principal = USER,
    grants: Grants | None = None,
    *guards: Policy,
    account_id: str = HOME,
    owners: Place | None = Place.REPOSITORY,
    resource: str = REPOSITORY,
    context: Context | None = None,
    trust: bool = False,
) -> Explanation:
    request = Request(caller, PULL, resource.format(account_id), context or {})
    return explain(request, grants or Grants(), Guards(account_id, guards, trust), owners)


def suggested(explanation: Explanation) -> list[tuple[Place, dict[str, Any]]]:
    return [(each.place, json.loads(each.text)) for each in explanation.suggestions]


ALLOW = {"Effect": "Allow", "Action": PULL, "Resource": REPOSITORY.format(HOME)}


def test_what_is_allowed_names_the_statements_and_suggests_nothing() -> None:
    found = explained(USER, Grants(identity=(policy("reader", {"Sid": "Read"}),)))
    assert (found.decision.outcome, found.decision.layer) == (Outcome.ALLOWED, Layer.IDENTITY)
    assert [str(each) for each in found.decision.matched] == ["reader#Read"]
    assert (found.suggestions, found.obstacles, found.possible) == ((), (), True)


def test_a_user_without_policies_needs_one_statement() -> None:
    found = explained()
    assert (found.decision.outcome, found.decision.layer) == (Outcome.IMPLICIT_DENY, Layer.IDENTITY)
    assert suggested(found) == [(Place.IDENTITY, ALLOW)]
    assert [(said.layer, said.outcome) for said in found.layers] == [(Layer.IDENTITY, Outcome.IMPLICIT_DENY)]


def test_each_limit_that_stands_against_it_needs_a_statement_of_its_own() -> None:
    shut = (policy("shut", {"Action": "s3:*"}),)
    found = explained(BUILDER, Grants((), shut, shut, shut))
    assert suggested(found) == [
        (Place.IDENTITY, ALLOW),
        (Place.SERVICE_CONTROL, ALLOW),
        (Place.BOUNDARY, ALLOW),
        (Place.SESSION, ALLOW),
    ]
    only_boundary = explained(BUILDER, Grants((policy("p", {}),), shut))
    assert suggested(only_boundary) == [(Place.BOUNDARY, ALLOW)]
    assert only_boundary.decision.layer is Layer.BOUNDARY


def test_a_boundary_is_never_gone_around_by_the_repositorys_policy() -> None:
    found = explained(USER, Grants((), (policy("shut", {"Action": "s3:*"}),)))
    assert [place for place, _ in suggested(found)] == [Place.IDENTITY, Place.BOUNDARY]


def test_across_accounts_the_owner_must_allow_too() -> None:
    theirs = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": PULL}
    allow = {**ALLOW, "Resource": REPOSITORY.format(ABROAD)}
    assert suggested(explained(BUILDER, account_id=ABROAD)) == [(Place.IDENTITY, allow), (Place.REPOSITORY, theirs)]
    able = Grants((policy("p", {}),))
    assert suggested(explained(BUILDER, able, account_id=ABROAD)) == [(Place.REPOSITORY, theirs)]
    registry = explained(BUILDER, able, account_id=ABROAD, owners=Place.REGISTRY)
    assert suggested(registry) == [(Place.REGISTRY, {**theirs, "Resource": REPOSITORY.format(ABROAD)})]


def test_what_has_no_policy_of_its_own_can_never_be_allowed_across_accounts() -> None:
    found = explained(USER, account_id=ABROAD, owners=None)
    assert (found.suggestions, found.possible) == ((), False)


def test_a_role_is_assumed_by_those_whom_its_trust_policy_names() -> None:
    request = Request(USER, "sts:AssumeRole", ROLE, {})
    able = Grants((policy("p", {"Action": "sts:*"}),))
    found = explain(request, able, Guards(HOME, (), trust=True), Place.TRUST)
    assert suggested(found) == [
        (Place.TRUST, {"Effect": "Allow", "Principal": {"AWS": ALICE}, "Action": "sts:AssumeRole"}),
    ]
    assert found.decision.layer is Layer.TRUST


def test_a_federated_user_without_a_session_policy_lacks_one() -> None:
    found = explained(GUEST, Grants((policy("p", {}),)))
    assert suggested(found) == [(Place.SESSION, ALLOW)]
    assert (Layer.SESSION, Outcome.IMPLICIT_DENY) in [(said.layer, said.outcome) for said in found.layers]


def test_no_allow_helps_against_a_deny_so_the_statement_is_named() -> None:
    deny = policy("deny", {"Effect": "Deny", "Sid": "Never"}, {"Effect": "Deny", "Action": "s3:*"}, {"Effect": "Deny"})
    found = explained(USER, Grants((policy("p", {}), deny)))
    assert [str(each) for each in found.obstacles] == ["deny#Never", "deny#3"]
    assert (found.suggestions, found.possible) == ((), True)


def test_besides_a_deny_what_is_missing_is_suggested_too() -> None:
    deny = policy("deny", {"Effect": "Deny"})
    found = explained(USER, Grants((deny,), (deny,)))
    assert [str(each) for each in found.obstacles] == ["deny#1", "deny#1"]
    assert [place for place, _ in suggested(found)] == [Place.IDENTITY, Place.BOUNDARY]


def test_the_repositorys_deny_is_an_obstacle_only_for_those_whom_it_means() -> None:
    other = policy("other", {"Effect": "Deny", "Principal": {"AWS": f"arn:aws:iam::{HOME}:user/bob"}})
    mine = policy("mine", {"Effect": "Deny", "Principal": {"AWS": ALICE}})
    able = Grants((policy("p", {}),))
    assert explained(USER, able, other).decision.allowed
    assert explained(USER, able, other, mine).obstacles == (Matched(mine.source, None, 1),)
    (_, guarded) = explained(USER, able, other, mine).layers
    assert (guarded.layer, guarded.outcome, guarded.statements) == (
        Layer.RESOURCE,
        Outcome.EXPLICIT_DENY,
        (Matched(mine.source, None, 1),),
    )


def test_a_root_needs_no_policy_at_home_and_the_owners_abroad() -> None:
    assert explained(OWNER).decision.layer is Layer.ROOT
    theirs = {"Effect": "Allow", "Principal": {"AWS": OWNER.arn}, "Action": PULL}
    assert suggested(explained(OWNER, account_id=ABROAD)) == [(Place.REPOSITORY, theirs)]


def test_what_is_supposed_of_images_and_tags_is_a_condition_of_what_is_suggested() -> None:
    supposed = {
        "moorage:ImageTag": ("prod-${1}",),
        "aws:ResourceTag/team": ("core",),
        "moorage:Platform": ("linux/amd64", "linux/arm64"),
        "aws:SourceIp": ("10.0.0.1",),
    }
    context = {key.lower(): values for key, values in supposed.items()}
    request = Request(USER, PULL, REPOSITORY.format(HOME), context)
    (found,) = explain(request, Grants(), Guards(HOME), Place.REPOSITORY, supposed).suggestions
    assert json.loads(found.text)["Condition"] == {
        "StringEquals": {"moorage:ImageTag": "prod-${$}{1}", "aws:ResourceTag/team": "core"},
        "ForAllValues:StringEquals": {"moorage:Platform": ["linux/amd64", "linux/arm64"]},
        "Null": {"moorage:Platform": "false"},
    }
    with_it = with_suggestions(Grants(), Guards(HOME), (found,))
    assert evaluate(request, *with_it).allowed
    for key in ("moorage:imagetag", "aws:resourcetag/team", "moorage:platform"):
        for other in (("something-else",), ()):
            assert not evaluate(replace(request, context={**context, key: other}), *with_it).allowed
    assert evaluate(replace(request, context={**context, "aws:sourceip": ("192.0.2.1",)}), *with_it).allowed


def test_a_statement_that_only_its_conditions_keep_from_allowing_is_shown_with_them() -> None:
    near = policy(
        "office",
        {"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}, "StringEquals": {"aws:username": "alice"}}},
        {"Action": "s3:*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
    )
    found = explained(USER, Grants((near,)), context={"aws:username": ("alice",)})
    (unmet,) = found.layers[0].unmet
    assert str(unmet.statement) == "office#1"
    assert [(each.operator, each.key) for each in unmet.conditions] == [("IpAddress", "aws:SourceIp")]
    assert found.read == ("aws:SecureTransport", "aws:SourceIp", "aws:username")
    assert found.missing == ("aws:SecureTransport", "aws:SourceIp")


def test_a_resource_with_wildcards_in_its_name_is_meant_literally() -> None:
    resource = "arn:aws:ecr:us-east-1:{}:repository/a*b?${aws:username}"
    request_resource = resource.replace("{}", HOME)
    found = explain(Request(USER, PULL, request_resource, {}), Grants(), Guards(HOME), None)
    ((_, statement),) = suggested(found)
    assert statement["Resource"].endswith("repository/a${*}b${?}${$}{aws:username}")


# --- laws -----------------------------------------------------------------------------------------------------------

ACTIONS = st.sampled_from(["ecr:*", PULL, "ecr:Put*", "*", "s3:*"])
RESOURCES = st.sampled_from(["*", REPOSITORY.format("*"), REPOSITORY.format(HOME), "arn:aws:ecr:*:*:repository/other/*"])
PRINCIPALS = st.sampled_from(
    ["*", {"AWS": HOME}, {"AWS": ABROAD}, {"AWS": ALICE}, {"AWS": ROLE}, {"AWS": SESSION}, {"AWS": GUEST_ARN}]
)
CONDITIONS = st.sampled_from(
    [None, None, {"StringEquals": {"aws:username": "alice"}}, {"Null": {"aws:x": "false"}}, {"StringNotEquals": {"aws:x": "1"}}]
)


def statements(*, owners: bool) -> st.SearchStrategy[list[dict[str, Any]]]:
    statement = st.fixed_dictionaries(
        {
            "Effect": st.sampled_from(["Allow", "Allow", "Deny"]),
            "Action": ACTIONS,
            "Resource": RESOURCES,
            "Condition": CONDITIONS,
        }
        | ({"Principal": PRINCIPALS} if owners else {})
    )
    return st.lists(
        statement.map(lambda made: {key: value for key, value in made.items() if value is not None}), min_size=1, max_size=2
    )


def policies(name: str, *, owners: bool = False) -> st.SearchStrategy[tuple[Policy, ...]]:
    return st.lists(statements(owners=owners), max_size=2).map(
        lambda texts: tuple(policy(f"{name}-{number}", *text) for number, text in enumerate(texts))
    )


GRANTS = st.builds(
    Grants,
    policies("identity"),
    st.none() | policies("boundary"),
    st.none() | policies("session"),
    st.none() | policies("control"),
)


def without(policies: tuple[Policy, ...], obstacles: tuple[Matched, ...]) -> tuple[Policy, ...]:
    gone = {(each.source, each.number) for each in obstacles}
    return tuple(
        Policy(each.source, [rule for rule in each.rules if (rule.source, rule.number) not in gone]) for each in policies
    )


@given(
    st.sampled_from([USER, BUILDER, GUEST, OWNER]),
    GRANTS,
    policies("owner", owners=True),
    st.sampled_from([HOME, ABROAD]),
    st.booleans(),
    st.sampled_from([{}, {"aws:username": ("alice",)}, {"aws:x": ("1",)}]),
)
def test_with_what_is_suggested_and_without_what_denies_it_is_allowed_and_nothing_suggested_is_idle(
    caller: Principal, grants: Grants, guarding: tuple[Policy, ...], account_id: str, trust: bool, context: Context
) -> None:
    guards = Guards(account_id, guarding, trust)
    request = Request(caller, PULL, REPOSITORY.format(account_id), context)
    found = explain(request, grants, guards, Place.TRUST if trust else Place.REPOSITORY)
    assert found.decision == evaluate(request, grants, guards)
    assert found.possible
    assert bool(found.obstacles) == (found.decision.outcome is Outcome.EXPLICIT_DENY)
    limits = (grants.boundary, grants.session, grants.service_control)
    rid = Grants(
        without(grants.identity, found.obstacles),
        *(None if limit is None else without(limit, found.obstacles) for limit in limits),
    )
    freed = replace(guards, policies=without(guarding, found.obstacles))
    assert evaluate(request, *with_suggestions(rid, freed, found.suggestions)).allowed
    for fewer in itertools.combinations(found.suggestions, max(0, len(found.suggestions) - 1)):
        assert not found.suggestions or not evaluate(request, *with_suggestions(rid, freed, fewer)).allowed
