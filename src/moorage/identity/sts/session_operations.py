"""STS's operations that hand out temporary credentials."""

from moorage.aws.decode import Params
from moorage.aws.operation import Answer, operation
from moorage.aws.requirements import AnyCaller
from moorage.aws.signature_errors import InvalidSecurityTokenError
from moorage.core.call import Call, Principal, Requirement
from moorage.core.clock import HOUR, SECOND
from moorage.core.errors import AccessDeniedError
from moorage.identity import callers, tagging
from moorage.identity.credentials import sessions
from moorage.identity.credentials.sealing import Sealer
from moorage.identity.credentials.sessions import NewSession, Session, SessionKind, SessionTerms
from moorage.identity.iam_errors import IamValidationError
from moorage.identity.roles import roles
from moorage.identity.sts import role_sessions, session_policies
from moorage.identity.sts.role_sessions import credentials
from moorage.storage.database.transaction import Transaction

_Values = dict[str, tuple[str, ...]]

_DEFAULT_SECONDS = 43_200
_LONGEST_OF_ROOT = HOUR
_REASON = "the credentials may do what the caller's own may do and less, and STS grants it under any policy (GetSessionToken)"
_NO_MFA = (
    "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and"
    " associated with this user."
)


def _role_needs(params: Params) -> tuple[Requirement, ...]:
    actions = ["sts:AssumeRole"]
    if params.get("Tags") or params.get("TransitiveTagKeys"):
        actions.append("sts:TagSession")
    if params.get("SourceIdentity") is not None:
        actions.append("sts:SetSourceIdentity")
    return tuple(Requirement((action,), "role") for action in actions)


def _role_context(params: Params) -> _Values:
    """The keys that trust policies read of the request (IAM user guide, "IAM and AWS STS condition context keys")."""
    single = {
        "sts:externalid": "ExternalId",
        "sts:rolesessionname": "RoleSessionName",
        "sts:sourceidentity": "SourceIdentity",
        "sts:durationseconds": "DurationSeconds",
    }
    filled = {key: (str(params[member]),) for key, member in single.items() if params.get(member) is not None}
    if params.get("TransitiveTagKeys"):
        filled["sts:transitivetagkeys"] = tuple(params["TransitiveTagKeys"])
    return {**filled, **tagging.context(params)}


def _inherited(tx: Transaction, call: Call, params: Params) -> _Values:
    """The source identity that the calling session has goes on, and trust policies see it."""
    opener = _opener(tx, call)
    kept = opener.terms.source_identity if opener is not None else None
    return {"sts:sourceidentity": (kept,)} if kept is not None and params.get("SourceIdentity") is None else {}


def _opener(tx: Transaction, call: Call) -> Session | None:
    """The temporary credentials that ask, if they are such; raises InvalidSecurityTokenError where they have just ended."""
    if not call.principal.session_id:
        return None
    found = sessions.find(tx, call.principal.session_id)
    if found is None:
        raise InvalidSecurityTokenError
    return found


def _federation_needs(params: Params) -> tuple[Requirement, ...]:
    actions = ["sts:GetFederationToken"] + (["sts:TagSession"] if params.get("Tags") else [])
    return tuple(Requirement((action,), "federated-user") for action in actions)


class SessionOperations:
    """AssumeRole, GetSessionToken, GetFederationToken."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    @operation("AssumeRole", requires=_role_needs, mode="write", context=_role_context, context_from=_inherited)
    def assume_role(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """A session of the role, if its trust policy and the caller's own policies let the caller take it.

        Raises AccessDeniedError, IamValidationError, and what is wrong with tags or session policies.
        """
        _refuse_factor(params)
        if params.get("ProvidedContexts"):
            raise IamValidationError("Context assertions are not supported.")
        role = roles.by_arn(tx, params["RoleArn"])
        if role is None:
            if not params["RoleArn"].startswith("arn:"):
                raise IamValidationError(f"{params['RoleArn']} is invalid")
            raise AccessDeniedError(
                f"User: {call.principal.arn} is not authorized to perform: sts:AssumeRole on resource: {params['RoleArn']}"
            )
        return role_sessions.open_session(
            tx,
            self._sealer,
            role,
            params,
            opener=_opener(tx, call),
            tags=tagging.requested(params),
            transitive=tuple(params.get("TransitiveTagKeys") or ()),
            source_identity=params.get("SourceIdentity"),
            opened_by=call.principal.arn,
        )

    @operation("GetSessionToken", requires=AnyCaller(_REASON), mode="write")
    def get_session_token(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """Credentials for the calling user, or for an hour at most for the root. Raises AccessDeniedError where a second factor
        is named, since there are none.
        """
        _refuse_factor(params)
        return {"Credentials": credentials(self._make(tx, call.principal, SessionKind.SESSION_TOKEN, params))}

    @operation(
        "GetFederationToken",
        requires=_federation_needs,
        mode="write",
        context=tagging.context,
    )
    def get_federation_token(self, tx: Transaction, call: Call, params: Params) -> Answer:
        """Credentials for somebody whom the caller vouches for; without a session policy they are good for nothing but what
        resources grant to them by name. Raises what is wrong with tags or session policies.
        """
        account_id, name = call.principal.account_id, params["Name"]
        policies, tags = session_policies.accepted(tx, account_id, params), tagging.requested(params)
        packed = session_policies.packed_size(policies, tags)
        terms = SessionTerms(policies=policies, tags=tags)
        made = self._make(tx, call.principal, SessionKind.FEDERATED_USER, params, name=name, terms=terms)
        return {
            "Credentials": credentials(made),
            "FederatedUser": {
                "FederatedUserId": f"{account_id}:{name}",
                "Arn": callers.federated_user_arn(account_id, name),
            },
            "PackedPolicySize": packed,
        }

    def _make(
        self,
        tx: Transaction,
        caller: Principal,
        kind: SessionKind,
        params: Params,
        *,
        name: str = "",
        terms: SessionTerms | None = None,
    ) -> NewSession:
        lifetime = (params.get("DurationSeconds") or _DEFAULT_SECONDS) * SECOND
        return sessions.make(
            tx,
            self._sealer,
            caller.account_id,
            kind,
            lifetime=min(lifetime, _LONGEST_OF_ROOT) if caller.kind == "Root" else lifetime,
            name=name,
            user_id=caller.identity_id or None,
            access_key_id=caller.access_key_id,
            terms=terms,
        )


def _refuse_factor(params: Params) -> None:
    """No user here has a second factor, so that no code for one can be right."""
    if params.get("SerialNumber") is not None or params.get("TokenCode") is not None:
        raise AccessDeniedError(_NO_MFA)
