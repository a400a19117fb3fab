"""Strategies: documents, callers, requests. Their pools are small, so that what is asked often meets what is written."""

import json
from random import Random
from typing import Any

from hypothesis import strategies as st

from moorage.core.call import Principal
from moorage.iam.document import Document
from tests.property.obvious import Case, Documents

A, B = "111122223333", "444455556666"
ALICE, BOB, ROLE = f"arn:aws:iam::{A}:user/team/alice", f"arn:aws:iam::{B}:user/bob", f"arn:aws:iam::{A}:role/ci/deploy"
SESSION, FEDERATED = f"arn:aws:sts::{A}:assumed-role/deploy/run-1", f"arn:aws:sts::{A}:federated-user/guest"
PROVIDER = f"arn:aws:iam::{A}:oidc-provider/issuer.test"
ALICE_ID, BOB_ID, ROLE_ID, OLD_ID = (
    f"{kind}{letter * 16}" for kind, letter in (("AIDA", "A"), ("AIDA", "B"), ("AROA", "R"), ("AROA", "0"))
)
REPOSITORY = f"arn:aws:ecr:us-east-1:{A}:repository"

CALLERS = [
    Principal(A, ALICE, "IAMUser", "AKIA1", ALICE_ID, ALICE_ID, ALICE),
    Principal(B, BOB, "IAMUser", "AKIA2", BOB_ID, BOB_ID, BOB),
    Principal(A, SESSION, "AssumedRole", "ASIA1", f"{ROLE_ID}:run-1", ROLE_ID, ROLE, "ASIA1"),
    Principal(A, FEDERATED, "FederatedUser", "ASIA2", f"{A}:guest", ALICE_ID, FEDERATED, "ASIA2", maker_arn=ALICE),
    Principal.root(A, "AKIA3"),
    Principal.root(B, "AKIA4"),
    Principal("", "", "Unknown", ""),
    Principal(A, f"arn:aws:sts::{A}:assumed-role/deploy/web", "WebIdentityUser", "", "", "", PROVIDER),
]
PRINCIPALS: list[Any] = [
    "*", {"AWS": "*"}, {"AWS": A}, {"AWS": f"arn:aws:iam::{B}:root"}, {"AWS": ALICE}, {"AWS": BOB}, {"AWS": ROLE}, {"AWS": ROLE}, {"AWS": SESSION},
    {"AWS": FEDERATED}, {"AWS": ALICE_ID}, {"AWS": ROLE_ID}, {"AWS": OLD_ID}, {"AWS": [ALICE, A]}, {"AWS": [ROLE, SESSION]}, {"AWS": [BOB, B]},
    {"Federated": PROVIDER}, {"Federated": "accounts.test.com"}, {"Service": "ecs.amazonaws.com"},
    {"AWS": [FEDERATED, ALICE], "Service": ["ecs.amazonaws.com"], "Federated": PROVIDER},
]  # fmt: skip
ACTIONS = [
    "ecr:PutImage",
    "ecr:PutImage",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "ecr-public:PutImage",
    "iam:GetUser",
]
ACTION_PATTERNS = [
    "*",
    "*",
    "ecr:*",
    "ecr:*",
    "ECR:putIMAGE",
    "ecr:BatchGetImage",
    "ecr:*Get*",
    "ecr:?utImage",
    "ecr:P*e",
    "iam:*",
    "ecr-public:*",
]
RESOURCES = [
    "*",
    *(f"{REPOSITORY}/{name}" for name in ("team/app", "team/a/b", "alice", "alice", "*", "x:y", "${aws:username}", "none")),
]
RESOURCE_PATTERNS = [
    "*", "*", "*", "*", "*", f"{REPOSITORY}/*", f"{REPOSITORY}/team/*", f"{REPOSITORY}/team/?pp", f"{REPOSITORY}/*/a*b", f"{REPOSITORY}/team/app", "arn:aws:*:*:*:*",
    f"arn:aws:ecr:*:{A}:repository/team/*", "arn:aws:ecr:us-east-?:*:repository/*:y", "arn:aws:ecr:us-*:1?1122223333:*", f"arn:aws:e*:us-east-1:{A}:repository/*",
    f"{REPOSITORY}/${{aws:username}}", f"{REPOSITORY}/${{AWS:UserName}}*", f"{REPOSITORY}/*${{aws:username}}", f"{REPOSITORY}/*/${{aws:PrincipalTag/team}}", f"{REPOSITORY}/${{aws:username}}*", f"{REPOSITORY}/${{aws:username}}", f"{REPOSITORY}/${{aws:PrincipalTag/team, 'team'}}/*", f"{REPOSITORY}/${{*}}",
    f"{REPOSITORY}/${{$}}{{aws:username}}", f"{REPOSITORY}/${{aws:username", f"{REPOSITORY}/${{aws:TagKeys}}", f"arn:aws:ecr:${{aws:x}}:{A}:repository/alice",
    f"{REPOSITORY}/te${{aws:PrincipalTag/team}}?pp",
]  # fmt: skip
TEXTS = ["alice", "Alice", "team", "*", "a?", "", "none", "é", "al:ice"]
NAMES = ["alice", "Alice", "team", "*", "*", "a?"]
NUMBERS = ["5", "5.0", "-1", "10", "1e1", "abc", "", "05"]
DATES = [
    "2026-01-01T00:00:00Z",
    "2026-01-01",
    "1767225600",
    "2026-01-01T01:00:00+01:00",
    "2025-12-31T19:00:00-05:00",
    "2025-12",
    "1767225600.5",
    "soon",
    "2026-13-01",
]
ADDRESSES = ["10.1.2.3", "10.1.2.4", "::ffff:10.1.2.3", "2001:db8::1", "192.168.0.1", "localhost"]
NETWORKS = [
    "10.1.2.3",
    "10.0.0.0/8",
    "10.1.2.3/24",
    "2001:db8::/32",
    "::ffff:10.1.2.0/120",
    "0.0.0.0/0",
    "::/0",
    "10.0.0.0/33",
    "here",
]
ARNS = [ALICE, ROLE, f"arn:aws:iam::{A}:root", "arn:aws:s3:::b:c/d", "alice", ""]
ARN_PATTERNS = ["*", ALICE, f"arn:aws:iam::{A}:*", "arn:*:iam::*:user/*", f"arn:aws:iam::{A}:user/team/${{aws:username}}", "arn:aws:s3:::b*", "arn:aws:iam:*",
                "arn:aws:iam::${aws:PrincipalAccount}:role/c?/*", "arn:aws:iam::${aws:absent}:*"]  # fmt: skip
