"""What the indicators of a month cost among millions of operations, and what exact ones cost against DuckDB.

    python -m tests.performance.kpi [--events 5000000] [--times 40] [--exact-times 3] [--by-case] [--json]

PostgreSQL (as `up` starts it) gets the facts of two tenants over 90 days (`_kpi_facts.py`), in the order in which a live
stream brings them or `--by-case`, as an import does, folded by the service's own statements. Then `GET /analytics/kpis` is asked, over HTTP and one question after the other, for all indicators of 30 days of
the larger tenant: from roll-ups, with days of UTC and of Madrid, with percentiles and without, and with `exact=true`, which DuckDB computes from the same
rows in the same run (`.venv-bench`; loading is not counted, and cases are ready on both sides). DuckDB uses as many threads
as there are cores, PostgreSQL its own default of two workers a query. Figures of both must agree. The service is a process
of its own, whose memory is told. Only ratios carry over to other machines.
"""

import argparse
import asyncio
import json
import math
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Self

import asyncpg
import httpx
import psutil

from deploy.standalone.postgres import EmbeddedPostgres
from services.analytics.app import SERVICE
from shared import migrations
from shared.eventlog.factory import prepare_event_log
from tests.performance import _rivals
from tests.performance._kpi_facts import ASKED, COST_MODEL, fill, period
from tests.performance._one_service import NO_STORE, running

QUESTIONS = {
    f"{zone}{', means alone' if means else ''}": {"time_zone": zone, **({"details": "false"} if means else {})}
    for means in (False, True)
    for zone in ("UTC", "Europe/Madrid")
}
TABLES = ("operation", "case_state", "survey_response", "hourly_rate", "fixed_cost")
AIM_P95_MS, AIM_RATIO = 50.0, 3.0
_PATIENCE_S = 1_200.0


@dataclass(frozen=True)
class Timing:
    """Milliseconds of a question, from sending it until its whole answer is there; CPU of the service and of PostgreSQL.

    CPU time tells, also on a machine that is busy with something else, how long a question takes on one that is not.
    """

    p50: float
    p95: float
    longest: float
    service_cpu: float
    database_cpu: float

    @classmethod
    def of(cls, seconds: list[float], cpu: tuple[float, float]) -> "Timing":
        ordered = sorted(1_000 * each for each in seconds)
        service_cpu, database_cpu = (1_000 * each / len(seconds) for each in cpu)
        return cls(median(ordered), ordered[math.ceil(0.95 * len(ordered)) - 1], ordered[-1], service_cpu, database_cpu)


@dataclass
class Result:
    """`operations` are those of the period asked for; `ratio` is exact seconds over DuckDB's, medians both."""

    events: int
    times: int
    operations: int = 0
    fill_s: float = 0.0
    rollup: dict[str, Timing] = field(default_factory=dict)
    exact_s: float = 0.0
    duckdb_s: float = 0.0
    ratio: float = 0.0
    threads: int = 0
    peak_mb: float = 0.0
    duckdb_mb: float = 0.0
    load: tuple[float, float] = (0.0, 0.0)
    left_out: str = ""


