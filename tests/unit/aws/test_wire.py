import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from botocore.session import Session
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.aws.canonical import SignedRequest
from moorage.aws.decode import SerializationError
from moorage.aws.encode import encode_error
from moorage.aws.model import Service, element_of, entry_of, members_of
from moorage.aws.operation import Dispatcher, operation
from moorage.aws.sigv4 import parse
from moorage.core.call import Requirement
from moorage.core.errors import InvalidParameterError, MoorageError
from tests.unit.aws.once import decode, encode, verify

SERVICE = Service("ecr")
OPERATIONS = sorted(SERVICE.operation_names)
ANYWHERE = (Requirement(("ecr:Anything",), "*"),)

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just("sha256:00"), st.just("123456789012")
)
junk = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=6,
)


def near(shape: Any) -> st.SearchStrategy[Any]:
    """JSON that is often of the shape and sometimes of none."""
    return st.one_of(fitting(shape), fitting(shape), junk)


def fitting(shape: Any) -> st.SearchStrategy[Any]:
    if shape.type_name == "structure":
        members = {name: near(member) for name, member in members_of(shape).items()}
        return st.fixed_dictionaries({}, optional=members | {"unknownMember": junk})
    if shape.type_name == "list":
        return st.lists(near(element_of(shape)), max_size=3)
    if enum := shape.metadata.get("enum"):
        return st.sampled_from(enum)
    return scalars


def room_of(name: str) -> object:
    class Room:
        @operation(name, requires=ANYWHERE, mode="read")
        def method(self, tx: object, call: object, params: dict[str, Any]) -> None:
            return None

    return Room()


@pytest.mark.parametrize("name", OPERATIONS)
def test_whatever_is_sent_only_the_two_errors_of_a_bad_request_arise(name: str) -> None:
    entry = Dispatcher(SERVICE, [room_of(name)]).find(name)

    @settings(max_examples=12, deadline=None, database=None)
    @given(
        st.one_of(
            near(SERVICE.operation(name).input_shape).map(lambda found: json.dumps(found).encode()), st.binary(max_size=20)
        )
    )
    def run(body: bytes) -> None:
        try:
            params = entry.decode(body)
        except (SerializationError, InvalidParameterError) as error:
            assert encode_error(SERVICE, error).status == 400  # noqa: PT017  (both outcomes are right; this one must be encodable)
        else:
            assert params.keys() <= set(members_of(SERVICE.operation(name).input_shape or pytest.fail("no input")))

    run()


moments = st.integers(min_value=0, max_value=4_000_000_000_000)


def value_of(shape: Any) -> st.SearchStrategy[Any]:
    """Python values of the shape; times in milliseconds."""
    match shape.type_name:
        case "structure":
            members = {name: value_of(member) for name, member in members_of(shape).items()}
            needed = {name: members.pop(name) for name in shape.required_members}
            return st.fixed_dictionaries(needed, optional=members)
        case "list":
            return st.lists(value_of(element_of(shape)), max_size=2)
        case "map":
            return st.dictionaries(value_of(entry_of(shape)[0]), value_of(entry_of(shape)[1]), max_size=2)
        case "timestamp":
            return moments
        case "boolean":
            return st.booleans()
        case "integer" | "long":
            return st.integers(min_value=0, max_value=2**31 - 1)
        case "double":
            return st.floats(allow_nan=False, allow_infinity=False)
        case "blob":
            return st.binary(max_size=9)
    enum = shape.metadata.get("enum")
    return st.sampled_from(enum) if enum else st.text(alphabet='ab/\u00e4\U0001f433"\\', max_size=6)


