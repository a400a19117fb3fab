"""`/api/v1/robots`: users for pipelines, made with what they may do and a password in one request."""

from typing import Annotated

from msgspec import Meta, Struct

from moorage.core.clock import DAY, SECOND
from moorage.http.api.exchange import Exchange
from moorage.http.api.tokens import Actions, Lifetime, Patterns, Tags
from moorage.http.api.values import Nothing, Page, Time, listed, next_of, position_of, time_text, whole
from moorage.identity.credentials.scope import Scope
from moorage.identity.credentials.tokens import NewToken
from moorage.identity.operations import USERNAME
from moorage.identity.users import robots
from moorage.identity.users.robots import Robot as StoredRobot
from moorage.storage.database.transaction import Transaction

RobotName = Annotated[
    str,
    Meta(
        pattern=whole(r"[A-Za-z0-9_+=,.@-]+"),
        min_length=1,
        max_length=64,
        description="Unique among the account's users, in whatever case",
        examples=["ci-team"],
    ),
]

_LIFETIME = 90 * DAY // SECOND


class NewRobot(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A robot to be made."""

    name: RobotName
    repositories: Patterns
    actions: Actions
    tags: Tags | None = None
    """All tags when left out."""
    lifetime_seconds: Lifetime = _LIFETIME
    """Of its password."""


class Rotation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A robot that is to have another password."""

    name: RobotName
    lifetime_seconds: Lifetime = _LIFETIME
    """Of the new password."""


class RobotQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which robot is meant."""

    name: RobotName


class RobotPassword(Struct, frozen=True, kw_only=True):
    """A robot, and its new password for `/v2/`, which is shown this once."""

    name: str
    arn: str
    username: str
    password: str
    endpoint: str
    """URL of the registry."""
    region: str
    repositories: list[str] | None
    actions: list[str] | None
    """As they were asked for; both null where somebody changed the robot's policies since."""
    tags: list[str] | None
    """Null where all may be pushed and deleted, or where the two are null."""
    expires_at: Time


class Robot(Struct, frozen=True, kw_only=True):
    """A robot."""

    name: str
    arn: str
    repositories: list[str] | None
    actions: list[str] | None
    """Both null where somebody changed the robot's policies."""
    tags: list[str] | None
    """Null where all may be pushed and deleted, or where the two are null."""
    created_at: Time
    expires_at: Time | None
    """When its password ends or ended; null where it has none."""
    last_used_at: Time | None


class Robots(Struct, frozen=True, kw_only=True):
    """A page of robots, in the order of their names."""

    robots: list[Robot]
    next: str | None
    """What continues the listing, or null at its end."""


async def create_robot(exchange: Exchange, _query: Nothing, body: NewRobot) -> RobotPassword:
    """Make a robot: a user below the path `/robot/`, with one inline policy and a password for `/v2/`.

    The policy allows the actions on the repositories in the account's registries of every region; the password is good at
    the one of the signature's region and, whatever other policies allow, for the same actions on the same repositories only.
    Whoever makes a robot needs IAM's rights to make a user and to give it a policy.
    """
    call = exchange.call
    scope = Scope.parse(body.repositories, body.actions, body.tags)
    account_id, region, lifetime = call.principal.account_id, call.registry.region, body.lifetime_seconds * SECOND

    def work(tx: Transaction) -> tuple[StoredRobot, NewToken]:
        return robots.create(tx, account_id, body.name, scope, region=region, lifetime=lifetime)

    robot, token = await exchange.write(work, name=body.name, lifetime_seconds=str(body.lifetime_seconds), scope=scope.dump())
    return _with_password(exchange, robot, token)


async def rotate_robot(exchange: Exchange, _query: Nothing, body: Rotation) -> RobotPassword:
    """Give a robot another password for `/v2/`; the one before ends now.

    It is good for what the robot's inline policy says, or for what the one before was, if that policy was changed to what
    cannot be told in repositories, actions and tags.
    """
    call = exchange.call

    def work(tx: Transaction) -> tuple[StoredRobot, NewToken]:
        robot = robots.get(tx, call.principal.account_id, body.name)
        lifetime = body.lifetime_seconds * SECOND
        return robot, robots.rotate(tx, robot, region=call.registry.region, lifetime=lifetime)

    robot, token = await exchange.write(work, name=body.name, lifetime_seconds=str(body.lifetime_seconds))
    return _with_password(exchange, robot, token)


async def list_robots(exchange: Exchange, query: Page, _body: Nothing) -> Robots:
    """The account's robots, also those whose passwords have ended."""
    page_tokens, call = exchange.parts.page_tokens, exchange.call
    after = position_of(page_tokens, call, query)
    found = await exchange.read(lambda tx: robots.listed(tx, call.principal.account_id, after, query.limit + 1))
    shown = found[: query.limit]
    following = shown[-1].user.name.lower() if len(found) > len(shown) else None
    return Robots(
        robots=[_shown(each) for each in shown],
        next=next_of(page_tokens, call, query, following) if following is not None else None,
    )


async def delete_robot(exchange: Exchange, query: RobotQuery, _body: Nothing) -> Nothing:
    """Remove a robot and everything that it has; from the next request on nobody is signed in as it."""
    account_id = exchange.call.principal.account_id
    await exchange.write(lambda tx: robots.delete(tx, robots.get(tx, account_id, query.name)), name=query.name)
    return Nothing()


def _with_password(exchange: Exchange, robot: StoredRobot, token: NewToken) -> RobotPassword:
    call = exchange.call
    scheme = call.authority.partition("://")[0]
    return RobotPassword(
        name=robot.user.name,
        arn=robot.user.arn,
        username=USERNAME,
        password=token.password,
        endpoint=exchange.context.addresses.endpoint(call.principal.account_id, call.registry.region, scheme),
        region=call.registry.region,
        repositories=listed(robot.grant.repositories if robot.grant else None),
        actions=listed(robot.grant.actions if robot.grant else None),
        tags=listed(robot.grant.tags if robot.grant else None),
        expires_at=time_text(token.expires_at),
    )


def _shown(robot: StoredRobot) -> Robot:
    return Robot(
        name=robot.user.name,
        arn=robot.user.arn,
        repositories=listed(robot.grant.repositories if robot.grant else None),
        actions=listed(robot.grant.actions if robot.grant else None),
        tags=listed(robot.grant.tags if robot.grant else None),
        created_at=time_text(robot.user.created_at),
        expires_at=time_text(robot.expires_at) if robot.expires_at is not None else None,
        last_used_at=time_text(robot.last_used_at) if robot.last_used_at is not None else None,
    )
