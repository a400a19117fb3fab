"""Policy variables: the reference's table A2.4."""

import pytest

from moorage.iam.context import Context
from moorage.iam.variables import Variable, Verbatim, tokens_of
from tests.unit.iam.world import USER, A, allow, allows, denies, deny, when

REPOSITORIES = f"arn:aws:ecr:us-east-1:{A}:repository"
ALICE: Context = {"aws:username": ("alice",), "aws:principaltag/team": ("web",), "aws:tagkeys": ("a", "b")}


def reaches(pattern: str, name: str, context: Context = ALICE, version: str = "2012-10-17") -> bool:
    """Whether an Allow on that pattern reaches that repository."""
    statement = allow(resource=f"{REPOSITORIES}/{pattern}")
    return allows(statement, context, resource=f"{REPOSITORIES}/{name}", version=version)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("plain", ("plain",)),
        ("${aws:UserName}", (Variable("aws:username"),)),
        ("a/${ aws:username }/b", ("a/", Variable("aws:username"), "/b")),
        ("${aws:PrincipalTag/cost center,'no one'}", (Variable("aws:principaltag/cost center", "no one"),)),
        ("${aws:PrincipalTag/team, ''}", (Variable("aws:principaltag/team", ""),)),
        ("${*}${?}${$}", (Verbatim("*"), Verbatim("?"), Verbatim("$"))),
        ("${a:b}${c:d}", (Variable("a:b"), Variable("c:d"))),
        ("${", ("${",)),
        ("${}", ("${}",)),
        ("${aws:username", ("${aws:username",)),
        ("$aws:username}", ("$aws:username}",)),
        ("${aws:*}", ("${aws:*}",)),
        ("${${a:b}}", ("${", Variable("a:b"), "}")),
        ("${a:b, c}", ("${a:b, c}",)),
        ("", ()),
    ],
)
def test_a_text_is_cut_at_its_variables(text: str, tokens: tuple[object, ...]) -> None:
    assert tokens_of(text) == tokens


def test_a_variable_stands_for_its_value() -> None:
    assert reaches("${aws:username}/*", "alice/app")
    assert reaches("${AWS:USERNAME}/*", "alice/app")
    assert not reaches("${aws:username}/*", "bob/app")
    assert reaches("${aws:PrincipalTag/Team}/${aws:username}", "web/alice")
    assert reaches("t-${aws:username}-?*", "t-alice-1")
    assert not reaches("t-${aws:username}-?*", "t-alice-")


@pytest.mark.parametrize("name", ["*", "?", "a*", "*/*", "${aws:username}", "${*}", "$", "[a]", ".*", "\\"])
def test_what_a_variable_stands_for_is_text_and_never_a_wildcard(name: str) -> None:
    called: Context = {"aws:username": (name,)}
    assert reaches("${aws:username}/*", f"{name}/app", called)
    assert not reaches("${aws:username}/*", "alice/app", called)
    assert not reaches("${aws:username}", "a", called)
    assert not reaches("*/${aws:username}", "x/a", called)
    like = allow(**when("StringLike", "a:key", "${aws:username}-*"))
    assert allows(like, {**called, "a:key": (f"{name}-1",)})
    assert not allows(like, {**called, "a:key": ("alice-1",)})


def test_a_users_name_cannot_lift_a_deny() -> None:
    denying = {
        **deny(),
        "Resource": [f"{REPOSITORIES}/secret"],
        **when("StringNotEquals", "aws:username", "${aws:PrincipalTag/owner}"),
    }
    request = {"resource": f"{REPOSITORIES}/secret"}
    assert denies(denying, {"aws:username": ("alice",), "aws:principaltag/owner": ("*",)}, **request)
    assert denies(denying, {"aws:username": ("alice",)}, **request), "what cannot be resolved differs from everything"
    assert not denies(denying, {"aws:username": ("alice",), "aws:principaltag/owner": ("alice",)}, **request)


def test_the_three_characters_stand_for_themselves() -> None:
    assert reaches("${*}", "*")
    assert not reaches("${*}", "a")
    assert reaches("a${?}", "a?")
    assert not reaches("a${?}", "ab")
    assert reaches("${$}{aws:username}", "${aws:username}")
    assert not reaches("${$}{aws:username}", "alice")
    assert reaches("*${*}*", "a*b")
    assert not reaches("*${*}*", "ab")


def test_a_default_is_for_an_absent_key_and_is_text_too() -> None:
    assert reaches("${aws:PrincipalTag/team, 'none'}/*", "web/app")
    assert not reaches("${aws:PrincipalTag/team, 'none'}/*", "none/app")
    assert reaches("${aws:PrincipalTag/cost, 'none'}/*", "none/app")
    assert reaches("${aws:PrincipalTag/cost,'*'}/*", "*/app")
    assert not reaches("${aws:PrincipalTag/cost,'*'}/*", "none/app")
    assert reaches("a${aws:PrincipalTag/cost, ''}b", "ab")


