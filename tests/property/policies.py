"""Strategies: documents, callers, requests. Their pools are small, so that what is asked often meets what is written."""

import json
from random import Random
from typing import Any

from hypothesis import strategies as st

from moorage.core.call import Principal
from moorage.iam.document import Document
from tests.property.obvious import Case, Context, Documents

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
    Principal(A, FEDERATED, "FederatedUser", "ASIA2", f"{A}:guest", ALICE_ID, FEDERATED, "ASIA2"),
    Principal.root(A, "AKIA3"),
    Principal.root(B, "AKIA4"),
    Principal("", "", "Unknown", ""),
    Principal(A, f"arn:aws:sts::{A}:assumed-role/deploy/web", "WebIdentityUser", "", "", "", PROVIDER),
]
PRINCIPALS: list[Any] = [
    "*", {"AWS": "*"}, {"AWS": A}, {"AWS": f"arn:aws:iam::{B}:root"}, {"AWS": ALICE}, {"AWS": BOB}, {"AWS": ROLE}, {"AWS": SESSION},
    {"AWS": FEDERATED}, {"AWS": ALICE_ID}, {"AWS": ROLE_ID}, {"AWS": OLD_ID}, {"AWS": [ALICE, A]}, {"AWS": [ROLE, SESSION]}, {"AWS": [BOB, B]},
    {"Federated": PROVIDER}, {"Federated": "accounts.test.com"}, {"Service": "ecs.amazonaws.com"},
    {"AWS": [FEDERATED, ALICE], "Service": ["ecs.amazonaws.com"], "Federated": PROVIDER},
]  # fmt: skip
ACTIONS = ["ecr:PutImage", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr-public:PutImage", "iam:GetUser"]
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
    *(f"{REPOSITORY}/{name}" for name in ("team/app", "team/a/b", "alice", "*", "x:y", "${aws:username}", "none")),
]
RESOURCE_PATTERNS = [
    "*", "*", f"{REPOSITORY}/*", f"{REPOSITORY}/team/*", f"{REPOSITORY}/team/?pp", f"{REPOSITORY}/*/a*b", f"{REPOSITORY}/team/app", "arn:aws:*:*:*:*",
    f"arn:aws:ecr:*:{A}:repository/team/*", "arn:aws:ecr:us-east-?:*:repository/*:y", "arn:aws:ecr:us-*:1?1122223333:*", f"arn:aws:e*:us-east-1:{A}:repository/*",
    f"{REPOSITORY}/${{aws:username}}", f"{REPOSITORY}/${{AWS:UserName}}*", f"{REPOSITORY}/${{aws:PrincipalTag/team, 'team'}}/*", f"{REPOSITORY}/${{*}}",
    f"{REPOSITORY}/${{$}}{{aws:username}}", f"{REPOSITORY}/${{aws:username", f"{REPOSITORY}/${{aws:TagKeys}}", f"arn:aws:ecr:${{aws:x}}:{A}:repository/alice",
    f"{REPOSITORY}/te${{aws:PrincipalTag/team}}?pp",
]  # fmt: skip
TEXTS = ["alice", "Alice", "team", "*", "a?", "", "none", "é", "al:ice"]
NUMBERS = ["5", "5.0", "-1", "10", "1e1", "abc", "", "05"]
DATES = [
    "2026-01-01T00:00:00Z",
    "2026-01-01",
    "1767225600",
    "2026-01-01T01:00:00+01:00",
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
TEXT_PATTERNS = [*TEXTS, "al*", "?lice", "*e*", "${aws:username}", "${aws:username}*", "${aws:PrincipalTag/team, 'Alice'}", "${aws:absent}", "${*}", "a${?}", "${aws:TagKeys}",
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
    "aws:username": TEXTS, "aws:principaltag/team": TEXTS, "aws:tagkeys": TEXTS, "test:number": NUMBERS, "aws:currenttime": DATES,
    "aws:securetransport": BOOLEANS, "test:binary": BINARIES, "aws:sourceip": ADDRESSES, "aws:principalarn": ARNS, "aws:principalaccount": [A, B],
}  # fmt: skip


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    operators, keys, values = FAMILIES[draw(st.sampled_from(list(FAMILIES)))]
    key = draw(st.sampled_from(keys))
    prefix = draw(st.sampled_from(["", "", "ForAllValues:", "ForAnyValue:"]))
    if draw(st.integers(0, 7)) == 0:
        return {f"{prefix}Null": {key: draw(st.lists(st.sampled_from(BOOLEANS), max_size=2))}}
    name = draw(st.sampled_from(operators)) + draw(st.sampled_from(["", "", "IfExists"]))
    return {prefix + name: {draw(st.sampled_from([key, key.upper()])): draw(st.lists(st.sampled_from(values), max_size=3))}}


def some(values: list[Any]) -> st.SearchStrategy[Any]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=2)


