"""What belongs to this checkout, for the tests that read the project itself."""

import ast
import functools
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]

_NEVER = frozenset({"dist", "build", "moorage-data", "__pycache__", "node_modules"})
_DOTTED = frozenset({".ci", ".github"})


@functools.cache
def tracked() -> tuple[Path, ...]:
    """Every file of the project, relative to its root: what git has or would take, without git what a walk finds."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        return tuple(sorted(_walk()))
    return tuple(sorted(Path(name) for name in listed if name and (ROOT / name).is_file()))


def _walk() -> Iterator[Path]:
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [
            name
            for name in folders
            if name not in _NEVER and not name.endswith(".egg-info") and (not name.startswith(".") or name in _DOTTED)
        ]
        for name in files:
            if not name.endswith(".pyc") and not name.startswith(".coverage"):
                yield (Path(folder) / name).relative_to(ROOT)


def python_files(*tops: str) -> list[Path]:
    """The Python files below these top folders."""
    return [path for path in tracked() if path.suffix == ".py" and path.parts[0] in tops]


@functools.cache
def text(path: Path) -> str:
    """What a file says; bytes that are no text are replaced."""
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


@functools.cache
def syntax(path: Path) -> ast.Module:
    """A Python file, parsed."""
    return ast.parse(text(path), str(path))


def functions(path: Path) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function of a file with its dotted name, also methods and nested ones."""

    def below(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{prefix}{child.name}", child
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield from below(child, f"{prefix}{child.name}.")
            else:
                yield from below(child, prefix)

    return below(syntax(path), "")
