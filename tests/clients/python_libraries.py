"""Clients that are Python libraries."""

import importlib.metadata
import importlib.util

from tests.clients.tool import Tool


def _library(name: str, module: str) -> Tool:
    def find() -> str | None:
        return module if importlib.util.find_spec(module) else None

    return Tool(name, find, lambda _module: f"{name} {importlib.metadata.version(module)}", f"PyPI package {module}")


BOTO3 = _library("boto3", "boto3")
ORAS_PY = _library("oras-py", "oras")
TOOLS = (BOTO3, ORAS_PY)
