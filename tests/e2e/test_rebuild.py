"""`./trastienda rebuild analytics` and `kpi --as-of` beside a stack that runs, in both shapes."""

import asyncio
import json
import os
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from tests.fixtures.stack import Stack

pytestmark = pytest.mark.slow
ROWS = 3_000


@pytest.fixture
def imported(stack: Stack, tmp_path: Path) -> str:
    """A tenant with a process of 3,000 operations, imported through the door."""
    tenant, log = f"t-{uuid4().hex[:8]}", tmp_path / "log.csv"
    start = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
    lines = [
        f"c{n // 4},step-{n % 4},{(start + timedelta(minutes=7 * n)).isoformat()},person-{n % 5}" for n in range(ROWS)
    ]
    log.write_text("\n".join(["case_id,activity,timestamp,resource", *lines]))
    stack.command("import-log", log, "--process", "repairs", "--tenant", tenant)
    deadline = time.monotonic() + 60
    while stack.kpis("repairs", tenant)["error_rate"]["n"] < ROWS:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return tenant


def on_database(stack: Stack, statement: str, tenant: str) -> None:
    url = json.loads((stack.data / "stack.json").read_text())["environment"]["TRASTIENDA_DATABASE_URL"]

    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute("SET ROLE trastienda_analytics_worker")
            await connection.execute(statement, tenant)
        finally:
            await connection.close()

    asyncio.run(run())


def rebuilt(stack: Stack, tenant: str, *options: str) -> dict[str, Any]:
    result = stack.command("rebuild", "analytics", "--tenant", tenant, "--json", *options, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    (found,) = json.loads(result.stdout)["tenants"]
    return dict(found["tables"])


def test_what_is_wrong_is_found_told_and_mended(stack: Stack, imported: str) -> None:
    before = stack.kpis("repairs", imported)
    for source in ("facts", "log"):
        on_database(stack, "DELETE FROM analytics.rollup_hour WHERE tenant_id = $1 AND activity = 'step-1'", imported)
        told = stack.command("rebuild", "analytics", "--tenant", imported, "--from", source, check=False)
        assert (told.returncode, "missing hour 2026-01-05T" in told.stdout) == (1, True)
        assert f"--from {source} --swap" in told.stdout.replace("\n", " ")
        assert rebuilt(stack, imported, "--from", source, "--swap")["rollup_hour"]["missing"] > 100
        assert (
            "Nothing differs." in stack.command("rebuild", "analytics", "--tenant", imported, "--from", source).stdout
        )
    assert stack.kpis("repairs", imported) == before


def test_a_killed_rebuild_is_done_again(stack: Stack, imported: str) -> None:
    on_database(stack, "UPDATE analytics.case_state SET person_n = 9 WHERE tenant_id = $1", imported)
    on_database(stack, "DELETE FROM analytics.operation WHERE tenant_id = $1 AND activity = 'step-2'", imported)
    command = [str(stack.launcher), "rebuild", "analytics", "--tenant", imported, "--from", "log", "--swap"]
    for seconds in (0.8, 1.4, 2.0):
        process = subprocess.Popen(
            command, env=stack.environment() | {"TRASTIENDA_DATA": str(stack.data)}, start_new_session=True
        )
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
    rebuilt(stack, imported, "--from", "log", "--swap")
    found = rebuilt(stack, imported, "--from", "log")
    assert {name: each["missing"] + each["extra"] + each["different"] for name, each in found.items()} == dict.fromkeys(
        found, 0
    )
    assert stack.kpis("repairs", imported)["error_rate"]["n"] == ROWS


def test_the_past_is_told(stack: Stack, imported: str) -> None:
    asked = ("kpi", "--tenant", imported, "--process", "repairs", "--as-of")
    before = stack.json(*asked, "2026-03-01")
    assert (before["as_of"], {each["n"] for each in before["kpis"]}) == ("2026-03-01T00:00:00Z", {0})
    now = stack.json(*asked, datetime.now(UTC).isoformat())
    assert {each["id"]: each for each in now["kpis"]} == stack.kpis("repairs", imported)
    refused = stack.command(*asked, "2999-01-01", check=False)
    assert (refused.returncode, "as-of-in-future" in refused.stderr) == (1, True)


@pytest.mark.parametrize("stack", ["one process"], indirect=True)
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("billing",), "derives nothing"),
        (("analytics", "--from", "memory"), "'memory'"),
        (("analytics", "--tenant", "a b"), "--tenant 'a b' cannot be"),
    ],
)
def test_what_cannot_be_rebuilt_is_refused(stack: Stack, arguments: tuple[str, ...], says: str) -> None:
    refused = stack.command("rebuild", *arguments, check=False)
    assert refused.returncode == 2
    assert says in refused.stderr


@pytest.mark.parametrize("stack", ["one process"], indirect=True)
def test_where_nothing_runs_it_is_said(stack: Stack, tmp_path: Path) -> None:
    refused = stack.command("rebuild", "analytics", "--data", tmp_path, check=False)
    assert (refused.returncode, "nothing runs in" in refused.stderr) == (1, True)
