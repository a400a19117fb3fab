"""Sealed denials."""

import json

import pytest

from moorage.core.call import Principal, Ruling
from moorage.identity import callers
from moorage.identity.credentials.authorization_messages import LONGEST, InvalidAuthorizationMessageError, decode, encode
from moorage.identity.credentials.sealing import Sealer

ACCOUNT = "123456789012"
SEALER = Sealer(b"k" * 32)
CALLER = callers.of_user(ACCOUNT, ("AIDAEXAMPLE", "bob", "/team/"), "AKIABOB")
EXPLICIT = Ruling("explicitDeny", "identity-based policy", ("guard#NoPush", "guard#2"))


def _encoded(principal: Principal = CALLER, resource: str = "arn:aws:ecr:us-east-1:1:repository/a") -> str:
    return encode(SEALER, principal, "ecr:PutImage", resource, EXPLICIT, {"aws:sourceip": ("10.0.0.1",)})


def test_a_message_says_who_wanted_what_and_why_not() -> None:
    assert json.loads(decode(SEALER, ACCOUNT, _encoded())) == {
        "allowed": False,
        "explicitDeny": True,
        "matchedStatements": {
            "items": [
                {"statementId": "NoPush", "effect": "DENY", "policy": "guard"},
                {"statementId": "2", "effect": "DENY", "policy": "guard"},
            ]
        },
        "failures": {"items": []},
        "context": {
            "principal": {"id": "AIDAEXAMPLE", "name": "bob", "arn": CALLER.arn},
            "action": "ecr:PutImage",
            "resource": "arn:aws:ecr:us-east-1:1:repository/a",
            "decidedBy": "identity-based policy",
            "conditions": {"items": [{"key": "aws:sourceip", "values": {"items": [{"value": "10.0.0.1"}]}}]},
        },
    }
    implicit = encode(SEALER, CALLER, "ecr:PutImage", "*", Ruling("implicitDeny", "identity-based policy"), {})
    told = json.loads(decode(SEALER, ACCOUNT, implicit))
    assert told["explicitDeny"] is False and told["matchedStatements"] == {"items": []}


def test_a_message_tells_nothing_before_it_is_decoded_and_fits_into_a_header() -> None:
    message = _encoded()
    assert "bob" not in message and message.isascii() and message != _encoded()
    conditions = {f"aws:principaltag/{number}": (chr(33 + number % 90) * 200 + str(number**7),) for number in range(2000)}
    long = encode(SEALER, CALLER, "ecr:PutImage", "*", EXPLICIT, conditions)
    assert len(long) <= LONGEST and json.loads(decode(SEALER, ACCOUNT, long))["context"]["conditions"] == {"items": []}
    named = tuple(f"policy{number**5}#{number**6}" for number in range(2000))
    many = encode(SEALER, CALLER, "ecr:PutImage", "*", Ruling("explicitDeny", "x", named), {})
    assert len(many) <= LONGEST
    huge = "".join(chr(33 + number**3 % 90) for number in range(50_000))
    assert len(encode(SEALER, CALLER, huge, huge, EXPLICIT, {})) <= LONGEST


@pytest.mark.parametrize("account", ["111122223333", "", "1"])
def test_another_account_cannot_decode_it(account: str) -> None:
    with pytest.raises(InvalidAuthorizationMessageError):
        decode(SEALER, account, _encoded())


def test_a_message_that_was_changed_is_none() -> None:
    message = _encoded()
    other = encode(Sealer(b"x" * 32), CALLER, "ecr:PutImage", "*", EXPLICIT, {})
    secret = SEALER.seal("a stored secret", "AKIABOB").hex()
    wrong = [message[:-4], message[4:], "A" + message[1:], message + "AAAA", message[:40], other, secret, "", "A", "é", "\0"]
    swapped = message[:50] + ("A" if message[50] != "A" else "B") + message[51:]
    for text in (*wrong, swapped, "A" * 10_240):
        if text == message:
            continue
        with pytest.raises(InvalidAuthorizationMessageError):
            decode(SEALER, ACCOUNT, text)
