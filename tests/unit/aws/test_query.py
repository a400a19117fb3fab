"""The Query protocol against botocore's own serializer and parser, for every operation of STS and IAM."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any

import pytest
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.aws.encode import UnencodableResultError
from moorage.aws.form import MOST_PARAMETERS, Form, MalformedInputError
from moorage.aws.model import Service
from moorage.aws.query import form_decoder
from moorage.aws.query_checks import ValidationError, query_checker
from moorage.aws.xml import encode_xml_error, text_of, xml_encoder
from moorage.core.errors import AccessDeniedError, MoorageError, RateExceededError

SERVICES = {name: Service(name) for name in ("sts", "iam")}
OPERATIONS = [(name, operation) for name, service in SERVICES.items() for operation in sorted(service.operation_names)]

_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Co")), max_size=12)
_LATEST = 4_102_444_800


def values(shape: Shape, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values of a shape as operations know them, whatever its constraints say. Times are in milliseconds."""
    if isinstance(shape, StructureShape):
        required = {name: values(shape.members[name], depth + 1) for name in shape.required_members}
        more = {name: values(member, depth + 1) for name, member in shape.members.items() if name not in required}
        return st.fixed_dictionaries(required, optional=more if depth < 4 else {})
    if isinstance(shape, ListShape):
        return st.lists(values(shape.member, depth + 1), max_size=3 if depth < 4 else 0)
    if isinstance(shape, MapShape):
        return st.dictionaries(values(shape.key, depth + 1), values(shape.value, depth + 1), max_size=3)
    scalars: dict[str, st.SearchStrategy[Any]] = {
        "string": _TEXT,
        "boolean": st.booleans(),
        "integer": st.integers(-(2**31), 2**31 - 1),
        "long": st.integers(-(2**63), 2**63 - 1),
        "double": st.floats(allow_nan=False, allow_infinity=False),
        "float": st.floats(allow_nan=False, allow_infinity=False),
        "blob": st.binary(max_size=8),
        "timestamp": st.integers(0, _LATEST).map(lambda seconds: seconds * 1000),
    }
    return scalars[shape.type_name]


def read(body: bytes, shape: Shape | None = None, status: int = 200) -> dict[str, Any]:
    """An answer as botocore reads it."""
    parser: Any = create_parser("query")  # its stubs have no answer without a shape
    parsed: dict[str, Any] = parser.parse({"body": body, "headers": {}, "status_code": status}, shape)
    return parsed


def as_botocore(value: Any, shape: Shape, *, encode: bool) -> Any:
    """Ours as botocore takes it (`encode`) or gives it: only times differ."""
    if isinstance(shape, StructureShape):
        return {name: as_botocore(item, shape.members[name], encode=encode) for name, item in value.items()}
    if isinstance(shape, ListShape):
        return [as_botocore(item, shape.member, encode=encode) for item in value]
    if isinstance(shape, MapShape):
        return {key: as_botocore(item, shape.value, encode=encode) for key, item in value.items()}
    if shape.type_name == "timestamp":
        return value // 1000 if encode else _epoch(value)
    return value


def _epoch(value: Any) -> Any:
    return int(value.timestamp()) * 1000 if hasattr(value, "timestamp") else value


@cache
def _model(service: str) -> ServiceModel:
    return SERVICES[service]._model


def _operation(service: str, name: str) -> OperationModel:
    return _model(service).operation_model(name)


def _without_empty(value: Any) -> Any:
    """Empty structures and maps cannot be said in a form, and so are absent at the other end."""
    if isinstance(value, dict):
        kept = {name: _without_empty(item) for name, item in value.items()}
        return {name: item for name, item in kept.items() if item != {}}
    return [_without_empty(item) for item in value] if isinstance(value, list) else value


def _has_empty_inside_list(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_empty_inside_list, value.values()))
    return isinstance(value, list) and any(item in ({}, []) or _has_empty_inside_list(item) for item in value)


@pytest.mark.parametrize(("service", "name"), OPERATIONS)
@given(data=st.data())
@settings(max_examples=5, deadline=None)
def test_what_botocore_sends_is_read_as_it_was_meant(service: str, name: str, data: st.DataObject) -> None:
    operation = _operation(service, name)
    shape = operation.input_shape
    if shape is None:
        assert form_decoder(None)(Form({"Action": name})) == {}
        return
    meant = _without_empty(data.draw(values(shape)))
    if _has_empty_inside_list(meant):
        return
    sent = create_serializer("query", False).serialize_to_request(as_botocore(meant, shape, encode=True), operation)["body"]
    form = Form({key: value if isinstance(value, str) else str(value) for key, value in sent.items()})
    assert form_decoder(shape)(form) == meant


