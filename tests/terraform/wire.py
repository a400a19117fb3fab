"""Requests of Terraform as a file holds them, and answers without what differs from one run to the next."""

import json
import re
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).with_name("requests.json")
"""What `python -m tests.terraform.record` wrote: each request with its answer, in order."""
REGION = "{region}"
"""Stands for the region in bodies and answers, so that they can be replayed in one of their own."""

_KEY = re.compile(r"(:key/)[0-9a-f-]{36}")


def steady(value: Any, region: str, member: str = "") -> Any:
    """The answer with placeholders for times, tokens, addresses, generated key ids and the region."""
    if isinstance(value, dict):
        return {name: steady(inner, region, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [steady(inner, region, member) for inner in value]
    if member.endswith("At") and isinstance(value, int | float):
        return "{time}"
    if member in {"authorizationToken", "proxyEndpoint"}:
        return f"{{{member}}}"
    if member == "repositoryUri":
        return "{registry}/" + value.partition("/")[2]
    if isinstance(value, str):
        return _KEY.sub(r"\1{id}", value).replace(region, REGION)
    return value


def load() -> list[dict[str, Any]]:
    """The recorded exchanges: operation, request, status, error (or null), answer."""
    found: list[dict[str, Any]] = json.loads(RECORDED.read_text())
    return found
