import json

import pytest

from moorage.iam.errors import MalformedPolicyError
from moorage.iam.rendering import LONGEST, render


def test_a_policy_is_printed_as_ecr_does() -> None:
    text = (
        '{"Version":"2008-10-17","Statement":[{"Sid":"new statement","Effect":"Allow","Principal":{"AWS":'
        '"arn:aws:iam::012345678901:role/CodeDeployDemo"},"Action":["ecr:GetDownloadUrlForLayer","ecr:BatchGetImage"]},'
        '{"Effect":"Deny"}]}'
    )
    assert render(text) == (
        "{\n"
        '  "Version" : "2008-10-17",\n'
        '  "Statement" : [ {\n'
        '    "Sid" : "new statement",\n'
        '    "Effect" : "Allow",\n'
        '    "Principal" : {\n'
        '      "AWS" : "arn:aws:iam::012345678901:role/CodeDeployDemo"\n'
        "    },\n"
        '    "Action" : [ "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage" ]\n'
        "  }, {\n"
        '    "Effect" : "Deny"\n'
        "  } ]\n"
        "}"
    )


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("{}", "{ }"),
        ("[]", "[ ]"),
        ("[[],[1.50,true,null]]", "[ [ ], [ 1.50, true, null ] ]"),
        ('"\\u00e9\\/\\u4e2d\\ud83d\\ude00\\n\\""', '"é/\\u4e2d\\ud83d\\ude00\\n\\""'),
        ("1e400", "1e400"),
    ],
)
def test_values_are_printed_as_they_were_written(text: str, printed: str) -> None:
    assert render(text) == printed


def test_a_text_that_the_layout_would_make_too_long_to_be_set_again_stays_as_it_is() -> None:
    text = json.dumps({"Statement": [{"Sid": "é" * 10_200}]}, separators=(",", ":"), ensure_ascii=False)
    assert len(text) <= LONGEST and render(text) == text
    shorter = text.replace("é" * 100, "")
    assert len(render(shorter)) <= LONGEST and render(render(shorter)) == render(shorter) != shorter


@pytest.mark.parametrize("text", ["", "{", "'a'", '{"a":1,"a":2}', "[" * 100_000, "Infinity"])
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(MalformedPolicyError):
        render(text)