def test_what_cannot_be_resolved_matches_nothing_but_differs_from_everything() -> None:
    for pattern in ("${aws:absent}", "*${aws:absent}*", "${aws:TagKeys}", "${aws:TagKeys, 'a'}"):
        for name in ("", "a", "b", "alice", pattern):
            assert not reaches(pattern, f"x{name}") and not reaches(f"x{pattern}", f"x{name}")
    for value in ("${aws:absent}", "${aws:TagKeys}"):
        for operator in ("StringEquals", "StringLike", "StringEqualsIgnoreCase"):
            assert not allows(allow(**when(operator, "aws:username", value)), ALICE)
            assert allows(allow(**when(operator.replace("String", "StringNot"), "aws:username", value)), ALICE)
    absent = f"arn:aws:iam::{A}:user/${{aws:absent}}"
    principal: Context = {"aws:principalarn": (USER,)}
    assert not allows(allow(**when("ArnLike", "aws:PrincipalArn", absent)), principal)
    assert allows(allow(**when("ArnNotLike", "aws:PrincipalArn", absent)), principal)


def test_a_not_resource_that_cannot_be_resolved_excludes_nothing() -> None:
    spared = {"Effect": "Deny", "Action": "*", "NotResource": f"{REPOSITORIES}/${{aws:username}}/*"}
    assert not denies(spared, ALICE, resource=f"{REPOSITORIES}/alice/app")
    assert denies(spared, ALICE, resource=f"{REPOSITORIES}/bob/app")
    assert denies(spared, {}, resource=f"{REPOSITORIES}/alice/app")


def test_documents_of_2008_have_no_variables() -> None:
    assert not reaches("${aws:username}", "alice", version="2008-10-17")
    assert reaches("${aws:username}", "${aws:username}", version="2008-10-17")
    assert reaches("${*}", "${anything}", version="2008-10-17")
    equal = allow(**when("StringEquals", "a:key", "${aws:username}"))
    assert allows(equal, {**ALICE, "a:key": ("${aws:username}",)}, version="2008-10-17")
    assert not allows(equal, {**ALICE, "a:key": ("alice",)}, version="2008-10-17")


def test_a_variable_before_the_fifth_colon_is_text() -> None:
    here: Context = {"aws:requestedregion": ("us-east-1",), "x": ("us-east-1",)}
    statement = allow(resource=f"arn:aws:ecr:${{x}}:{A}:repository/*")
    assert not allows(statement, here, resource=f"{REPOSITORIES}/app")
    statement = allow(resource=f"arn:aws:ecr:${{aws:RequestedRegion}}:{A}:repository/*")
    assert not allows(statement, here, resource=f"{REPOSITORIES}/app")


def test_actions_have_no_variables_and_resources_beyond_an_arn_neither() -> None:
    assert not allows({**allow(), "Action": "ecr:*"}, resource="*", action="iam:GetUser")
    assert allows(allow(resource="*"), resource="*")
    assert not allows(allow(resource=f"{REPOSITORIES}/*"), resource="*")


def test_variables_stand_in_conditions_on_strings_and_arns() -> None:
    context: Context = {**ALICE, "a:key": ("ALICE",), "aws:principalarn": (USER,), "aws:principalaccount": (A,)}
    assert allows(allow(**when("StringEqualsIgnoreCase", "a:key", "${aws:username}")), context)
    assert not allows(allow(**when("StringEquals", "a:key", "${aws:username}")), context)
    assert allows(
        allow(**when("ArnEquals", "aws:PrincipalArn", "arn:aws:iam::${aws:PrincipalAccount}:user/*/${aws:username}")), context
    )
    assert not allows(allow(**when("ArnLike", "aws:PrincipalArn", "arn:aws:iam::${aws:PrincipalAccount}:role/*")), context)
    tricky = {**context, "aws:principalaccount": (f"{A}:user/team/alice",)}
    assert not allows(allow(**when("ArnLike", "aws:PrincipalArn", "arn:aws:iam::${aws:PrincipalAccount}")), tricky)
    assert not allows(allow(**when("NumericEquals", "a:n", "${aws:n}")), {"a:n": ("5",), "aws:n": ("5",)})


def test_one_variable_of_many_tag_keys_is_no_value() -> None:
    one: Context = {"aws:tagkeys": ("alice",)}
    assert reaches("${aws:TagKeys}", "alice", one)
    assert not reaches("${aws:TagKeys}", "alice", {"aws:tagkeys": ("alice", "alice")})