TEXT_PATTERNS = [*TEXTS, "al*", "?lice", "*e*", "${aws:username}", "${aws:username}*", "*${aws:PrincipalTag/team}", "${aws:PrincipalTag/team, 'Alice'}", "${aws:absent}", "${*}", "a${?}", "${aws:TagKeys}",
                 "${$}", "${}", "${aws:username"]  # fmt: skip
BOOLEANS = ["true", "false", "True", "yes"]
BINARIES = ["YWJj", "YWJk", "YWI=", "###"]
FAMILIES: dict[str, tuple[list[str], list[str], list[str]]] = {
    "String": (
        [f"String{name}" for name in ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike")],
        ["aws:username", "aws:PrincipalTag/team", "aws:TagKeys", "aws:absent"],
        TEXT_PATTERNS,
    ),
    "Numeric": (
        [
            f"Numeric{name}"
            for name in ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
        ],
        ["test:number"],
        NUMBERS,
    ),
    "Date": (
        [f"Date{name}" for name in ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")],
        ["aws:CurrentTime"],
        DATES,
    ),
    "Bool": (["Bool"], ["aws:SecureTransport"], BOOLEANS),
    "Binary": (["BinaryEquals"], ["test:binary"], BINARIES),
    "Ip": (["IpAddress", "NotIpAddress"], ["aws:SourceIp"], NETWORKS),
    "Arn": (["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"], ["aws:PrincipalArn"], ARN_PATTERNS),
}
POOLS = {
    "aws:username": NAMES, "aws:principaltag/team": NAMES, "aws:tagkeys": TEXTS, "test:number": NUMBERS, "aws:currenttime": DATES,
    "aws:securetransport": BOOLEANS, "test:binary": BINARIES, "aws:sourceip": ADDRESSES, "aws:principalarn": ARNS, "aws:principalaccount": [A, B],
}  # fmt: skip


def some(values: list[Any], least: int = 1, most: int = 2) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), min_size=least, max_size=most)