@st.composite
def statements(draw: st.DrawFn, of_resource: bool, resources: bool, deny: int) -> dict[str, Any]:
    """`deny`: of twelve statements so many deny."""
    made: dict[str, Any] = {"Effect": "Deny" if draw(st.integers(0, 11)) < deny else "Allow"}
    made[draw(st.sampled_from(["Action"] * 5 + ["NotAction"]))] = draw(some(ACTION_PATTERNS))
    if resources:
        made[draw(st.sampled_from(["Resource"] * 5 + ["NotResource"]))] = draw(some(RESOURCE_PATTERNS))
    if of_resource:
        made[draw(st.sampled_from(["Principal"] * 5 + ["NotPrincipal"]))] = draw(st.sampled_from(PRINCIPALS))
    joined: dict[str, Any] = {}
    for condition in draw(st.lists(conditions(), max_size=2)) if draw(st.booleans()) else []:
        joined |= condition
    return {**made, "Condition": joined} if joined else made


@st.composite
def documents(draw: st.DrawFn, of_resource: bool = False, resources: bool = True, deny: int = 1) -> Document:
    listed = draw(st.lists(statements(of_resource, resources, deny), min_size=1, max_size=3))
    version = draw(st.sampled_from(["2012-10-17", "2012-10-17", "2008-10-17"]))
    return Document.parse(json.dumps({"Version": version, "Statement": listed}))


BOUND = [{}, {}, {ALICE: ALICE_ID, ROLE: ROLE_ID}, {ALICE: OLD_ID, ROLE: OLD_ID}]
CASES_IN_ONE = 20


@st.composite
def contexts(draw: st.DrawFn) -> Context:
    keys = draw(st.sets(st.sampled_from(list(POOLS)), max_size=len(POOLS)))
    many = st.integers(0, 9)
    found: Context = {}
    for key in sorted(keys):
        count = {0: 0, 1: 2, 2: 3}.get(draw(many), 1)
        found[key] = tuple(draw(st.sampled_from(POOLS[key])) for _ in range(count))
    return found


@st.composite
def cases(draw: st.DrawFn) -> list[Case]:
    """Some documents and contexts, dealt out in many ways."""
    deal = Random(draw(st.integers(0, 2**32)))
    plain = draw(st.lists(documents(), min_size=4, max_size=4))
    guarding = draw(st.lists(documents(True, draw(st.booleans()), 2), min_size=2, max_size=2))
    known = draw(st.lists(contexts(), min_size=2, max_size=2))

    def limit() -> Documents | None:
        return deal.sample(plain, deal.choice([0, 1, 1, 2])) if deal.random() < 0.2 else None

    return [
        Case(
            principal=deal.choice(CALLERS),
            action=deal.choice(ACTIONS),
            resource=deal.choice(RESOURCES),
            context=deal.choice(known),
            owner=deal.choice([A, A, B]),
            identity=deal.sample(plain, deal.choice([0, 1, 2])),
            boundary=limit(),
            session=limit(),
            control=limit(),
            owners=deal.sample(guarding, deal.choice([0, 1, 1, 2])),
            trust=deal.random() < 0.25,
            bound=deal.choice(BOUND),
        )
        for _ in range(CASES_IN_ONE)
    ]
