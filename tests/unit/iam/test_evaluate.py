"""The reference's tables A1.2 to A1.6, row by row."""

from typing import Any

import pytest

from moorage.core.call import Principal, Ruling
from moorage.iam.policy import Policy, Source, SourceKind
from tests.unit.iam.world import (
    ACTION,
    FEDERATED,
    OTHER,
    PROVIDER,
    REPOSITORY,
    ROLE,
    ROLE_ID,
    ROOT_A,
    ROOT_B,
    SESSION,
    USER,
    USER_B,
    USER_ID,
    A,
    B,
    against,
    allow,
    ask,
    deny,
    federated,
    nobody,
    other,
    policy,
    root,
    root_b,
    said,
    session,
    to,
    user,
    user_b,
    when,
    workload,
)

ALLOWS, DENIES = policy(allow()), policy(deny())
LACKS = policy(allow("ecr:PutImage"))
IDENTITY, RESOURCE, BOUNDARY = "identity-based policy", "resource-based policy", "permissions boundary"
SESSION_POLICY, CONTROL, TRUST = "session policy", "service control policy", "role trust policy"
NO_TAG: dict[str, tuple[str, ...]] = {}
PROD = {"aws:resourcetag/env": ("prod",)}


def names(principal: Any) -> Policy:
    return policy(to({"AWS": principal}))


# A1.6, in its order: caller, the policies, what is decided and by what.
TABLE: list[tuple[Principal, dict[str, Any], str, str]] = [
    (user, {"identity": ALLOWS}, "allowed", IDENTITY),
    (user, {"owner": names(USER)}, "allowed", RESOURCE),
    (user, {"owner": names(ROOT_A)}, "implicitDeny", IDENTITY),
    (user, {"owner": policy(to("*"))}, "allowed", RESOURCE),
    (user, {"identity": ALLOWS, "owner": policy(against("*"))}, "explicitDeny", RESOURCE),
    (user, {"identity": DENIES, "owner": names(USER)}, "explicitDeny", IDENTITY),
    (user, {"identity": ALLOWS, "boundary": LACKS}, "implicitDeny", BOUNDARY),
    (user, {"owner": names(USER), "boundary": LACKS}, "allowed", RESOURCE),
    (session, {"owner": names(ROLE), "boundary": LACKS}, "implicitDeny", BOUNDARY),
    (session, {"owner": names(SESSION), "boundary": LACKS}, "allowed", RESOURCE),
    (session, {"identity": ALLOWS, "session": LACKS}, "implicitDeny", SESSION_POLICY),
    (session, {"owner": names(ROLE), "session": LACKS}, "implicitDeny", SESSION_POLICY),
    (session, {"owner": names(SESSION), "session": LACKS}, "allowed", RESOURCE),
    (user_b, {"identity": ALLOWS}, "implicitDeny", RESOURCE),
    (user_b, {"owner": names(ROOT_B)}, "implicitDeny", IDENTITY),
    (user_b, {"identity": ALLOWS, "owner": names(ROOT_B)}, "allowed", RESOURCE),
    (user_b, {"owner": names(USER_B)}, "implicitDeny", IDENTITY),
    (user_b, {"identity": ALLOWS, "owner": names(USER_B)}, "allowed", RESOURCE),
    (root, {}, "allowed", "root"),
    (root, {"owner": policy(against("*"))}, "explicitDeny", RESOURCE),
    (federated, {"identity": ALLOWS}, "implicitDeny", SESSION_POLICY),
    (user, {"identity": policy(allow(**when("StringEquals", "aws:ResourceTag/env", "prod")))}, "implicitDeny", IDENTITY),
    (user, {"identity": policy(allow(**when("StringEqualsIfExists", "aws:ResourceTag/env", "prod")))}, "allowed", IDENTITY),
    (user, {"identity": policy(allow("ecr:*", f"arn:aws:ecr:us-east-1:{A}:repository/team/*"))}, "allowed", IDENTITY),
]


