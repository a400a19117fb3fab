"""What `POST /api/v1/iam/explain` says of every entry is what its door answers."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.authorization.matrix import Matrix
from tests.authorization.people import People, Person, new_account, token_of
from tests.authorization.personas import LISTS, READ_ONLY, Persona
from tests.authorization.place import ACCOUNT, ROOT, Answer, Ask, Keys, operation
from tests.authorization.requirements import LINES, Line, Need

ASKED = tuple(line for line in LINES if line.needs)
"""Nothing is asked for the others, so there is nothing to be explained."""
_MOUNT = "[oci] POST uploads+mount"
_DENIALS = {"AccessDenied", "AccessDeniedException", "DENIED"}
_OF_AWS = "arn:aws:iam::aws:policy/AdministratorAccess"
_OF_POLICIES: Mapping[str, Mapping[str, str]] = {
    "CreatePolicyVersion": {"PolicyDocument": "no policy"},
    "DeletePolicy": {},
    "DeletePolicyVersion": {"VersionId": "v1"},
    "GetPolicy": {},
    "ListPolicyTags": {},
    "SetDefaultPolicyVersion": {"VersionId": "v1"},
    "TagPolicy": {"Tags.member.1.Key": "team", "Tags.member.1.Value": "a"},
    "UntagPolicy": {"TagKeys.member.1": "team"},
}


@pytest.fixture(scope="module")
def people(matrix: Matrix) -> list[tuple[Person, Keys, str]]:
    """Who asks, the root that asks for the explanation, and their account."""
    other, keys = new_account(matrix.place)
    made = People(matrix.place)
    roots = [(ACCOUNT, ROOT), (other, keys)]
    found = [(_root(matrix, account, each), each, account) for account, each in roots]
    personas = Persona("explained-read-only", READ_ONLY), Persona("explained-without")
    return found + [(made.make(persona), ROOT, ACCOUNT) for persona in personas]


def _root(matrix: Matrix, account: str, keys: Keys) -> Person:
    arn = f"arn:aws:iam::{account}:root"
    return Person(Persona(f"root-of-{account}"), arn, keys, token_of(matrix.place, keys), arn)


@pytest.mark.parametrize("line", ASKED, ids=str)
def test_an_explanation_says_what_the_door_answers(matrix: Matrix, people: list[tuple[Person, Keys, str]], line: Line) -> None:
    for person, by, account in people:
        needs = line.needs[:1] if str(line) == _MOUNT else line.needs  # a mount that is refused is an ordinary upload
        refusals = (_refusal(matrix, person, by, need, _resource(matrix, line, person, account, need)) for need in needs)
        expected = next(filter(None, refusals), "")
        answer = matrix.answer(line, person)
        if account != ACCOUNT and any(_is_foreign(matrix, line, person, account, need) for need in needs):
            # What the owner says is not told; what the asker's own side refuses is refused. A role of another account cannot
            # be passed in any case, which the door says in words of its own.
            assert not expected or _denial(answer) or answer.status == 403 or "iam:PassRole" in expected, (person.arn, answer)
        elif line.entry.startswith("HEAD"):
            assert (answer.status == 403) is bool(expected), (person.arn, expected, answer)
        else:
            assert _denial(answer) == expected, (person.arn, answer)


@pytest.mark.parametrize("name", _OF_POLICIES)
def test_of_awss_own_policies_too(matrix: Matrix, people: list[tuple[Person, Keys, str]], name: str) -> None:
    for person, by, _ in people:
        assert person.keys is not None
        answer = matrix.place.ask(operation("iam", name, {"PolicyArn": _OF_AWS, **_OF_POLICIES[name]}), person.keys)
        assert _denial(answer) == _refusal(matrix, person, by, Need((f"iam:{name}",), "policy"), _OF_AWS), person.arn


def _resource(matrix: Matrix, line: Line, person: Person, account: str, need: Need) -> str:
    """What the request names: where it cannot name another account's, the caller's own."""
    found = matrix.arn(line, person, need.resource)
    reaches = line.section == "oci" or f"{line.section} {line.entry}" in LISTS["reaches another account"]
    by_arn = need.resource == "role" and line.section == "ecr"
    return found if reaches or by_arn else found.replace(ACCOUNT, account)


def _is_foreign(matrix: Matrix, line: Line, person: Person, account: str, need: Need) -> bool:
    """Whether the resource is another account's."""
    return f":{account}:" not in _resource(matrix, line, person, account, need) and need.resource != "*"


def _denial(answer: Answer) -> str:
    """The text of a refusal by policies; empty for whatever else came."""
    code, message = answer.error
    return message if code in _DENIALS else ""


def _refusal(matrix: Matrix, person: Person, by: Keys, need: Need, resource: str) -> str:
    """What the explanations of a need's actions say that the caller is told; empty where it may."""
    told = [_explained(matrix, person, by, action, resource)["message"] for action in need.actions]
    refused = [each for each in told if each]
    return str(refused[0]) if refused and (not need.any_of or len(refused) == len(told)) else ""


def _explained(matrix: Matrix, person: Person, by: Keys, action: str, resource: str) -> Mapping[str, Any]:
    body = json.dumps({"principal": person.arn, "action": action, "resource": resource}).encode()
    ask = Ask("POST", "/api/v1/iam/explain", headers={"Content-Type": "application/json"}, body=body, service="moorage")
    answer = matrix.place.ask(ask, by)
    assert answer.status == 200, answer
    return answer.document
