"""IAM's pages: `Marker` and `MaxItems` in, `IsTruncated` and `Marker` out (IAM API reference, "ListUsers")."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from moorage.core.call import Call
from moorage.core.errors import InvalidParameterError
from moorage.core.page import PageTokens
from moorage.identity.iam_errors import IamValidationError

T = TypeVar("T")

_DEFAULT = 100


@dataclass(frozen=True, slots=True)
class Page:
    """One page that is asked for."""

    after: Any | None
    """The position of the last entry of the page before; None for the first page."""
    limit: int
    """The most entries to show. Who looks one further finds out whether more follow."""
    _seal: Callable[[Any], str]

    def cut(self, found: Sequence[T], position: Callable[[T], Any]) -> tuple[Sequence[T], dict[str, Any]]:
        """The entries to show of up to `limit` + 1 that were found, and the answer's members about what follows."""
        if len(found) <= self.limit:
            return found, {"IsTruncated": False}
        shown = found[: self.limit]
        return shown, {"IsTruncated": True, "Marker": self._seal(position(shown[-1]))}

    def cut_whole(self, found: Sequence[T]) -> tuple[Sequence[T], dict[str, Any]]:
        """The same of a short list that is there as a whole; its positions are numbers."""
        start = self.after or 0
        numbered = list(enumerate(found, 1))[start : start + self.limit + 1]
        shown, more = self.cut(numbered, lambda entry: entry[0])
        return [entry for _, entry in shown], more


class Pages:
    """Reads which page a request asks for."""

    def __init__(self, tokens: PageTokens) -> None:
        self._tokens = tokens

    def of(self, call: Call, params: Mapping[str, Any], of: str = "") -> Page:
        """The page asked for; raises IamValidationError for a marker of another listing, operation or account.

        `of` names what is listed, where the account has several such lists: a user's groups, a role's tags.
        """
        scope = f"iam {call.event_name} {call.principal.account_id} {of}"
        marker = params.get("Marker")
        try:
            after = self._tokens.open(scope, marker) if marker is not None else None
        except InvalidParameterError:
            raise IamValidationError("The specified value for marker is invalid.") from None
        return Page(after, params.get("MaxItems") or _DEFAULT, lambda position: self._tokens.seal(scope, position))
