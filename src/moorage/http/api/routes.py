"""The route table of `/api/v1`. The OpenAPI document is made from it, and a test compares docs/api.md with it."""

from moorage.core.call import Requirement
from moorage.http.api import accounts, tokens
from moorage.http.api.route import AnyRoute, Route
from moorage.http.api.values import Nothing, Page
from moorage.identity.errors import AccountAlreadyExistsError, RegistriesWithoutNamesError, TokenNotFoundError

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
    Route(
        "POST",
        "/tokens",
        tokens.create_token,
        "CreateToken",
        (Requirement(("moorage:CreateToken",), "*"),),
        query=Nothing,
        body=tokens.NewToken,
        answer=tokens.CreatedToken,
        status=201,
        changes=True,
    ),
    Route(
        "GET",
        "/tokens",
        tokens.list_tokens,
        "ListTokens",
        (Requirement(("moorage:ListTokens",), "*"),),
        query=Page,
        body=Nothing,
        answer=tokens.Tokens,
    ),
    Route(
        "DELETE",
        "/tokens/{id}",
        tokens.delete_token,
        "DeleteToken",
        (Requirement(("moorage:DeleteToken",), "*"),),
        query=Nothing,
        body=Nothing,
        answer=Nothing,
        status=204,
        changes=True,
        errors=(TokenNotFoundError,),
    ),
)
"""In the order of the document."""