@pytest.mark.parametrize(("caller", "policies", "outcome", "layer"), TABLE, ids=range(1, len(TABLE) + 1))
def test_the_decision_table_of_the_reference(caller: Principal, policies: dict[str, Any], outcome: str, layer: str) -> None:
    assert said(ask(caller, **policies)) == (outcome, layer)


def test_the_decision_table_has_24_rows() -> None:
    assert len(TABLE) == 24


# A1.3: caller, how the policy names it; is it enough alone, with a boundary that lacks the action, with such a session policy?
FORMS: list[tuple[Principal, Any, tuple[bool, bool, bool]]] = [
    (user, USER, (True, True, True)),
    (user, USER_ID, (True, True, True)),
    (federated, USER, (False, False, False)),  # no session policy at all limits it
    (federated, FEDERATED, (True, True, True)),
    (session, ROLE, (True, False, False)),
    (session, ROLE_ID, (True, False, False)),
    (session, SESSION, (True, True, True)),
    (user, "*", (True, True, True)),
    (session, "*", (True, True, True)),
    (federated, "*", (True, True, True)),
    (user, ROOT_A, (False, False, False)),
    (user, A, (False, False, False)),
    (session, A, (False, False, False)),
    (user, OTHER, (False, False, False)),
    (session, f"{SESSION}0", (False, False, False)),
    (user, [OTHER, A, USER], (True, True, True)),
]


@pytest.mark.parametrize(("caller", "principal", "expected"), FORMS)
def test_an_allow_carries_as_far_as_the_form_in_which_it_names_the_caller(
    caller: Principal, principal: Any, expected: tuple[bool, bool, bool]
) -> None:
    owner = policy(to({"AWS": principal}), bound={USER: USER_ID})
    alone, bounded = ask(caller, owner=owner), ask(caller, owner=owner, boundary=LACKS)
    assert (alone.allowed, bounded.allowed, ask(caller, owner=owner, session=LACKS).allowed) == expected


def test_a_session_of_a_user_that_a_policy_names_is_limited_by_boundary_and_session_policy() -> None:
    owner = policy(to({"AWS": USER}), bound={USER: USER_ID})
    assert said(ask(federated, owner=owner, session=ALLOWS)) == ("allowed", RESOURCE)
    assert said(ask(federated, owner=owner, session=ALLOWS, boundary=LACKS)) == ("implicitDeny", BOUNDARY)
    assert said(ask(federated, owner=owner, session=LACKS)) == ("implicitDeny", SESSION_POLICY)


def test_a_policy_that_names_the_account_lets_the_accounts_own_policies_decide() -> None:
    for owner in (names(A), names(ROOT_A)):
        assert said(ask(user, owner=owner, identity=ALLOWS)) == ("allowed", IDENTITY)
        assert said(ask(user, owner=owner, identity=ALLOWS, boundary=LACKS)) == ("implicitDeny", BOUNDARY)
        assert said(ask(session, owner=owner, identity=ALLOWS, session=LACKS)) == ("implicitDeny", SESSION_POLICY)


@pytest.mark.parametrize("where", ["identity", "owner", "boundary", "session", "control"])
@pytest.mark.parametrize("caller", [user, session, federated, user_b])
def test_a_deny_anywhere_wins_over_allows_everywhere(where: str, caller: Principal) -> None:
    everything: dict[str, Policy] = dict.fromkeys(["identity", "boundary", "session", "control"], ALLOWS)
    everything["owner"] = policy(to("*"), to({"AWS": [SESSION, FEDERATED, USER, USER_B]}))
    assert ask(caller, **everything).allowed  # type: ignore[arg-type]
    forbidding = policy(to("*"), against("*")) if where == "owner" else policy(allow("*"), deny())
    layers = {"identity": IDENTITY, "owner": RESOURCE, "boundary": BOUNDARY, "session": SESSION_POLICY, "control": CONTROL}
    decision = ask(caller, **{**everything, where: forbidding})  # type: ignore[arg-type]
    assert said(decision) == ("explicitDeny", layers[where])
    assert [matched.number for matched in decision.matched] == [2]


