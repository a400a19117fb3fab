"""Searching the record: every filter, both accounts of a call, pages that neither repeat nor miss, and bounded work."""

import random
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from moorage.audit import lookup
from moorage.audit.lookup import Filters, Found, Position
from moorage.audit.record import accounts_of, event_id
from moorage.core.call import Call, Registry
from moorage.storage.database.schema.journal import audit
from moorage.storage.database.transaction import Transaction, audit_row
from tests.unit.audit.rows import ACCOUNT, AT, FOREIGNER, NOBODY, OTHER, REPOSITORY, SESSION, USER, a_call
from tests.unit.ground import Ground

_HOME = Registry(1, "private", OTHER, "us-east-1")


def store(ground: Ground, *calls: tuple[Call, str | None]) -> None:
    rows = [audit_row(call, error_code=code) for call, code in calls]
    ground.write(lambda tx: ignore(tx.execute(sa.insert(audit), rows)))


def ignore(_result: object) -> None:
    return None


def find(account: str | None, filters: Filters, after: Position | None, limit: int, examined: int, tx: Transaction) -> Found:
    return lookup.find(tx, account, filters, after, limit, examined=examined)


def found(ground: Ground, account: str | None, filters: Filters, limit: int = 50, examined: int = lookup.EXAMINED) -> list[int]:
    """The ids of all pages."""
    ids: list[int] = []
    after = None
    while True:
        page = ground.read(partial(find, account, filters, after, limit, examined))
        assert len(page.rows) <= limit
        ids += [row["id"] for row in page.rows]
        if page.end is None:
            return ids
        assert after is None or page.end < after
        after = page.end


@pytest.fixture
def calls(ground: Ground) -> Ground:
    """Ten calls of different kinds, with the ids 1 to 10."""
    iam: dict[str, Any] = {"event_source": "iam.amazonaws.com", "event_name": "CreateUser", "parameters": {}}
    store(
        ground,
        (a_call(), None),
        (a_call(at=AT + 1, event_name="BatchGetImage", read_only=True), None),
        (a_call(SESSION, at=AT + 2, event_name="BatchGetImage", read_only=True), "ImageNotFoundException"),
        (a_call(FOREIGNER, at=AT + 3, event_name="BatchGetImage", read_only=True), "AccessDeniedException"),
        (a_call(FOREIGNER, at=AT + 4, registry=_HOME, resource="*", event_name="DescribeRegistry", read_only=True), None),
        (a_call(at=AT + 5, resource=f"arn:aws:iam::{ACCOUNT}:user/eve", **iam), None),
        (a_call(at=AT + 6, registry=Registry(2, "private", ACCOUNT, "eu-west-1"), resource="*"), None),
        (a_call(NOBODY, at=AT + 7, registry=Registry(0, "private", "", ""), resource="*"), "SignatureMismatch"),
        (a_call(at=AT - 5, request_id="late"), None),
        (a_call(at=AT, request_id="twin"), None),
    )
    return ground


