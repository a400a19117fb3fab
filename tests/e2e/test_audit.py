"""What pushes, pulls and refusals leave in the record: who, from where, what, on what, and what allowed or denied it."""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.api import Api
from tests.e2e.http import push
from tests.e2e.images import small
from tests.e2e.people import DEFAULT, OTHER, PULL, PUSH, Town, allow, arn_of, deny
from tests.e2e.server import Server
from tests.e2e.test_api_commands import key_of, run

pytestmark = pytest.mark.ours

Record = dict[str, Any]


@pytest.fixture(scope="module")
def town(connection: str) -> Iterator[Town]:
    """An installation of two accounts."""
    root = Path(tempfile.mkdtemp(prefix="mo-"))
    server = Server(root / "data", connection).named("localhost")
    server.start()
    opened = Town(server)
    yield opened
    opened.close()
    server.stop()
    shutil.rmtree(root, ignore_errors=True)


def records(api: Api, seconds: float = 3, path: str = "/audit", **query: str) -> list[Record]:
    """What is in the record once it is settled: reads come a second later."""
    time.sleep(seconds)
    return list(api.entries(path, "events", 1000, **query))


def about(town: Town, repository: str, seconds: float = 3) -> list[Record]:
    """The default account's records about a repository, oldest first."""
    return records(Api(town.server.host), seconds, resource=arn_of(repository))[::-1]


def in_file(town: Town) -> list[Record]:
    """What the file has."""
    return [json.loads(line) for line in (town.server.data / "audit" / "audit.jsonl").read_text().splitlines()]


def test_a_push_and_a_pull_say_who_and_what_and_which_statement(town: Town) -> None:
    name = town.repository()
    pusher = town.person(allow(PUSH, arn_of(name), Sid="Push"))
    puller = town.person(allow(PULL, arn_of(name), Sid="Pull"))
    content = small("audited")
    push(pusher.sign_in(), name, content, "1.0")
    session = puller.sign_in()
    for _ in range(5):  # from the third on the answer is known before the request is parsed
        assert session.get(f"/v2/{name}/manifests/1.0", headers={"User-Agent": "docker/28"}).status_code == 200
    assert session.get(f"/v2/{name}/manifests/{content.digest}", headers={"User-Agent": "docker/28"}).status_code == 200
    found = about(town, name)
    assert {each["sourceIPAddress"] for each in found} == {"127.0.0.1"}
    assert all("errorCode" not in each for each in found)

    pushed = [each for each in found if each["eventName"] == "PutImage"]
    assert [each["requestParameters"] for each in pushed] == [
        {"repositoryName": name, "imageDigest": content.digest},
        {"repositoryName": name, "imageTag": "1.0"},
    ]
    assert pushed[0]["userIdentity"] == {
        "type": "IAMUser",
        "principalId": pushed[0]["userIdentity"]["principalId"],
        "arn": pusher.arn,
        "accountId": DEFAULT,
        "accessKeyId": pusher.key.id,
        "userName": pusher.name,
    }
    assert pushed[0]["userIdentity"]["principalId"].startswith("AIDA")
    assert decided(pushed[0]) == ("allowed", "identity-based policy", ["own#Push"])
    assert pushed[0]["resources"] == [{"ARN": arn_of(name), "accountId": DEFAULT, "type": "AWS::ECR::Repository"}]

    pulled = [each for each in found if each["eventName"] == "BatchGetImage"]
    counts = {"imageTag": 0, "imageDigest": 0}
    for each in pulled:
        assert (each["userIdentity"]["arn"], each["userAgent"], each["readOnly"]) == (puller.arn, "docker/28", True)
        assert decided(each) == ("allowed", "identity-based policy", ["own#Pull"])
        (image,) = each["requestParameters"]["imageIds"]
        assert image in ({"imageTag": "1.0"}, {"imageDigest": content.digest})
        counts[next(iter(image))] += each["additionalEventData"].get("count", 1)
    assert counts == {"imageTag": 5, "imageDigest": 1}


def decided(record: Record) -> tuple[str, str, list[str]]:
    ruling = record["additionalEventData"]["authorization"]
    return ruling["outcome"], ruling["by"], ruling["statements"]


