"""Whatever stands in a request's body, only the errors of bad input come out: for every operation of ECR's model."""

import json
from contextlib import suppress
from typing import Any

import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.aws.decode import SerializationError, decoder
from moorage.aws.model import Service
from moorage.aws.validate import checker
from moorage.core.errors import InvalidParameterError

_SERVICES = {name: Service(name) for name in ("ecr", "ecr-public")}
_OPERATIONS = [(name, operation) for name, service in _SERVICES.items() for operation in sorted(service.operation_names)]

_JUNK = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=300),
        st.sampled_from(
            ["", "\0", "\ud800", "team/app", "123456789012", "IMMUTABLE", "sha256:" + "0" * 64, "*" * 300, "a/" * 200]
        ),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=8,
)


def _nearly(shape: Shape, depth: int = 0) -> st.SearchStrategy[Any]:
    """Documents that look like the shape, with anything in any place."""
    if depth > 5:
        return _JUNK
    if isinstance(shape, StructureShape):
        members = {name: _nearly(member, depth + 1) for name, member in shape.members.items()}
        made: st.SearchStrategy[Any] = st.fixed_dictionaries({}, optional=members)
    elif isinstance(shape, ListShape):
        made = st.lists(_nearly(shape.member, depth + 1), max_size=4)
    elif isinstance(shape, MapShape):
        made = st.dictionaries(st.text(max_size=8), _nearly(shape.value, depth + 1), max_size=3)
    else:
        made = {
            "string": st.one_of(st.text(max_size=40), st.sampled_from(shape.metadata.get("enum") or ["team/app"])),
            "boolean": st.booleans(),
            "integer": st.integers(-5, 2000),
            "long": st.integers(-5, 2**40),
            "double": st.floats(),
            "float": st.floats(),
            "blob": st.sampled_from(["", "AA==", "A", "%", "\u00e9"]),
            "timestamp": st.floats(-1, 1e13),
        }[shape.type_name]
    return st.one_of(made, made, made, _JUNK)


@pytest.mark.parametrize(("service", "operation"), _OPERATIONS)
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_no_document_makes_another_error(service: str, operation: str, data: st.DataObject) -> None:
    shape = _SERVICES[service].operation(operation).input_shape
    decode, check = decoder(shape), checker(shape)
    document = data.draw(_nearly(shape) if shape is not None else _JUNK)
    with suppress(SerializationError, InvalidParameterError):
        check(decode(json.dumps(document).encode("utf-8", "surrogatepass")))


@given(st.binary(max_size=200), st.sampled_from(_OPERATIONS))
@settings(max_examples=300, deadline=None)
def test_no_bytes_make_another_error(body: bytes, which: tuple[str, str]) -> None:
    shape = _SERVICES[which[0]].operation(which[1]).input_shape
    with suppress(SerializationError, InvalidParameterError):
        checker(shape)(decoder(shape)(body))
