"""`/api/v1/accounts`: further accounts, each with a root key."""

from typing import Annotated

from msgspec import Meta, Struct

from moorage.http.api.exchange import Exchange
from moorage.http.api.values import Nothing, Page, Time, next_of, position_of, time_text, whole
from moorage.identity import accounts
from moorage.identity.credentials import access_keys
from moorage.identity.errors import RegistriesWithoutNamesError
from moorage.storage.database.transaction import Transaction

AccountId = Annotated[str, Meta(pattern=whole("[0-9]{12}"), min_length=12, max_length=12, examples=["210987654321"])]
AccountName = Annotated[
    str, Meta(pattern=whole("[ -~]+"), min_length=1, max_length=50, description="For people; printable ASCII", examples=["dev"])
]


class NewAccount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account to be made."""

    name: AccountName
    account_id: AccountId | None = None
    """A free one is chosen when it is left out."""


class RootKey(Struct, frozen=True, kw_only=True):
    """An account's root key. The secret is shown this once."""

    access_key_id: str
    secret_access_key: str


class CreatedAccount(Struct, frozen=True, kw_only=True):
    """An account that was made, and the key that may do everything in it."""

    account_id: str
    name: str
    created_at: Time
    root_key: RootKey


class Account(Struct, frozen=True, kw_only=True):
    """An account."""

    account_id: str
    name: str
    created_at: Time


class Accounts(Struct, frozen=True, kw_only=True):
    """A page of accounts, in the order of their ids."""

    accounts: list[Account]
    next: str | None
    """What continues the listing, or null at its end."""


async def create_account(exchange: Exchange, _query: Nothing, body: NewAccount) -> CreatedAccount:
    """Make an account and its root key.

    The key's secret is in this answer and nowhere else. Each of the account's registries, one in every region, is there as
    soon as it is used.
    """
    addresses = exchange.context.addresses
    if not addresses.names_every_registry:
        raise RegistriesWithoutNamesError(addresses.address)

    def work(tx: Transaction) -> CreatedAccount:
        account = accounts.create_account(tx, body.account_id, body.name)
        key = access_keys.ensure_root_key(tx, exchange.parts.sealer, account.id)
        return CreatedAccount(
            account_id=account.id,
            name=account.name,
            created_at=time_text(account.created_at),
            root_key=RootKey(access_key_id=key.id, secret_access_key=key.secret),
        )

    return await exchange.write(work, name=body.name, account_id=body.account_id or "")


async def list_accounts(exchange: Exchange, query: Page, _body: Nothing) -> Accounts:
    """The accounts of this installation."""
    tokens, call = exchange.parts.page_tokens, exchange.call
    after = position_of(tokens, call, query)
    found = await exchange.read(lambda tx: accounts.list_accounts(tx, after, query.limit + 1))
    shown = found[: query.limit]
    return Accounts(
        accounts=[Account(account_id=each.id, name=each.name, created_at=time_text(each.created_at)) for each in shown],
        next=next_of(tokens, call, query, shown[-1].id) if len(found) > len(shown) else None,
    )