@pytest.mark.parametrize(("service", "name"), OPERATIONS)
@given(data=st.data())
@settings(max_examples=5, deadline=None)
def test_what_is_answered_is_read_by_botocore_as_it_was_meant(service: str, name: str, data: st.DataObject) -> None:
    operation = _operation(service, name)
    shape = operation.output_shape
    result = data.draw(values(shape)) if shape is not None else None
    body = xml_encoder(operation, SERVICES[service].namespace)(result, "the id")
    parsed = read(body, shape)
    assert parsed.pop("ResponseMetadata")["RequestId"] == "the id"
    if shape is not None:
        assert as_botocore(parsed, shape, encode=False) == result


def test_times_are_whole_seconds() -> None:
    who = {"Path": "/", "UserName": "a", "UserId": "AIDA", "Arn": "arn", "CreateDate": 1_767_225_600_290}
    body = xml_encoder(_operation("iam", "GetUser"), SERVICES["iam"].namespace)({"User": who}, "id")
    assert b"<CreateDate>2026-01-01T00:00:00Z</CreateDate>" in body


def _decode(operation: str, form: Mapping[str, str], service: str = "iam") -> Any:
    return form_decoder(SERVICES[service].operation(operation).input_shape)(Form(form))


def test_an_empty_list_is_sent_as_an_empty_value() -> None:
    assert _decode("CreateUser", {"UserName": "a", "Tags": ""}) == {"UserName": "a", "Tags": []}


def test_a_lists_elements_are_ordered_by_their_numbers_and_may_have_gaps() -> None:
    form = {"ActionNames.member.10": "c", "ActionNames.member.2": "b", "ActionNames.member.1": "a", "PolicyInputList": ""}
    assert _decode("SimulateCustomPolicy", form)["ActionNames"] == ["a", "b", "c"]


def test_a_great_number_takes_no_more_room_than_a_small_one() -> None:
    assert _decode("CreateUser", {"Tags.member.999999999.Key": "k"}) == {"Tags": [{"Key": "k"}]}


@pytest.mark.parametrize("number", ["0", "-1", "x", "1e3", "01", "99999999999", "\u0661", ""])
def test_an_element_that_has_no_number_is_refused(number: str) -> None:
    with pytest.raises(MalformedInputError):
        _decode("CreateUser", {f"Tags.member.{number}.Key": "k"})


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ({"UserName.x": "a"}, "A structure or list was found where a value was expected."),
        ({"Tags": "a"}, "A value was found where a list was expected."),
        ({"Tags.member.1": "a"}, "A value was found where a structure was expected."),
        ({".".join("a" * 17): "a"}, "A parameter's name is too long."),
        ({"a" * 1025: "a"}, "A parameter's name is too long."),
    ],
)
def test_parameters_that_do_not_fit_the_shape_are_refused(form: dict[str, str], text: str) -> None:
    with pytest.raises(MalformedInputError, match=re.escape(text)):
        _decode("CreateUser", form)


@pytest.mark.parametrize(
    ("operation", "member", "value", "kind"),
    [
        ("CreateRole", "MaxSessionDuration", "1.5", "an Integer"),
        ("CreateRole", "MaxSessionDuration", "9" * 5000, "an Integer"),
        ("CreateRole", "MaxSessionDuration", str(2**31), "an Integer"),
        ("CreateRole", "MaxSessionDuration", "\u0661", "an Integer"),
        ("CreateLoginProfile", "PasswordResetRequired", "yes", "a Boolean"),
        ("GetOrganizationsAccessReport", "MaxItems", "", "an Integer"),
    ],
)
def test_a_value_of_another_type_is_refused(operation: str, member: str, value: str, kind: str) -> None:
    with pytest.raises(MalformedInputError, match=f"^STRING_VALUE can not be converted to {kind}$"):
        _decode(operation, {member: value})


