"""CloudTrail's LookupEvents through boto3: every attribute, pages, and what is refused."""

import json
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.loaders import Loader

from tests.contract.aws.door import ACCOUNT, REGION, ROOT, UUID, Door, Signer, refused
from tests.e2e.server import ACCESS_KEY_ID, SECRET_ACCESS_KEY

TARGET = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents"


def _client(door: Door, region: str = REGION) -> Any:
    return boto3.client(
        "cloudtrail",
        endpoint_url=f"http://{door.host}",
        region_name=region,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
    )


@pytest.fixture(scope="module")
def trail(door: Door) -> Iterator[Any]:
    with closing(_client(door)) as client:
        yield client


def _look(trail: Any, key: str | None = None, value: str = "", **members: Any) -> list[dict[str, Any]]:
    """The events of every page."""
    if key is not None:
        members["LookupAttributes"] = [{"AttributeKey": key, "AttributeValue": value}]
    pages = trail.get_paginator("lookup_events").paginate(**members)
    return [event for page in pages for event in page["Events"]]


@pytest.fixture
def audited(door: Door, repository: str) -> str:
    """A repository with a few calls on it, one of which failed."""
    door.call("TagResource", resourceArn=_arn(repository), tags=[{"Key": "team", "Value": "red"}])
    for _ in range(3):
        door.call("ListImages", repositoryName=repository)
    assert door.raw("GetRepositoryPolicy", {"repositoryName": repository}).status == 400
    door.settle()
    return repository


def _arn(repository: str) -> str:
    return f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{repository}"


def _names(events: list[dict[str, Any]]) -> list[str]:
    return [event["EventName"] for event in events]


def test_an_event_is_told_as_cloudtrail_tells_it(trail: Any, audited: str) -> None:
    (event,) = [each for each in _look(trail, "ResourceName", _arn(audited)) if each["EventName"] == "TagResource"]
    assert UUID.fullmatch(event["EventId"])
    assert abs(event["EventTime"] - datetime.now(UTC)) < timedelta(minutes=1)
    record = json.loads(event.pop("CloudTrailEvent"))
    assert event == {
        "EventId": record["eventID"],
        "EventName": "TagResource",
        "ReadOnly": "false",
        "AccessKeyId": ACCESS_KEY_ID,
        "EventTime": event["EventTime"],
        "EventSource": "ecr.amazonaws.com",
        "Username": "root",
        "Resources": [{"ResourceType": "AWS::ECR::Repository", "ResourceName": _arn(audited)}],
    }
    assert record["eventVersion"] == "1.11" and record["recipientAccountId"] == ACCOUNT
    assert record["userIdentity"] == {
        "type": "Root",
        "principalId": ACCOUNT,
        "arn": ROOT,
        "accountId": ACCOUNT,
        "accessKeyId": ACCESS_KEY_ID,
    }
    assert record["requestParameters"] == {"resourceArn": _arn(audited), "tags": [{"key": "team", "value": "red"}]}
    assert (record["awsRegion"], record["sourceIPAddress"]) == (REGION, "127.0.0.1")
    assert record["userAgent"].startswith("Boto3/")


def test_a_failure_says_why(trail: Any, audited: str) -> None:
    (event,) = [each for each in _look(trail, "ResourceName", audited) if "errorCode" in each["CloudTrailEvent"]]
    record = json.loads(event["CloudTrailEvent"])
    assert (event["EventName"], record["errorCode"]) == ("GetRepositoryPolicy", "RepositoryPolicyNotFoundException")
    assert record["errorMessage"].startswith("Repository policy does not exist for the repository with name")


