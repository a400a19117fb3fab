"""The route table of `/api/v1`. The OpenAPI document is made from it, and a test compares docs/api.md with it."""

from moorage.core.call import Requirement
from moorage.http.api import accounts
from moorage.http.api.route import AnyRoute, Route
from moorage.http.api.values import Nothing, Page
from moorage.identity.errors import AccountAlreadyExistsError, RegistriesWithoutNamesError

ROUTES: tuple[AnyRoute, ...] = (
    Route(
        "POST",
        "/accounts",
        accounts.create_account,
        "CreateAccount",
        (Requirement(("moorage:CreateAccount",), "*"),),
        query=Nothing,
        body=accounts.NewAccount,
        answer=accounts.CreatedAccount,
        status=201,
        changes=True,
        installation=True,
        errors=(AccountAlreadyExistsError, RegistriesWithoutNamesError),
    ),
    Route(
        "GET",
        "/accounts",
        accounts.list_accounts,
        "ListAccounts",
        (Requirement(("moorage:ListAccounts",), "*"),),
        query=Page,
        body=Nothing,
        answer=accounts.Accounts,
        installation=True,
    ),
)
"""In the order of the document."""
