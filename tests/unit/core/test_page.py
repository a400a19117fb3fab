import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.core.errors import InvalidParameterError
from moorage.core.page import PageTokens

TOKENS = PageTokens(b"key")
POSITIONS = st.text() | st.integers() | st.lists(st.text() | st.integers(), max_size=3)


@given(st.text(st.characters(codec="utf-8")), POSITIONS)
def test_what_is_sealed_can_be_opened_for_the_same_listing_on_any_node(scope: str, position: object) -> None:
    token = TOKENS.seal(scope, position)
    assert PageTokens(b"key").open(scope, token) == position
    assert token.isascii() and not set(token) & set("+/=&?# ")


def refused(scope: str, token: str, tokens: PageTokens = TOKENS) -> bool:
    with pytest.raises(InvalidParameterError) as error:
        tokens.open(scope, token)
    return "nextToken" in error.value.message


def test_a_token_is_good_only_for_its_listing_and_its_installation() -> None:
    token = TOKENS.seal("repositories 1", "app")
    assert refused("repositories 2", token) and refused("repositories 1", token, PageTokens(b"other"))


@given(st.integers(0, 60), st.integers(1, 255))
def test_no_byte_of_a_token_can_be_changed(index: int, change: int) -> None:
    raw = bytearray(base64.urlsafe_b64decode(TOKENS.seal("scope", ["some", "position", 12345]) + "=="))
    raw[index % len(raw)] ^= change
    assert refused("scope", base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("="))


@given(st.integers(0, 70))
def test_a_truncated_token_is_refused(length: int) -> None:
    token = TOKENS.seal("scope", ["some", "position"])
    assert refused("scope", token[: min(length, len(token) - 1)])


@given(st.text())
def test_an_invented_token_is_refused(token: str) -> None:
    assert refused("scope", token)


def test_a_token_shows_nothing_of_its_position() -> None:
    token = PageTokens(b"k" * 32).seal("listing", ["secret-tag-name", 27])
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    assert b"secret" not in raw and b"27" not in raw[16:]
    assert PageTokens(b"k" * 32).open("listing", token) == ["secret-tag-name", 27]
