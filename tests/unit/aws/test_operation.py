from typing import Any, cast

import pytest

from moorage.aws.model import Service
from moorage.aws.operation import Dispatcher, Entry, Mode, Requires, UnknownOperationError, operation
from moorage.aws.requirements import AnyCaller, Need, Open, OperationTableError
from moorage.core.call import Requirement
from moorage.core.errors import InvalidParameterError

SERVICE = Service("ecr")


def either(params: dict[str, Any]) -> tuple[Requirement, ...]:
    create = Requirement(("ecr:CreateRepository",))
    return (create, Requirement(("ecr:TagResource",))) if params.get("tags") else (create,)


class Repositories:
    """Stands for a room's operations."""

    def __init__(self) -> None:
        self.calls: list[object] = []

    @property
    def looked_at(self) -> bool:
        raise AssertionError("collecting operations reads no properties")

    @operation("CreateRepository", requires=either, mode="write")
    def create(self, tx: object, call: object, params: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((tx, call))
        return {"repository": {"repositoryName": params["repositoryName"]}}

    @operation("DescribeRepositories", requires=(Requirement(("ecr:DescribeRepositories",), "repositories"),), mode="read")
    def describe(self, tx: object, call: object, params: dict[str, Any]) -> dict[str, Any]:
        return {"repositories": []}


class Others:
    @operation("TagResource", requires=(Requirement(("ecr:TagResource",)),), mode="write")
    def tag(self, tx: object, call: object, params: dict[str, Any]) -> None:
        return None

    @operation("GetAuthorizationToken", requires=(Requirement(("ecr:GetAuthorizationToken",), "*"),), mode="own")
    def token(self, work: object, call: object, params: dict[str, Any]) -> dict[str, Any]:
        return {}

    @operation("PutImage", requires=(Requirement(("ecr:PutImage", "ecr:ReplicateImage"), any_of=True),), mode="own")
    def put(self, work: object, call: object, params: dict[str, Any]) -> dict[str, Any]:
        return {}


def dispatcher() -> Dispatcher:
    return Dispatcher(SERVICE, (Repositories(), Others()))


def test_a_request_is_decoded_called_and_encoded_by_the_model() -> None:
    room = Repositories()
    entry = Dispatcher(SERVICE, [room]).find("CreateRepository")
    params = entry.decode(b'{"repositoryName": "team/app", "later": 1}')
    assert params == {"repositoryName": "team/app"}
    assert entry.encode(entry.method("tx", "call", params)) == b'{"repository":{"repositoryName":"team/app"}}'
    assert room.calls == [("tx", "call")]
    with pytest.raises(InvalidParameterError):
        entry.decode(b"{}")


def test_the_table_knows_what_is_implemented_and_how_it_wants_to_be_called() -> None:
    table = dispatcher()
    table.check()
    assert table.names() == {"CreateRepository", "DescribeRepositories", "TagResource", "GetAuthorizationToken", "PutImage"}
    assert [table.find(name).mode for name in ("CreateRepository", "DescribeRepositories", "PutImage")] == [
        "write",
        "read",
        "own",
    ]
    assert dispatcher().find("TagResource").encode(None) == b"{}"


@pytest.mark.parametrize("name", ["DeleteRepository", "LaunchRocket", "", "x" * 10_000])
def test_what_is_not_implemented_is_an_unknown_operation(name: str) -> None:
    with pytest.raises(UnknownOperationError) as caught:
        dispatcher().find(name)
    assert (caught.value.aws_code, caught.value.aws_status) == ("UnknownOperationException", 404)
    assert len(caught.value.message) < 300


def needs(name: str, params: dict[str, Any]) -> tuple[Need, ...]:
    return dispatcher().find(name).requirements(params)


def test_requirements_name_the_repositories_of_the_request() -> None:
    assert needs("CreateRepository", {"repositoryName": "ab"}) == (Need(("ecr:CreateRepository",), False, ("ab",)),)
    assert needs("CreateRepository", {"repositoryName": "ab", "tags": [{}]})[1] == Need(("ecr:TagResource",), False, ("ab",))
    assert needs("GetAuthorizationToken", {}) == (Need(("ecr:GetAuthorizationToken",), False, (), "*"),)
    assert needs("PutImage", {"repositoryName": "ab"}) == (Need(("ecr:PutImage", "ecr:ReplicateImage"), True, ("ab",)),)


def test_a_listing_without_names_needs_every_repository() -> None:
    assert needs("DescribeRepositories", {"repositoryNames": ["ab", "cd"]})[0].names == ("ab", "cd")
    assert needs("DescribeRepositories", {})[0].names == ("*",)


def test_an_arn_names_the_repository_and_its_registry() -> None:
    params = {"resourceArn": "arn:aws:ecr:us-east-1:210987654321:repository/team/app", "tags": []}
    assert needs("TagResource", params) == (Need(("ecr:TagResource",), False, ("team/app",)),)
    entry = dispatcher().find("TagResource")
    assert entry.registry_id(params) == "210987654321"
    assert entry.registry_id({"registryId": "123456789012"}) == "123456789012"
    assert entry.registry_id({}) is None


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "team/app",
        "arn:aws:ecr:us-east-1:1:repository/ab",
        "arn:aws:s3:us-east-1:210987654321:repository/ab",
        "arn:aws:ecr:us-east-1:210987654321:repository/*",
        "arn:aws:ecr:us-east-1:210987654321:repository/",
        "arn:aws:ecr:us-east-1:210987654321:repository/ab\n",
    ],
)
def test_an_arn_that_names_no_repository_is_refused_in_ecr_s_words(arn: str) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        needs("TagResource", {"resourceArn": arn})
    assert caught.value.message == "Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'"