@pytest.mark.parametrize("caller", [user, session, federated, root, user_b, root_b])
def test_no_allow_among_service_control_policies_ends_everything(caller: Principal) -> None:
    owner = policy(to("*"), to({"AWS": [SESSION, FEDERATED, USER, USER_B]}))
    given = {"identity": ALLOWS, "owner": owner, "session": ALLOWS}
    assert ask(caller, **given, control=ALLOWS).allowed  # type: ignore[arg-type]
    assert said(ask(caller, **given, control=LACKS)) == ("implicitDeny", CONTROL)  # type: ignore[arg-type]


def test_a_limit_of_no_policies_lets_nothing_through() -> None:
    assert not ask(user, identity=ALLOWS, boundary=policy(allow(**when("Bool", "aws:absent", True)))).allowed


def test_a_root_needs_no_allow_at_home_but_yields_to_every_deny() -> None:
    assert said(ask(root, control=policy(allow("*"), deny()))) == ("explicitDeny", CONTROL)
    assert said(ask(root, owner=policy(against({"AWS": ROOT_A})))) == ("explicitDeny", RESOURCE)
    assert ask(root, owner=policy(against({"AWS": USER}))).allowed


def test_a_root_of_another_account_needs_the_owners_allow() -> None:
    assert said(ask(root_b)) == ("implicitDeny", RESOURCE)
    assert said(ask(root_b, owner=names(A))) == ("implicitDeny", RESOURCE)
    assert said(ask(root_b, owner=names(USER_B))) == ("implicitDeny", RESOURCE)
    assert said(ask(root_b, owner=names(B))) == ("allowed", RESOURCE)
    assert said(ask(root_b, owner=names(B), control=LACKS)) == ("implicitDeny", CONTROL)


def test_across_accounts_the_limits_of_the_callers_side_count() -> None:
    owner = names(USER_B)
    assert said(ask(user_b, identity=ALLOWS, owner=owner, boundary=LACKS)) == ("implicitDeny", BOUNDARY)
    assert said(ask(session, identity=ALLOWS, owner=names(SESSION), session=LACKS, account=B)) == (
        "implicitDeny",
        SESSION_POLICY,
    )
    assert said(ask(session, owner=names(SESSION), account=B)) == ("implicitDeny", IDENTITY)
    assert said(ask(user_b, owner=policy(to("*")))) == ("implicitDeny", IDENTITY)


def test_nobody_is_let_in_by_everyones_policy_only() -> None:
    assert said(ask(nobody, owner=policy(to("*")))) == ("allowed", RESOURCE)
    assert said(ask(nobody, owner=policy(to("*"), against("*")))) == ("explicitDeny", RESOURCE)
    for principal in (A, USER, ROLE, SESSION, FEDERATED, USER_ID):
        assert said(ask(nobody, owner=names(principal), identity=ALLOWS)) == ("implicitDeny", RESOURCE)
    assert said(ask(nobody, identity=ALLOWS, account="")) == ("implicitDeny", RESOURCE)


def test_services_providers_and_canonical_users_name_none_of_the_callers() -> None:
    strangers = {"Service": "ecs.amazonaws.com", "Federated": [PROVIDER, "accounts.test.com"], "CanonicalUser": "a" * 64}
    for caller in (user, session, federated, nobody):
        assert not ask(caller, owner=policy(to(strangers))).allowed


def test_a_role_policy_must_allow_by_itself() -> None:
    assert said(ask(user, identity=ALLOWS, trust=True)) == ("implicitDeny", TRUST)
    assert said(ask(root, trust=True)) == ("implicitDeny", TRUST)
    assert said(ask(user, owner=names(USER), trust=True)) == ("allowed", TRUST)
    assert said(ask(user, owner=names(A), trust=True)) == ("implicitDeny", IDENTITY)
    assert said(ask(user, owner=names(A), identity=ALLOWS, trust=True)) == ("allowed", TRUST)
    assert said(ask(root, owner=names(A), trust=True)) == ("allowed", TRUST)
    assert said(ask(session, owner=names(ROLE), session=LACKS, trust=True)) == ("implicitDeny", SESSION_POLICY)
    assert said(ask(user, owner=policy(against("*")), identity=ALLOWS, trust=True)) == ("explicitDeny", TRUST)