def test_each_attribute_finds_what_has_it_and_nothing_else(door: Door, trail: Any, audited: str) -> None:
    on_it = _look(trail, "ResourceName", audited)
    assert _names(on_it)[-2:] == ["TagResource", "CreateRepository"] and "ListImages" in _names(on_it)
    (tagged,) = [event for event in on_it if event["EventName"] == "TagResource"]
    ids = {event["EventId"] for event in on_it}

    def looked(key: str, value: str) -> list[dict[str, Any]]:
        return _look(trail, key, value, StartTime=on_it[-1]["EventTime"])

    assert looked("EventId", tagged["EventId"]) == [tagged]
    assert set(_names(looked("EventName", "TagResource"))) == {"TagResource"}
    assert tagged in looked("EventName", "TagResource")
    assert {event["ReadOnly"] for event in looked("ReadOnly", "false")} == {"false"}
    assert {event["ReadOnly"] for event in looked("ReadOnly", "true")} == {"true"}
    assert tagged in looked("ReadOnly", "false") and tagged not in looked("ReadOnly", "true")
    assert ids <= {event["EventId"] for event in looked("Username", "root")}
    assert looked("Username", "nobody") == []
    typed = looked("ResourceType", "AWS::ECR::Repository")
    assert ids <= {event["EventId"] for event in typed} and all(event["Resources"] for event in typed)
    assert looked("ResourceType", "AWS::S3::Bucket") == []
    sources = looked("EventSource", "ecr.amazonaws.com")
    assert ids <= {event["EventId"] for event in sources} and {event["EventSource"] for event in sources} == {
        "ecr.amazonaws.com"
    }
    assert ids <= {event["EventId"] for event in looked("AccessKeyId", ACCESS_KEY_ID)}
    assert looked("AccessKeyId", "AKIAUNKNOWN000000000") == []
    assert looked("EventId", str(uuid.uuid4())) == []


def test_pages_are_the_whole_newest_first_without_a_repetition(door: Door, trail: Any, audited: str) -> None:
    whole = _look(trail, "ResourceName", audited)
    paged: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    attributes = [{"AttributeKey": "ResourceName", "AttributeValue": audited}]
    while True:
        page = trail.lookup_events(LookupAttributes=attributes, MaxResults=1, **token)
        assert len(page["Events"]) <= 1
        paged += page["Events"]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert paged == whole
    times = [event["EventTime"] for event in whole]
    assert times == sorted(times, reverse=True)


def test_a_page_has_at_most_fifty_events(door: Door, trail: Any) -> None:
    for _ in range(55):
        door.call("PutAccountSetting", name="BLOB_MOUNTING", value="ENABLED")
    first = trail.lookup_events()
    assert len(first["Events"]) == 50 and first["NextToken"]


def test_times_bound_what_is_found(trail: Any, audited: str) -> None:
    newest = _look(trail, "ResourceName", audited)[0]["EventTime"]
    assert _look(trail, "ResourceName", audited, StartTime=newest + timedelta(seconds=5)) == []
    assert _look(trail, "ResourceName", audited, EndTime=newest - timedelta(hours=1)) == []
    assert _look(trail, "ResourceName", audited, StartTime=newest - timedelta(hours=1), EndTime=newest + timedelta(seconds=5))


def test_a_region_shows_its_own_calls_and_those_of_iam_and_sts(door: Door, region: str) -> None:
    with closing(_client(door, region)) as there:
        assert set(_names(_look(there, "EventSource", "ecr.amazonaws.com"))) <= set()
        door.call("DescribeRegistry", door.client(region))
        sts: Any = boto3.client
        with closing(
            sts(
                "sts",
                endpoint_url=f"http://{door.host}",
                region_name=REGION,
                aws_access_key_id=ACCESS_KEY_ID,
                aws_secret_access_key=SECRET_ACCESS_KEY,
            )
        ) as client:
            client.get_caller_identity()
        door.settle()
        assert _names(_look(there, "EventSource", "ecr.amazonaws.com")) == ["DescribeRegistry"]
        assert "GetCallerIdentity" in _names(_look(there, "EventSource", "sts.amazonaws.com"))


def test_there_are_no_insights(trail: Any) -> None:
    assert _look(trail, EventCategory="insight") == []