def test_a_refusal_says_what_was_told_and_which_statement_denied_it(town: Town) -> None:
    name = town.repository()
    nobody = town.person()
    denied = town.person(allow("ecr:*"), deny("ecr:BatchGetImage", arn_of(name), Sid="NotThis"))
    for person in (nobody, denied):
        assert person.sign_in().get(f"/v2/{name}/manifests/1").status_code == 403
        with pytest.raises(Exception, match="AccessDenied"):
            person.client().batch_get_image(repositoryName=name, imageIds=[{"imageTag": "1"}])
    found = [each for each in about(town, name) if each["eventName"] == "BatchGetImage"]
    assert {(each["errorCode"], each["additionalEventData"]["protocol"]) for each in found} == {
        ("DENIED", "oci"),
        ("AccessDeniedException", "aws"),
    }
    for each in found:
        mine = each["userIdentity"]["arn"] == nobody.arn
        assert decided(each)[0] == ("implicitDeny" if mine else "explicitDeny")
        assert decided(each)[2] == ([] if mine else ["own#NotThis"])
        assert each["errorMessage"].startswith(f"User: {each['userIdentity']['arn']} is not authorized to perform: ecr:Batch")
        assert each["requestParameters"]["imageIds"] == [{"imageTag": "1"}]


def test_changes_of_iam_are_recorded_with_their_parameters_but_for_secrets(town: Town) -> None:
    person = town.person()
    town.iam.create_login_profile(UserName=person.name, Password="canary-Pass-1234")
    found = records(Api(town.server.host), 0, event_source="iam.amazonaws.com")
    mine = {each["eventName"]: each for each in found if each["requestParameters"].get("userName") == person.name}
    assert {"CreateUser", "CreateAccessKey", "PutUserPolicy", "CreateLoginProfile"} <= mine.keys()
    assert mine["CreateLoginProfile"]["requestParameters"]["password"] == "HIDDEN_DUE_TO_SECURITY_REASONS"
    assert mine["PutUserPolicy"]["requestParameters"]["policyName"] == "token"
    assert mine["CreateLoginProfile"]["resources"] == [{"ARN": person.arn, "accountId": DEFAULT, "type": "AWS::IAM::User"}]


def test_a_call_of_another_account_is_in_both_records(town: Town) -> None:
    name = town.repository()
    foreigner = town.person(allow("ecr:*"), account=OTHER)
    statement = {"Sid": "Them", **allow(list(PULL)), "Principal": {"AWS": foreigner.arn}}
    del statement["Resource"]
    town.ecr.set_repository_policy(
        repositoryName=name, policyText=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    push(town.root_session(), name, small("shared"), "1")
    assert foreigner.sign_in(DEFAULT).get(f"/v2/{name}/manifests/1").status_code == 200
    (owners,) = [each for each in about(town, name) if each["userIdentity"].get("accountId") == OTHER]
    (callers,) = records(other(town), 0, resource=arn_of(name))
    assert owners["sharedEventID"] == callers["sharedEventID"] and owners["eventID"] != callers["eventID"]
    assert (owners["recipientAccountId"], callers["recipientAccountId"]) == (DEFAULT, OTHER)
    assert owners["userIdentity"] == {
        "type": "AWSAccount",
        "principalId": callers["userIdentity"]["principalId"],
        "arn": foreigner.arn,
        "accountId": OTHER,
    }
    assert callers["userIdentity"]["accessKeyId"] == foreigner.key.id
    allowed = ("allowed", "resource-based policy")
    assert decided(owners) == (*allowed, ["repository-policy#Them"])
    assert decided(callers) == (*allowed, ["own#1"])


def other(town: Town) -> Api:
    return Api(town.server.host, town.other_root)


def test_an_account_sees_its_own_records_and_operators_all(town: Town) -> None:
    assert other(town).ask("GET", "/tokens").status == 200
    own = records(other(town))
    assert own and {each["recipientAccountId"] for each in own} == {OTHER}
    refused = other(town).ask("GET", "/audit/all")
    assert refused.status == 403 and "moorage:LookupAllEvents" in refused.document["message"]
    everything = records(Api(town.server.host), 0, "/audit/all")
    assert {DEFAULT, OTHER} <= {each.get("recipientAccountId") for each in everything}
    theirs = records(Api(town.server.host), 0, "/audit/all", account=OTHER)
    assert {each["eventID"] for each in own} <= {each["eventID"] for each in theirs}


def test_whoever_may_not_look_is_refused_and_that_is_recorded(town: Town) -> None:
    person = town.person()
    assert person.api().ask("GET", "/audit").status == 403
    with pytest.raises(Exception, match="is not authorized to perform: cloudtrail:LookupEvents"):
        town.client("cloudtrail", person.key).lookup_events()
    found = records(Api(town.server.host), username=person.name, event_name="LookupEvents")
    assert {each["eventSource"] for each in found} == {"moorage", "cloudtrail.amazonaws.com"}
    person.may(allow("cloudtrail:LookupEvents"))
    assert town.client("cloudtrail", person.key).lookup_events()["Events"]
    person.may(allow("moorage:LookupEvents"))
    assert person.api().ask("GET", "/audit").status == 200


def test_what_comes_is_followed(town: Town) -> None:
    api = Api(town.server.host)
    first = api.ask("GET", "/audit?limit=1").document
    assert first["next"] and first["follow"]
    name = town.repository()
    later = api.ask("GET", f"/audit?follow={first['follow']}&event_name=CreateRepository").document
    assert [each["requestParameters"]["repositoryName"] for each in later["events"]] == [name]
    assert later["next"] is None
    for bad in ("follow=x", f"follow={first['follow']}&next=x", "next=x"):
        refused = api.ask("GET", f"/audit?{bad}")
        assert (refused.status, refused.code) == (400, "InvalidParameter"), bad
    stolen = other(town).ask("GET", f"/audit?follow={first['follow']}")
    assert (stolen.status, stolen.code) == (400, "InvalidParameter")


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "failed=maybe", "after=yesterday", "resource=x", "color=red"])
def test_a_bad_filter_is_refused(town: Town, query: str) -> None:
    refused = Api(town.server.host).ask("GET", f"/audit?{query}")
    assert (refused.status, refused.code) == (400, "InvalidParameter")