class Users:
    """Stands for IAM's rooms."""

    def tags(self, database: object, call: object, params: dict[str, Any]) -> list[dict[str, tuple[str, ...]]]:
        return [{"moorage:imagetag": (str(database),)}]

    @operation(
        "CreateUser",
        requires=(Requirement(("iam:CreateUser",), "user"),),
        mode="write",
        context=lambda params: {f"aws:RequestTag/{tag['Key']}": (tag["Value"],) for tag in params.get("Tags", ())},
        context_from=lambda tx, call, params: {"iam:PermissionsBoundary": (tx,)},
        subjects=tags,
    )
    def create(self, tx: object, call: object, params: dict[str, Any]) -> None:
        return None

    @operation("GetUser", requires=(Requirement(("iam:GetUser",), "user"),), mode="read")
    def get(self, tx: object, call: object, params: dict[str, Any]) -> None:
        return None

    @operation("CreateAccessKey", requires=(Requirement(("iam:CreateAccessKey",), "user"),), mode="write")
    def create_key(self, tx: object, call: object, params: dict[str, Any]) -> None:
        return None

    @operation("CreatePolicy", requires=(Requirement(("iam:CreatePolicy",), "policy"),), mode="write")
    def create_policy(self, tx: object, call: object, params: dict[str, Any]) -> None:
        return None


IAM = Dispatcher(Service("iam"), [Users()])


@pytest.mark.parametrize(
    ("name", "params", "names", "kind", "path"),
    [
        ("CreateUser", {"UserName": "ann", "Path": "/team/"}, ("ann",), "user", "/team/"),
        ("CreateUser", {"UserName": "ann"}, ("ann",), "user", "/"),
        ("GetUser", {"UserName": "ann"}, ("ann",), "user", None),
        ("GetUser", {}, ("",), "user", None),
        ("CreateAccessKey", {"UserName": "ann"}, ("ann",), "user", None),
        ("CreatePolicy", {"PolicyName": "pull"}, ("pull",), "policy", "/"),
    ],
)
def test_what_an_operation_of_iam_acts_on_is_what_its_request_names(
    name: str, params: dict[str, str], names: tuple[str, ...], kind: str, path: str | None
) -> None:
    (need,) = IAM.find(name).requirements(params)
    assert (need.names, need.kind, need.path) == (names, kind, path)


