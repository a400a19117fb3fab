"""The house rules that no linter knows. What breaks one on purpose is listed in ALLOWED, dated and argued, while it does."""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tests.tree import functions, python_files, syntax, text, tracked


@dataclass(frozen=True, slots=True)
class Allowed:
    """One exception from one rule."""

    rule: str
    where: str
    """As the rule's test names it."""
    since: date
    reason: str


ALLOWED = (
    Allowed(
        "function length",
        "src/moorage/storage/database/migrations/versions/0001_initial.py::upgrade",
        date(2026, 11, 23),
        "A list of tables in one order, without a branch; a released migration is never edited again.",
    ),
    Allowed(
        "function-level import",
        "src/moorage/aws/model.py::Service._model",
        date(2026, 11, 23),
        "botocore's loader and its models take long; they are read when the first operation is looked up.",
    ),
    Allowed(
        "function-level import",
        "src/moorage/storage/database/migrate.py::_run_alembic",
        date(2026, 11, 23),
        "An ordinary start finds the newest revision and needs none of Alembic.",
    ),
    Allowed(
        "function-level import",
        "src/moorage/cli/main.py::_run",
        date(2026, 11, 23),
        "`moorage env` runs in every new shell and must load neither the server nor botocore.",
    ),
)

MAX_FILE = 400
MAX_FUNCTION = {"src": 60, "bench": 60, "tests": 80}
EMPTY_NAMES = frozenset({"helper", "helpers", "util", "utils", "common", "misc", "service2"})

# Written in two parts, so that this file does not name what it forbids.
MACHINE_PATHS = re.compile(
    r"(?<![\w.}])(?:" + "|".join(("/wo" + "rk/", "/ro" + "ot/", "/Us" + "ers/", r"/ho" + "me/[a-z]+/")) + ")"
)
PACKAGE_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("golang", "org"),
        ("goproxy", "io"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("maven", "org"),
        ("maven", "apache", "org"),
        ("crates", "io"),
        ("rubygems", "org"),
        ("deb", "debian", "org"),
        ("security", "debian", "org"),
        ("archive", "ubuntu", "com"),
        ("dl-cdn", "alpinelinux", "org"),
    )
)


def judge(rule: str, found: Iterable[str]) -> None:
    """Fail unless exactly the allowed exceptions break the rule: an exception that nothing needs any more fails too."""
    __tracebackhide__ = True
    breaking, allowed = set(found), {entry.where for entry in ALLOWED if entry.rule == rule}
    assert not (new := sorted(breaking - allowed)), f"{rule}:\n" + "\n".join(new)
    assert not (idle := sorted(allowed - breaking)), f"{rule}: no longer needed in ALLOWED:\n" + "\n".join(idle)


def test_every_exception_names_a_rule_of_this_file_and_gives_a_reason() -> None:
    rules = set(re.findall(r'judge\(\s*"([^"]+)"', text(Path("tests/unit/test_house.py"))))
    assert all(entry.rule in rules and len(entry.reason) > 20 for entry in ALLOWED)


def test_no_file_is_longer_than_400_lines() -> None:
    lengths = {path: text(path).count("\n") for path in python_files("src", "tests", "bench")}
    judge("file length", (str(path) for path, length in lengths.items() if length > MAX_FILE))


def test_no_function_is_longer_than_its_limit() -> None:
    judge(
        "function length",
        (
            f"{path}::{name}"
            for path in python_files(*MAX_FUNCTION)
            for name, node in functions(path)
            if (node.end_lineno or 0) - node.lineno + 1 > MAX_FUNCTION[path.parts[0]]
        ),
    )


def test_no_module_has_an_empty_name() -> None:
    named = python_files("src", "tests", "bench")
    judge("empty name", (str(path) for path in named if EMPTY_NAMES & {path.stem.strip("_"), *path.parts[:-1]}))


def test_package_files_are_empty() -> None:
    packages = (path for path in python_files("src", "tests", "bench") if path.name == "__init__.py")
    judge("empty __init__.py", (str(path) for path in packages if text(path).strip()))


def test_no_package_of_the_server_is_empty() -> None:
    paths = python_files("src")
    filled = {parent for path in paths if path.name != "__init__.py" for parent in path.parents}
    judge("empty package", (str(path.parent) for path in paths if path.name == "__init__.py" and path.parent not in filled))


def test_imports_stand_at_the_top_of_a_file() -> None:
    judge(
        "function-level import",
        (
            f"{path}::{name}"
            for path in python_files("src", "bench")
            for name, node in functions(path)
            for inner in ast.walk(node)
            if isinstance(inner, ast.Import | ast.ImportFrom)
        ),
    )


def _reads_environment(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id="os"), attr="environ" | "environb" | "getenv" | "getenvb"):
            return True
        case ast.ImportFrom(module="os", names=names):
            return any(name.name in {"environ", "environb", "getenv", "getenvb"} for name in names)
        case _:
            return False


def test_only_the_configuration_reads_the_environment() -> None:
    others = [path for path in python_files("src") if path != Path("src/moorage/config.py")]
    judge("environment", (str(path) for path in others if any(_reads_environment(node) for node in ast.walk(syntax(path)))))


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    judge("machine path", (f"{path}: {found}" for path in tracked() for found in set(MACHINE_PATHS.findall(text(path)))))


def test_no_file_names_a_package_host() -> None:
    judge("package host", (f"{path}: {host}" for path in tracked() for host in PACKAGE_HOSTS if host in text(path).lower()))


def test_nothing_in_the_server_is_left_to_be_done() -> None:
    unfinished = re.compile(r"\b(?:TODO|FIXME|XXX|NotImplementedError)\b")
    judge("unfinished", (f"{path}: {word}" for path in python_files("src") for word in set(unfinished.findall(text(path)))))


def _called(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        match inner:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                yield name


def _asserts(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.Assert) for inner in ast.walk(node)) or bool(
        {"raises", "warns", "fail", "suppress"} & set(_called(node))
    )


def _asserting_names() -> set[str]:
    """The functions of the tests' own modules that assert, by themselves or by calling one that does."""
    bodies = [(node.name, node) for path in python_files("tests") for _, node in functions(path)]
    names = {name for name, node in bodies if _asserts(node)}
    calls = [(name, set(_called(node))) for name, node in bodies]
    while grown := {name for name, called in calls if name not in names and called & names}:
        names |= grown
    return names


def test_every_test_asserts_something() -> None:
    asserting = _asserting_names()
    judge(
        "assertion",
        (
            f"{path}::{name}"
            for path in python_files("tests")
            if path.name.startswith("test_")
            for name, node in functions(path)
            if node.name.startswith("test_") and not _asserts(node) and not asserting & set(_called(node))
        ),
    )


def _skips_its_module(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(attr="importorskip")):
            return True
        case ast.Call(keywords=keywords):
            return any(keyword.arg == "allow_module_level" for keyword in keywords)
        case _:
            return False


def test_no_module_of_tests_skips_itself() -> None:
    """pytest-xdist loses such skips, so neither the summary nor CI's list would see them."""
    files = python_files("tests")
    judge("module skip", (str(path) for path in files if any(_skips_its_module(node) for node in ast.walk(syntax(path)))))


def test_nothing_is_mocked() -> None:
    """Simulators implement a port; a patch would freeze the shape of the code under it."""
    mocks = re.compile(
        r"^\s*(?:from unittest import .*\bmock\b|from unittest\.mock import|import unittest\.mock)", re.MULTILINE
    )
    judge("mock", (str(path) for path in python_files("tests") if mocks.search(text(path))))