_KEYS = ("EventId", "EventName", "ReadOnly", "Username", "ResourceType", "ResourceName", "EventSource", "AccessKeyId")
_ONE = {"AttributeKey": "EventName", "AttributeValue": "PutImage"}


@pytest.mark.parametrize(
    ("code", "message", "members"),
    [
        (
            "InvalidMaxResultsException",
            "A max results value of 51 is invalid. Specify max results between 1 and 50.",
            {"MaxResults": 51},
        ),
        (
            "InvalidMaxResultsException",
            "A max results value of 0 is invalid. Specify max results between 1 and 50.",
            {"MaxResults": 0},
        ),
        (
            "InvalidTimeRangeException",
            "The start time must not be later than the end time.",
            {"StartTime": datetime(2026, 1, 2, tzinfo=UTC), "EndTime": datetime(2026, 1, 1, tzinfo=UTC)},
        ),
        (
            "InvalidLookupAttributesException",
            "Only one lookup attribute can be specified.",
            {"LookupAttributes": [_ONE, _ONE]},
        ),
        (
            "InvalidLookupAttributesException",
            f"The attribute key must be one of {', '.join(_KEYS)}.",
            {"LookupAttributes": [{**_ONE, "AttributeKey": "Color"}]},
        ),
        (
            "InvalidLookupAttributesException",
            "The attribute value must have 1 to 2000 characters.",
            {"LookupAttributes": [{**_ONE, "AttributeValue": "x" * 2001}]},
        ),
        (
            "InvalidLookupAttributesException",
            "The value of the attribute ReadOnly must be true or false.",
            {"LookupAttributes": [{"AttributeKey": "ReadOnly", "AttributeValue": "maybe"}]},
        ),
        (
            "InvalidNextTokenException",
            "The token is not valid, or it was made for a request with other parameters.",
            {"NextToken": "x"},
        ),
        (
            "InvalidEventCategoryException",
            "The event category 'data' is not valid. The only valid category is insight.",
            {"EventCategory": "data"},
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_cloudtrails_errors(
    trail: Any, code: str, message: str, members: dict[str, Any]
) -> None:
    with refused(code, message):
        trail.lookup_events(**members)


def test_every_error_that_a_caller_can_cause_is_declared_by_the_model(trail: Any) -> None:
    declared = Loader().load_service_model("cloudtrail", "service-2")["operations"]["LookupEvents"]["errors"]
    raised = {
        f"Invalid{name}Exception" for name in ("LookupAttributes", "TimeRange", "MaxResults", "NextToken", "EventCategory")
    }
    # The others concern organizations and event data stores, of which there are none.
    assert {error["shape"] for error in declared} - raised == {
        "UnsupportedOperationException",
        "OperationNotPermittedException",
    }


def test_a_token_is_good_for_its_own_look_up_only(trail: Any, audited: str) -> None:
    token = trail.lookup_events(MaxResults=1)["NextToken"]
    assert trail.lookup_events(MaxResults=5, NextToken=token)["Events"]
    for members in ({"LookupAttributes": [_ONE]}, {"EndTime": datetime.now(UTC)}):
        with refused(
            "InvalidNextTokenException", "The token is not valid, or it was made for a request with other parameters."
        ):
            trail.lookup_events(NextToken=token, **members)


def test_it_must_be_signed_for_cloudtrail(door: Door) -> None:
    wrong = door.raw("LookupEvents", b"{}", Signer(target=TARGET))
    assert (wrong.status, wrong.document["__type"]) == (400, "InvalidSignatureException")
    right = door.raw("LookupEvents", b"{}", Signer(target=TARGET, service="cloudtrail"))
    assert right.status == 200 and right.headers["content-type"] == "application/x-amz-json-1.1"
    other = door.raw("ListTrails", b"{}", Signer(target=TARGET.replace("LookupEvents", "ListTrails"), service="cloudtrail"))
    assert (other.status, other.document["__type"]) == (404, "UnknownOperationException")
