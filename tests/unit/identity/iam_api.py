"""IAM's operations on the ground: requests from the form on, as the Query protocol brings them, and the answers' members."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from botocore.serialize import create_serializer

from moorage.aws.form import Form
from moorage.aws.model import Service
from moorage.aws.operation import Dispatcher, Entry
from moorage.core.call import Call, Principal
from moorage.core.page import PageTokens
from moorage.identity import resources
from moorage.identity.pages import Pages
from moorage.identity.policies.attachment_operations import AttachmentOperations
from moorage.identity.policies.authorization_operations import AuthorizationOperations
from moorage.identity.policies.inline_policy_operations import InlinePolicyOperations
from moorage.identity.policies.policy_operations import PolicyOperations
from moorage.identity.policies.policy_version_operations import PolicyVersionOperations
from moorage.identity.policies.simulation_operations import SimulationOperations
from moorage.identity.resources import Kind, Resource
from moorage.storage.database.schema import iam
from moorage.storage.database.schema.identity import accounts
from moorage.storage.database.transaction import Transaction
from tests.unit.ground import ACCOUNT, ROOT, SECRET, Ground

TRUST = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}}'
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
READ_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"


def allow(*actions: str, effect: str = "Allow", pad: int = 0) -> str:
    """A policy about everything; `pad` characters longer than it need be."""
    listed = ", ".join(f'"{action}"' for action in actions)
    return f'{{"Version": "2012-10-17", "Statement": {{"Sid": "S{"x" * pad}", "Effect": "{effect}", "Action": [{listed}], "Resource": "*"}}}}'


@functools.cache
def _service() -> Service:
    return Service("iam")


class IamApi:
    """What the root of the account, or whoever is given, does by IAM's API; whether it may is not asked."""

    def __init__(self, ground: Ground, *more: Callable[[Pages], object]) -> None:
        self.ground = ground
        pages = Pages(PageTokens(SECRET))
        rooms = [
            PolicyOperations(pages),
            PolicyVersionOperations(pages),
            AttachmentOperations(pages),
            InlinePolicyOperations(pages),
            AuthorizationOperations(pages),
            SimulationOperations(pages),
            *(room(pages) for room in more),
        ]
        self.dispatcher = Dispatcher(_service(), rooms)

    def do(self, operation: str, **params: Any) -> dict[str, Any]:
        """The members of the answer to the account's root; raises what the operation raises."""
        return self.do_as(ROOT, operation, **params)

    def do_as(self, principal: Principal, operation: str, **params: Any) -> dict[str, Any]:
        """The same for another caller."""
        entry, decoded = self.decoded(operation, params)
        call = self.call(operation, principal)
        if entry.mode == "own":
            answer = entry.method(self.ground.database, call, decoded)
        else:
            run = (
                self.ground.database.read if entry.mode == "read" else functools.partial(self.ground.database.write, call=call)
            )
            answer = run(lambda tx: entry.method(tx, call, decoded)).result(60)
        entry.encode(answer, "request")
        return answer or {}

    def decoded(self, operation: str, params: Mapping[str, Any]) -> tuple[Entry, dict[str, Any]]:
        """The entry of an operation, and a request's parameters as it reads them."""
        entry = self.dispatcher.find(operation)
        serializer = create_serializer("query", include_validation=False)
        sent = serializer.serialize_to_request(dict(params), _service().operation(operation))["body"]
        return entry, dict(entry.decode(Form({name: str(value) for name, value in sent.items()})))

    def call(self, operation: str, principal: Principal = ROOT) -> Call:
        """A call that was allowed."""
        return replace(self.ground.call(operation, principal=principal), event_source="iam.amazonaws.com")

    def filled(self, operation: str, **params: Any) -> dict[str, tuple[str, ...]]:
        """The context keys that a request fills besides those of every request."""
        entry, decoded = self.decoded(operation, params)
        found = dict(entry.context(decoded))
        look_up = entry.context_from
        if look_up is not None:
            found |= self.ground.read(lambda tx: look_up(tx, self.call(operation), decoded))
        return found

    # --- what other rooms' operations make --------------------------------------------------------------------------

    def user(self, name: str = "alice", path: str = "/") -> Resource:
        """A new user."""
        return self._made(Kind.USER, name, path, iam.users)

    def group(self, name: str = "team", *members: Resource) -> Resource:
        """A new group with these members."""
        made = self._made(Kind.GROUP, name, "/", None)
        rows = [{"group_id": made.id, "user_id": member.id} for member in members]
        self.ground.write(lambda tx: [tx.execute(sa.insert(iam.group_members).values(row)) for row in rows])
        return made

    def role(self, name: str = "builder", path: str = "/") -> Resource:
        """A new role."""
        return self._made(Kind.ROLE, name, path, iam.roles, trust_policy=TRUST)

    def drop(self, resource: Resource) -> None:
        """Remove a user, group or role, whatever it holds."""
        self.ground.write(lambda tx: resources.delete(tx, resource))

    def _made(self, kind: Kind, name: str, path: str, table: sa.Table | None, **values: Any) -> Resource:
        def work(tx: Transaction) -> Resource:
            made = resources.create(tx, ACCOUNT, kind, name, path=path)
            if table is not None:
                tx.execute(sa.insert(table).values(id=made.id, **values))
            return made

        return self.ground.write(work)

    def policy(self, name: str = "reader", *actions: str, **params: Any) -> str:
        """A new managed policy; its ARN."""
        made = self.do("CreatePolicy", PolicyName=name, PolicyDocument=allow(*(actions or ("ecr:Get*",))), **params)
        return str(made["Policy"]["Arn"])

    # --- what is seen -----------------------------------------------------------------------------------------------

    def version(self) -> int:
        """The permission version of the account."""
        row = self.ground.rows(sa.select(accounts.c.permission_version).where(accounts.c.id == ACCOUNT))[0]
        return int(row.permission_version)


def principal_of(user: Resource) -> Principal:
    """A user that signed with a key."""
    return Principal(ACCOUNT, user.arn, "IAMUser", "AKIAUSERUSERUSERUSER", user.id, user.id, user.arn)
