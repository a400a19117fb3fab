import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.iam.positions import Position, Span, statement_spans

ALLOW = {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}


def cut(text: str, span: Span) -> str:
    """What stands between two places, with the braces; columns are counted behind them."""
    lines = text.split("\n")

    def offset(at: Position) -> int:
        return sum(len(line) + 1 for line in lines[: at.line - 1]) + at.column - 1

    return text[offset(span.start) - 1 : offset(span.end)]


def test_positions_are_counted_as_in_the_aws_clis_example() -> None:
    statement = (
        '{"Effect":"Allow","Action":"dynamodb:*","Resource":"*",'
        '"Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}'
    )
    text = '{"Version":"2012-10-17","Statement":' + statement + "}"
    assert statement_spans(text) == (Span(Position(1, 38), Position(1, 167)),)


def test_a_statement_on_lines_of_its_own() -> None:
    text = '{\n    "Version": "2012-10-17",\n    "Statement": {\n        "Effect": "Deny"\n    }\n}'
    assert statement_spans(text) == (Span(Position(3, 19), Position(5, 6)),)


@pytest.mark.parametrize(
    "text",
    [
        '{"Statement": [], "Version": "2012-10-17"}',
        '{"Id": "Statement", "Version": "2012-10-17"}',
        '{"Condition": {"Statement": [{"a": 1}]}}',
    ],
)
def test_what_only_looks_like_a_statement_is_none(text: str) -> None:
    assert statement_spans(text) == ()


def test_keys_may_be_escaped_and_strings_may_hold_braces() -> None:
    text = r'{"Id": "} \" {", "\u0053tatement" : [{"Sid": "]}\\"}, {"Sid": "{"}], "Other": {"a": [{}]}}'
    first, second = statement_spans(text)
    assert cut(text, first) == r'{"Sid": "]}\\"}'
    assert cut(text, second) == '{"Sid": "{"}'


VALUES = st.recursive(
    st.text(max_size=6) | st.booleans() | st.just("Statement") | st.sampled_from(['"', "\\", "{", "}]", "\n"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.just("Statement"), inner, max_size=3),
    max_leaves=12,
)
STATEMENTS = st.dictionaries(st.text(max_size=4) | st.just("Statement"), VALUES, max_size=4)


@given(
    st.lists(STATEMENTS, max_size=4) | STATEMENTS,
    st.dictionaries(st.text(max_size=5), VALUES, max_size=3),
    st.dictionaries(st.text(max_size=5), VALUES, max_size=3),
    st.sampled_from([None, 0, 2]),
    st.booleans(),
)
def test_every_span_holds_its_statement(
    statements: Any, before: dict[str, Any], after: dict[str, Any], indent: int | None, ascii_only: bool
) -> None:
    whole = {**before, "Statement": statements, **{key: value for key, value in after.items() if key != "Statement"}}
    text = json.dumps(whole, indent=indent, ensure_ascii=ascii_only)
    found = [json.loads(cut(text, span)) for span in statement_spans(text)]
    assert found == (statements if isinstance(statements, list) else [statements])