@pytest.mark.parametrize(
    ("account", "filters", "ids"),
    [
        (ACCOUNT, Filters(), [7, 6, 4, 3, 2, 10, 1, 9]),
        (OTHER, Filters(), [5, 4]),
        (None, Filters(), [8, 7, 6, 5, 4, 3, 2, 10, 1, 9]),
        ("000000000000", Filters(), []),
        (ACCOUNT, Filters(start=AT + 2, end=AT + 5), [6, 4, 3]),
        (ACCOUNT, Filters(event_name="BatchGetImage"), [4, 3, 2]),
        (OTHER, Filters(event_name="BatchGetImage"), [4]),
        (ACCOUNT, Filters(event_name="CreateUser", event_source="ecr.amazonaws.com"), []),
        (ACCOUNT, Filters(event_source="iam.amazonaws.com"), [6]),
        (ACCOUNT, Filters(read_only=False), [7, 6, 10, 1, 9]),
        (ACCOUNT, Filters(read_only=True), [4, 3, 2]),
        (ACCOUNT, Filters(failed=True), [4, 3]),
        (ACCOUNT, Filters(failed=False), [7, 6, 2, 10, 1, 9]),
        (ACCOUNT, Filters(error_code="AccessDeniedException"), [4]),
        (ACCOUNT, Filters(username="run-17"), [3]),
        (ACCOUNT, Filters(username="eve"), [4]),
        (ACCOUNT, Filters(principal_arn=SESSION.arn), [3]),
        (ACCOUNT, Filters(principal_arn=SESSION.arn, username="bob"), []),
        (ACCOUNT, Filters(principal_arn=FOREIGNER.arn), [4]),
        (ACCOUNT, Filters(access_key_id=USER.access_key_id), [7, 6, 2, 10, 1, 9]),
        (ACCOUNT, Filters(access_key_id=FOREIGNER.access_key_id), [4]),
        (OTHER, Filters(access_key_id=USER.access_key_id), []),
        (ACCOUNT, Filters(resources=(REPOSITORY,)), [4, 3, 2, 10, 1, 9]),
        (ACCOUNT, Filters(resources=(REPOSITORY, f"arn:aws:iam::{ACCOUNT}:user/eve")), [6, 4, 3, 2, 10, 1, 9]),
        (OTHER, Filters(resources=(REPOSITORY,)), [4]),
        (ACCOUNT, Filters(resource_type="AWS::IAM::User"), [6]),
        (ACCOUNT, Filters(resource_type="AWS::ECR::Repository"), [4, 3, 2, 10, 1, 9]),
        (ACCOUNT, Filters(resource_type="AWS::S3::Bucket"), []),
        (ACCOUNT, Filters(request_id="late"), [9]),
        (OTHER, Filters(request_id="late"), []),
        (None, Filters(failed=True), [8, 4, 3]),
        (ACCOUNT, Filters(region="eu-west-1"), [7, 6]),
        (ACCOUNT, Filters(region="us-east-1"), [6, 4, 3, 2, 10, 1, 9]),
    ],
)
@pytest.mark.parametrize("limit", [50, 3, 1])
def test_a_filter_finds_exactly_what_fits_newest_first(
    calls: Ground, account: str | None, filters: Filters, ids: list[int], limit: int
) -> None:
    assert found(calls, account, filters, limit) == ids


def test_an_event_is_found_by_its_id_by_the_account_whose_record_it_is(calls: Ground) -> None:
    row = dict(calls.rows(sa.select(audit).where(audit.c.id == 4))[0]._mapping)
    assert accounts_of(row) == [OTHER, ACCOUNT]
    for account in (OTHER, ACCOUNT):
        assert found(calls, account, Filters(event_id=event_id(row, account))) == [4]
    assert found(calls, ACCOUNT, Filters(event_id=event_id(row, OTHER))) == []
    assert found(calls, ACCOUNT, Filters(event_id=event_id({**row, "at": 1}, ACCOUNT))) == []
    assert found(calls, ACCOUNT, Filters(event_id="nothing")) == []
    assert found(calls, ACCOUNT, Filters(event_id=event_id(row, ACCOUNT), read_only=False)) == []


@pytest.fixture
def crowd(ground: Ground) -> Ground:
    """Some hundred calls of two accounts."""
    choose = random.Random(7)
    made = []
    for number in range(400):
        principal = choose.choice((USER, USER, USER, SESSION, FOREIGNER))
        name = choose.choice(("PutImage", "BatchGetImage"))
        call = a_call(principal, at=AT + choose.randrange(200), event_name=name, read_only=name != "PutImage")
        made.append((replace(call, request_id=f"r{number}"), choose.choice((None, None, "AccessDeniedException"))))
    store(ground, *made)
    return ground


