"""`/api/v1/accounts/{account_id}/policies`: service control policies, by which the operator limits whole accounts."""

import re
from typing import Annotated

from msgspec import Meta, Struct

from moorage.core.errors import InvalidParameterError
from moorage.http.api.exchange import Exchange
from moorage.http.api.values import Nothing, Page, Time, next_of, position_of, time_text
from moorage.iam.errors import MalformedPolicyError
from moorage.iam.kinds import parse_service_control_policy
from moorage.identity import accounts
from moorage.identity.errors import AccountNotFoundError, AccountPolicyNotFoundError, DefaultAccountPolicyError
from moorage.identity.policies import service_control
from moorage.identity.policies.service_control import ServiceControlPolicy
from moorage.storage.database.transaction import Transaction

_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)


class NewAccountPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service control policy to be set."""

    document: Annotated[str, Meta(min_length=1, description="The policy's text, JSON in the grammar of IAM's policies")]


class AccountPolicy(Struct, frozen=True, kw_only=True):
    """A service control policy of an account."""

    name: str
    document: str
    """As it was given."""
    set_at: Time


class ListedAccountPolicy(Struct, frozen=True, kw_only=True):
    """A service control policy in a listing, without its text."""

    name: str
    set_at: Time


class AccountPolicies(Struct, frozen=True, kw_only=True):
    """A page of an account's service control policies, in the order of their names."""

    policies: list[ListedAccountPolicy]
    next: str | None
    """What continues the listing, or null at its end."""


async def put_account_policy(exchange: Exchange, _query: Nothing, body: NewAccountPolicy) -> AccountPolicy:
    """Set or replace a service control policy of an account.

    Nobody in the account, its root included, may do what none of its policies allows, or what one of them denies. They grant
    nothing. Every account begins with FullAWSAccess, which allows everything: to limit it by what is denied, add policies that
    deny; by what is allowed, add policies that allow, and remove that one. It counts from the next request on. The default
    account, which operates the installation, cannot have any.
    """
    account_id, name = exchange.path["account_id"], exchange.path["name"]
    if not _NAME.fullmatch(name):
        raise InvalidParameterError.at("name", f"must satisfy regular expression '{_NAME.pattern}'")
    if account_id == exchange.context.addresses.default_account_id:
        raise DefaultAccountPolicyError(account_id)
    try:
        parse_service_control_policy(body.document)
    except MalformedPolicyError as error:  # here, unlike in IAM's answers, is room for the precise reason
        raise MalformedPolicyError(f"{error.message} {error.detail}" if error.detail else error.message) from None

    def work(tx: Transaction) -> AccountPolicy:
        _check_account(tx, account_id)
        return _shown(service_control.put(tx, account_id, name, body.document))

    return await exchange.write(work, account_id=account_id, name=name)


async def list_account_policies(exchange: Exchange, query: Page, _body: Nothing) -> AccountPolicies:
    """The service control policies of an account, without their texts; the default account has none, and no such limit."""
    tokens, call, account_id = exchange.parts.page_tokens, exchange.call, exchange.path["account_id"]
    after = position_of(tokens, call, query)

    def work(tx: Transaction) -> list[ServiceControlPolicy]:
        _check_account(tx, account_id)
        return service_control.listed(tx, account_id, after=after, limit=query.limit + 1)

    found = await exchange.read(work)
    shown = found[: query.limit]
    return AccountPolicies(
        policies=[ListedAccountPolicy(name=each.name, set_at=time_text(each.set_at)) for each in shown],
        next=next_of(tokens, call, query, shown[-1].name) if len(found) > len(shown) else None,
    )


async def get_account_policy(exchange: Exchange, _query: Nothing, _body: Nothing) -> AccountPolicy:
    """A service control policy of an account with its text."""
    account_id, name = exchange.path["account_id"], exchange.path["name"]

    def work(tx: Transaction) -> AccountPolicy:
        _check_account(tx, account_id)
        found = service_control.find(tx, account_id, name)
        if found is None:
            raise AccountPolicyNotFoundError(account_id, name)
        return _shown(found)

    return await exchange.read(work)


async def delete_account_policy(exchange: Exchange, _query: Nothing, _body: Nothing) -> Nothing:
    """Remove a service control policy of an account; the last one stays, since what none allows is denied."""
    account_id, name = exchange.path["account_id"], exchange.path["name"]

    def work(tx: Transaction) -> None:
        _check_account(tx, account_id)
        if not service_control.delete(tx, account_id, name):
            raise AccountPolicyNotFoundError(account_id, name)

    await exchange.write(work, account_id=account_id, name=name)
    return Nothing()


def _check_account(tx: Transaction, account_id: str) -> None:
    if not accounts.exists(tx, account_id):
        raise AccountNotFoundError(account_id)


def _shown(policy: ServiceControlPolicy) -> AccountPolicy:
    return AccountPolicy(name=policy.name, document=policy.text, set_at=time_text(policy.set_at))
