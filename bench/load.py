"""The load generators: bench/load.c for plain HTTP, wrk for TLS. Both only ever talk to 127.0.0.1."""

import hashlib
import json
import math
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.measure import Histogram
from bench.places import LOAD_SOURCE, cache
from bench.wire import Target

Method = Literal["GET", "HEAD"]


class LoadError(Exception):
    """A load generator could not be built, failed, or met answers that it did not expect."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one slice of load did: answers, bytes of their bodies, seconds, and latencies in milliseconds."""

    requests: int
    bytes: int
    seconds: float
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Plan:
    """One slice of load: which requests, over how many connections, for how long, and the status that each must have."""

    paths: Sequence[str]
    connections: int
    seconds: float
    method: Method = "GET"
    status: int = 200
    accept: str | None = None
    copies: bool = False
    """Whether the client copies the bodies out, as a real one does, or lets the kernel drop them."""
    whole: Sequence[bytes] = ()
    """Whole requests instead of paths, each of which is sent once; the slice ends early when they are used up."""

    def headers(self, target: Target) -> dict[str, str]:
        return target.headers | ({"Accept": self.accept} if self.accept else {})


def build() -> Path:
    """Compile load.c once for each version of its text; raises LoadError when there is no C compiler or it fails."""
    source = LOAD_SOURCE.read_bytes()
    program = cache() / f"load-{hashlib.sha256(source).hexdigest()[:16]}"
    if program.is_file():
        return program
    program.parent.mkdir(parents=True, exist_ok=True)
    fresh = program.with_suffix(".new")
    try:
        subprocess.run(["cc", "-O2", "-o", fresh, LOAD_SOURCE], check=True, capture_output=True, text=True, timeout=60)
    except FileNotFoundError as error:
        raise LoadError("bench/load.c needs a C compiler named cc") from error
    except subprocess.CalledProcessError as error:
        raise LoadError(f"bench/load.c does not compile:\n{error.stderr}") from error
    fresh.replace(program)
    return program


class Running:
    """A load generator at work in its own process."""

    def __init__(self, program: Path, target: Target, plan: Plan, scratch: Path) -> None:
        source = (
            ["-r", str(_whole_file(scratch, plan.whole))] if plan.whole else ["-f", str(request_file(scratch, target, plan))]
        )
        arguments = [str(program), "-p", str(target.port), *source, "-c", str(plan.connections)]
        arguments += ["-d", str(plan.seconds), "-s", str(plan.status)]
        arguments += ["-v"] if plan.copies else []
        self._seconds = plan.seconds
        self._process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def result(self) -> Load:
        """Wait for the end of the slice; raises LoadError when anything but the expected answers came back."""
        try:
            said, complaint = self._process.communicate(timeout=self._seconds + 30)
        except subprocess.TimeoutExpired as error:
            self._process.kill()
            raise LoadError("the load generator did not end") from error
        if self._process.returncode:
            raise LoadError(complaint.strip())
        return parse_report(said)


def parse_report(text: str) -> Load:
    """Read load.c's line of JSON; raises LoadError for faults and unexpected statuses."""
    report = json.loads(text)
    if report["faults"] or report["unexpected"]:
        raise LoadError(f"{report['faults']} broken answers, statuses {report['statuses']}")
    latencies = Histogram.parse(report["histogram"])
    return Load(
        report["requests"], report["bytes"], report["seconds"], p50=latencies.percentile(50), p99=latencies.percentile(99)
    )


def request_file(scratch: Path, target: Target, plan: Plan) -> Path:
    """The requests of a plan as load.c reads them; written once for the same requests."""
    head = "".join(f"{name}: {value}\n" for name, value in plan.headers(target).items())
    text = head + "\n" + "".join(f"{plan.method} {path}\n" for path in plan.paths)
    path = scratch / f"requests-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    if not path.is_file():
        path.touch(mode=0o600)
        path.write_text(text)
    return path


def _whole_file(scratch: Path, requests: Sequence[bytes]) -> Path:
    """Whole requests as load.c reads them; the file of the slice before is overwritten."""
    path = scratch / "whole-requests"
    path.touch(mode=0o600)
    path.write_bytes(b"".join(b"%d\n%b" % (len(request), request) for request in requests))
    return path


_WRK_SCRIPT = """
local headers, paths, at = %s, %s, 0
local made = {}
init = function() for i, path in ipairs(paths) do made[i] = wrk.format("GET", path, headers) end end
request = function() at = at %% #made + 1; return made[at] end
done = function(all, latency)
  local bad = all.errors.connect + all.errors.read + all.errors.write + all.errors.status + all.errors.timeout
  io.write(string.format("\\nreport %%d %%d %%d %%d %%d %%d\\n",
    all.requests, all.bytes, all.duration, bad, latency:percentile(50), latency:percentile(99)))
end
"""


def wrk(program: Path, target: Target, plan: Plan, scratch: Path) -> Load:
    """One slice of GETs over TLS with wrk (whole seconds); raises LoadError when an answer is not a success."""
    script = scratch / "wrk.lua"
    script.touch(mode=0o600)
    script.write_text(_WRK_SCRIPT % (_lua_table(plan.headers(target)), _lua_table(plan.paths)))
    command = [str(program), "-t1", f"-c{plan.connections}", f"-d{math.ceil(plan.seconds)}s", "--timeout", "20s"]
    command += ["-s", str(script), f"https://127.0.0.1:{target.port}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=plan.seconds + 60, check=False)
    line = next((line for line in done.stdout.splitlines() if line.startswith("report ")), None)
    if done.returncode or line is None:
        raise LoadError(f"wrk failed: {done.stdout}{done.stderr}")
    requests, count, microseconds, bad, p50, p99 = map(int, line.split()[1:])
    if bad:
        raise LoadError(f"wrk met {bad} errors: {done.stdout}")
    known = requests > 0
    return Load(
        requests, count, microseconds / 1e6, p50=p50 / 1000 if known else math.nan, p99=p99 / 1000 if known else math.nan
    )


def _lua_table(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"[{json.dumps(key)}] = {json.dumps(item)}" for key, item in value.items()) + "}"
    return "{" + ", ".join(map(json.dumps, value)) + "}"
