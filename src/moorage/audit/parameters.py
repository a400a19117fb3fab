"""What the record keeps of a request: its parameters without secrets and without bulk.

Pure. What is hidden is decided once for each shape of botocore's model: by the model's own trait `sensitive`, and by names
that are secret whatever the model says. Names are spelled as CloudTrail spells them, beginning with a small letter.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from moorage.aws.model import Compiled, Service, element_of, entry_of, members_of
from moorage.core.clock import SECOND

if TYPE_CHECKING:
    from botocore.model import Shape

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
"""What stands for a secret that was given, in CloudTrail's words."""

_SECRET = frozenset(
    {
        "authorizationtoken",
        "clientsecret",
        "contextassertion",
        "encodedmessage",
        "newpassword",
        "oldpassword",
        "password",
        "privatekey",
        "samlassertion",
        "secretaccesskey",
        "sessiontoken",
        "token",
        "tokencode",
        "webidentitytoken",
    }
)
"""Members, in lower case, that are never kept, whatever the model says of them."""

_BULK = frozenset({"imagemanifest", "layerpartblob"})
"""Members that are what the call was about and far too long: their digests are in the registry."""

_LONGEST_TEXT = 512
_LONGEST_LIST = 100
_LONGEST_WHOLE = 16 * 1024
"""Characters of JSON; CloudTrail keeps 100 KB, most of which nobody reads."""

_Keep = Callable[[Any], Any]
_LEFT_OUT = object()


def parameters_of(service: Service, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a decoded request, as the record keeps them (JSON).

    Secrets are hidden, manifests and bytes are left out, long texts and lists are shortened and say so.
    """
    kept: dict[str, Any] = _keeper(service, operation)(params)
    if len(kept) > 1 and len(json.dumps(kept, ensure_ascii=False)) > _LONGEST_WHOLE:
        kept = {name: value if isinstance(value, str | int) else "omitted" for name, value in kept.items()}
    return kept


def distribution_parameters(event_name: str, repository: str, reference: str) -> dict[str, Any]:
    """What a request to `/v2/` asks for, in the members of the operation that it corresponds to.

    Which layer was read is left out: the layers of a pull share a row, and the manifest that was pulled names them all.
    """
    if not repository:
        return {}
    named: dict[str, Any] = {"repositoryName": repository}
    if not reference or event_name in _LAYER_READS:
        return named
    reference = shortened(reference)
    image = {"imageDigest" if ":" in reference else "imageTag": reference}
    if event_name in {"BatchGetImage", "BatchDeleteImage"}:
        return {**named, "imageIds": [image]}
    if event_name == "PutImage":
        return {**named, **image}
    return {**named, "subjectId": image} if event_name == "ListImageReferrers" else {**named, "uploadId": reference}


_LAYER_READS = frozenset({"GetDownloadUrlForLayer", "BatchCheckLayerAvailability"})


def plain_parameters(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a request that no model of AWS's describes (JSON), without those that are null or empty."""
    return {name: _plain(name, value) for name, value in asked.items() if value not in (None, "", [], {})}


def shortened(text: str) -> str:
    """A text as the record keeps it."""
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}… ({len(text)} characters)"


@cache
def _keeper(service: Service, operation: str) -> _Keep:
    shape = service.operation(operation).input_shape
    return Compiled(_make).of(shape) if shape is not None else lambda _params: {}


def _make(shape: "Shape", find: Callable[["Shape"], _Keep]) -> _Keep:
    if shape.metadata.get("sensitive"):
        return _hide
    whole = {"structure": _structure, "list": _list, "map": _map}.get(shape.type_name)
    if whole is not None:
        return whole(shape, find)
    return _SCALARS.get(shape.type_name, _itself)


def _structure(shape: "Shape", find: Callable[["Shape"], _Keep]) -> _Keep:
    members = {name: (name[:1].lower() + name[1:], _member(name, member, find)) for name, member in members_of(shape).items()}

    def keep_structure(value: Mapping[str, Any]) -> dict[str, Any]:
        kept = ((members[name], item) for name, item in value.items() if item is not None and name in members)
        found = ((shown, keep(item)) for (shown, keep), item in kept)
        return {shown: item for shown, item in found if item is not _LEFT_OUT}

    return keep_structure


def _member(name: str, shape: "Shape", find: Callable[["Shape"], _Keep]) -> _Keep:
    if name.lower() in _SECRET:
        return _hide
    return _leave_out if name.lower() in _BULK else find(shape)


def _list(shape: "Shape", find: Callable[["Shape"], _Keep]) -> _Keep:
    keep = find(element_of(shape))

    def keep_list(value: list[Any]) -> list[Any]:
        kept = [keep(item) for item in value[:_LONGEST_LIST] if item is not None]
        return [*kept, f"… ({len(value)} entries)"] if len(value) > _LONGEST_LIST else kept

    return keep_list


def _map(shape: "Shape", find: Callable[["Shape"], _Keep]) -> _Keep:
    keep = find(entry_of(shape)[1])

    def keep_map(value: Mapping[str, Any]) -> dict[str, Any]:
        return {name: keep(item) for name, item in list(value.items())[:_LONGEST_LIST] if item is not None}

    return keep_map


def _plain(name: str, value: Any) -> Any:
    if name.replace("_", "").lower() in _SECRET:
        return HIDDEN
    if isinstance(value, Mapping):
        return plain_parameters(dict(list(value.items())[:_LONGEST_LIST]))
    if isinstance(value, list | tuple):
        return [_plain("", item) for item in value[:_LONGEST_LIST]]
    if isinstance(value, str):
        return shortened(str(value))
    return value if isinstance(value, int | float) else shortened(str(value))


def _hide(_value: Any) -> str:
    return HIDDEN


def _leave_out(_value: Any) -> object:
    return _LEFT_OUT


def _text(value: str) -> str:
    return shortened(str(value))


def _moment(value: int) -> str:
    return f"{datetime.fromtimestamp(value // SECOND, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _itself(value: Any) -> Any:
    return value


_SCALARS: Mapping[str, _Keep] = {"string": _text, "blob": _leave_out, "timestamp": _moment}
