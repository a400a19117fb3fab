"""CloudTrail's LookupEvents, as `aws cloudtrail lookup-events` asks it (CloudTrail API reference)."""

import json
from collections.abc import Mapping
from typing import Any

from moorage.audit import lookup
from moorage.audit.errors import (
    InvalidEventCategoryError,
    InvalidLookupAttributesError,
    InvalidMaxResultsError,
    InvalidNextTokenError,
    InvalidTimeRangeError,
)
from moorage.audit.lookup import Filters
from moorage.audit.record import Row, record_of, resources_of
from moorage.aws.operation import operation
from moorage.core.arn import Arn
from moorage.core.call import Call, Requirement
from moorage.core.errors import InvalidParameterError
from moorage.core.page import PageTokens
from moorage.storage.database.transaction import Transaction

MOST_RESULTS = 50
_LONGEST_VALUE = 2000
_KEYS = ("EventId", "EventName", "ReadOnly", "Username", "ResourceType", "ResourceName", "EventSource", "AccessKeyId")


def check_lookup(params: Mapping[str, Any]) -> None:
    """Refuse what the model does not allow, in the errors that CloudTrail has for it."""
    most = params.get("MaxResults")
    if most is not None and not 1 <= most <= MOST_RESULTS:
        raise InvalidMaxResultsError(most, MOST_RESULTS)
    category = params.get("EventCategory")
    if category not in {None, "insight"}:
        raise InvalidEventCategoryError(category)
    attributes = params.get("LookupAttributes") or []
    if len(attributes) > 1:
        raise InvalidLookupAttributesError("Only one lookup attribute can be specified.")
    for attribute in attributes:
        _check_attribute(attribute or {})
    start, end = params.get("StartTime"), params.get("EndTime")
    if start is not None and end is not None and start > end:
        raise InvalidTimeRangeError


def _check_attribute(attribute: Mapping[str, Any]) -> None:
    key, value = attribute.get("AttributeKey"), attribute.get("AttributeValue")
    if key not in _KEYS:
        raise InvalidLookupAttributesError(f"The attribute key must be one of {', '.join(_KEYS)}.")
    if not value or len(value) > _LONGEST_VALUE:
        raise InvalidLookupAttributesError(f"The attribute value must have 1 to {_LONGEST_VALUE} characters.")
    if key == "ReadOnly" and value.lower() not in {"true", "false"}:
        raise InvalidLookupAttributesError("The value of the attribute ReadOnly must be true or false.")


class AuditOperations:
    """The one operation of CloudTrail that reads the record."""

    def __init__(self, page_tokens: PageTokens) -> None:
        self._page_tokens = page_tokens

    @operation("LookupEvents", requires=(Requirement(("cloudtrail:LookupEvents",), "*"),), mode="read", check=check_lookup)
    def lookup_events(self, tx: Transaction, call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
        """The account's events in the region, and of IAM and STS, newest first; no Insights, since nothing makes any.

        A page can be short, even empty, though it has a token: what it examines is bounded. Raises InvalidNextTokenError.
        """
        if params.get("EventCategory"):
            return {"Events": []}
        scope = _scope(call, params)
        after = self._opened(scope, params.get("NextToken"))
        most = params.get("MaxResults") or MOST_RESULTS
        page = lookup.find(tx, call.principal.account_id, _filters(call, params), after, most)
        token = self._page_tokens.seal(scope, list(page.end)) if page.end is not None else None
        return {"Events": [_event(row, call.principal.account_id) for row in page.rows], "NextToken": token}

    def _opened(self, scope: str, token: str | None) -> lookup.Position | None:
        if token is None:
            return None
        try:
            at, last = self._page_tokens.open(scope, token)
        except InvalidParameterError:
            raise InvalidNextTokenError from None
        return at, last


def _scope(call: Call, params: Mapping[str, Any]) -> str:
    asked = [params.get(name) for name in ("LookupAttributes", "StartTime", "EndTime")]
    return f"LookupEvents {call.principal.account_id} {call.registry.region} {json.dumps(asked)}"


def _filters(call: Call, params: Mapping[str, Any]) -> Filters:
    given: dict[str, Any] = {}
    for attribute in params.get("LookupAttributes") or ():
        key, value = attribute["AttributeKey"], attribute["AttributeValue"]
        given = {
            "EventId": {"event_id": value.lower()},
            "EventName": {"event_name": value},
            "ReadOnly": {"read_only": value.lower() == "true"},
            "Username": {"username": value},
            "ResourceType": {"resource_type": value},
            "ResourceName": {"resources": _named(call, value)},
            "EventSource": {"event_source": value},
            "AccessKeyId": {"access_key_id": value},
        }[key]
    return Filters(start=params.get("StartTime"), end=params.get("EndTime"), region=call.registry.region, **given)


def _named(call: Call, name: str) -> tuple[str, ...]:
    """The ARNs that the name of a resource may mean: itself, a repository of the caller's registry, or one of IAM's."""
    if name.startswith("arn:"):
        return (name,)
    account_id = call.principal.account_id
    repository = Arn("ecr", call.registry.region, account_id, f"repository/{name}")
    return (
        str(repository),
        *(str(Arn("iam", "", account_id, f"{kind}/{name}")) for kind in ("user", "group", "role", "policy")),
    )


def _event(row: Row, account_id: str) -> dict[str, Any]:
    record = record_of(row, account_id)
    identity = record["userIdentity"]
    return {
        "EventId": record["eventID"],
        "EventName": record["eventName"],
        "ReadOnly": "true" if record["readOnly"] else "false",
        "AccessKeyId": identity.get("accessKeyId"),
        "EventTime": row["at"] // 1000 * 1000,
        "EventSource": record["eventSource"],
        "Username": row["username"],
        "Resources": [{"ResourceType": resource["type"], "ResourceName": resource["ARN"]} for resource in resources_of(row)],
        "CloudTrailEvent": json.dumps(record, ensure_ascii=False, separators=(",", ":")),
    }
