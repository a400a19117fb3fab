"""What an answer rests on, so that it may be given again as long as that holds."""

from collections.abc import Mapping
from dataclasses import dataclass

from moorage.core.call import Call
from moorage.identity.credentials.tokens import Token


@dataclass(frozen=True, slots=True)
class Fact:
    """A handler says with its response that the very same request may be answered alike."""

    call: Call
    token: Token
    condition: str
    """A query that has a row as long as the answer is right, besides the token's own state: the versions of who may do what
    in the repository, as `access.judge.Place.version` has them."""
    parameters: Mapping[str, int | str]
    """The query's parameters."""
    pulled_image: int | None = None
    """The id of the image that this answer is a pull of."""
