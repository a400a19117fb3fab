"""What the contract tests of IAM share."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError


def fresh(prefix: str = "user") -> str:
    """A name that no other test has."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


@contextmanager
def failed(code: str, message: str, status: int = 400) -> Iterator[None]:
    """The block must end in this error of IAM: its code, its whole message, its status."""
    with pytest.raises(ClientError) as caught:
        yield
    answer = caught.value.response
    found = answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]
    assert found == (code, message, status)
