"""Web identity tokens and issuers' keys: what is read, what is believed, and every trick that is not."""

import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from moorage.identity.web_identity.web_identity_errors import ExpiredIdentityTokenError, InvalidIdentityTokenError
from moorage.identity.web_identity.web_keys import ALGORITHMS, MOST_BYTES, KeySet, KeySetError
from moorage.identity.web_identity.web_token import SKEW, WebToken
from tests.unit.identity.signing import Key, encoded, key_set, part

NOW = 1_800_000_000
CLAIMS: dict[str, Any] = {"iss": "https://issuer.example", "aud": "sts.amazonaws.com", "sub": "me", "exp": NOW + 60}
RSA = Key()


def verify(text: str, *keys: Key) -> WebToken:
    """What STS does with a token before it looks whom it is about."""
    token = WebToken.parse(text)
    token.check_signature(KeySet.read(key_set(*(keys or (RSA,)))).candidates(token.key_id, token.algorithm))
    token.check_time(NOW)
    return token


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_every_algorithm_of_sts_is_verified(algorithm: str) -> None:
    key = Key(algorithm)
    assert verify(key.token(CLAIMS), key).claims == CLAIMS
    with pytest.raises(InvalidIdentityTokenError, match="Token signature invalid"):
        verify(key.token(CLAIMS), Key(algorithm, number=2))


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_tokens_and_keys_of_another_implementation_are_verified(algorithm: str) -> None:
    curve = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
    made: Any = ECKey.generate_key(curve[algorithm]) if algorithm in curve else RSAKey.generate_key(2048)
    text = jwt.encode({"alg": algorithm}, CLAIMS, made, algorithms=[algorithm])
    token = WebToken.parse(text)
    token.check_signature(KeySet.read(json.dumps({"keys": [made.as_dict(private=False)]})).candidates(None, algorithm))
    assert token.claims == CLAIMS


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "HS256", "HS512", "PS256", "RS1", "EdDSA", "rs256", "", None, 1, ["RS256"]]
)
def test_no_other_algorithm_is_taken(algorithm: Any) -> None:
    for signature in (RSA.signature(b""), b"\0"):
        text = f"{part({'alg': algorithm, 'kid': RSA.id})}.{part(CLAIMS)}.{encoded(signature)}"
        with pytest.raises(InvalidIdentityTokenError):
            verify(text)


def test_a_token_without_a_signature_is_no_token() -> None:
    with pytest.raises(InvalidIdentityTokenError):
        verify(f"{part({'alg': 'none'})}.{part(CLAIMS)}.")


@pytest.mark.parametrize("form", [PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1])
def test_the_public_key_is_no_symmetric_secret(form: PublicFormat) -> None:
    secret = RSA.private.public_key().public_bytes(Encoding.PEM, form)
    signed = f"{part({'alg': 'HS256', 'kid': RSA.id})}.{part(CLAIMS)}"
    text = f"{signed}.{encoded(hmac.digest(secret, signed.encode(), 'sha256'))}"
    with pytest.raises(InvalidIdentityTokenError):
        verify(text)


def test_a_key_verifies_its_own_kind_of_algorithm_only() -> None:
    curve = Key("ES256", id=RSA.id)
    for key, algorithm in ((curve, "RS256"), (RSA, "ES256"), (curve, "ES384"), (RSA, "RS512")):
        text = key.token(CLAIMS, {"alg": algorithm, "kid": RSA.id})
        for published in (RSA, curve):
            with pytest.raises(InvalidIdentityTokenError):
                verify(text, published)


def test_the_header_cannot_say_which_key_verifies() -> None:
    own = Key(number=2)
    for trick in (
        {"jwk": own.jwk},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/certificate"},
        {"x5c": ["MIIB"]},
    ):
        with pytest.raises(InvalidIdentityTokenError, match="Token signature invalid"):
            verify(own.token(CLAIMS, {"alg": "RS256", "kid": RSA.id, **trick}))


@pytest.mark.parametrize("critical", [["exp"], ["b64"], [], "exp", None])
def test_critical_headers_are_not_understood_and_so_refused(critical: Any) -> None:
    with pytest.raises(InvalidIdentityTokenError):
        verify(RSA.token(CLAIMS, {"alg": "RS256", "kid": RSA.id, "crit": critical, "b64": False}))


@pytest.mark.parametrize("key_id", [1, ["key-1"], {"a": 1}, True])
def test_a_key_id_is_a_text(key_id: Any) -> None:
    with pytest.raises(InvalidIdentityTokenError):
        verify(RSA.token(CLAIMS, {"alg": "RS256", "kid": key_id}))