@pytest.mark.parametrize("text", [b"a=%ff", b"\xff", b"a=%00", b"a=%1B", b"a=%ED%A0%80", b"a=%EF%BF%BF", b"a=1&a=2"])
def test_a_form_that_cannot_be_read_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedInputError):
        Form.parse(text)


def test_the_number_of_parameters_has_a_limit() -> None:
    names = [f"p{number}=" for number in range(MOST_PARAMETERS + 1)]
    assert Form.parse("&".join(names[1:]).encode()).action == ""
    with pytest.raises(MalformedInputError):
        Form.parse("&".join(names).encode())
    with pytest.raises(MalformedInputError):
        Form.parse("&".join(names[:3000]).encode(), "&".join(names[3000:]).encode())


@given(st.binary(max_size=200), st.sampled_from(OPERATIONS))
@settings(max_examples=300, deadline=None)
def test_no_bytes_make_another_error(body: bytes, which: tuple[str, str]) -> None:
    shape = _operation(*which).input_shape
    with suppress(MalformedInputError, ValidationError):
        query_checker(shape)(form_decoder(shape)(Form.parse(body)))


@pytest.mark.parametrize(("service", "name"), OPERATIONS)
@given(data=st.data())
@settings(max_examples=10, deadline=None)
def test_no_form_makes_another_error(service: str, name: str, data: st.DataObject) -> None:
    shape = _operation(service, name).input_shape
    if shape is None:
        return
    steps = st.sampled_from([*shape.members, "member", "entry", "1", "2", "key", "value", "Key", "Value", ""])
    names = st.lists(steps, min_size=1, max_size=6).map(".".join)
    form = data.draw(st.dictionaries(names, st.one_of(st.just(""), _TEXT, st.sampled_from(["true", "1", "2026-01-01"]))))
    with suppress(MalformedInputError, ValidationError):
        query_checker(shape)(form_decoder(shape)(Form(form)))


def _checked(operation: str, params: dict[str, Any], service: str = "iam") -> str:
    with pytest.raises(ValidationError) as caught:
        query_checker(SERVICES[service].operation(operation).input_shape)(params)
    return caught.value.message


def test_a_broken_constraint_is_told_in_the_captured_words() -> None:
    assert _checked("CreateUser", {"UserName": "x" * 65}) == (
        f"1 validation error detected: Value '{'x' * 65}' at 'userName' failed to satisfy constraint: "
        "Member must have length less than or equal to 64"
    )


def test_the_classes_of_javas_patterns_are_understood() -> None:
    tags = [{"Key": "\u00dcber 1:/=+-@_.", "Value": "\u4e2d"}]
    shape = SERVICES["iam"].operation("TagUser").input_shape
    query_checker(shape)({"UserName": "a", "Tags": tags})
    for bad in ("a#b", "\u2603"):
        assert "'tags.1.member.key'" in _checked("TagUser", {"UserName": "a", "Tags": [{"Key": bad, "Value": ""}]})


def test_a_long_policy_is_matched_as_a_whole() -> None:
    params = {"UserName": "a", "PolicyName": "p", "PolicyDocument": "x" * 100_000}
    query_checker(SERVICES["iam"].operation("PutUserPolicy").input_shape)(params)
    assert "'policyDocument'" in _checked("PutUserPolicy", params | {"PolicyDocument": "x" * 100_000 + "\u4e2d"})


def test_every_fault_is_told_at_once() -> None:
    assert _checked("AssumeRole", {"RoleArn": "x"}, "sts") == (
        "2 validation errors detected: Value 'x' at 'roleArn' failed to satisfy constraint: Member must have length greater "
        "than or equal to 20; Value null at 'roleSessionName' failed to satisfy constraint: Member must not be null"
    )


def test_what_is_sensitive_is_not_shown() -> None:
    assert _checked("ChangePassword", {"OldPassword": "old", "NewPassword": ""}) == (
        "1 validation error detected: Value at 'newPassword' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1"
    )


@pytest.mark.parametrize("text", ["<&>\"'", "a\rb\r\nc", "\x85\u2028", "\t\n", "\U0001f600", "]]>"])
def test_a_text_comes_back_as_it_was(text: str) -> None:
    body = xml_encoder(_operation("iam", "GetUserPolicy"), SERVICES["iam"].namespace)(
        {"UserName": text, "PolicyName": "p", "PolicyDocument": "d"}, "id"
    )
    parsed = read(body, _operation("iam", "GetUserPolicy").output_shape)
    assert parsed["UserName"] == text


