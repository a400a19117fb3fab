"""What the Query services say of a name or a path that is none."""

import pytest

from moorage.aws.model import Service
from moorage.aws.query_checks import ValidationError, query_checker

_IAM = Service("iam")

_SHORT = (
    "1 validation error detected: Value 'short' at 'permissionsBoundary' failed to satisfy constraint: "
    "Member must have length greater than or equal to 20"
)
_ONLY = "contain only alphanumeric characters and/or"


@pytest.mark.parametrize(
    ("operation", "params", "text"),
    [
        (
            "GetUser",
            {"UserName": "a b"},
            f"The specified value for userName is invalid. It must {_ONLY} the following: +=,.@_-",
        ),
        (
            "CreateUser",
            {"UserName": "a/b", "Path": "x"},  # the first of two
            f"The specified value for path is invalid. It must begin and end with / and {_ONLY} / characters.",
        ),
        (
            "ListUsers",
            {"PathPrefix": "x"},
            f"The specified value for pathPrefix is invalid. It must begin with the / character and {_ONLY} / characters.",
        ),
        (
            "CreateUser",
            {"UserName": "a/b", "PermissionsBoundary": "short"},  # what is recited comes first
            _SHORT,
        ),
    ],
)
def test_names_and_paths_are_refused_in_words_instead_of_patterns(operation: str, params: dict[str, str], text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        query_checker(_IAM.operation(operation).input_shape)(params)
    assert caught.value.message == text
