"""Service models as data: botocore ships, for each AWS service, what its API is (operations, shapes, constraints, errors).

Importing botocore's model costs a third of a second, since it pulls in its HTTP stack, and the model itself another 20 ms;
start-up must stay short, so both happen when the first operation is looked up, here and nowhere else.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape


class Service:
    """One AWS service by botocore's name for it, such as `ecr`. Nothing is loaded before something is asked."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._operations: dict[str, OperationModel] = {}

    @property
    def target_prefix(self) -> str:
        """What stands before the operation in `X-Amz-Target`."""
        return str(self._model.metadata["targetPrefix"])

    @property
    def signing_name(self) -> str:
        """The service's name in a signature's scope."""
        return self._model.signing_name

    @property
    def protocol(self) -> str:
        """`json` or `query`."""
        return str(self._model.metadata["protocol"])

    @property
    def version(self) -> str:
        """The API's version, a date, as the Query protocol's `Version` names it."""
        return str(self._model.metadata["apiVersion"])

    @property
    def namespace(self) -> str:
        """The XML namespace of the Query protocol's answers."""
        return str(self._model.metadata["xmlNamespace"])

    @property
    def event_source(self) -> str:
        """The service as CloudTrail spells it, such as `ecr.amazonaws.com`."""
        return f"{self.signing_name}.amazonaws.com"

    @property
    def json_version(self) -> str:
        """The version in the content type `application/x-amz-json-<version>`."""
        return str(self._model.metadata["jsonVersion"])

    @property
    def content_type(self) -> str:
        """The media type of requests and answers."""
        return f"application/x-amz-json-{self.json_version}"

    @cached_property
    def operation_names(self) -> frozenset[str]:
        """Every operation that the service has, implemented here or not."""
        return frozenset(self._model.operation_names)

    def operation(self, name: str) -> "OperationModel":
        """The model of an operation; raises KeyError for a name that is not in `operation_names`."""
        found = self._operations.get(name)
        if found is None:
            if name not in self.operation_names:
                raise KeyError(name)
            # botocore makes a new model, with new shapes, each time that it is asked.
            found = self._operations[name] = self._model.operation_model(name)
        return found

    @cached_property
    def errors(self) -> Mapping[str, "StructureShape"]:
        """The shape of each exception that the service declares, by its code."""
        shapes = cast("list[StructureShape]", self._model.error_shapes)
        return {str(shape.error_code): shape for shape in shapes}

    @cached_property
    def error_members(self) -> Mapping[str, frozenset[str]]:
        """The members that an exception has next to its message, for those exceptions that have any."""
        extra = {code: frozenset(members_of(shape)) - {"message", "Message"} for code, shape in self.errors.items()}
        return {code: names for code, names in extra.items() if names}

    @cached_property
    def _model(self) -> "ServiceModel":
        from botocore.loaders import Loader  # noqa: PLC0415  (see the module's docstring)
        from botocore.model import ServiceModel  # noqa: PLC0415

        # Only what botocore ships: a model in the operator's ~/.aws/models must not change what this server speaks.
        loader = Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
        return ServiceModel(loader.load_service_model(self.name, "service-2"), self.name)


def members_of(shape: "Shape") -> Mapping[str, "Shape"]:
    """The members of a structure by name, in the model's order."""
    return cast("StructureShape", shape).members


def element_of(shape: "Shape") -> "Shape":
    """What a list is a list of."""
    return cast("ListShape", shape).member


def entry_of(shape: "Shape") -> tuple["Shape", "Shape"]:
    """What a map maps, and to what."""
    return cast("MapShape", shape).key, cast("MapShape", shape).value


Maker = Callable[["Shape", Callable[["Shape"], Callable[..., Any]]], Callable[..., Any]]
"""Makes a function for a shape; is given what finds the functions of the shapes inside it."""


class Compiled:
    """Functions made from shapes, each shape's once: walking the model at each request costs more than the work itself."""

    def __init__(self, make: Maker) -> None:
        self._make = make
        self._made: dict[object, Callable[..., Any]] = {}

    def of(self, shape: "Shape") -> Callable[..., Any]:
        """The shape's function. A shape may contain itself."""
        # The same shape may stand in two members with other names on the wire.
        key = (shape.name, repr(sorted(shape.serialization.items())), repr(shape.metadata))
        found = self._made.get(key)
        if found is None:
            # Stands in until the shape is made, for the places inside it where it stands again.
            self._made[key] = lambda *arguments: self._made[key](*arguments)  # noqa: PLW0108  (looked up when it is called)
            found = self._made[key] = self._make(shape, self.of)
        return found
