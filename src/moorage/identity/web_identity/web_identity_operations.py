"""STS's operation for those who have no credentials but a token of their identity provider: AssumeRoleWithWebIdentity."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from moorage.aws.decode import Params
from moorage.aws.operation import Answer, operation
from moorage.aws.requirements import Open
from moorage.core.call import Call
from moorage.core.clock import SECOND
from moorage.iam.context import Context
from moorage.iam.evaluate import Grants, Guards, Request, evaluate
from moorage.identity.credentials.sealing import Sealer
from moorage.identity.iam_errors import IamValidationError
from moorage.identity.roles import roles
from moorage.identity.roles.roles import Role
from moorage.identity.sts import role_sessions
from moorage.identity.web_identity import oidc_providers
from moorage.identity.web_identity.issuer_keys import IssuerKeys
from moorage.identity.web_identity.oidc_providers import Provider
from moorage.identity.web_identity.web_identity import WebIdentity
from moorage.identity.web_identity.web_identity_errors import InvalidIdentityTokenError, UntrustedWebIdentityError
from moorage.identity.web_identity.web_token import WebToken
from moorage.storage.database.database import Database
from moorage.storage.database.transaction import Transaction

ACTION = "sts:AssumeRoleWithWebIdentity"

ContextOf = Callable[[Iterable[str], Call, Iterable[Context], Context], Context]
"""function(keys, call, known, filled): the values of these context keys: those of every call, then what is known, then what the
operation fills."""


_ROLE_ARN = re.compile(r"arn:aws:iam::(?P<account>[0-9]{12}):role/.+", re.DOTALL)
_REASON = "the token proves who asks: its issuer signed it, and the role's trust policy names that issuer"
_LONGEST_SHOWN = 255


class WebIdentityOperations:
    """Lets in whoever an account's identity providers vouch for."""

    def __init__(self, sealer: Sealer, keys: IssuerKeys, context_of: ContextOf) -> None:
        self._sealer = sealer
        self._keys = keys
        self._context_of = context_of

    @operation("AssumeRoleWithWebIdentity", requires=Open(_REASON), mode="own")
    def assume_role_with_web_identity(self, database: Database, call: Call, params: Params) -> Answer:
        """A session of the role. A token may be shown again until it expires, as at AWS.

        Raises InvalidIdentityTokenError, ExpiredIdentityTokenError, IssuerUnreachableError, UntrustedWebIdentityError,
        IamValidationError, and what is wrong with session policies. Nothing tells whether there is such a role before the token
        is proven.
        """
        account_id = _account_of(params)
        token = WebToken.parse(params["WebIdentityToken"])
        provider = database.read(lambda tx: oidc_providers.of_issuer(tx, account_id, token.issuer)).result()
        if provider is None:
            raise _no_provider(token)
        token.check_signature(self._keys.of(provider, token, call.at))
        token.check_time(call.at // SECOND)
        identity = WebIdentity.of(provider, token)
        decided = replace(call, principal=identity.principal, resource=params["RoleArn"])
        return database.write(lambda tx: self._open(tx, decided, identity, params), decided).result()

    def _open(self, tx: Transaction, call: Call, identity: WebIdentity, params: Params) -> Answer:
        provider = identity.provider
        if not _is_there(tx, provider):
            raise _no_provider(identity.token)
        role = roles.by_arn(tx, params["RoleArn"])
        if role is None:
            raise UntrustedWebIdentityError
        tags, source_identity = identity.session_tags, identity.source_identity
        self._admit(call, role, ACTION, identity, params)
        if tags.tags:
            self._admit(call, role, "sts:TagSession", identity, params)
        if source_identity is not None:
            self._admit(call, role, "sts:SetSourceIdentity", identity, params)
        opened = role_sessions.open_session(
            tx,
            self._sealer,
            role,
            params,
            tags=tags.tags,
            transitive=tags.transitive,
            source_identity=source_identity,
            provider=provider.arn,
        )
        return {
            **opened,
            "SubjectFromWebIdentityToken": identity.subject,
            "Provider": provider.arn,
            "Audience": identity.audiences[0],
        }

    def _admit(self, call: Call, role: Role, action: str, identity: WebIdentity, params: Params) -> None:
        """Raise UntrustedWebIdentityError unless the role's trust policy lets this identity do that."""
        trust = role.trust
        filled = {**identity.context, **identity.session_tags.context, "sts:rolesessionname": (params["RoleSessionName"],)}
        filled["sts:durationseconds"] = (str(params.get("DurationSeconds") or role_sessions.DEFAULT_SECONDS),)
        if identity.source_identity is not None:
            filled["sts:sourceidentity"] = (identity.source_identity,)
        known = ({"aws:federatedprovider": (identity.provider.arn,), "aws:resourceaccount": (role.resource.account_id,)},)
        context = self._context_of(trust.keys, call, known, filled)
        request = Request(call.principal, action, role.resource.arn, context)
        if not evaluate(request, Grants(), Guards(role.resource.account_id, (trust,), trust=True)).allowed:
            raise UntrustedWebIdentityError(action)


def _account_of(params: Params) -> str:
    if params.get("ProviderId") is not None:
        raise IamValidationError("ProviderId must not be specified for an OpenID Connect token.")
    found = _ROLE_ARN.fullmatch(params["RoleArn"])
    if found is None:
        raise IamValidationError("Request ARN is invalid")
    return found["account"]


def _is_there(tx: Transaction, provider: Provider) -> bool:
    """Whether the provider that vouched is still the account's: it may have been removed while its keys were fetched."""
    found = oidc_providers.find(tx, provider.resource.account_id, provider.resource.name)
    return found is not None and found.resource.id == provider.resource.id and found.client_ids == provider.client_ids


def _no_provider(token: WebToken) -> InvalidIdentityTokenError:
    return InvalidIdentityTokenError(f"No OpenIDConnect provider found in your account for {token.issuer[:_LONGEST_SHOWN]}")