class Asker:
    """Asks the service over HTTP."""

    def __init__(self, port: int, tokens: Mapping[str, str], pid: int, postgres: int) -> None:
        self._client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=_PATIENCE_S)
        self._tokens, self._pid, self._postgres = tokens, pid, postgres

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    def _headers(self, role: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._tokens[role]}", "If-Match": '"0"'}

    async def put_costs(self) -> None:
        stored = await self._client.put("/analytics/cost-model", json=COST_MODEL, headers=self._headers("admin"))
        stored.raise_for_status()

    async def time(self, times: int, **more: str) -> tuple[Timing, dict[str, Any]]:
        """Return how long a question takes and the indicators by id. A first time, which is not counted, warms up."""
        await self._ask(1, more)
        before = self._cpu()
        seconds, indicators = await self._ask(times, more)
        service, database = (after - at for after, at in zip(self._cpu(), before, strict=True))
        return Timing.of(seconds, (service, database)), indicators

    async def _ask(self, times: int, more: Mapping[str, str]) -> tuple[list[float], dict[str, Any]]:
        first, last = period()
        seconds = []
        for _ in range(times):
            began = perf_counter()
            answered = await self._client.get(
                "/analytics/kpis", params={"from": first, "to": last, **more}, headers=self._headers("viewer")
            )
            seconds.append(perf_counter() - began)
            answered.raise_for_status()
        return seconds, {each["id"]: each for each in answered.json()["kpis"]}

    def _cpu(self) -> tuple[float, float]:
        """Return the CPU seconds of the service, and those of PostgreSQL with the workers that have ended."""
        return cpu_s(psutil.Process(self._pid)), cpu_s(psutil.Process(self._postgres))

    def peak_mb(self) -> float:
        """Return the most memory that the service ever held, in MiB."""
        status = Path(f"/proc/{self._pid}/status").read_text(encoding="utf-8")
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) / 1024


def cpu_s(process: psutil.Process) -> float:
    """Return the CPU seconds of a process, of its children, and of those that it waited for."""
    times = process.cpu_times()
    total = times.user + times.system + times.children_user + times.children_system
    for child in process.children():
        with suppress(psutil.NoSuchProcess):
            mine = child.cpu_times()
            total += mine.user + mine.system
    return float(total)


@asynccontextmanager
async def service(url: str, keys: Path, postgres: int) -> AsyncIterator[Asker]:
    """Run the service in a process of its own."""
    roles = ("viewer", "admin")
    patience = {"request_timeout": _PATIENCE_S}  # a statement of exact=true may take longer than a request should
    async with (
        running(SERVICE.name, url, keys, ASKED, roles, **NO_STORE, **patience) as process,
        Asker(process.port, process.tokens, process.pid, postgres) as asker,
    ):
        yield asker


async def run(events: int, times: int, exact_times: int, *, by_case: bool = False) -> Result:
    """Fill a database of its own, ask, compare, and remove everything."""
    result = Result(events, times)
    with tempfile.TemporaryDirectory(prefix="trastienda-bench-") as name:
        server = EmbeddedPostgres(Path(name) / "postgres")
        url = await server.start()
        try:
            await prepare_event_log(None, url)
            await migrations.migrate(url, SERVICE.name, SERVICE.migrations)
            began = perf_counter()
            await fill(url, events, by_case=by_case)
            result.fill_s, before = perf_counter() - began, os.getloadavg()[0]
            pid = int((server.cluster / "postmaster.pid").read_text().split()[0])
            async with service(url, Path(name) / "keys", pid) as asker:
                await asker.put_costs()
                await _measure(result, asker, times, exact_times, Path(name), url)
            result.load = before, os.getloadavg()[0]
        finally:
            await server.stop()
    return result


async def _measure(result: Result, asker: Asker, times: int, exact_times: int, folder: Path, url: str) -> None:
    for name, asked in QUESTIONS.items():
        result.rollup[name], answer = await asker.time(times, **asked)
        result.operations = result.operations or answer["error_rate"]["n"]
    timing, exact = await asker.time(exact_times, exact="true")
    result.exact_s, result.peak_mb = timing.p50 / 1_000, asker.peak_mb()
    await _write_tables(url, folder)
    first, last = period()
    try:
        rival = await asyncio.to_thread(
            _rivals.run, "duckdb_kpi", str(folder), ASKED, first, last, str(exact_times + 1)
        )
    except _rivals.NoRivalsError as error:
        result.left_out = str(error)
        return
    check_alike(exact, rival["figures"])
    result.duckdb_s, result.threads = median(rival["seconds"][1:]), rival["threads"]
    result.ratio, result.duckdb_mb = result.exact_s / result.duckdb_s, rival["peak_mb"]


