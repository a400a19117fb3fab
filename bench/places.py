"""Where things lie: the cache, the built programs, the results. The only reader of the environment here."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
RESULTS = CHECKOUT / "bench" / "results"
LOAD_SOURCE = CHECKOUT / "bench" / "load.c"
_PINS = CHECKOUT / "tests" / "clients" / "go-programs.txt"


def cache() -> Path:
    """The benchmark's own cache directory: the compiled load generator, and the data of a run while it lasts."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "moorage" / "bench"


def pinned_version(program: str) -> str | None:
    """The version of a Go program as pinned for tests and benchmarks; None if it is not in the list."""
    lines = _PINS.read_text().splitlines() if _PINS.is_file() else []
    rows = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    return next((row[2] for row in rows if row[0] == program), None)


def built_program(program: str) -> Path | None:
    """The pinned Go program in the tool cache; None when it has not been built."""
    version = pinned_version(program)
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    tools = Path(os.environ.get("MOORAGE_TOOL_CACHE") or Path(base) / "moorage" / "go")
    path = tools / f"{program}-{version}"
    return path if os.access(path, os.X_OK) else None


def system_program(*names: str) -> Path | None:
    """The first of these programs on the PATH; None when there is none."""
    found = next(filter(None, map(shutil.which, names)), None)
    return Path(found) if found else None


def clean_environment(**added: str) -> Mapping[str, str]:
    """What a server is started with: no setting of an operator's own registry leaks into a measurement."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("MOORAGE_", "REGISTRY_", "OTEL_", "AWS_"))
    }
    return kept | added
