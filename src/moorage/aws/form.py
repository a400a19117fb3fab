"""The Query protocol's requests: a form's flat names (`Tags.member.1.Key`) as a tree (Smithy, "AWS query protocol").

Numbers in names are only ever keys of a dictionary: a list's size is the number of parameters that were sent, whatever
numbers they carry.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from moorage.core.errors import MoorageError

MOST_BYTES = 1024 * 1024
"""Bytes of a form: the longest documents of IAM, percent-encoded, and room."""
MOST_PARAMETERS = 4096
MOST_DEPTH = 16
"""Steps of a name; the model's deepest has eleven."""
_LONGEST_NAME = 1024
_NUMBER = re.compile(r"[1-9][0-9]{0,9}")

# What XML 1.0 cannot say in any spelling could be stored, and then never be answered (XML 1.0, section 2.2).
_UNSPEAKABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class MalformedInputError(MoorageError):
    """A form that cannot be read, or a parameter of the wrong type."""

    aws_code = "MalformedInput"
    oci_code = "UNSUPPORTED"


@dataclass(slots=True)
class Node:
    """A step of names: the value of the parameter that ends here, if there is one, and the steps below."""

    value: str | None = None
    below: dict[str, "Node"] = field(default_factory=dict)

    def numbered(self) -> Iterator["Node"]:
        """The steps below in the order of their numbers; raises MalformedInputError for one that is no number from 1 on."""
        if not all(map(_NUMBER.fullmatch, self.below)):
            raise MalformedInputError("A list's elements must be numbered from 1 on.")
        return (self.below[name] for name in sorted(self.below, key=int))


@dataclass(frozen=True, slots=True)
class Form:
    """A request of the Query protocol."""

    parameters: Mapping[str, str]

    @classmethod
    def parse(cls, *texts: bytes) -> "Form":
        """The parameters of all of these (a query string, a body); raises MalformedInputError.

        A name that is given twice is refused, since the parts that follow could read it in two ways.
        """
        found: dict[str, str] = {}
        for text in filter(None, texts):
            for name, value in _pairs(text):
                if name in found:
                    raise MalformedInputError("A parameter is given twice.")
                found[name] = value
        if len(found) > MOST_PARAMETERS:
            raise MalformedInputError(f"The request has more than {MOST_PARAMETERS} parameters.")
        return cls(found)

    @property
    def action(self) -> str:
        """The operation that is asked for; empty when none is."""
        return self.parameters.get("Action", "")

    @property
    def version(self) -> str:
        """The version of the API that is asked for; empty when none is."""
        return self.parameters.get("Version", "")

    def tree(self) -> Node:
        """The parameters by the steps of their names; raises MalformedInputError for names that no request has."""
        root = Node()
        for name, value in self.parameters.items():
            steps = name.split(".") if len(name) <= _LONGEST_NAME else ()
            if not steps or len(steps) > MOST_DEPTH:
                raise MalformedInputError("A parameter's name is too long.")
            node = root
            for step in steps:
                below = node.below.get(step)
                if below is None:
                    below = node.below[step] = Node()
                node = below
            node.value = value
        return root


def _pairs(text: bytes) -> list[tuple[str, str]]:
    try:
        pairs = parse_qsl(
            text.decode("ascii"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=MOST_PARAMETERS
        )
    except ValueError:
        raise MalformedInputError("The request's parameters cannot be read.") from None
    if any(_UNSPEAKABLE.search(name) or _UNSPEAKABLE.search(value) for name, value in pairs):
        raise MalformedInputError("A parameter holds a character that is not allowed.")
    return pairs
