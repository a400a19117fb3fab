"""`evaluate` decides as an evaluator decides that hides nothing and hurries nowhere."""

import collections
from dataclasses import replace

import pytest
from hypothesis import given, settings

from moorage.iam.decision import Layer, Outcome
from moorage.iam.document import Document
from moorage.iam.evaluate import Grants, Guards, Request, evaluate
from moorage.iam.policy import Policy, Source, SourceKind, keys_of
from tests.property.obvious import Case, Documents, decide
from tests.property.policies import CASES_IN_ONE, cases
from tests.soak import times

SEEN: collections.Counter[tuple[str, str]] = collections.Counter()
"""What was decided in all examples, by outcome and layer."""


def asked(case: Case) -> tuple[Request, Grants, Guards, dict[str, Document]]:
    """The same case in the words of `evaluate`, and its documents by their names."""
    names: dict[str, Document] = {}

    def compiled(documents: Documents | None, label: str) -> tuple[Policy, ...]:
        found = []
        for number, document in enumerate(documents or ()):
            names[f"{label}-{number}"] = document
            source = Source(SourceKind.NONE, f"{label}-{number}")
            found.append(Policy.compile(document, source, bound=case.bound))
        return tuple(found)

    def limit(documents: Documents | None, label: str) -> tuple[Policy, ...] | None:
        return None if documents is None else compiled(documents, label)

    request = Request(case.principal, case.action, case.resource, case.context)
    identity, control = compiled(case.identity, "identity"), limit(case.control, "control")
    grants = Grants(identity, limit(case.boundary, "boundary"), limit(case.session, "session"), control)
    return request, grants, Guards(case.owner, compiled(case.owners, "owners"), case.trust), names


@settings(max_examples=times(5000 // CASES_IN_ONE))
@given(cases())
def compare_all(several: list[Case]) -> None:
    for case in several:
        compare(case)


def compare(case: Case) -> None:
    request, grants, guards, documents = asked(case)
    decision = evaluate(request, grants, guards)
    SEEN[decision.outcome, decision.layer] += 1
    assert (decision.outcome, decision.layer) == decide(case)

    effects = {documents[matched.source.name].statements[matched.number - 1].effect for matched in decision.matched}
    by_root = decision.layer is Layer.ROOT
    assert effects <= ({"Allow"} if decision.allowed else {"Deny"} if decision.outcome is Outcome.EXPLICIT_DENY else set())
    assert decision.matched or by_root or decision.outcome is Outcome.IMPLICIT_DENY

    policies = (*grants.identity, *(grants.boundary or ()), *(grants.session or ()), *(grants.service_control or ()))
    keys = keys_of((*policies, *guards.policies))
    known = {key: values for key, values in case.context.items() if key in keys}
    assert evaluate(replace(request, context=known), grants, guards) == decision


@pytest.mark.timeout(3600)
def test_every_decision_is_that_of_the_obvious_evaluator(soak: float) -> None:
    SEEN.clear()
    compare_all()
    outcomes = collections.Counter[str]()
    for (outcome, _layer), count in SEEN.items():
        outcomes[outcome] += count
    granting = {Layer.IDENTITY, Layer.RESOURCE, Layer.TRUST}
    limiting = {Layer.BOUNDARY, Layer.SESSION, Layer.SERVICE_CONTROL}
    found = {outcome: {layer for each, layer in SEEN if each == outcome} for outcome in Outcome}
    assert found == {
        Outcome.ALLOWED: granting | {Layer.ROOT},
        Outcome.EXPLICIT_DENY: granting | limiting,
        Outcome.IMPLICIT_DENY: granting | limiting,
    }
    assert min(outcomes.values()) > sum(outcomes.values()) / 12
