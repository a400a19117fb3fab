"""What policies see of a web identity, and what a token can ask for its session."""

from dataclasses import replace
from typing import Any

import pytest

from moorage.core.clock import Timestamp
from moorage.identity.resources import Kind, Resource
from moorage.identity.web_identity.oidc_providers import Provider
from moorage.identity.web_identity.web_identity import WebIdentity
from moorage.identity.web_identity.web_identity_errors import InvalidIdentityTokenError
from moorage.identity.web_identity.web_token import WebToken
from tests.unit.ground import ACCOUNT

TAGS = "https://aws.amazon.com/tags"
RESOURCE = Resource("AOID", ACCOUNT, Kind.OIDC_PROVIDER, "oidc.eks.example/id/ABC", "/", None, Timestamp(0))
PROVIDER = Provider(RESOURCE, ("sts.amazonaws.com", "other"), (), None, None, None)
PREFIX = "oidc.eks.example/id/abc:"


def identity(**claims: Any) -> WebIdentity:
    usual = {"aud": "sts.amazonaws.com", "sub": "me"}
    return WebIdentity.of(PROVIDER, WebToken("RS256", None, {**usual, **claims}, b"", b""))


def seen(**claims: Any) -> dict[str, tuple[str, ...]]:
    return {key.removeprefix(PREFIX): values for key, values in identity(**claims).context.items()}


def test_the_caller_is_the_provider_speaking_for_a_subject() -> None:
    caller = identity().principal
    arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.eks.example/id/ABC"
    assert (caller.kind, caller.arn, caller.identity_arn, caller.account_id) == ("WebIdentityUser", arn, arn, ACCOUNT)
    assert caller.id == f"{arn}:sts.amazonaws.com:me"


def test_claims_are_condition_keys_under_the_issuers_name_in_lower_case() -> None:
    claims = {
        "amr": ["mfa", "pwd"],
        "ref_protected": True,
        "run": 7,
        "Environment": "prod",
        "nested": {"a": 1},
        "mixed": ["a", 1],
    }
    assert seen(**claims) == {
        "sub": ("me",),
        "aud": ("sts.amazonaws.com",),
        "amr": ("mfa", "pwd"),
        "ref_protected": ("true",),
        "run": ("7",),
        "environment": ("prod",),
    }


def test_claims_that_are_spelled_like_the_verified_ones_are_nothing() -> None:
    assert seen(SUB="you", Aud="other", AZP="other", oaud="other", Azp="x") == {"sub": ("me",), "aud": ("sts.amazonaws.com",)}


def test_of_claims_that_differ_in_case_the_lower_one_counts_or_none() -> None:
    assert seen(role="low", Role="high")["role"] == ("low",)
    assert "role" not in seen(ROLE="one", Role="two")


def test_of_the_audiences_those_that_are_known_are_seen() -> None:
    assert seen(aud=["x", "other", "sts.amazonaws.com", "other"])["aud"] == ("other", "sts.amazonaws.com")


def test_a_token_that_says_to_which_client_it_was_issued_is_for_that_client() -> None:
    for aud in ("x", "sts.amazonaws.com", ["x", "other"]):
        by_party = seen(aud=aud, azp="other")
        assert (by_party["aud"], by_party["azp"]) == (("other",), ("other",))
        assert by_party["oaud"] == ((aud,) if isinstance(aud, str) else tuple(aud))
    assert identity(aud="x", azp="other").audiences == ("other",)
    for party in ("x", ["other"], 1):
        with pytest.raises(InvalidIdentityTokenError, match=r"^Incorrect token audience$"):
            identity(aud=["sts.amazonaws.com", "other"], azp=party)
    with pytest.raises(InvalidIdentityTokenError, match="Missing a required claim: aud"):
        identity(aud=None, azp="other")
    assert seen(azp=None) == seen(azp="") == seen()


def test_no_claim_makes_a_key_of_a_provider_that_has_a_longer_name() -> None:
    longer = replace(RESOURCE, name="oidc.eks.example/id/ABC:8443/p")
    theirs = WebIdentity.of(
        replace(PROVIDER, resource=longer), WebToken("RS256", None, {"aud": "other", "sub": "me"}, b"", b"")
    )
    forged = {key.removeprefix(PREFIX): "you" for key in theirs.context}
    assert theirs.context.keys() == {PREFIX + name for name in forged} and "8443/p:sub" in forged
    assert seen(**forged, **{"https://example.com/groups": "admins", ":": "x"}) == seen()


def test_many_claims_take_no_long_time() -> None:
    assert len(seen(**{f"c{number}": 1 for number in range(4000)})) == 4002


def test_session_tags_are_read() -> None:
    tags = identity(**{TAGS: {"principal_tags": {"Team": ["core"], "cost": "7"}, "transitive_tag_keys": ["Team"]}}).session_tags
    assert (tags.tags, tags.transitive) == ({"Team": "core", "cost": "7"}, ("Team",))
    assert tags.context == {
        "aws:requesttag/team": ("core",),
        "aws:requesttag/cost": ("7",),
        "aws:tagkeys": ("Team", "cost"),
        "sts:transitivetagkeys": ("Team",),
    }
    assert identity().session_tags.context == {}


@pytest.mark.parametrize(
    "claim",
    [
        *([], "text", 1, {"principal_tags": []}, {"principal_tags": {"a": []}}, {"principal_tags": {"a": ["b", "c"]}}),
        *({"principal_tags": {"a": 1}}, {"principal_tags": {"": ["b"]}}, {"principal_tags": {"aws:a": ["b"]}}),
        *({"principal_tags": {"a" * 129: ["b"]}}, {"principal_tags": {"a": ["b" * 257]}}, {"principal_tags": {"a": ["<"]}}),
        *({"principal_tags": {"a": ["b"], "A": ["b"]}}, {"principal_tags": {f"k{n}": ["v"] for n in range(51)}}),
        *(
            {"transitive_tag_keys": ["a"]},
            {"transitive_tag_keys": {}},
            {"principal_tags": {"a": ["b"]}, "transitive_tag_keys": [1]},
        ),
    ],
)
def test_session_tags_that_cannot_be_are_refused(claim: Any) -> None:
    with pytest.raises(InvalidIdentityTokenError, match="session tags"):
        _ = identity(**{TAGS: claim}).session_tags


@pytest.mark.parametrize("value", ["", "a", "a" * 65, "a b", "ä" * 3, 1, ["ab"]])
def test_a_source_identity_has_a_form(value: Any) -> None:
    claim = "https://aws.amazon.com/source_identity"
    with pytest.raises(InvalidIdentityTokenError, match="source identity"):
        _ = identity(**{claim: value}).source_identity
    assert identity(**{claim: "alice"}).source_identity == "alice"
