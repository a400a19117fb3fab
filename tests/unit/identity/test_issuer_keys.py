"""Where an issuer's keys come from, how long they are used, and how often anybody can make us ask for them."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from moorage.identity.web_identity import oidc_providers
from moorage.identity.web_identity.issuer_keys import BETWEEN, FRESH_FOR, GOOD_FOR, IssuerKeys
from moorage.identity.web_identity.oidc_providers import Provider
from moorage.identity.web_identity.web_identity_errors import InvalidIdentityTokenError, IssuerUnreachableError
from moorage.identity.web_identity.web_keys import PublicKey
from moorage.identity.web_identity.web_token import WebToken
from moorage.outgoing.client import OutgoingClient
from moorage.outgoing.networks import Permitted
from tests.unit.ground import ACCOUNT, Ground
from tests.unit.identity.issuer import Issuer
from tests.unit.identity.signing import Key, key_set
from tests.unit.outgoing.scripted import LOOPBACK, answering, client, moved, ok

NEW = Key(id="key-2", number=2)
BROKEN = b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n"
GONE = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as serving:
        yield serving


Find = Callable[..., tuple[PublicKey, ...]]


@pytest.fixture
def find(ground: Ground, issuer: Issuer) -> Find:
    """The keys for a token of the issuer; of another process where one is given."""
    ground.write(lambda tx: oidc_providers.create(tx, ACCOUNT, issuer.url, ["sts.amazonaws.com"], []))
    first = IssuerKeys(ground.database, client("127.0.0.1"))

    def look(key: Key | None = None, process: IssuerKeys | None = None) -> tuple[PublicKey, ...]:
        token = WebToken.parse(issuer.token(ground, key))
        return (process or first).of(stored(ground, issuer), token, ground.clock.now())

    return look


def stored(ground: Ground, issuer: Issuer) -> Provider:
    found = ground.read(lambda tx: oidc_providers.of_issuer(tx, ACCOUNT, issuer.url))
    assert found is not None
    return found


def test_keys_are_fetched_once_and_shared_by_every_process(ground: Ground, issuer: Issuer, find: Find) -> None:
    assert [key.id for key in find()] == ["key-1"]
    assert issuer.asked == ["/oidc/.well-known/openid-configuration", "/oidc/keys"]
    for _ in range(5):
        find()
        find(process=IssuerKeys(ground.database, client("127.0.0.1")))
    assert len(issuer.asked) == 2


def test_keys_are_fetched_again_after_an_hour(ground: Ground, issuer: Issuer, find: Find) -> None:
    find()
    ground.clock.advance(FRESH_FOR - 1)
    find()
    assert len(issuer.asked) == 2
    issuer.keys = (NEW,)
    ground.clock.advance(1)
    with pytest.raises(InvalidIdentityTokenError, match="Couldn't retrieve verification key"):
        find(Key())  # it is withdrawn
    assert len(issuer.asked) == 4
    assert [key.id for key in find()] == ["key-2"]


def test_a_new_key_is_found_as_soon_as_it_signs(ground: Ground, issuer: Issuer, find: Find) -> None:
    find()
    ground.clock.advance(BETWEEN)
    issuer.keys = (Key(), NEW)
    assert [key.id for key in find(NEW)] == ["key-2"]
    assert len(issuer.asked) == 4


def test_a_flood_of_unknown_keys_asks_the_issuer_once_a_minute(ground: Ground, issuer: Issuer, find: Find) -> None:
    find()
    for minute in range(3):
        ground.clock.advance(BETWEEN)
        for number in range(20):
            with pytest.raises(InvalidIdentityTokenError, match="Couldn't retrieve verification key"):
                find(Key(id=f"unknown-{number}"))
        assert len(issuer.asked) == 2 * (minute + 2)
    find()


def test_a_crowd_makes_one_question(ground: Ground, issuer: Issuer, find: Find) -> None:
    together = threading.Barrier(4)

    def look() -> object:
        together.wait()
        return find()

    with ThreadPoolExecutor(4) as threads:
        found = [each.result() for each in [threads.submit(look) for _ in range(4)]]
    assert len({str(keys) for keys in found}) == 1
    assert len(issuer.asked) == 2


@pytest.mark.parametrize("path", ["/oidc/.well-known/openid-configuration", "/oidc/keys"])
def test_while_the_issuer_is_away_its_last_keys_are_used_for_a_day(
    ground: Ground, issuer: Issuer, find: Find, path: str
) -> None:
    find()
    issuer.answers[path] = BROKEN
    ground.clock.advance(FRESH_FOR)
    find()
    asked = len(issuer.asked)
    find()  # not asked again within the minute
    assert len(issuer.asked) == asked
    ground.clock.advance(GOOD_FOR - FRESH_FOR - 1)
    find()
    ground.clock.advance(BETWEEN)
    with pytest.raises(IssuerUnreachableError):
        find()
    issuer.answers.clear()
    ground.clock.advance(BETWEEN)
    find()


def test_an_issuer_that_was_never_reached_is_a_passing_failure(ground: Ground, issuer: Issuer, find: Find) -> None:
    issuer.answers["/oidc/keys"] = BROKEN
    for _ in range(3):
        with pytest.raises(IssuerUnreachableError) as caught:
            find()
        assert (caught.value.query_code, caught.value.aws_status) == ("IDPCommunicationError", 400)
    assert len(issuer.asked) == 2


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/oidc/.well-known/openid-configuration", GONE),
        ("/oidc/.well-known/openid-configuration", ok(b"nonsense")),
        ("/oidc/.well-known/openid-configuration", ok(b"[]")),
        ("/oidc/.well-known/openid-configuration", ok(b"\xff")),
        ("/oidc/.well-known/openid-configuration", ok(b"[" * 100_000)),
        ("/oidc/.well-known/openid-configuration", ok(b'{"issuer": "https://another.example", "jwks_uri": "https://a"}')),
        ("/oidc/.well-known/openid-configuration", moved("https://169.254.169.254/latest/meta-data")),
        ("/oidc/keys", GONE),
        ("/oidc/keys", ok(b"{}")),
        ("/oidc/keys", ok(b"x" * (1024 * 1024 + 1))),
        ("/oidc/keys", ok(json.dumps({"keys": [{}] * 101}).encode())),
    ],
)
def test_an_issuer_that_says_nonsense_has_no_keys(issuer: Issuer, find: Find, path: str, answer: bytes) -> None:
    issuer.answers[path] = answer
    with pytest.raises(
        InvalidIdentityTokenError, match="Couldn't retrieve verification key from your identity provider,  please"
    ):
        find()


@pytest.mark.parametrize(
    "address", [None, 1, "", "/keys", "file:///etc/passwd", "http://8.8.8.8/keys", "https://10.0.0.1/keys"]
)
def test_the_address_of_the_keys_is_judged_like_any_other(ground: Ground, issuer: Issuer, address: object) -> None:
    issuer.answers["/oidc/.well-known/openid-configuration"] = ok(
        json.dumps({**issuer.configuration, "jwks_uri": address}).encode()
    )
    ground.write(lambda tx: oidc_providers.create(tx, ACCOUNT, issuer.url, [], []))
    keys = IssuerKeys(ground.database, client())
    with pytest.raises((InvalidIdentityTokenError, IssuerUnreachableError)):
        keys.of(stored(ground, issuer), WebToken.parse(issuer.token(ground)), ground.clock.now())


def test_an_issuer_inside_is_not_asked_unless_its_network_is_listed(ground: Ground, issuer: Issuer, find: Find) -> None:
    with pytest.raises(InvalidIdentityTokenError):
        find(process=IssuerKeys(ground.database, client("127.0.0.1", networks=())))
    assert issuer.asked == []


def test_given_keys_count_alone_and_nobody_is_asked(ground: Ground, issuer: Issuer, find: Find) -> None:
    find()
    asked = len(issuer.asked)
    provider = stored(ground, issuer)
    ground.write(lambda tx: oidc_providers.give_keys(tx, provider, key_set(NEW)))
    ground.clock.advance(GOOD_FOR)
    assert [key.id for key in find(NEW)] == ["key-2"]
    with pytest.raises(InvalidIdentityTokenError, match="Couldn't retrieve verification key"):
        find(Key())
    assert len(issuer.asked) == asked
    ground.write(lambda tx: oidc_providers.give_keys(tx, provider, None))
    assert [key.id for key in find(Key())] == ["key-1"]


def test_a_provider_that_is_removed_meanwhile_has_no_keys(ground: Ground, issuer: Issuer, find: Find) -> None:
    provider = stored(ground, issuer)
    ground.write(lambda tx: oidc_providers.delete(tx, ACCOUNT, provider.arn))
    keys = IssuerKeys(ground.database, client("127.0.0.1"))
    with pytest.raises(InvalidIdentityTokenError):
        keys.of(provider, WebToken.parse(issuer.token(ground)), ground.clock.now())
    assert issuer.asked == []


def test_an_issuer_whose_url_ends_in_a_slash_is_asked_below_it(ground: Ground) -> None:
    with Issuer(path="/") as issuer:
        issuer.answers["/keys"] = ok(key_set(*issuer.keys).encode())
        configuration = {"issuer": issuer.url, "jwks_uri": issuer.url + "keys"}
        issuer.answers["/.well-known/openid-configuration"] = ok(json.dumps(configuration).encode())
        ground.write(lambda tx: oidc_providers.create(tx, ACCOUNT, issuer.url, [], []))
        keys = IssuerKeys(ground.database, client("127.0.0.1"))
        assert keys.of(stored(ground, issuer), WebToken.parse(issuer.token(ground)), ground.clock.now())


def test_a_certificate_that_nobody_trusts_is_a_passing_failure(ground: Ground, issuer: Issuer, find: Find) -> None:
    distrustful = OutgoingClient(Permitted([LOOPBACK]), resolve=answering("127.0.0.1"))
    with pytest.raises(IssuerUnreachableError):
        find(process=IssuerKeys(ground.database, distrustful))
    assert issuer.asked == []
