"""Which context keys a policy reads, as it spells them."""

import re
from collections.abc import Iterable, Iterator

from moorage.iam.document import Document

_VARIABLE = re.compile(r"\$\{\s*([^{}'\",\s]+)")
_LITERALS = frozenset("*?$")


def named_keys(documents: Iterable[Document]) -> tuple[str, ...]:
    """Every key once, in the spelling in which it comes first, in the order of the texts; case makes no difference."""
    found: dict[str, str] = {}
    for document in documents:
        for key in _keys(document):
            found.setdefault(key.lower(), key)
    return tuple(found.values())


def _keys(document: Document) -> Iterator[str]:
    with_variables = document.version != "2008-10-17"
    for statement in document.statements:
        if with_variables:
            yield from _variables((*(statement.resources or ()), *(statement.not_resources or ())))
        for condition in statement.conditions:
            yield condition.key
            if with_variables:
                yield from _variables(condition.values)


def _variables(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from (key for key in _VARIABLE.findall(text) if key not in _LITERALS)
