import base64
from collections.abc import Iterator
from contextlib import closing

import pytest
import sqlalchemy as sa

from moorage.core.clock import HOUR
from moorage.http.authentication import Authenticator
from moorage.identity import resources
from moorage.identity.credentials import tokens
from moorage.identity.credentials.tokens import LIFETIME, NotAuthorizedError, TokenExpiredError
from moorage.identity.resources import Kind
from moorage.storage.database.schema.identity import access_keys
from moorage.storage.database.schema.identity import tokens as token_rows
from tests.unit.access.people import add_user
from tests.unit.ground import ACCOUNT, ROOT, Ground


@pytest.fixture
def authenticator(ground: Ground) -> Iterator[Authenticator]:
    """What is under test, on the ground's database."""
    with closing(ground.database.point_reader()) as points:
        yield Authenticator(points, ground.clock)


@pytest.fixture
def password(ground: Ground) -> str:
    """A good password."""
    return ground.database.write(lambda tx: tokens.issue(tx, ROOT, "us-east-1")).result()[0]


def _basic(text: str, scheme: str = "Basic") -> str:
    return f"{scheme} {base64.b64encode(text.encode()).decode()}"


def test_a_good_password_names_its_principal(authenticator: Authenticator, password: str) -> None:
    token = authenticator.token_of(_basic(f"AWS:{password}"))
    assert token.principal == ROOT
    assert token.region == "us-east-1"


@pytest.mark.parametrize("scheme", ["basic", "BASIC", "Basic "])
def test_the_schemes_name_is_read_as_http_has_it(authenticator: Authenticator, password: str, scheme: str) -> None:
    assert authenticator.token_of(_basic(f"AWS:{password}", scheme)).principal == ROOT


@pytest.mark.parametrize(
    "form",
    ["aws:{}", "root:{}", ":{}", "{}", "AWS{}", "AWS:", "AWS:{}x", "AWS: {}", "AWS:{}\n", "AWS:AWS:{}", " AWS:{}", "AWS:\0{}"],
)
def test_another_user_or_password_is_not_authorized(authenticator: Authenticator, password: str, form: str) -> None:
    with pytest.raises(NotAuthorizedError):
        authenticator.token_of(_basic(form.format(password)))


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic ",
        "Basic %%%",
        "Basic QVdT",
        "Basic " + "A" * 9000,
        "Bearer x",
        "AWS4-HMAC-SHA256 x",
        "Basic \xff",
        "Basic /////w==",
    ],
)
def test_a_header_that_is_none_is_not_authorized(authenticator: Authenticator, header: str | None) -> None:
    with pytest.raises(NotAuthorizedError):
        authenticator.token_of(header)


def test_a_bearer_of_the_password_is_not_authorized(authenticator: Authenticator, password: str) -> None:
    for header in (f"Bearer {password}", _basic(f"AWS:{password}", "Bearer"), base64.b64encode(password.encode()).decode()):
        with pytest.raises(NotAuthorizedError):
            authenticator.token_of(header)


@pytest.mark.parametrize("used_before", [True, False])
def test_a_token_expires_after_twelve_hours(
    ground: Ground, authenticator: Authenticator, password: str, used_before: bool
) -> None:
    header = _basic(f"AWS:{password}")
    ground.clock.advance(LIFETIME - 1)
    if used_before:
        authenticator.token_of(header)
    ground.clock.advance(1)
    for _ in range(2):
        with pytest.raises(TokenExpiredError, match=r"Your authorization token has expired\. Reauthenticate and try again\."):
            authenticator.token_of(header)
    assert LIFETIME == 12 * HOUR


def test_a_token_ends_with_its_row_at_the_next_request(ground: Ground, authenticator: Authenticator, password: str) -> None:
    header = _basic(f"AWS:{password}")
    authenticator.token_of(header)
    ground.database.write(lambda tx: tx.execute(sa.delete(token_rows)).rowcount).result()
    with pytest.raises(NotAuthorizedError):
        authenticator.token_of(header)


@pytest.mark.parametrize("deleted", [True, False])
def test_a_token_ends_with_its_key_at_the_next_request(
    ground: Ground, authenticator: Authenticator, password: str, deleted: bool
) -> None:
    header = _basic(f"AWS:{password}")
    authenticator.token_of(header)
    change: sa.Delete | sa.Update = sa.delete(access_keys) if deleted else sa.update(access_keys).values(active=False)
    ground.database.write(lambda tx: tx.execute(change).rowcount).result()
    with pytest.raises(NotAuthorizedError):
        authenticator.token_of(header)


def test_a_user_s_new_name_counts_however_the_header_is_spelled(ground: Ground, authenticator: Authenticator) -> None:
    user = add_user(ground, "bob")
    made = ground.write(lambda tx: tokens.make_for_user(tx, user.identity_id, "us-east-1", HOUR))
    spellings = [_basic(f"AWS:{made.password}", scheme) for scheme in ("Basic", "basic")]

    def names() -> list[str]:
        return [authenticator.token_of(spelling).principal.arn for spelling in spellings for _ in range(2)]

    assert names() == [user.arn] * 4
    found = ground.read(lambda tx: resources.get(tx, ACCOUNT, Kind.USER, "bob"))
    ground.write(lambda tx: resources.rename(tx, found, name="carl"))
    assert names() == [user.arn.replace("bob", "carl")] * 4


def test_what_is_remembered_is_bounded(ground: Ground, authenticator: Authenticator, password: str) -> None:
    authenticator.token_of(_basic(f"AWS:{password}"))
    remembered = next(iter(authenticator._known.values()))
    authenticator._known.update({str(number): remembered for number in range(10_000)})
    other = ground.database.write(lambda tx: tokens.issue(tx, ROOT, "us-east-1")).result()[0]
    before = len(authenticator._known)
    authenticator.token_of(_basic(f"AWS:{other}"))
    assert len(authenticator._known) <= before
