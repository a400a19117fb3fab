from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from moorage.audit.recorder import Recorder
from moorage.aws.signature_errors import (
    InvalidSecurityTokenError,
    MissingAuthenticationTokenError,
    SignatureMismatchError,
)
from moorage.core.clock import SECOND
from moorage.core.errors import AccessDeniedError, MoorageError, RateExceededError
from moorage.http import problems
from moorage.http.messages import BodyTooLargeError
from moorage.http.strangers import FAILURES_AT_ONCE, FAILURES_PER_SECOND, Strangers
from moorage.storage.database.schema.journal import audit
from tests.unit.ground import Ground
from tests.unit.http.asked import request


@pytest.fixture
def recorder(ground: Ground) -> Iterator[Recorder]:
    made = Recorder(ground.database, lambda _tx, _pulls: None, lambda _tx, _uses: None, lambda _tx, _keys: None)
    yield made
    made.close()


def fail(strangers: Strangers, address: str = "192.0.2.1", **more: Any) -> MoorageError:
    return strangers.failed(
        SignatureMismatchError(), request(client=address), "r", protocol="aws", code=lambda error: error.aws_code, **more
    )


def rows(ground: Ground, recorder: Recorder) -> list[tuple[Any, ...]]:
    recorder.flush()
    columns = audit.c.source_address, audit.c.event_name, audit.c.access_key_id, audit.c.error_code, audit.c.count
    return [tuple(row) for row in ground.rows(sa.select(*columns).order_by(audit.c.id))]


def test_a_failure_is_recorded_with_what_it_claimed(ground: Ground, recorder: Recorder) -> None:
    strangers = Strangers(recorder, ground.clock)
    error = fail(strangers, event_name="PutImage", key_id="AKIANOBODY0000000001")
    assert isinstance(error, SignatureMismatchError)
    assert rows(ground, recorder) == [("192.0.2.1", "PutImage", "AKIANOBODY0000000001", "InvalidSignatureException", 1)]


@pytest.mark.parametrize("key_id", ["wJalrXUtnFEMIxK7MDENGxbPxRfiCYEXAMPLEKEY", "AKIA", "A" * 129, "akianobody0000000001", ""])
def test_what_is_no_key_id_is_not_kept(ground: Ground, recorder: Recorder, key_id: str) -> None:
    fail(Strangers(recorder, ground.clock), key_id=key_id)
    assert rows(ground, recorder) == [("192.0.2.1", "Login", None, "InvalidSignatureException", 1)]


def test_an_address_that_fails_too_often_is_told_so_until_time_has_passed(ground: Ground, recorder: Recorder) -> None:
    strangers = Strangers(recorder, ground.clock)
    told = [type(fail(strangers)) for _ in range(FAILURES_AT_ONCE + 5)]
    assert told == [SignatureMismatchError] * FAILURES_AT_ONCE + [RateExceededError] * 5
    assert isinstance(fail(strangers, "192.0.2.2"), SignatureMismatchError), "another address is not to blame"
    ground.clock.advance(SECOND)
    told = [type(fail(strangers)) for _ in range(FAILURES_PER_SECOND + 1)]
    assert told == [SignatureMismatchError] * FAILURES_PER_SECOND + [RateExceededError]


def test_failures_from_everywhere_fill_only_so_many_rows(ground: Ground, recorder: Recorder) -> None:
    strangers = Strangers(recorder, ground.clock)
    for number in range(3000):
        fail(strangers, f"192.0.{number // 250}.{number % 250}", key_id=f"AKIA{number:016d}")
    found = rows(ground, recorder)
    assert len(found) == 1001
    assert found[-1][1:] == ("Login", None, "InvalidSignatureException", 2000)
    assert sum(row[-1] for row in found) == 3000


def test_only_a_signature_that_was_given_and_is_wrong_counts_as_a_failed_login(ground: Ground, recorder: Recorder) -> None:
    strangers = Strangers(recorder, ground.clock)
    for error in (MissingAuthenticationTokenError(), AccessDeniedError("no"), BodyTooLargeError("no")):
        assert strangers.unsigned(error, request(), "r", protocol="api", code=problems.api_code) is error
    assert rows(ground, recorder) == []
    scope = "AKIANOBODY0000000001/20260101/us-east-1/moorage/aws4_request"
    given = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
    asked = request(("Authorization", given), ("X-Amz-Date", "20260101T000000Z"))
    strangers.unsigned(InvalidSecurityTokenError(), asked, "r", protocol="api", code=problems.api_code)
    ((_, _, key_id, _, _),) = rows(ground, recorder)
    assert key_id == "AKIANOBODY0000000001"
