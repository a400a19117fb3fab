"""IAM's operations on OpenID Connect providers."""

from moorage.aws.decode import Params
from moorage.aws.operation import Answer, operation
from moorage.core.call import Call, Requirement
from moorage.identity import resources, tagging
from moorage.identity.needs import needs
from moorage.identity.pages import Pages
from moorage.identity.web_identity import oidc_providers
from moorage.identity.web_identity.oidc_providers import Provider
from moorage.storage.database.transaction import Transaction


class OidcProviderOperations:
    """Issuers of tokens whose word the account takes."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    @operation(
        "CreateOpenIDConnectProvider",
        requires=tagging.to_create("oidc-provider", "CreateOpenIDConnectProvider", "TagOpenIDConnectProvider"),
        mode="write",
        context=tagging.context,
    )
    def create_provider(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """Raises IamValidationError, InvalidInputError, EntityAlreadyExistsError and QuotaExceededError.

        The issuer is not asked now: it may come later than its provider, and its keys may be given.
        """
        tags = tagging.requested(params)
        provider = oidc_providers.create(
            tx,
            call.principal.account_id,
            params["Url"],
            params.get("ClientIDList") or [],
            params.get("ThumbprintList") or [],
        )
        tagging.add(tx, provider.resource, tags)
        return {"OpenIDConnectProviderArn": provider.arn, "Tags": tagging.shown(tags) or None}

    @operation("GetOpenIDConnectProvider", requires=needs("GetOpenIDConnectProvider", "oidc-provider"), mode="read")
    def get_provider(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """Its URL without the scheme, as IAM shows it. Raises NoSuchEntityError."""
        provider = _get(tx, call, params)
        return {
            "Url": provider.resource.name,
            "ClientIDList": list(provider.client_ids),
            "ThumbprintList": list(provider.thumbprints),
            "CreateDate": provider.resource.created_at,
            "Tags": tagging.shown(resources.tags_of(tx, provider.resource)),
        }

    @operation("ListOpenIDConnectProviders", requires=(Requirement(("iam:ListOpenIDConnectProviders",), "*"),), mode="read")
    def list_providers(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """All of the account, in the order of their URLs."""
        found = oidc_providers.listed(tx, call.principal.account_id)
        return {"OpenIDConnectProviderList": [{"Arn": resource.arn} for resource in found]}

    @operation("DeleteOpenIDConnectProvider", requires=needs("DeleteOpenIDConnectProvider", "oidc-provider"), mode="write")
    def delete_provider(self, tx: Transaction, call: Call, params: Params) -> None:
        """One that is not there is no fault (IAM API reference)."""
        oidc_providers.delete(tx, call.principal.account_id, params["OpenIDConnectProviderArn"])

    @operation(
        "UpdateOpenIDConnectProviderThumbprint",
        requires=needs("UpdateOpenIDConnectProviderThumbprint", "oidc-provider"),
        mode="write",
    )
    def update_thumbprints(self, tx: Transaction, call: Call, params: Params) -> None:
        """Raises NoSuchEntityError and InvalidInputError."""
        oidc_providers.set_thumbprints(tx, _get(tx, call, params), params["ThumbprintList"])

    @operation(
        "AddClientIDToOpenIDConnectProvider",
        requires=needs("AddClientIDToOpenIDConnectProvider", "oidc-provider"),
        mode="write",
    )
    def add_client_id(self, tx: Transaction, call: Call, params: Params) -> None:
        """Raises NoSuchEntityError and QuotaExceededError."""
        oidc_providers.add_client_id(tx, _get(tx, call, params), params["ClientID"])

    @operation(
        "RemoveClientIDFromOpenIDConnectProvider",
        requires=needs("RemoveClientIDFromOpenIDConnectProvider", "oidc-provider"),
        mode="write",
    )
    def remove_client_id(self, tx: Transaction, call: Call, params: Params) -> None:
        """Raises NoSuchEntityError."""
        oidc_providers.remove_client_id(tx, _get(tx, call, params), params["ClientID"])

    @operation(
        "TagOpenIDConnectProvider",
        requires=needs("TagOpenIDConnectProvider", "oidc-provider"),
        mode="write",
        context=tagging.context,
    )
    def tag_provider(self, tx: Transaction, call: Call, params: Params) -> None:
        """Raises NoSuchEntityError, InvalidInputError and QuotaExceededError."""
        tagging.add(tx, _get(tx, call, params).resource, tagging.requested(params))

    @operation(
        "UntagOpenIDConnectProvider",
        requires=needs("UntagOpenIDConnectProvider", "oidc-provider"),
        mode="write",
        context=tagging.context,
    )
    def untag_provider(self, tx: Transaction, call: Call, params: Params) -> None:
        """Raises NoSuchEntityError."""
        resources.remove_tags(tx, _get(tx, call, params).resource, params["TagKeys"])

    @operation("ListOpenIDConnectProviderTags", requires=needs("ListOpenIDConnectProviderTags", "oidc-provider"), mode="read")
    def list_provider_tags(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """In the order of their keys. Raises NoSuchEntityError."""
        provider = _get(tx, call, params)
        page = self._pages.of(call, params, provider.resource.id)
        shown, more = page.cut_whole(tagging.shown(resources.tags_of(tx, provider.resource)))
        return {"Tags": list(shown), **more}


def _get(tx: Transaction, call: Call, params: Params) -> Provider:
    return oidc_providers.get(tx, call.principal.account_id, params["OpenIDConnectProviderArn"])
