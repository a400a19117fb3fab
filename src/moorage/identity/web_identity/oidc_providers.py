"""OpenID Connect providers: issuers of tokens whose word an account takes (IAM user guide, "OIDC federation").

A provider's keys are fetched from its issuer and kept here for every process, or they are given by the account's
administrators and then never fetched.
"""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from moorage.core.clock import Timestamp
from moorage.identity import resources
from moorage.identity.iam_errors import IamValidationError, InvalidInputError, NoSuchEntityError, QuotaExceededError
from moorage.identity.resources import Kind, Resource
from moorage.storage.database.schema.iam import oidc_providers
from moorage.storage.database.transaction import Transaction

MOST_PER_ACCOUNT = 100
MOST_CLIENT_IDS = 100
MOST_THUMBPRINTS = 5
SCHEME = "https://"

_LONGEST_URL = 255
_THUMBPRINT = re.compile(r"[0-9a-fA-F]{40}")
# What follows the scheme becomes part of an ARN, so only characters that ARNs of providers have (and policies can name).
_NAME = re.compile(r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::(?P<port>[0-9]{1,5}))?(?:/[A-Za-z0-9_+=,.@/:-]*)?")


@dataclass(frozen=True, slots=True)
class Provider:
    """An OpenID Connect provider."""

    resource: Resource
    client_ids: tuple[str, ...]
    """The audiences that its tokens may be for."""
    thumbprints: tuple[str, ...]
    """Kept and shown as at AWS; the issuer's certificate must be one that the system trusts."""
    given_keys: str | None
    """A JWKS that was given instead of being fetched."""
    fetched_keys: str | None
    """The JWKS as it was fetched last."""
    fetched_at: Timestamp | None

    @property
    def issuer(self) -> str:
        """What its tokens have as `iss`."""
        return SCHEME + self.resource.name

    @property
    def arn(self) -> str:
        """Its ARN, by which trust policies name it."""
        return self.resource.arn


def name_of(url: str) -> str:
    """A provider's name, its URL without the scheme; raises IamValidationError.

    Unlike at AWS it may name a port, which issuers that are not on the internet often do.
    """
    if not url.startswith(SCHEME) or len(url) > _LONGEST_URL:
        raise IamValidationError("Invalid Open ID Connect Provider URL")
    name = url.removeprefix(SCHEME)
    found = _NAME.fullmatch(name)
    if found is None or urlsplit(url).query or (found["port"] and not 0 < int(found["port"]) < 65536):
        raise IamValidationError("Invalid Open ID Connect Provider URL")
    return name


def create(tx: Transaction, account_id: str, url: str, client_ids: list[str], thumbprints: list[str]) -> Provider:
    """A new provider; raises IamValidationError, InvalidInputError, EntityAlreadyExistsError and QuotaExceededError."""
    name = name_of(url)
    ids = _checked_client_ids(client_ids)
    prints = _checked_thumbprints(thumbprints)
    made = resources.create(tx, account_id, Kind.OIDC_PROVIDER, name)
    if resources.count(tx, account_id, Kind.OIDC_PROVIDER) > MOST_PER_ACCOUNT:
        raise QuotaExceededError("OpenIdConnectProvidersPerAccount", MOST_PER_ACCOUNT)
    tx.execute(sa.insert(oidc_providers).values(id=made.id, client_ids=json.dumps(ids), thumbprints=json.dumps(prints)))
    return Provider(made, ids, prints, None, None, None)


def get(tx: Transaction, account_id: str, arn: str) -> Provider:
    """The account's provider of that ARN; raises NoSuchEntityError and, for what is no such ARN, InvalidInputError."""
    found = find(tx, account_id, _name_in(arn))
    if found is None or found.arn != arn:
        raise NoSuchEntityError(f"OpenIDConnect Provider not found for arn {arn}")
    return found


def find(tx: Transaction, account_id: str, name: str) -> Provider | None:
    """The account's provider of that name, in whatever case, or None."""
    resource = resources.find(tx, account_id, Kind.OIDC_PROVIDER, name)
    return _whole(tx, resource) if resource is not None else None