@given(st.text(max_size=30))
@settings(deadline=None)
def test_no_text_makes_a_document_that_cannot_be_parsed(text: str) -> None:
    class OddError(MoorageError):
        aws_code = "Odd"

    answer = encode_xml_error(SERVICES["sts"], OddError(text + "\ud800\0\ufffe"), "id")
    parsed = read(answer.body, status=400)
    assert parsed["Error"]["Code"] == "Odd"
    assert parsed["Error"]["Message"].endswith("\ufffd" * 3)
    assert "\0" not in text_of(text)


@pytest.mark.parametrize(
    ("error", "status", "code", "kind"),
    [
        (AccessDeniedError("no"), 403, "AccessDenied", "Sender"),
        (RateExceededError(), 400, "Throttling", "Sender"),
        (ValidationError("no"), 400, "ValidationError", "Sender"),
    ],
)
def test_an_error_has_the_code_and_status_of_the_query_protocol(error: MoorageError, status: int, code: str, kind: str) -> None:
    answer = encode_xml_error(SERVICES["sts"], error, "id")
    parsed = read(answer.body, status=status)
    assert (answer.status, parsed["Error"]["Code"], parsed["Error"]["Type"]) == (status, code, kind)
    assert parsed["ResponseMetadata"]["RequestId"] == "id"


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ({"Nothing": 1}, "GetCallerIdentity has no member Nothing."),
        ({"Account": 1}, "Account is a string and cannot be given as int."),
    ],
)
def test_a_result_that_the_model_does_not_have_is_a_fault_of_the_program(result: dict[str, Any], text: str) -> None:
    with pytest.raises(UnencodableResultError, match=re.escape(text)):
        xml_encoder(_operation("sts", "GetCallerIdentity"), "ns")(result, "id")


def _own_shapes() -> ServiceModel:
    """What IAM and STS do not use: flattened lists and maps, other names on the wire, Unix times."""
    shapes: dict[str, Any] = {
        "In": {
            "type": "structure",
            "members": {
                "Flat": {"shape": "FlatList"},
                "Named": {"shape": "NamedList"},
                "Map": {"shape": "FlatMap"},
                "Plain": {"shape": "PlainMap", "locationName": "plain"},
                "Self": {"shape": "In"},
            },
        },
        "FlatList": {"type": "list", "flattened": True, "member": {"shape": "Text"}},
        "NamedList": {"type": "list", "flattened": True, "member": {"shape": "Text", "locationName": "Item"}},
        "FlatMap": {
            "type": "map",
            "flattened": True,
            "key": {"shape": "Text", "locationName": "K"},
            "value": {"shape": "Text", "locationName": "V"},
        },
        "PlainMap": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Text"}},
        "Text": {"type": "string"},
    }
    operation = {
        "name": "Do",
        "http": {"method": "POST", "requestUri": "/"},
        "input": {"shape": "In"},
        "output": {"shape": "In", "resultWrapper": "DoResult"},
    }
    metadata = {
        "protocol": "query",
        "apiVersion": "2026-01-01",
        "xmlNamespace": "ns",
        "serviceId": "Own",
        "endpointPrefix": "own",
    }
    document = {"metadata": metadata, "operations": {"Do": operation}, "shapes": shapes}
    return ServiceModel(json.loads(json.dumps(document)), "own")


@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_the_other_forms_of_lists_and_maps_are_known_too(data: st.DataObject) -> None:
    operation = _own_shapes().operation_model("Do")
    assert operation.input_shape is not None
    flat = {"Flat": st.lists(_TEXT, min_size=1), "Named": st.lists(_TEXT, min_size=1)}
    maps = {name: st.dictionaries(_TEXT, _TEXT, min_size=1) for name in ("Map", "Plain")}
    inner = st.fixed_dictionaries({}, optional={**flat, **maps}).filter(bool)
    value = data.draw(st.fixed_dictionaries({}, optional={**flat, **maps, "Self": inner}))
    sent = create_serializer("query", False).serialize_to_request(value, operation)["body"]
    assert form_decoder(operation.input_shape)(Form(dict(sent))) == value
    body = xml_encoder(operation, "ns")(value, "id")
    parsed = read(body, operation.output_shape)
    assert {name: item for name, item in parsed.items() if name != "ResponseMetadata" and item != {}} == value