async def _write_tables(url: str, folder: Path) -> None:
    connection = await asyncpg.connect(url)
    for table in TABLES:
        await connection.copy_from_table(
            table,
            schema_name="analytics",
            output=folder / f"{table}.csv",
            format="csv",
            header=True,
            null="\\N",
            timeout=_PATIENCE_S,
        )
    await connection.close()


def check_alike(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
    """Fail when both did not compute the same: a fast wrong answer is no result."""
    touch, cases = ours["processing_time"], ours["case_throughput_time"]
    pairs = {
        "n": (ours["error_rate"]["n"], theirs["n"]),
        "touch": (touch["value"], theirs["touch_us"] / theirs["touch_n"] / 1e6),
        "median": (touch["median"], theirs["touch"][0]),
        "wait p95": (touch["wait"]["p95"], theirs["wait"][2]),
        "lead p99": (touch["lead"]["p99"], theirs["lead"][3]),
        "defects": (ours["error_rate"]["defects"], theirs["defects"]),
        "automation": (ours["automation_level"]["automation"], theirs["automation"]),
        "cost": (ours["cost_per_operation"]["total"], theirs["cost"]),
        "cost n": (ours["cost_per_operation"]["n"], theirs["cost_n"]),
        "cases": (cases["cases"], theirs["cases"]),
        "throughput": (cases["value"], theirs["took"] / theirs["cases"] / 1e6),
        "throughput p90": (cases["p90"], theirs["quantiles"][1]),
        "variants": (cases["variants"], theirs["variants"]),
        "rework": (ours["case_rework_rate"]["rework_cases"], theirs["rework_cases"]),
        "no touch": (ours["no_touch_rate"]["no_touch_cases"], theirs["no_touch"]),
        "first pass": (ours["first_pass_yield"]["first_pass_cases"], theirs["first_pass"]),
        "answers": (ours["internal_satisfaction"]["n"], theirs["answers"]),
    }
    wrong = {name: pair for name, pair in pairs.items() if None in pair or not math.isclose(*pair, rel_tol=1e-9)}
    if wrong:
        raise RuntimeError(f"the service and DuckDB do not agree (ours, theirs): {wrong}")


def render(result: Result) -> str:
    lines = [
        f"{result.events} operations of two tenants in 90 days, filled and folded in {result.fill_s:.0f} s",
        f"{result.operations} in the 30 days of the tenant asked for; load {result.load[0]:.1f} to {result.load[1]:.1f}",
        "",
        f"{'':26} {'p50 ms':>8} {'p95 ms':>8} {'longest':>8} {'CPU ms: service':>16} {'PostgreSQL':>11}",
    ]
    for name, timing in result.rollup.items():
        lines.append(
            f"{name:26} {timing.p50:8.1f} {timing.p95:8.1f} {timing.longest:8.1f} {timing.service_cpu:16.1f}"
            f" {timing.database_cpu:11.1f}   (aim p95 <= {AIM_P95_MS:.0f}; {result.times} questions)"
        )
    lines += ["", f"exact: {result.exact_s:.2f} s; the service's memory at most {result.peak_mb:.0f} MiB"]
    if result.left_out:
        return "\n".join([*lines, result.left_out])
    lines.append(
        f"exact / DuckDB: {result.ratio:.2f} (aim <= {AIM_RATIO:.0f}); DuckDB {result.duckdb_s:.2f} s with {result.threads}"
        f" threads, {result.duckdb_mb:.0f} MiB"
    )
    return "\n".join(lines)


def main(argv: list[str]) -> int:
    """Print the result. The exit code says whether both computed the same."""
    parser = argparse.ArgumentParser(prog="bench kpi", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--times", type=int, default=40, help="questions of each kind")
    parser.add_argument("--exact-times", type=int, default=3)
    parser.add_argument("--by-case", action="store_true", help="facts lie as an imported log leaves them")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    result = asyncio.run(run(options.events, options.times, options.exact_times, by_case=options.by_case))
    sys.stdout.write((json.dumps(asdict(result)) if options.json else render(result)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