def of_issuer(tx: Transaction, account_id: str, issuer: str) -> Provider | None:
    """The account's provider that stands for exactly this issuer, or None. A token's `iss` is compared byte for byte."""
    if not issuer.startswith(SCHEME):
        return None
    found = find(tx, account_id, issuer.removeprefix(SCHEME))
    return found if found is not None and found.issuer == issuer else None


def listed(tx: Transaction, account_id: str) -> list[Resource]:
    """The account's providers in the order of their names."""
    return resources.listed(tx, account_id, Kind.OIDC_PROVIDER, limit=MOST_PER_ACCOUNT)


def delete(tx: Transaction, account_id: str, arn: str) -> None:
    """Remove it; one that is not there is no fault. Sessions that it opened go on until they expire, as at AWS."""
    found = resources.find(tx, account_id, Kind.OIDC_PROVIDER, _name_in(arn))
    if found is not None and found.arn == arn:
        resources.delete(tx, found)


def set_thumbprints(tx: Transaction, provider: Provider, thumbprints: list[str]) -> None:
    """Set them all; raises InvalidInputError."""
    _update(tx, provider, thumbprints=json.dumps(_checked_thumbprints(thumbprints)))


def add_client_id(tx: Transaction, provider: Provider, client_id: str) -> None:
    """Add an audience; one that is there is no fault. Raises QuotaExceededError."""
    _update(tx, provider, client_ids=json.dumps(_checked_client_ids([*provider.client_ids, client_id])))


def remove_client_id(tx: Transaction, provider: Provider, client_id: str) -> None:
    """Take an audience away; one that is not there is no fault."""
    _update(tx, provider, client_ids=json.dumps([each for each in provider.client_ids if each != client_id]))


def give_keys(tx: Transaction, provider: Provider, jwks: str | None) -> None:
    """Set the keys that count instead of the issuer's, or None to fetch them again. Keys that were fetched are forgotten."""
    _update(tx, provider, given_keys=jwks, fetched_keys=None, fetched_at=None)


def keep_fetched(tx: Transaction, provider_id: str, jwks: str) -> None:
    """Keep what was fetched now, unless keys were given meanwhile or the provider is gone."""
    where = oidc_providers.c.id == provider_id, oidc_providers.c.given_keys.is_(None)
    tx.execute(sa.update(oidc_providers).where(*where).values(fetched_keys=jwks, fetched_at=tx.now))


def _update(tx: Transaction, provider: Provider, **values: Any) -> None:
    tx.execute(sa.update(oidc_providers).where(oidc_providers.c.id == provider.resource.id).values(values))
    resources.changed(tx, provider.resource.account_id)


def _checked_client_ids(client_ids: list[str]) -> tuple[str, ...]:
    distinct = tuple(dict.fromkeys(client_ids))
    if len(distinct) > MOST_CLIENT_IDS:
        raise QuotaExceededError("ClientIdsPerOpenIdConnectProvider", MOST_CLIENT_IDS)
    return distinct


def _checked_thumbprints(thumbprints: list[str]) -> tuple[str, ...]:
    if len(thumbprints) > MOST_THUMBPRINTS:
        raise InvalidInputError(f"Thumbprint list must contain fewer than {MOST_THUMBPRINTS} entries.")
    if not all(map(_THUMBPRINT.fullmatch, thumbprints)):
        raise InvalidInputError("A thumbprint is 40 hexadecimal digits: the SHA-1 of a certificate.")
    return tuple(each.lower() for each in thumbprints)


def _name_in(arn: str) -> str:
    head, _, name = arn.partition(f":{Kind.OIDC_PROVIDER}/")
    if not name or not re.fullmatch(r"arn:aws:iam::[0-9]{12}", head):
        raise InvalidInputError(f"Invalid ARN: {arn[:256]}")
    return name


def _whole(tx: Transaction, resource: Resource) -> Provider:
    row = tx.one(sa.select(oidc_providers).where(oidc_providers.c.id == resource.id))
    if row is None:
        raise LookupError(f"the provider {resource.id} has no row")
    return Provider(
        resource=resource,
        client_ids=tuple(json.loads(row.client_ids)),
        thumbprints=tuple(json.loads(row.thumbprints)),
        given_keys=row.given_keys,
        fetched_keys=row.fetched_keys,
        fetched_at=Timestamp(row.fetched_at) if row.fetched_at is not None else None,
    )