def mostly(usual: str, other: str) -> st.SearchStrategy[str]:
    return st.sampled_from([usual] * 5 + [other])


def conditions_of(family: str) -> st.SearchStrategy[tuple[str, str, list[Any]]]:
    """Operator, key and values."""
    operators, keys, values = FAMILIES[family]
    sets, suffixes = ["", "", "ForAllValues:", "ForAnyValue:"], ["", "", "IfExists"]
    names = [f"{over}{operator}{suffix}" for over in sets for operator in operators for suffix in suffixes]
    return st.tuples(st.sampled_from(names), st.sampled_from([*keys, *map(str.upper, keys)]), some(values, 0, 3))


NULLS = st.tuples(
    st.sampled_from(["Null", "ForAnyValue:Null"]), st.sampled_from(["aws:TagKeys", "aws:username"]), some(BOOLEANS, 0, 2)
)
# Strategies are made once: making them costs more than drawing from them.
CONDITIONS = st.one_of(st.just([]), st.just([]), st.lists(st.one_of(*map(conditions_of, FAMILIES), NULLS), max_size=2))


def statement_of(
    effect: str,
    action: str,
    actions: list[str],
    resource: str,
    resources: Any,
    principal: str,
    principals: Any,
    conditions: list[Any],
) -> dict[str, Any]:
    made = {"Effect": effect, action: actions, resource: resources, principal: principals}
    made["Condition"] = {operator: {key: values} for operator, key, values in conditions}
    return {element: value for element, value in made.items() if value}


def documents(*, of_resource: bool, denying: int) -> st.SearchStrategy[Document]:
    """`denying`: of twelve statements so many deny."""
    nothing: st.SearchStrategy[Any] = st.none()
    statements = st.builds(
        statement_of,
        st.sampled_from(["Deny"] * denying + ["Allow"] * (12 - denying)),
        mostly("Action", "NotAction"),
        some(ACTION_PATTERNS),
        mostly("Resource", "NotResource"),
        st.one_of(nothing, some(RESOURCE_PATTERNS)) if of_resource else some(RESOURCE_PATTERNS),
        mostly("Principal", "NotPrincipal"),
        st.sampled_from(PRINCIPALS) if of_resource else nothing,
        CONDITIONS,
    )
    return st.builds(
        document_of, st.sampled_from(["2012-10-17", "2012-10-17", "2008-10-17"]), st.lists(statements, min_size=1, max_size=3)
    )


def document_of(version: str, statements: list[dict[str, Any]]) -> Document:
    return Document.parse(json.dumps({"Version": version, "Statement": statements}))


PLAIN = st.lists(documents(of_resource=False, denying=1), min_size=4, max_size=4)
GUARDING = st.lists(documents(of_resource=True, denying=2), min_size=2, max_size=2)
CONTEXTS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            key: st.one_of(*[st.tuples(st.sampled_from(pool))] * 4, some(pool, 0, 3).map(tuple)) for key, pool in POOLS.items()
        },
    ),
    min_size=2,
    max_size=2,
)
BOUND = [{}, {}, {ALICE: ALICE_ID, ROLE: ROLE_ID}, {ALICE: OLD_ID, ROLE: OLD_ID}]
CASES_IN_ONE = 12


SEEDS = st.integers(0, 2**32)


@st.composite
def cases(draw: st.DrawFn) -> list[Case]:
    """Some documents and contexts, dealt out in many ways."""
    deal, plain, guarding, known = Random(draw(SEEDS)), draw(PLAIN), draw(GUARDING), draw(CONTEXTS)

    def limit(often: float) -> Documents | None:
        return deal.sample(plain, deal.choice([0, 1, 1, 2])) if deal.random() < often else None

    return [
        Case(
            principal=deal.choice(CALLERS),
            action=deal.choice(ACTIONS),
            resource=deal.choice(RESOURCES),
            context=deal.choice(known),
            owner=deal.choice([A, A, B]),
            identity=deal.sample(plain, deal.choice([0, 1, 1, 2])),
            boundary=limit(0.3),
            session=limit(0.3),
            control=limit(0.12),
            owners=deal.sample(guarding, deal.choice([0, 1, 1, 2])),
            trust=deal.random() < 0.25,
            bound=deal.choice(BOUND),
        )
        for _ in range(CASES_IN_ONE)
    ]