def test_a_role_of_another_account_needs_both_sides() -> None:
    for principal in (USER_B, B, "*"):
        assert said(ask(user_b, owner=names(principal), trust=True)) == ("implicitDeny", IDENTITY)
        assert said(ask(user_b, owner=names(principal), identity=ALLOWS, trust=True)) == ("allowed", TRUST)
    assert said(ask(user_b, identity=ALLOWS, owner=names(A), trust=True)) == ("implicitDeny", TRUST)


def test_a_web_identity_is_let_in_by_a_policy_that_names_its_provider_only() -> None:
    named = to({"Federated": PROVIDER})
    assert said(ask(workload, owner=policy(named), trust=True)) == ("allowed", TRUST)
    assert said(ask(workload, owner=policy(named, against("*")), trust=True)) == ("explicitDeny", TRUST)
    assert said(ask(workload, owner=policy(to({"Federated": f"{PROVIDER}2"})), trust=True)) == ("implicitDeny", TRUST)
    for principal in ("*", {"AWS": "*"}, {"AWS": A}, {"AWS": ROLE}):
        assert said(ask(workload, owner=policy(to(principal)), identity=ALLOWS, trust=True)) == ("implicitDeny", TRUST)


def test_a_principal_that_is_bound_is_found_by_its_id_alone() -> None:
    old = policy(to({"AWS": [USER, ROLE]}), bound={USER: "AIDAOLDOLDOLDOLDOLDOL", ROLE: "AROAOLDOLDOLDOLDOLDOL"})
    assert not ask(user, owner=old).allowed
    assert not ask(session, owner=old).allowed
    same = policy(to({"AWS": [USER, ROLE]}), bound={USER: USER_ID, ROLE: ROLE_ID})
    assert ask(user, owner=same).allowed
    assert ask(session, owner=same).allowed
    moved = Principal(
        A, f"arn:aws:iam::{A}:user/renamed", "IAMUser", "AKIA", USER_ID, USER_ID, f"arn:aws:iam::{A}:user/renamed"
    )
    assert ask(moved, owner=same).allowed
    assert not ask(moved, owner=names(USER)).allowed


def test_a_policy_that_names_a_user_means_its_federated_sessions_too_bound_or_not() -> None:
    for bound in ({}, {USER: USER_ID}):
        assert said(ask(federated, owner=policy(against({"AWS": USER}), bound=bound), identity=ALLOWS, session=ALLOWS)) == (
            "explicitDeny",
            RESOURCE,
        )
        named = policy(to({"AWS": USER}), bound=bound)
        assert said(ask(federated, owner=named, session=ALLOWS)) == ("allowed", RESOURCE)
        assert said(ask(federated, owner=named, session=LACKS)) == ("implicitDeny", SESSION_POLICY)
    old = policy(against({"AWS": USER}), bound={USER: "AIDAOLDOLDOLDOLDOLDOL"})
    assert said(ask(federated, owner=old, identity=ALLOWS, session=ALLOWS)) == ("allowed", IDENTITY)


def test_names_of_principals_have_no_wildcards_and_keep_their_case() -> None:
    assert not ask(user, owner=names(USER.replace("alice", "Alice"))).allowed
    assert not ask(user, owner=names(f"arn:aws:iam::{A}:user/alice")).allowed, "the path belongs to the ARN"
    assert not ask(session, owner=names(f"arn:aws:iam::{A}:role/deploy")).allowed


def not_principal(effect: str, *listed: str) -> Policy:
    statement = to({"AWS": list(listed)})
    statement["NotPrincipal"] = statement.pop("Principal")
    return policy({**statement, "Effect": effect})


