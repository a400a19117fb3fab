"""The tables of docs/compatibility.md: `python -m tests.contract.aws.compatibility` writes them anew.

What is implemented is asked of the Dispatcher, which operations and errors there are of botocore's models, which errors cannot
arise of the error cases (a test proves that every other one is raised). Only the differences are written by hand, below.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from botocore.loaders import Loader
from botocore.model import ServiceModel

from moorage.app import operation_names
from tests.contract.aws.differences import ACCESS_DIFFERENCES, DIFFERENCES, LATER
from tests.contract.aws.error_cases import NEVER, NEVER_BY

PAGE = Path(__file__).parents[3] / "docs/compatibility.md"
SERVICES = {"ecr": "Amazon ECR", "ecr-public": "Amazon ECR Public"}
ACCESS = {"iam": "IAM", "sts": "STS", "cloudtrail": "CloudTrail"}
"""Of which only some is there on purpose; what is not there is not listed."""


@cache
def service_model(name: str) -> ServiceModel:
    """A service's model, as botocore ships it."""
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)


@cache
def implemented(name: str) -> frozenset[str]:
    """The operations of a service that this server carries out."""
    return frozenset() if name == "ecr-public" else frozenset(operation_names(name))


def generated() -> Mapping[str, str]:
    """The text of each generated block, by its name."""
    whole = {f"operations {name}": "\n".join(_operations(name)) for name in SERVICES}
    access = {f"operations {name}": "\n".join(_access(name)) for name in ACCESS}
    return {**whole, **access, "errors": "\n".join(_errors())}


def page() -> str:
    """The whole document with its blocks as they should be."""
    text = PAGE.read_text()
    for name, block in generated().items():
        begin, end = f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        if not pattern.search(text):
            raise SystemExit(f"{PAGE.name} has no block {name!r}")
        text = pattern.sub("\n".join((begin, block, end)).replace("\\", r"\\"), text)
    return text


def _operations(service: str) -> Iterator[str]:
    names, done = sorted(service_model(service).operation_names), implemented(service)
    yield f"{SERVICES[service]} has {len(names)} operations; {len(done)} are implemented.\n"
    yield "| operation | status | differences |"
    yield "|---|---|---|"
    for name in names:
        status = "yes" if name in done else f"not yet: {_later(service, name)}"
        yield f"| {name} | {status} | {DIFFERENCES.get(name, '') if name in done else ''} |"


def _access(service: str) -> Iterator[str]:
    done = sorted(implemented(service))
    yield f"{ACCESS[service]} has {len(service_model(service).operation_names)} operations; {len(done)} of them here:"
    yield f"{', '.join(done)}."
    differing = [name for name in done if name in ACCESS_DIFFERENCES]
    if differing:
        yield "\n| operation | differences |"
        yield "|---|---|"
    for name in differing:
        yield f"| {name} | {ACCESS_DIFFERENCES[name]} |"


def _later(service: str, operation: str) -> str:
    return "public repositories" if service == "ecr-public" else LATER[operation]


def _errors() -> Iterator[str]:
    yield "| error | of | why it cannot arise |"
    yield "|---|---|---|"
    declared = {name: _declared(name) for name in sorted(implemented("ecr"))}
    for code, reason in sorted(NEVER.items()):
        holders = [name for name, codes in declared.items() if code in codes]
        yield f"| {code} | {'every operation' if len(holders) == len(declared) else ', '.join(holders)} | {reason} |"
    for (operation, code), reason in sorted(NEVER_BY.items(), key=lambda item: (item[0][1], item[0][0])):
        yield f"| {code} | {operation} | {reason} |"


def _declared(operation: str) -> set[str]:
    return {shape.name for shape in service_model("ecr").operation_model(operation).error_shapes}


if __name__ == "__main__":
    PAGE.write_text(page())
    sys.exit(0)
