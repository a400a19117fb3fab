"""How far a request came, for the record of its failure."""

from dataclasses import dataclass

from moorage.core.call import Call


@dataclass(slots=True)
class Progress:
    """Filled in on the way; whatever fails is recorded as what was known by then."""

    call: Call | None = None
    """None until it is known who calls."""
