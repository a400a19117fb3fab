"""Every example that botocore ships, carried out: the answers have the members that it shows."""

import re
from typing import Any

import pytest

from moorage.app import operation_names
from tests.contract.aws.botocore_data import examples
from tests.contract.aws.door import ACCOUNT, Door
from tests.e2e.images import digest, small

_IMPLEMENTED = {*operation_names("ecr")}
_EXAMPLES = [(name, example) for name, made in sorted(examples().items()) for example in made]
_CONTENT = small("precise")
_THEIR_ACCOUNT = re.compile(r"(?<![0-9])[0-9]{12}(?![0-9])")


def _prepare(door: Door, client: Any, operation: str) -> None:
    """The repository that the examples speak of, in a registry of its own."""
    door.call("CreateRepository", client, repositoryName="ubuntu")
    door.push("ubuntu", _CONTENT, "precise", client=client)
    if operation == "DescribeRepositories":
        door.call("CreateRepository", client, repositoryName="test")
    if operation.endswith("RepositoryPolicy") and operation != "SetRepositoryPolicy":
        text = examples()["GetRepositoryPolicy"][0]["output"]["policyText"]
        door.call("SetRepositoryPolicy", client, repositoryName="ubuntu", policyText=text)


def _by_name(value: Any) -> Any:
    """The order of repositories is nobody's promise."""
    if isinstance(value, dict) and isinstance(value.get("repositories"), list):
        return {**value, "repositories": sorted(value["repositories"], key=lambda each: str(each["repositoryName"]))}
    return value


def _assert_alike(shown: Any, found: Any, region: str, path: str) -> None:
    """Whether the answer has every member that the example shows, of its kind, and its value where that is the example's."""
    if isinstance(shown, dict):
        assert shown.keys() <= found.keys(), path
        for name, value in shown.items():
            _assert_alike(value, found[name], region, f"{path}.{name}")
    elif isinstance(shown, list):
        assert isinstance(found, list) and len(found) == len(shown), path
        for number, (theirs, ours) in enumerate(zip(shown, found, strict=True)):
            _assert_alike(theirs, ours, region, f"{path}[{number}]")
    elif path.endswith("imageDigest"):
        assert found == _CONTENT.digest, path
    elif path.endswith("imageManifest"):
        assert digest(found.encode()) == _CONTENT.digest, path
    elif path.endswith("policyText"):
        assert isinstance(found, str) and found.startswith("{"), path
    else:
        assert found == _THEIR_ACCOUNT.sub(ACCOUNT, str(shown)).replace("us-west-2", region), path


@pytest.mark.parametrize(("operation", "example"), _EXAMPLES, ids=[f"{name}-{example['id']}" for name, example in _EXAMPLES])
def test_an_example_is_answered_as_it_shows(door: Door, region: str, operation: str, example: dict[str, Any]) -> None:
    client = door.client(region)
    if operation not in _IMPLEMENTED:
        with pytest.raises(client.exceptions.ClientError, match="UnknownOperationException"):
            door.call(operation, client, **example["input"])
        return
    _prepare(door, client, operation)
    found = door.call(operation, client, **example["input"])
    _assert_alike(_by_name(example["output"]), _by_name(found), region, operation)
