"""What a data-plane handler is given, and how it finds what the path names."""

from dataclasses import dataclass

from moorage.access.authorize import is_allowed
from moorage.core.call import Call
from moorage.core.digest import Digest
from moorage.core.names import RepositoryName
from moorage.http.context import Context
from moorage.http.messages import Request
from moorage.identity.tokens import Token
from moorage.repositories import store as repositories
from moorage.repositories.errors import RepositoryNotFoundError


@dataclass(frozen=True, slots=True)
class Exchange:
    """One authenticated and authorized request to `/v2/`."""

    context: Context
    request: Request
    call: Call
    token: Token
    name: str
    """The repository's name, parsed; empty where the route names none."""
    reference: str = ""
    """A tag, a digest or an upload's id, not parsed yet."""

    @property
    def digest(self) -> Digest:
        """The reference as a digest; raises InvalidDigestError."""
        return Digest.parse(self.reference)

    def repository_id(self) -> int:
        """The repository's id, by a point read; raises RepositoryNotFoundError."""
        found = repositories.find_id(self.context.points, self.call.registry.id, self.name)
        if found is None:
            raise RepositoryNotFoundError(self.name, self.call.registry)
        return found

    def may(self, action: str, name: str) -> bool:
        """Whether the caller may do this to a repository of the registry, besides what the route required."""
        principal, scope = self.call.principal, self.token.scope
        return is_allowed(principal, self.call.registry.account_id) and (scope is None or scope.allows(action, name))

    def path(self, rest: str) -> str:
        """A relative URL under this repository (distribution-spec: Location may be relative)."""
        return f"/v2/{self.name}/{rest}"


def parse_name(text: str) -> RepositoryName:
    """The repository that a path names; raises InvalidNameError."""
    return RepositoryName.parse(text)
