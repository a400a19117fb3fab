"""`/api/v1/iam/explain`: why somebody may or may not do something, and what would have to be written to allow it."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from moorage.access import explaining
from moorage.core.names import MAX_REPOSITORY_NAME, MIN_REPOSITORY_NAME, REPOSITORY_PATTERN
from moorage.http.api.exchange import Exchange
from moorage.http.api.values import Nothing, whole
from moorage.iam.context import Context
from moorage.iam.decision import Matched
from moorage.iam.explain import Said, Suggestion, Unmet

_Values = Annotated[list[Annotated[str, Meta(max_length=2048)]], Meta(max_length=100)]


class Question(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who wants to do what with what."""

    principal: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=2048,
            description="self, a user's name, or the ARN of a user, role, role's session or root; of the caller's account",
            # For readers of the document; here `access.explaining` decides, with a sentence of its own.
            extra_json_schema={"pattern": whole(f"(?:{explaining.PRINCIPAL})")},
            examples=["self", "alice", "arn:aws:iam::123456789012:user/alice"],
        ),
    ] = explaining.SELF
    action: Annotated[
        str,
        Meta(
            min_length=3,
            max_length=128,
            description="Without wildcards",
            extra_json_schema={"pattern": whole(explaining.ACTION)},
            examples=["ecr:PutImage"],
        ),
    ]
    resource: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=2048,
            description="An ARN, *, or the name of a repository of the caller's registry",
            extra_json_schema={
                "anyOf": [
                    {"const": "*"},
                    {"pattern": whole(explaining.RESOURCE)},
                    {"pattern": whole(REPOSITORY_PATTERN), "minLength": MIN_REPOSITORY_NAME, "maxLength": MAX_REPOSITORY_NAME},
                ]
            },
            examples=["team/app"],
        ),
    ] = "*"
    context: Annotated[
        dict[Annotated[str, Meta(min_length=3, max_length=256)], _Values],
        Meta(
            max_length=100, description="Values of context keys to be taken for true", examples=[{"aws:SourceIp": ["10.0.0.1"]}]
        ),
    ] = {}


class StatementName(Struct, frozen=True, kw_only=True):
    """A statement of some policy."""

    policy: str
    """The policy's name."""
    kind: str
    """Where it comes from, in the words of IAM's simulator: user, group, role, aws-managed, user-managed, resource, none."""
    sid: str | None
    number: int
    """Its place in its policy; the first is 1."""


class UnmetCondition(Struct, frozen=True, kw_only=True):
    """A condition that does not hold."""

    operator: str
    key: str
    values: list[str]
    """Of the policy."""
    given: list[str] | None
    """Of the request; null where it has none."""


class UnmetStatement(Struct, frozen=True, kw_only=True):
    """A statement that would allow it, but for its conditions."""

    statement: StatementName
    conditions: list[UnmetCondition]


class LayerSays(Struct, frozen=True, kw_only=True):
    """What one kind of policy says by itself."""

    layer: str
    decision: str
    """`allowed`, `explicitDeny`, or `implicitDeny` where nothing in it allows."""
    statements: list[StatementName]
    unmet: list[UnmetStatement]


class AllowStatement(
    Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename=str.capitalize,
):
    """A statement as it stands in a policy."""

    effect: str
    principal: dict[str, str] | None = None
    action: str
    resource: str | None = None
    condition: dict[str, dict[str, str | list[str]]] | None = None


class SuggestedStatement(Struct, frozen=True, kw_only=True):
    """A statement that is missing, and where."""

    place: str
    statement: AllowStatement


class Explained(Struct, frozen=True, kw_only=True):
    """The decision, and its grounds."""

    principal: str
    action: str
    resource: str
    decision: str
    """`allowed`, `explicitDeny` or `implicitDeny`."""
    by: str
    """The kind of policy that decided, `root`, or, where no policy does, `reserved action` or `kind of credentials`."""
    message: str | None
    """What the caller would be told; null where it is allowed."""
    statements: list[StatementName]
    """Those that decided."""
    layers: list[LayerSays]
    missing: list[str]
    """Context keys that the policies read and that have no value, as these spell them."""
    obstacles: list[StatementName]
    """Statements that deny it; each has to change, since no other can help."""
    suggestions: list[SuggestedStatement]
    """What has to be written, all of it, besides what the obstacles need."""
    possible: bool
    """False where no statement could allow it."""
    reason: str | None
    """Why none could, in a sentence; null where one could."""
    foreign: bool
    """Whether the resource is another account's. The answer is then about the caller's side alone; that account's policies,
    of which nothing is told, must allow it too."""


async def explain_access(exchange: Exchange, _query: Nothing, body: Question) -> Explained:
    """Say why somebody may or may not do something, and the least that would allow it.

    Decided by what is in force now, as a request would be. Context keys of the request itself, such as aws:SourceIp, have
    the values of this request where the caller asks about itself, and none otherwise; `context` gives them others. Of another
    account's resource only the caller's side is answered.
    """
    question = explaining.Question(
        body.principal, body.action, body.resource, {key: tuple(values) for key, values in body.context.items()}
    )
    judge = exchange.context.warden.judge
    default = exchange.context.addresses.default_account_id
    found = await exchange.read(lambda tx: explaining.answer(tx, judge, exchange.call, question, default))
    request, explanation = found.request, found.explanation
    decision = explanation.decision
    return Explained(
        principal=request.principal.arn,
        action=request.action,
        resource=request.resource,
        decision=decision.outcome.value,
        by=decision.layer.value,
        message=found.refusal,
        statements=[_name(each) for each in decision.matched],
        layers=[_layer(each, request.context) for each in explanation.layers],
        missing=list(explanation.missing),
        obstacles=[_name(each) for each in explanation.obstacles],
        suggestions=[_suggestion(each) for each in explanation.suggestions],
        possible=explanation.possible,
        reason=found.reason,
        foreign=found.foreign,
    )


def _name(matched: Matched) -> StatementName:
    return StatementName(
        policy=matched.source.name, kind=matched.source.kind.value, sid=matched.sid or None, number=matched.number
    )


def _layer(said: Said, context: Context) -> LayerSays:
    return LayerSays(
        layer=said.layer.value,
        decision=said.outcome.value,
        statements=[_name(each) for each in said.statements],
        unmet=[_unmet(each, context) for each in said.unmet],
    )


def _unmet(unmet: Unmet, context: Context) -> UnmetStatement:
    conditions = []
    for each in unmet.conditions:
        prefix = f"{each.over}:" if each.over else ""
        operator = f"{prefix}{each.operator}{'IfExists' if each.if_exists else ''}"
        given = context.get(each.key.lower())
        conditions.append(
            UnmetCondition(operator=operator, key=each.key, values=list(each.values), given=list(given) if given else None)
        )
    return UnmetStatement(statement=_name(unmet.statement), conditions=conditions)


def _suggestion(suggestion: Suggestion) -> SuggestedStatement:
    return SuggestedStatement(place=suggestion.place.value, statement=msgspec.json.decode(suggestion.text, type=AllowStatement))
