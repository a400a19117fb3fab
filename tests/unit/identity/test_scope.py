from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.core.call import Requirement
from moorage.core.errors import InvalidParameterError
from moorage.http.distribution.routes import ROUTES
from moorage.identity.credentials.scope import ACTIONS, MOST_ACTIONS, MOST_PATTERNS, TAGGING, WORDS, Scope

_names = st.from_regex(r"[a-z0-9]{1,5}(/[a-z0-9]{1,5}){0,3}", fullmatch=True)
_patterns = st.lists(st.from_regex(r"[a-z0-9/*]{1,12}", fullmatch=True), min_size=1, max_size=5)
_actions = st.lists(st.sampled_from(sorted({*WORDS, *ACTIONS})), min_size=1, max_size=5)


def test_a_scope_speaks_of_every_action_that_the_data_plane_asks_for() -> None:
    asked = {action for route in ROUTES for action in (route.requirement or Requirement(())).actions}
    assert asked <= ACTIONS
    assert ACTIONS - asked == {"ecr:CreateRepository"}, "which a push may need where it creates the repository"


def test_pull_is_less_than_push_and_push_less_than_all() -> None:
    assert WORDS["pull"] < WORDS["push"] < WORDS["all"] == ACTIONS
    assert not WORDS["pull"] & {"ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload"}
    assert "ecr:BatchDeleteImage" not in WORDS["push"]


@pytest.mark.parametrize(
    ("pattern", "name", "covered"),
    [
        ("team/app", "team/app", True),
        ("team/app", "team/app2", False),
        ("team/*", "team/app", True),
        ("team/*", "team/deep/app", True),
        ("team/*", "team", False),
        ("team/*", "teamwork/app", False),
        ("*/app", "team/app", True),
        ("*/app", "team/app2", False),
        ("*", "anything/at/all", True),
        ("t*m/a*p", "team/app", True),
        ("team/app/*", "team/app", False),
    ],
)
def test_a_pattern_covers_whole_names(pattern: str, name: str, covered: bool) -> None:
    scope = Scope.parse([pattern], ["pull"])
    assert scope.covers(name) == covered
    assert scope.allows("ecr:BatchGetImage", name) == covered
    assert not scope.allows("ecr:PutImage", name)


@given(_patterns, _actions, _names, st.sampled_from(sorted(ACTIONS)))
def test_what_is_stored_decides_alike(patterns: list[str], actions: list[str], name: str, action: str) -> None:
    scope = Scope.parse(patterns, actions)
    again = Scope.load(scope.dump())
    assert again == scope
    assert again.allows(action, name) == scope.allows(action, name)


@given(_patterns, _actions, _patterns, _names, st.sampled_from(sorted(ACTIONS)))
def test_more_patterns_never_take_away(
    patterns: list[str], actions: list[str], further: list[str], name: str, action: str
) -> None:
    if Scope.parse(patterns, actions).allows(action, name):
        assert Scope.parse([*patterns, *further], actions).allows(action, name)


@pytest.mark.parametrize(
    ("repositories", "actions", "member"),
    [
        ([], ["pull"], "repositories"),
        (["a"] * (MOST_PATTERNS + 1), ["pull"], "repositories"),
        (["a"] * 10_000, ["pull"], "repositories"),
        (["A"], ["pull"], "repositories"),
        (["a\x00"], ["pull"], "repositories"),
        (["a\n"], ["pull"], "repositories"),
        (["a?"], ["pull"], "repositories"),
        ([""], ["pull"], "repositories"),
        (["a" * 257], ["pull"], "repositories"),
        (["a"], [], "actions"),
        (["a"], ["pull"] * (MOST_ACTIONS + 1), "actions"),
        (["a"], ["ecr:*"], "actions"),
        (["a"], ["ecr:DeleteRepository"], "actions"),
        (["a"], ["PULL"], "actions"),
        (["a"], ["pull "], "actions"),
    ],
)
def test_a_scope_that_says_nothing_or_too_much_is_refused(
    repositories: Sequence[str], actions: Sequence[str], member: str
) -> None:
    with pytest.raises(InvalidParameterError, match=f"^Invalid parameter at '{member}' failed"):
        Scope.parse(repositories, actions)


@pytest.mark.parametrize(
    ("actions", "tags"),
    [
        (["push"], []),
        (["push"], ["dev-*"] * (MOST_PATTERNS + 1)),
        (["push"], ["dev-?"]),
        (["push"], ["dev\n"]),
        (["push"], [""]),
        (["push"], ["${aws:username}"]),
        (["push"], ["a" * 129]),
        (["pull"], ["dev-*"]),
    ],
)
def test_tags_that_limit_nothing_or_are_none_are_refused(actions: Sequence[str], tags: Sequence[str]) -> None:
    with pytest.raises(InvalidParameterError, match=r"^Invalid parameter at 'tags' failed"):
        Scope.parse(["a"], actions, tags)


def test_tags_limit_what_is_pushed_and_deleted() -> None:
    scope = Scope.parse(["a"], ["all"], ["dev-*", "latest", "dev-*"])
    assert (scope.tags, Scope.load(scope.dump())) == (("dev-*", "latest"), scope)
    assert [scope.covers_tag(tag) for tag in ("dev-1", "latest", "latest-1", "prod-1")] == [True, True, False, False]
    assert [action for action in sorted(ACTIONS) if scope.limits_tags([action])] == sorted(TAGGING)
    assert not Scope.parse(["a"], ["all"]).limits_tags(ACTIONS)


def test_what_is_said_twice_is_kept_once() -> None:
    scope = Scope.parse(["b", "a", "b"], ["push", "pull", "push"])
    assert (scope.repositories, scope.actions) == (("b", "a"), ("push", "pull"))