def test_an_operation_fills_context_keys_in_lower_case() -> None:
    entry = IAM.find("CreateUser")
    assert entry.context({"Tags": [{"Key": "Team", "Value": "Core"}]}) == {"aws:requesttag/team": ("Core",)}
    both = [{"Key": "Team", "Value": "Core"}, {"Key": "team", "Value": "Web"}]
    assert entry.context({"Tags": both}) == {"aws:requesttag/team": ("Core", "Web")}
    assert entry.context_from is not None
    assert entry.context_from("b", None, {}) == {"iam:permissionsboundary": ("b",)}
    assert entry.subjects is not None
    assert entry.subjects("db", None, {}) == [{"moorage:imagetag": ("db",)}]


def test_an_operation_that_fills_nothing_has_an_empty_context() -> None:
    entry = IAM.find("GetUser")
    assert (entry.context({}), entry.context_from, entry.subjects) == ({}, None, None)


def room(name: str, requires: Requires, mode: str = "read") -> object:
    class Room:
        @operation(name, requires=requires, mode=cast("Mode", mode))
        def method(self, tx: object, call: object, params: dict[str, Any]) -> None:
            return None

    return Room()


GOOD = (Requirement(("ecr:PutImage",)),)


@pytest.mark.parametrize(
    ("rooms", "text"),
    [
        ([room("LaunchRocket", GOOD)], "ecr has no operation LaunchRocket."),
        ([room("PutImage", GOOD), room("PutImage", GOOD)], "PutImage is implemented twice."),
        ([room("PutImage", ())], "PutImage requires nothing."),
        ([room("PutImage", GOOD, "sometimes")], "PutImage has an unknown mode."),
        ([room("PutImage", (Requirement(()),))], "PutImage requires malformed actions ()."),
        ([room("PutImage", (Requirement(("PutImage",)),))], "PutImage requires malformed actions ('PutImage',)."),
        ([room("PutImage", (Requirement(("ecr:*",)),))], "PutImage requires malformed actions ('ecr:*',)."),
        (
            [room("PutImage", (Requirement(("ecr:PutImage",), "bucket"),))],
            "PutImage requires an unknown kind of resource 'bucket'.",
        ),
        ([room("DescribeRegistry", GOOD)], "DescribeRegistry has no member that names its repository."),
        ([room("PutImage", (Requirement(("ecr:A",), "repositories"),))], "PutImage has no member that names its repositories."),
    ],
)
def test_a_table_that_contradicts_the_model_is_refused_at_the_first_use(rooms: list[object], text: str) -> None:
    table = Dispatcher(SERVICE, rooms)
    with pytest.raises(OperationTableError, match="^" + text.replace("(", r"\(").replace(")", r"\)").replace("*", r"\*")):
        table.check()
    with pytest.raises(OperationTableError):
        table.find("PutImage")


@pytest.mark.parametrize("found", [(), (Requirement(("nonsense",)),), (Requirement(("ecr:PutImage",), "bucket"),)])
def test_a_function_that_requires_nothing_sensible_opens_no_door(found: tuple[Requirement, ...]) -> None:
    entry = Dispatcher(SERVICE, [room("PutImage", lambda _: found)]).find("PutImage")
    with pytest.raises(OperationTableError):
        entry.requirements({"repositoryName": "ab"})


def test_entries_are_values() -> None:
    entry = dispatcher().find("PutImage")
    assert isinstance(entry, Entry)
    with pytest.raises(AttributeError):
        entry.mode = "read"  # type: ignore[misc]


class Tokens:
    @operation("AssumeRoleWithWebIdentity", requires=Open("the token proves who asks"), mode="own")
    def assume(self, database: object, call: object, params: dict[str, Any]) -> dict[str, Any]:
        return {}

    @operation("GetCallerIdentity", requires=AnyCaller("it says only who asks"), mode="plain")
    def who(self, call: object, params: dict[str, Any]) -> dict[str, Any]:
        return {}


def test_only_what_says_so_is_open() -> None:
    table = Dispatcher(Service("sts"), [Tokens()])
    table.check()
    assert table.open_names() == {"AssumeRoleWithWebIdentity"}
    assert table.find("AssumeRoleWithWebIdentity").requirements({}) == ()
    assert dispatcher().open_names() == frozenset()
