"""`/api/v1/oidc-providers/keys`: keys of token issuers that are given, where they cannot or must not be fetched."""

import json
from typing import Annotated, Any

from msgspec import Meta, Struct

from moorage.http.api.exchange import Exchange
from moorage.http.api.values import Nothing
from moorage.identity.iam_errors import InvalidInputError, NoSuchEntityError
from moorage.identity.web_identity import oidc_providers
from moorage.identity.web_identity.oidc_providers import Provider
from moorage.identity.web_identity.web_keys import KeySet, KeySetError
from moorage.storage.database.transaction import Transaction

ProviderUrl = Annotated[
    str,
    Meta(min_length=1, max_length=255, description="The provider's URL", examples=["https://gitlab.example.com"]),
]


class GivenKeys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of an issuer."""

    url: ProviderUrl
    keys: Annotated[
        list[dict[str, Any]],
        Meta(
            min_length=1, max_length=100, description="Public keys as JSON Web Keys (RFC 7517), as in the issuer's own key set"
        ),
    ]


class NamedProvider(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which provider is meant."""

    url: ProviderUrl


class ProviderKeys(Struct, frozen=True, kw_only=True):
    """The keys that count for a provider now."""

    arn: str
    key_ids: list[str | None]
    """Of the keys that can verify a token."""


async def set_keys(exchange: Exchange, _query: Nothing, body: GivenKeys) -> ProviderKeys:
    """Give the keys of a provider of the account.

    From then on they alone verify its tokens, and its issuer is not asked. Public keys only; those that no algorithm of STS
    fits are left out.
    """
    text = json.dumps({"keys": body.keys})
    try:
        usable = KeySet.read_given(text)
    except KeySetError as error:
        raise InvalidInputError(str(error)) from None

    def work(tx: Transaction) -> ProviderKeys:
        provider = _provider(tx, exchange, body.url)
        oidc_providers.give_keys(tx, provider, KeySet.slim(text))
        return ProviderKeys(arn=provider.arn, key_ids=[key.id for key in usable.keys])

    return await exchange.write(work, url=body.url)


async def clear_keys(exchange: Exchange, query: NamedProvider, _body: Nothing) -> Nothing:
    """Forget the keys of a provider, given or fetched; its issuer is asked when they are needed next."""

    def work(tx: Transaction) -> Nothing:
        oidc_providers.give_keys(tx, _provider(tx, exchange, query.url), None)
        return Nothing()

    return await exchange.write(work, url=query.url)


def _provider(tx: Transaction, exchange: Exchange, url: str) -> Provider:
    found = oidc_providers.of_issuer(tx, exchange.call.principal.account_id, url)
    if found is None:
        raise NoSuchEntityError(f"The account has no OpenIDConnect provider with url {url}.")
    return found
