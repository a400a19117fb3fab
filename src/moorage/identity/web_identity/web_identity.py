"""Web identities: whom an issuer vouches for, once its token is proven, and what policies see of them."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moorage.core.call import Principal
from moorage.identity.web_identity.oidc_providers import Provider
from moorage.identity.web_identity.web_identity_errors import InvalidIdentityTokenError
from moorage.identity.web_identity.web_token import WebToken

KIND = "WebIdentityUser"
"""As CloudTrail calls them."""

_TAGS = "https://aws.amazon.com/tags"
_SOURCE_IDENTITY = "https://aws.amazon.com/source_identity"
_SOURCE_IDENTITY_FORM = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_TAG_TEXT = re.compile(r"[\w\s.:/=+@-]*")
_OWN_KEYS = frozenset({"aud", "azp", "oaud", "sub"})
"""Keys that are filled from what was verified, never from other claims that are spelled alike."""
_MOST_TAGS = 50


@dataclass(frozen=True, slots=True)
class SessionTags:
    """The tags that a token asks its session to have (IAM user guide, "Pass session tags in AWS STS")."""

    tags: Mapping[str, str]
    transitive: tuple[str, ...]

    @property
    def context(self) -> dict[str, tuple[str, ...]]:
        """What policies see of them."""
        filled: dict[str, tuple[str, ...]] = {}
        for key, value in self.tags.items():
            filled[f"aws:requesttag/{key.lower()}"] = (value,)
        if self.tags:
            filled["aws:tagkeys"] = tuple(self.tags)
        if self.transitive:
            filled["sts:transitivetagkeys"] = self.transitive
        return filled


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """Somebody whose token is proven: signed by the issuer, good now, for one of the provider's audiences."""

    provider: Provider
    subject: str
    audiences: tuple[str, ...]
    """The client that the token was issued to (`azp`), if it says one, or else those of `aud` that the provider lists; at least
    one, each of them listed."""
    token: WebToken

    @classmethod
    def of(cls, provider: Provider, token: WebToken) -> "WebIdentity":
        """Whom a token whose signature and time were checked is about.

        Raises InvalidIdentityTokenError where it lacks a subject or an audience, or is for nobody whom the provider lists.
        Whoever it was issued to goes before whom it is meant for, as at AWS ("Available keys for AWS OIDC federation", IAM user
        guide): what another client was given is refused, though `aud` be ours.
        """
        listed, named = set(provider.client_ids), token.audiences
        if token.authorized_party is not None:
            named = (token.authorized_party,)
        audiences = tuple(dict.fromkeys(each for each in named if each in listed))
        if not audiences:
            raise InvalidIdentityTokenError("Incorrect token audience")
        return cls(provider, token.text("sub"), audiences, token)

    @property
    def principal(self) -> Principal:
        """The caller, for trust policies and the record."""
        arn = self.provider.arn
        return Principal(
            account_id=self.provider.resource.account_id,
            arn=arn,
            kind=KIND,
            access_key_id="",
            id=f"{arn}:{self.audiences[0]}:{self.subject}",
            identity_arn=arn,
            subject=self.subject,
        )

    @property
    def context(self) -> dict[str, tuple[str, ...]]:
        """`ISSUER:CLAIM` for every claim that is a text, a number, a Boolean or a list of texts; the issuer without its scheme.

        Condition keys know no case. Of claims that differ in case only, the one in lower case counts, and else none. A claim
        with a colon in its name has no key: it could spell one of a provider whose name goes on after this one's, with a port.
        """
        prefix = self.provider.resource.name.lower()
        alike = Counter(name.lower() for name in self.token.claims)
        filled: dict[str, tuple[str, ...]] = {}
        for name, value in self.token.claims.items():
            key = name.lower()
            if key not in _OWN_KEYS and ":" not in key and (name == key or alike[key] == 1) and (values := _values(value)):
                filled[f"{prefix}:{key}"] = values
        filled[f"{prefix}:sub"] = (self.subject,)
        filled[f"{prefix}:aud"] = self.audiences
        if self.token.authorized_party:
            filled[f"{prefix}:azp"] = (self.token.authorized_party,)
            filled[f"{prefix}:oaud"] = self.token.audiences
        return filled

    @property
    def source_identity(self) -> str | None:
        """What the issuer says is to be kept through all sessions; raises InvalidIdentityTokenError."""
        value = self.token.claims.get(_SOURCE_IDENTITY)
        if value is None:
            return None
        if isinstance(value, str) and _SOURCE_IDENTITY_FORM.fullmatch(value):
            return value
        raise InvalidIdentityTokenError("The claim for the source identity is not valid.")

    @property
    def session_tags(self) -> SessionTags:
        """The tags that the token asks for; raises InvalidIdentityTokenError."""
        claim = self.token.claims.get(_TAGS)
        if claim is None:
            return SessionTags({}, ())
        tags = claim.get("principal_tags", {}) if isinstance(claim, dict) else None
        transitive = claim.get("transitive_tag_keys", []) if isinstance(claim, dict) else None
        if not isinstance(tags, dict) or not isinstance(transitive, list) or len(tags) > _MOST_TAGS:
            raise _bad_tags()
        read = {key: _tag_value(value) for key, value in tags.items()}
        if len({key.lower() for key in read}) != len(read) or not all(map(_is_tag_key, read)):
            raise _bad_tags()
        if not all(isinstance(key, str) and key in read for key in transitive):
            raise _bad_tags()
        return SessionTags(read, tuple(dict.fromkeys(transitive)))


def _values(claim: Any) -> tuple[str, ...]:
    if isinstance(claim, list):
        return tuple(each for each in claim if isinstance(each, str)) if all(isinstance(each, str) for each in claim) else ()
    if isinstance(claim, bool):
        return (str(claim).lower(),)
    return (str(claim),) if isinstance(claim, str | int | float) else ()


def _tag_value(value: Any) -> str:
    """A tag's value is a list of one text."""
    one = value[0] if isinstance(value, list) and len(value) == 1 else value
    if isinstance(one, str) and len(one) <= 256 and _TAG_TEXT.fullmatch(one):
        return one
    raise _bad_tags()


def _is_tag_key(key: str) -> bool:
    return 0 < len(key) <= 128 and bool(_TAG_TEXT.fullmatch(key)) and not key.lower().startswith("aws:")


def _bad_tags() -> InvalidIdentityTokenError:
    return InvalidIdentityTokenError("The claim for session tags is not valid.")