@pytest.mark.parametrize("limit", [7, 60])
@pytest.mark.parametrize(
    "filters",
    [
        Filters(),
        Filters(event_name="PutImage"),
        Filters(username="run-17", failed=True),
        Filters(error_code="AccessDeniedException", read_only=True),
        Filters(event_source="iam.amazonaws.com"),
        Filters(resource_type="AWS::ECR::Repository", username="eve"),
        Filters(start=AT + 50, end=AT + 150, read_only=False),
    ],
)
@pytest.mark.parametrize("account", [ACCOUNT, OTHER, None])
def test_pages_of_bounded_work_together_are_the_whole(crowd: Ground, account: str | None, filters: Filters, limit: int) -> None:
    def fits(row: dict[str, Any]) -> bool:
        mine = account is None or account in (row["account_id"], row["owner_account_id"])
        wanted = {"event_name", "username", "error_code", "event_source", "read_only"}
        same = all(getattr(filters, name) in (None, row[name]) for name in wanted)
        failed = filters.failed is None or filters.failed == (row["error_code"] is not None)
        return mine and same and failed and (filters.start or 0) <= row["at"] <= (filters.end or AT + 999)

    rows = [dict(row._mapping) for row in crowd.rows(sa.select(audit))]
    expected = sorted((row for row in rows if fits(row)), key=lambda row: (row["at"], row["id"]), reverse=True)
    assert found(crowd, account, filters, limit, examined=40) == [row["id"] for row in expected]


def test_what_is_recorded_later_is_followed_in_the_order_of_the_record(calls: Ground) -> None:
    last = calls.read(lookup.newest_id)
    assert last == 10
    store(calls, (a_call(at=AT - 100), None), (a_call(FOREIGNER, registry=_HOME, resource="*"), None), (a_call(), None))

    def follow(after: int, account: str | None = ACCOUNT, limit: int = 100, **filters: Any) -> tuple[list[int], int]:
        def work(tx: Transaction) -> tuple[list[int], int]:
            rows, reached = lookup.since(tx, account, Filters(**filters), after, limit)
            return [row["id"] for row in rows], reached

        return calls.read(work)

    assert follow(last) == ([11, 13], 13)
    assert follow(last, limit=1) == ([11], 11)
    assert follow(11) == ([13], 13)
    assert follow(13) == ([], 13)
    assert follow(last, OTHER) == ([12], 13)
    assert follow(last, None) == ([11, 12, 13], 13)
    assert follow(last, start=AT) == ([13], 13)


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        (Filters(), "ix_audit_account"),
        (Filters(event_name="PutImage"), "ix_audit_event"),
        (Filters(username="bob"), "ix_audit_username"),
        (Filters(principal_arn=USER.arn), "ix_audit_username"),
        (Filters(access_key_id="AKIA"), "ix_audit_access_key"),
        (Filters(resources=("arn",)), "ix_audit_resource"),
        (Filters(error_code="X"), "ix_audit_failure"),
        (Filters(failed=True), "ix_audit_failure"),
        (Filters(read_only=False), "ix_audit_change"),
        (Filters(start=AT, end=AT), "ix_audit_account"),
        (Filters(request_id="x"), "ix_audit_request"),
    ],
)
def test_each_filter_has_an_index_that_gives_the_order_too(crowd: Ground, filters: Filters, index: str) -> None:
    def plans(tx: Transaction) -> list[str]:
        seen: list[str] = []

        def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
            if statement.startswith("SELECT"):
                plan = connection.connection.driver_connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
                seen.append("; ".join(row[3] for row in plan))

        sa.event.listen(tx.connection, "before_cursor_execute", explain)
        lookup.find(tx, ACCOUNT, filters, (AT + 150, 350), 10)
        sa.event.remove(tx.connection, "before_cursor_execute", explain)
        return seen

    seen = crowd.read(plans)
    assert f"USING COVERING INDEX {index} " in seen[0] or f"USING INDEX {index} " in seen[0], seen
    if filters.request_id is None:  # one request has a handful of rows
        assert not [plan for plan in seen if "TEMP B-TREE" in plan or plan.startswith("SCAN")], seen