def as_read(value: Any, shape: Any) -> Any:
    """What botocore makes of a value that was encoded rightly."""
    if shape.type_name == "structure":
        return {name: as_read(item, members_of(shape)[name]) for name, item in value.items()}
    if shape.type_name == "list":
        return [as_read(item, element_of(shape)) for item in value]
    if shape.type_name == "timestamp":
        return datetime.fromtimestamp(value / 1000, UTC)
    return value


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_result_is_read_by_botocore_as_it_was_meant(name: str) -> None:
    shape: Any = SERVICE.operation(name).output_shape

    @settings(max_examples=6, deadline=None, database=None)
    @given(value_of(shape))
    def run(result: dict[str, Any]) -> None:
        response = {"body": encode(result, shape), "status_code": 200, "headers": {}}
        parsed = create_parser("json").parse(response, shape)
        parsed.pop("ResponseMetadata")
        assert parsed == as_read(result, shape)

    run()


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_botocore_sends_is_decoded_to_what_the_caller_gave(name: str) -> None:
    model = SERVICE.operation(name)
    serializer = create_serializer("json", include_validation=False)

    @settings(max_examples=6, deadline=None, database=None)
    @given(value_of(model.input_shape))
    def run(params: dict[str, Any]) -> None:
        sent = serializer.serialize_to_request(params, model)
        assert sent["headers"]["X-Amz-Target"] == f"{SERVICE.target_prefix}.{name}"
        assert sent["headers"]["Content-Type"] == SERVICE.content_type
        assert decode(sent["body"], model.input_shape) == params

    run()


class _Raw:
    """What botocore reads an answer's body from."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def stream(self, *_: object, **__: object) -> list[bytes]:
        return [self.body]


def text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def client_answered_by(answer: Callable[[AWSPreparedRequest], AWSResponse]) -> Any:
    session = Session()
    session.set_credentials("AKIDEXAMPLE", "secret")
    client = session.create_client("ecr", region_name="us-east-1", endpoint_url="http://localhost:5000")
    events: Any = client.meta.events
    events.register("before-send.ecr", lambda request, **_: answer(request))
    return client


def http_answer(status: int, headers: Mapping[str, str], body: bytes) -> AWSResponse:
    raw: Any = _Raw(body)
    return AWSResponse("http://localhost:5000/", status, HTTPHeaders.from_dict(dict(headers)), raw)


def test_a_client_raises_the_exception_with_its_members() -> None:
    class InvalidLayerPartError(MoorageError):
        aws_code = "InvalidLayerPartException"

        def members(self) -> dict[str, Any]:
            return {"registryId": "123456789012", "repositoryName": "ab", "uploadId": "u", "lastValidByteReceived": 7}

    def answer(request: AWSPreparedRequest) -> AWSResponse:
        found = encode_error(SERVICE, InvalidLayerPartError("The part does not follow."))
        return http_answer(found.status, found.headers, found.body)

    client = client_answered_by(answer)
    with pytest.raises(client.exceptions.InvalidLayerPartException) as caught:
        client.upload_layer_part(repositoryName="ab", uploadId="u", partFirstByte=0, partLastByte=1, layerPartBlob=b"xy")
    error: Any = caught.value
    assert isinstance(error, ClientError)
    response: Any = error.response
    assert response["Error"] == {"Code": "InvalidLayerPartException", "Message": "The part does not follow."}
    extra = {name: response[name] for name in ("registryId", "repositoryName", "uploadId", "lastValidByteReceived")}
    assert extra == {"registryId": "123456789012", "repositoryName": "ab", "uploadId": "u", "lastValidByteReceived": 7}


def test_a_client_s_call_is_verified_decoded_and_answered() -> None:
    class Room:
        @operation("CreateRepository", requires=ANYWHERE, mode="write")
        def create(self, tx: object, call: object, params: dict[str, Any]) -> dict[str, Any]:
            return {"repository": {"repositoryName": params["repositoryName"], "createdAt": 1_690_385_025_197}}

    table = Dispatcher(SERVICE, [Room()])

    def answer(request: AWSPreparedRequest) -> AWSResponse:
        sent: Any = request
        headers = {name.lower(): text(value) for name, value in sent.headers.items()}
        arrived = SignedRequest(sent.method, "/", "", [("host", "localhost:5000"), *headers.items()])
        now, digest = time.time_ns() // 1_000_000, sha256(sent.body).hexdigest()
        verify(arrived, parse(arrived), "secret", now_ms=now, services=[SERVICE.signing_name], body_sha256=digest)
        prefix, _, name = headers["x-amz-target"].partition(".")
        assert prefix == SERVICE.target_prefix
        entry = table.find(name)
        body = entry.encode(entry.method(None, None, entry.decode(sent.body)))
        return http_answer(200, {"Content-Type": SERVICE.content_type}, body)

    found = client_answered_by(answer).create_repository(repositoryName="team/app")["repository"]
    assert found["repositoryName"] == "team/app"
    assert found["createdAt"].timestamp() == 1_690_385_025.197
