"""What a simulation may cost."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from moorage.core.errors import RateExceededError
from moorage.iam.context import LONGEST_VALUE
from moorage.identity.iam_errors import InvalidInputError
from moorage.identity.policies import simulation_operations, simulation_requests
from tests.unit.ground import Ground
from tests.unit.identity.iam_api import IamApi, allow

PULL = "ecr:BatchGetImage"
BUCKETS = [f"arn:aws:s3:::bucket-{number}" for number in range(1000)]


@pytest.fixture
def api(ground: Ground) -> IamApi:
    return IamApi(ground)


def heavy(patterns: int) -> str:
    condition = {"StringLike": {"aws:UserAgent": [f"*{number}*" for number in range(patterns)]}}
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def entry(*values: str) -> dict[str, Any]:
    return {"ContextKeyName": "aws:UserAgent", "ContextKeyValues": list(values), "ContextKeyType": "stringList"}


def test_a_context_value_that_no_request_is_compared_by_is_compared_by_none_here(api: IamApi) -> None:
    def decision(value: str) -> str:
        asked = {"PolicyInputList": [heavy(10)], "ActionNames": [PULL], "ContextEntries": [entry(value)]}
        return str(api.do("SimulateCustomPolicy", **asked)["EvaluationResults"][0]["EvalDecision"])

    assert decision("1" * LONGEST_VALUE) == "allowed"
    assert decision("1" * (LONGEST_VALUE + 1)) == "implicitDeny"


def test_the_larger_the_policies_the_fewer_actions_a_page_has(api: IamApi) -> None:
    actions = [f"s3:Get{number}" for number in range(100)]
    asked = {"ActionNames": actions, "ResourceArns": BUCKETS[:10]}
    light = api.do("SimulateCustomPolicy", PolicyInputList=[allow("s3:*")], **asked)
    assert len(light["EvaluationResults"]) == 100
    few = api.do("SimulateCustomPolicy", PolicyInputList=[heavy(2000)], **asked)
    assert 5 < len(few["EvaluationResults"]) < 15
    assert few["IsTruncated"]


@pytest.mark.parametrize(
    "params",
    [
        {"PolicyInputList": [heavy(2000)], "ResourceArns": BUCKETS},
        {"PolicyInputList": [heavy(2000)], "ContextEntries": [entry(*map(str, range(500)))]},
        {"PolicyInputList": [allow(PULL)], "PermissionsBoundaryPolicyInputList": [heavy(2000)], "ResourceArns": BUCKETS},
    ],
)
def test_what_would_take_too_long_is_refused(api: IamApi, params: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match="too large to be tried on so many resources and context values"):
        api.do("SimulateCustomPolicy", ActionNames=[PULL], **params)


@pytest.mark.parametrize("operation", ["SimulateCustomPolicy", "GetContextKeysForCustomPolicy"])
def test_policies_have_a_greatest_length_together(api: IamApi, operation: str) -> None:
    long = allow(PULL, pad=100_000)
    more = {"ActionNames": [PULL]} if operation == "SimulateCustomPolicy" else {}
    api.do(operation, PolicyInputList=[long, long], **more)
    with pytest.raises(InvalidInputError, match="may have 262144 characters together"):
        api.do(operation, PolicyInputList=[long, long, long], **more)


def test_boundaries_organizations_and_resources_policies_count_too(api: IamApi) -> None:
    long = allow(PULL, pad=66_000)
    with pytest.raises(InvalidInputError, match="may have 262144 characters together"):
        api.do(
            "SimulateCustomPolicy",
            PolicyInputList=[long],
            PermissionsBoundaryPolicyInputList=[long],
            OrderedOrganizationPolicyInputList=[{"ServiceControlPolicyInputList": [long]}],
            ResourcePolicy=long,
            ActionNames=[PULL],
        )


class Held:
    """Simulations that are held up in the middle."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()
        real = simulation_operations._result

        def result(*args: Any, **named: Any) -> Any:
            self.begun.release()
            assert self.go_on.wait(60)
            return real(*args, **named)

        monkeypatch.setattr(simulation_operations, "_result", result)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    made = Held(monkeypatch)
    yield made
    made.go_on.set()


def test_two_long_simulations_run_at_a_time_and_short_ones_beside_them(api: IamApi, held: Held) -> None:
    def simulate(text: str) -> dict[str, Any]:
        return api.do("SimulateCustomPolicy", PolicyInputList=[text], ActionNames=[PULL], ResourceArns=BUCKETS[:50])

    with ThreadPoolExecutor(3) as threads:
        running = [threads.submit(simulate, heavy(1000)) for _ in range(2)]
        for _ in running:
            assert held.begun.acquire(timeout=60)
        with pytest.raises(RateExceededError):
            simulate(heavy(1000))
        short = threads.submit(simulate, allow(PULL))
        assert held.begun.acquire(timeout=60)
        held.go_on.set()
        assert all(each.result(60)["EvaluationResults"] for each in (*running, short))
    assert simulate(heavy(1000))["EvaluationResults"]


def test_what_a_page_may_take_is_within_what_is_said() -> None:
    for weight, resources in ((1, 1), (10, 1000), (999, 1000), (40_000, 25)):
        actions = simulation_requests.most_actions(weight, resources)
        assert actions >= 1
        assert actions * resources <= simulation_requests.MOST_DECISIONS or actions == 1
        assert actions * resources * weight <= simulation_requests.MOST_STEPS