def test_a_deny_with_notprincipal_spares_only_those_that_it_names_themselves() -> None:
    spared = {"identity": ALLOWS, "owner": not_principal("Deny", USER, SESSION, ROOT_A)}
    assert ask(user, **spared).allowed  # type: ignore[arg-type]
    assert ask(session, **spared).allowed  # type: ignore[arg-type]
    assert ask(root, **spared).allowed  # type: ignore[arg-type]
    assert ask(federated, session=ALLOWS, **spared).allowed, "of a user who is named"  # type: ignore[arg-type]
    for caller in (other, user_b, nobody):
        assert said(ask(caller, **spared)) == ("explicitDeny", RESOURCE)  # type: ignore[arg-type]
    assert said(ask(user, identity=ALLOWS, owner=not_principal("Deny", A))) == ("explicitDeny", RESOURCE)
    assert ask(session, identity=ALLOWS, owner=not_principal("Deny", ROLE)).allowed


def test_an_allow_with_notprincipal_means_everyone_else_within_their_limits() -> None:
    owner = not_principal("Allow", OTHER)
    assert said(ask(user, owner=owner)) == ("allowed", RESOURCE)
    assert said(ask(other, owner=owner)) == ("implicitDeny", IDENTITY)
    assert said(ask(user, owner=owner, boundary=LACKS)) == ("implicitDeny", BOUNDARY)
    assert said(ask(user, owner=not_principal("Allow", A))) == ("implicitDeny", IDENTITY)


def test_a_statement_of_an_owner_without_principals_means_nobody() -> None:
    assert said(ask(user, owner=policy(allow(), deny()))) == ("implicitDeny", IDENTITY)


def test_a_decision_names_the_statements_that_made_it() -> None:
    many = policy(allow("s3:*"), allow(Sid="Pull"), allow("ecr:*"), allow(f"{ACTION}x"))
    owner = Policy.compile('{"Statement": {"Sid": "all of us", "Effect": "Allow", "Principal": "*", "Action": "ecr:*"}}',
                           Source(SourceKind.RESOURCE, REPOSITORY))  # fmt: skip
    decision = ask(user, identity=many, owner=owner)
    assert decision.ruling() == Ruling("allowed", IDENTITY, ("it#Pull", "it#3", f"{REPOSITORY}#all of us"))
    delegating = ask(user, identity=many, owner=names(A))
    assert [(matched.sid, matched.number) for matched in delegating.matched] == [("Pull", 2), (None, 3)]
    assert ask(user).ruling() == Ruling("implicitDeny", IDENTITY, ())
    denied = ask(user, identity=policy(deny(Sid="No")), owner=policy(against("*", Sid="Never")))
    assert denied.ruling() == Ruling("explicitDeny", RESOURCE, ("it#Never", "it#No"))


def test_across_accounts_a_decision_keeps_the_statements_of_both_sides_apart() -> None:
    mine, theirs = policy(allow(Sid="Mine")), policy(to("*", Sid="Theirs"))
    allowed = ask(user_b, identity=mine, owner=theirs)
    assert allowed.ruling() == Ruling("allowed", RESOURCE, ("it#Mine",), ("it#Theirs",))
    refusing = {"identity": policy(deny(Sid="No")), "owner": policy(against("*", Sid="Never"))}
    assert ask(user_b, **refusing).ruling() == Ruling("explicitDeny", RESOURCE, ("it#No",), ("it#Never",))  # type: ignore[arg-type]
    assert [matched.sid for matched in allowed.matched] == ["Mine", "Theirs"]


def test_tags_that_are_there_and_right_allow() -> None:
    tagged = policy(allow(**when("StringEquals", "aws:ResourceTag/env", "prod")))
    assert ask(user, identity=tagged, context=PROD).allowed
    assert not ask(user, identity=tagged, context={"aws:resourcetag/env": ("dev",)}).allowed
    assert not ask(user, identity=tagged, context=NO_TAG).allowed