def test_the_command_shows_the_record(town: Town) -> None:
    env = key_of(town.server)
    name = town.repository()
    said = run("audit", "--resource", arn_of(name), env=env).stdout.splitlines()
    assert said[0].split() == "TIME EVENT WHO FROM ON OUTCOME BY COUNT".split()
    assert said[1].split()[1:] == [
        "CreateRepository", f"arn:aws:iam::{DEFAULT}:root", "127.0.0.1", arn_of(name), "ok", "root", "1"
    ]  # fmt: skip
    lines = run("audit", "--changes", "--succeeded", "--after", "1h", "--limit", "3", "--json", env=env).stdout.splitlines()
    assert len(lines) == 3 and not any(json.loads(line)["readOnly"] for line in lines)
    assert run("audit", "--account", "all", "--limit", "1", env=env).stdout.count("\n") == 2
    assert "--limit must be" in run("audit", "--limit", "0", code=1, env=env).stderr


def test_the_file_has_what_the_database_has(town: Town) -> None:
    name = town.repository()
    expected = about(town, name)
    deadline = time.monotonic() + 15
    while not (found := [each for each in in_file(town) if each.get("resources", [{}])[0].get("ARN") == arn_of(name)]):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert found == expected
    assert len({each["eventID"] for each in in_file(town)}) == len(in_file(town))


def test_after_kill_9_of_everything_each_change_is_in_the_file_once(own_server: Callable[..., Server]) -> None:
    server = own_server()
    for attempt in range(3):
        api = Api(server.host)
        with_ecr = api.ecr()
        for number in range(20):
            with_ecr.create_repository(repositoryName=f"kill/r{attempt}-{number}")
        with_ecr.close()
        time.sleep(attempt * 2.5)
        server.kill()
        server.start()
    path, wanted = server.data / "audit" / "audit.jsonl", {f"kill/r{a}-{n}" for a in range(3) for n in range(20)}
    deadline = time.monotonic() + 30
    while True:
        text = path.read_text() if path.exists() else ""
        events = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
        made = [each["requestParameters"]["repositoryName"] for each in events if each["eventName"] == "CreateRepository"]
        if {*made} == wanted:
            break
        assert time.monotonic() < deadline, wanted - {*made}
        time.sleep(0.2)
    assert len(made) == len(wanted)