def test_truncated_changed_and_swapped_tokens_are_refused() -> None:
    text, other = RSA.token(CLAIMS), RSA.token({**CLAIMS, "sub": "somebody else"})
    header, claims, signature = text.split(".")
    swapped = (f"{header}.{other.split('.')[1]}.{signature}", f"{header}.{claims}.{other.split('.')[2]}")
    for wrong in (
        *swapped,
        text[:-4],
        text[: len(text) // 2],
        f"{header}.{claims}",
        f"{text}.{signature}",
        f" {text}",
        f"{text}\n",
    ):
        with pytest.raises(InvalidIdentityTokenError):
            verify(wrong)


@pytest.mark.parametrize(
    "claims",
    [
        '{"iss": "a", "iss": "b", "exp": 1800000060}',
        '{"iss": "a", "more": {"x": 1, "x": 2}}',
        '{"exp": NaN}',
        '{"exp": Infinity}',
        "[]",
        '"text"',
        "null",
        "",
        "{",
        '{"sub": "\\ud800"}',
        '{"sub": "a\\u0000b"}',
        "[" * 5000,
        '{"exp": ' + "9" * 5000 + "}",
        "\ufeff{}",
    ],
)
def test_claims_that_readers_could_read_differently_are_refused(claims: str) -> None:
    with pytest.raises(InvalidIdentityTokenError, match="not a valid JWT"):
        WebToken.parse(RSA.token(claims))


def test_a_header_with_a_name_twice_is_refused() -> None:
    with pytest.raises(InvalidIdentityTokenError, match="not a valid JWT"):
        WebToken.parse(RSA.token(CLAIMS, '{"alg": "RS256", "alg": "none"}'))


@pytest.mark.parametrize("text", ["", ".", "..", "...", "a.b.c", "a" * 20000, "é.é.é", "eyJ.eyJ.eyJ", "e30.e30.e30", "=.=.="])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdentityTokenError):
        verify(text)


@pytest.mark.parametrize("expires_at", [NOW, NOW - 1, 0, NOW - 0.5])
def test_an_expired_token_says_since_when(expires_at: float) -> None:
    with pytest.raises(ExpiredIdentityTokenError) as caught:
        verify(RSA.token({**CLAIMS, "exp": expires_at}))
    text = f"Token expired: current date/time {NOW} must be before the expiration date/time {int(expires_at)}"
    assert caught.value.message == text
    assert (caught.value.query_code, caught.value.aws_code) == ("ExpiredTokenException", "ExpiredTokenException")


@pytest.mark.parametrize("moment", [None, "1800000060", True, -1, 1e308, [1], {}])
def test_an_expiry_must_be_there_and_be_a_time(moment: Any) -> None:
    with pytest.raises(InvalidIdentityTokenError):
        verify(RSA.token({**CLAIMS, "exp": moment}))


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_a_token_of_the_future_is_refused_beyond_five_minutes(name: str) -> None:
    verify(RSA.token({**CLAIMS, name: NOW + SKEW}))
    with pytest.raises(InvalidIdentityTokenError, match="not valid yet"):
        verify(RSA.token({**CLAIMS, name: NOW + SKEW + 1}))


def test_no_token_is_shown() -> None:
    assert "issuer" not in repr(WebToken.parse(RSA.token(CLAIMS)))


# --- key sets ---------------------------------------------------------------------------------------------------------


def test_a_token_without_a_key_id_is_verified_by_any_key_that_fits() -> None:
    other = Key(id="key-2", number=2)
    verify(RSA.token(CLAIMS, {"alg": "RS256"}), other, Key("ES256", id="key-3"), RSA)
    with pytest.raises(InvalidIdentityTokenError):
        verify(RSA.token(CLAIMS), other)


@pytest.mark.parametrize(
    "change",
    [
        *(
            {"use": "enc"},
            {"key_ops": ["encrypt"]},
            {"key_ops": "verify"},
            {"alg": "RS512"},
            {"alg": 1},
            {"kid": 1},
            {"kty": "oct"},
        ),
        *(
            {"n": ""},
            {"n": None},
            {"n": "AQAB"},
            {"n": "A" * 3000},
            {"n": "***"},
            {"e": "AQ"},
            {"e": "Ag"},
            {"e": "A" * 40},
            {"e": 3},
        ),
    ],
)
def test_keys_that_are_for_something_else_or_unsound_are_passed_over(change: dict[str, Any]) -> None:
    assert KeySet.read(key_set({**RSA.jwk, **change})).candidates(RSA.id, "RS256") == ()


def test_weak_keys_and_points_off_the_curve_are_passed_over() -> None:
    curve = Key("ES256").jwk
    weak = Key(bits=1024).jwk
    wrong: list[Any] = [
        weak,
        {**curve, "x": curve["y"]},
        {**curve, "crv": "P-384"},
        {**curve, "crv": "secp256k1"},
        "text",
        None,
    ]
    for entry in wrong:
        assert KeySet.read(json.dumps({"keys": [entry]})).keys == ()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"keys": {}}', "nonsense", "[" * 100_000, '{"keys": [' + "{}," * 100 + "{}]}"]
)
def test_what_is_no_key_set_is_refused(text: str) -> None:
    with pytest.raises(KeySetError):
        KeySet.read(text)


def test_a_key_set_has_bounds() -> None:
    assert len(KeySet.read(key_set(*[RSA] * 100)).keys) == 100
    with pytest.raises(KeySetError, match="at most"):
        KeySet.read('{"keys": []}' + " " * MOST_BYTES)


def test_of_what_is_published_only_the_keys_are_kept() -> None:
    published = json.dumps({"keys": [{**RSA.jwk, "x5c": ["long"], "d": "?"}, {"kty": "OKP"}], "more": 1})
    assert json.loads(KeySet.slim(published)) == {"keys": [RSA.jwk]}


def test_keys_that_are_given_are_public_and_usable() -> None:
    assert KeySet.read_given(key_set(RSA)).keys[0].id == RSA.id
    for secret in ({**RSA.jwk, "d": "AQAB"}, {"kty": "oct", "k": "c2VjcmV0"}):
        with pytest.raises(KeySetError, match="private or symmetric"):
            KeySet.read_given(key_set(RSA, secret))
    with pytest.raises(KeySetError, match="no public key"):
        KeySet.read_given(key_set())
