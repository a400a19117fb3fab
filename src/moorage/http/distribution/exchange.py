"""What a data-plane handler is given, and how it finds what the path names."""

from collections.abc import Callable
from dataclasses import dataclass, field

from moorage.access.errors import DeniedError
from moorage.access.judge import Place
from moorage.core.call import Call, Registry, Requirement
from moorage.core.digest import Digest
from moorage.core.names import RepositoryName
from moorage.http.context import Context
from moorage.http.messages import Request
from moorage.identity.credentials.tokens import Token
from moorage.repositories.errors import RepositoryNotFoundError
from moorage.storage.database.transaction import Transaction


@dataclass(slots=True)
class Exchange:
    """One authenticated request to `/v2/`; authorized, too, when its handler is given it."""

    context: Context
    request: Request
    call: Call
    token: Token
    name: str
    """The repository's name, parsed; empty where the route names none."""
    reference: str = ""
    """A tag, a digest or an upload's id, not parsed yet."""
    place: Place | None = None
    """The repository as it was decided upon."""
    source: Requirement | None = None
    """What is needed on the repository that a blob is mounted from."""
    refusal: DeniedError | None = None
    """Of a list: that not everything may be shown. Then each is asked for itself."""
    bodies: list[bytes] = field(default_factory=list)
    """The body, once it has been read."""

    @property
    def digest(self) -> Digest:
        """The reference as a digest; raises InvalidDigestError."""
        return Digest.parse(self.reference)

    async def body(self, most: int) -> bytes:
        """The whole body, read once: a decision may need it before the handler does. Raises as `Request.body` does."""
        if not self.bodies:
            self.bodies.append(await self.request.body(most))
        return self.bodies[0]

    async def registry(self) -> Registry:
        """The registry, before it is decided whether the caller may know that there is one; its id is 0 where there is none."""
        registry = self.call.registry
        return registry if registry.id else await self.context.registry(registry.account_id, registry.region, read_only=True)

    def repository_id(self) -> int:
        """The repository's id, of the one that was decided upon; raises RepositoryNotFoundError."""
        if self.place is None or not self.place.repository_id:
            raise RepositoryNotFoundError(self.name, self.call.registry)
        return self.place.repository_id

    def may_read_from(self, tx: Transaction) -> Callable[[str], bool]:
        """Whether a blob may be mounted from the repository of a name, as it is in this transaction."""
        needed, scope = self.source, self.token.scope
        if needed is None:
            return lambda _name: False
        judge = self.context.warden.judge
        asked = [(action, judge.allowed_in(tx, self.call, action)) for action in needed.actions]
        return lambda name: all(allowed(name) and (scope is None or scope.allows(action, name)) for action, allowed in asked)

    def path(self, rest: str) -> str:
        """A relative URL under this repository (distribution-spec: Location may be relative)."""
        return f"/v2/{self.name}/{rest}"


def parse_name(text: str) -> RepositoryName:
    """The repository that a path names; raises InvalidNameError."""
    return RepositoryName.parse(text)
