"""What a run with faults needs: a database of its own, members that can be killed, and what it left, comparable."""

import asyncio
import hashlib
import re
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import msgspec
import psutil

from deploy.standalone import child
from services.analytics.app import SERVICE
from services.analytics.operations import histograms
from services.analytics.operations.case_rollups import BLOCK_SAYS, SUMS_SAY
from shared import migrations
from shared.db import asyncpg_url
from tests.faults.member import Settings
from tests.fixtures.services import create_database

ROOT = Path(__file__).parents[2]
_GENERATION = re.compile(r"Joined group '.*' \(generation (\d+)\)")
# Each table and its key. Left out of the rows: `operation.seq`, the order of arrival, and the names that differ between
# runs (`consumer`, `log`).
_KEYS = {
    "operation": "tenant_id, id",
    "observation": "tenant_id, id",
    "survey_response": "tenant_id, id",
    "withdrawal": "tenant_id, id",
    "withdrawn_operation": "tenant_id, id",
    "withdrawn_observation": "tenant_id, id",
    "withdrawn_survey_response": "tenant_id, id",
    "rollup_hour": "tenant_id, hour, process, activity, team, actor_kind, currency",
    "rollup_day": "tenant_id, day, process, activity, team, actor_kind, currency",
    "rollup_case": "tenant_id, day, process",
    "rollup_case_histogram": "tenant_id, day, process, block",
    "case_state": "tenant_id, process, case_id",
    "consumer_offset": "topic, partition",
}
# Rows of nothing depend on the order of arrival, and say the same as none.
_SAYS = {"rollup_case": SUMS_SAY, "rollup_case_histogram": BLOCK_SAYS}
_LEFT_OUT = ["seq", "consumer", "log"]
# Decimals are compared by value: a sum is written with the decimals of what was once in it, although that was withdrawn.
_COLUMNS = """
SELECT string_agg(format(CASE data_type WHEN 'numeric' THEN 'trim_scale(%I)' ELSE '%I' END, column_name), ', '
                  ORDER BY ordinal_position) FROM information_schema.columns
WHERE table_schema = 'analytics' AND table_name = $1 AND column_name <> ALL ($2::text[])
"""
# Keys are numbered in the order in which they come, so rows are compared by what the number stands for.
_HISTOGRAMS = f"""
SELECT tenant_id, {histograms.MOMENT} AS day, {", ".join(histograms.OPERATION_KEY)}, {histograms.NUMBER} AS number,
       {histograms.FIRST_BUCKET} AS first, {", ".join(histograms.COUNTS)}
FROM analytics.rollup_histogram JOIN analytics.rollup_key USING (tenant_id) WHERE id = {histograms.KEY}
ORDER BY 1, 2, 3, 4, 5, 6, 7, 8"""

Contents = dict[str, tuple[int, str]]
# Every event of `stream` makes one row of one of these.
FACTS = ("operation", "observation", "survey_response")
ONE_EACH = (*FACTS, "withdrawal", *(f"withdrawn_{name}" for name in FACTS))


class Member:
    """A process of the consumer group. It dies with this one."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self._log = log
        command = [sys.executable, "-I", "-S", child.__file__, "--parent", str(psutil.Process().pid)]
        command += ["--deadly", str(int(signal.SIGKILL)), "--"]
        command += [sys.executable, "-m", "tests.faults.member", msgspec.json.encode(settings).decode()]
        with log.open("ab") as output:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=output, cwd=ROOT)

    def go(self) -> None:
        """Let it join."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"go\n")
        self._process.stdin.close()

    @property
    def said(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def generation(self) -> int:
        """The last generation of the group on Kafka that it joined; each rebalance makes a new one."""
        return max((int(each) for each in _GENERATION.findall(self.said)), default=0)

    @property
    def paused(self) -> bool:
        return bool(psutil.Process(self._process.pid).status() == psutil.STATUS_STOPPED)

    def check(self) -> None:
        """Fail when it has ended by itself."""
        assert self._process.poll() is None, self.said[-4_000:]

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    async def leave(self) -> None:
        """Ask it to stop, and see that it does so in order."""
        self._process.terminate()
        code = await asyncio.to_thread(self._process.wait, 60)
        assert code == 0, self.said[-4_000:]

    def end(self) -> None:
        """Leave nothing behind, whatever happened."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self.kill()


class Watch:
    """One run's database: how far it is, by what the consumers stored."""

    def __init__(self, connection: asyncpg.Connection, url: str) -> None:
        self._connection, self.url = connection, url
        self._last: dict[int, int] = {}

    @classmethod
    async def create(cls, server_url: str, name: str) -> "Watch":
        """Make an empty analytics database."""
        url = await create_database(server_url, name)
        await migrations.migrate(url, SERVICE.name, SERVICE.migrations)
        return cls(await asyncpg.connect(asyncpg_url(url)), url)

    async def close(self) -> None:
        await self._connection.close()

    async def progress(self) -> int:
        """Return how many messages are done. Fails when an offset went back."""
        rows = await self._connection.fetch("SELECT partition, next_offset FROM analytics.consumer_offset")
        now: dict[int, int] = dict(rows)
        assert all(now[partition] >= offset for partition, offset in self._last.items()), (self._last, now)
        self._last = now
        return sum(now.values())

    async def open_transactions(self) -> int:
        """Return how many transactions of consumers are open just now."""
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL"
        return int(await self._connection.fetchval(query)) - 1  # its own

    async def waiting(self) -> int:
        """Return how many transactions wait for another's end."""
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return int(await self._connection.fetchval(query))

    async def deadlocks(self) -> int:
        query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        return int(await self._connection.fetchval(query))

    async def contents(self) -> Contents:
        """Return of each table the number of rows, and the hash of their text in the order of the key."""
        tables = {table: await self._table(table, key) for table, key in _KEYS.items()}
        return tables | {"rollup_histogram": await self._content(_HISTOGRAMS)}

    async def _table(self, table: str, key: str) -> tuple[int, str]:
        columns = await self._connection.fetchval(_COLUMNS, table, _LEFT_OUT)
        return await self._content(
            f"SELECT {columns} FROM analytics.{table} WHERE {_SAYS.get(table, 'true')} ORDER BY {key}"
        )

    async def _content(self, query: str) -> tuple[int, str]:
        digest = hashlib.sha256()

        async def take(data: bytes) -> None:
            digest.update(data)

        done = await self._connection.copy_from_query(query, output=take)
        return int(done.split()[1]), digest.hexdigest()
