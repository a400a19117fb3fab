"""Actions about the whole installation: only principals of the account that operates it can be allowed them (DESIGN rule 5)."""

_OF_INSTALLATION = frozenset(
    f"moorage:{name}".lower()
    for name in (
        "CreateAccount",
        "ListAccounts",
        "PutAccountPolicy",
        "GetAccountPolicy",
        "ListAccountPolicies",
        "DeleteAccountPolicy",
        "LookupAllEvents",
    )
)


def is_of_installation(action: str) -> bool:
    """Whether an action, in any case, is reserved to the default account, whatever policies elsewhere say."""
    return action.lower() in _OF_INSTALLATION
