"""What it takes to put an electronic invoice on file beside many others: validated, compared, stored, told.

Invoices of some suppliers come in over HTTP; PostgreSQL copies them, under other numbers, until as many are on file as asked
for. One supplier has a tenth of all and bills the same amount again and again, as telephone companies do. Then others come in,
so many a second, before and after; a latency counts from when a request was due.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from time import perf_counter
from uuid import UUID

import asyncpg
import httpx

from deploy.standalone.postgres import EmbeddedPostgres
from deploy.standalone.seaweed import EmbeddedS3
from services.billing.app import SERVICE
from shared import migrations
from shared.eventlog.factory import prepare_event_log
from tests.billing.intake.electronic import electronic, seller
from tests.performance._load import Sample
from tests.performance._one_service import Running, running

TENANT = "bench"
PATH = "/billing/invoices/electronic"
_WARM, _START_S = 20, 60.0
# Every column as it is, but for what tells one invoice from another; the first supplier's copies keep their amount.
_CHANGED = {
    "supplier_invoice": """jsonb_build_object(
    'id', copied.id, 'number', kept.number || '-' || copied.n, 'number_key', kept.number_key || 'C' || copied.n,
    'number_trace', kept.number_trace || 'C' || translate(copied.n::text, '0', ''), 'lines_key', md5(copied.id::text),
    'gross', CASE WHEN kept.supplier_id = $1 THEN kept.gross ELSE kept.gross + copied.n END,
    'issue_date', kept.issue_date - copied.n % 900, 'due_date', kept.due_date - copied.n % 900)""",
    "electronic_invoice": "jsonb_build_object('invoice_id', copied.id, 'supplier', $1::uuid)",
}
_KEYS = {"supplier_invoice": "id", "electronic_invoice": "invoice_id"}


async def _copy(database: asyncpg.Connection, table: str, first: UUID) -> None:
    """Copy the rows that `bench_copy` names. What the database computes by itself is left to it."""
    columns = await database.fetchval(
        "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = $1::regclass"
        " AND attnum > 0 AND NOT attisdropped AND attgenerated = ''",
        f"billing.{table}",
    )
    await database.execute(
        f"""
INSERT INTO billing.{table} ({columns})
SELECT {columns} FROM (
    SELECT (jsonb_populate_record(kept, {_CHANGED[table]})).*
    FROM bench_copy AS copied JOIN billing.{table} AS kept ON kept.{_KEYS[table]} = copied.of_id) AS changed""",
        first,
        timeout=600,
    )


@dataclass(frozen=True)
class Registered:
    """Milliseconds from when a request was due until its answer was there, with few and with `stored` invoices on file."""

    stored: int
    rate: float
    few_p50_ms: float
    few_p95_ms: float
    p50_ms: float
    p95_ms: float
    load: float


def invoice_of(supplier: int, number: str) -> bytes:
    """Return a supplier's invoice; the first supplier's are of one amount."""
    net = "39.90" if supplier == 0 else f"{100 + int(number.partition('-')[2] or 0)}.00"
    of = seller(name=f"Supplier {supplier} SL", vat=f"FRXX{supplier:09}")
    return electronic(number, net=net, item=f"Supply {number}", seller=of)


@asynccontextmanager
async def billing(folder: Path) -> AsyncIterator[tuple[Running, str]]:
    """Run PostgreSQL, an object store and the service; give the service and the database's URL."""
    postgres, store = EmbeddedPostgres(folder / "postgres"), EmbeddedS3(folder / "s3")
    url, access = await postgres.start(), await store.start()
    store_settings = {
        "s3_endpoint": access.endpoint,
        "s3_access_key": access.access_key,
        "s3_secret_key": access.secret_key,
    }
    patient = {"validator_patience": _START_S, "validator_waiting": 1_000}  # what is late is told, and not refused
    try:
        await prepare_event_log(None, url)
        await migrations.migrate(url, SERVICE.name, SERVICE.migrations)
        async with running(
            SERVICE.name, url, folder / "keys", TENANT, ["operator"], **store_settings, **patient
        ) as process:
            yield process, url
    finally:
        await store.stop()
        await postgres.stop()


async def copy_invoices(url: str, stored: int) -> int:
    """Let as many invoices be on file; return how many there are."""
    database = await asyncpg.connect(url)
    first = await database.fetchval("SELECT supplier_id FROM billing.supplier_invoice ORDER BY supplier_tax_id LIMIT 1")
    await database.execute("CREATE TABLE bench_copy (id uuid, n int, of_id uuid)")
    ids = [
        row["id"]
        for row in await database.fetch("SELECT id FROM billing.supplier_invoice ORDER BY supplier_tax_id, id")
    ]
    wanted = max(0, stored - len(ids))
    await database.execute(
        "INSERT INTO bench_copy SELECT uuidv7(), n, ($1::uuid[])[CASE WHEN n % 10 = 0 THEN 1 ELSE 1 + n % $2 END]"
        " FROM generate_series(1, $3) AS n",
        ids,
        len(ids),
        wanted,
    )
    for table in _CHANGED:
        await _copy(database, table, first)
    await database.execute("DROP TABLE bench_copy")
    await database.execute("VACUUM ANALYZE")
    found = await database.fetchval("SELECT count(*) FROM billing.supplier_invoice")
    await database.close()
    return int(found)


class Registrar:
    """Sends invoices that the service has not seen."""

    def __init__(self, process: Running, suppliers: int) -> None:
        headers = {"Authorization": f"Bearer {process.tokens['operator']}", "Content-Type": "application/xml"}
        self._client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{process.port}",
            headers=headers,
            timeout=120,
            limits=httpx.Limits(max_connections=50),
        )
        self._suppliers, self._number = suppliers, 0  # of the next invoice

    async def close(self) -> None:
        await self._client.aclose()

    async def wake(self) -> None:
        """Send both validators something until they have started."""
        (content,) = self.invoices(1)
        deadline = perf_counter() + _START_S
        while (await self._client.post("/billing/validations", content=content)).status_code != HTTPStatus.OK:
            if perf_counter() > deadline:
                raise TimeoutError("the validators did not start")
            await asyncio.sleep(0.2)

    async def send(self, contents: Sequence[bytes], rate: float) -> Sample:
        """Send them when they are due, without waiting for answers; each must be on file."""
        sample, began = Sample(), perf_counter()
        await asyncio.gather(
            *(self._one(content, began + place / rate, sample) for place, content in enumerate(contents))
        )
        sample.seconds = perf_counter() - began
        return sample

    async def _one(self, content: bytes, due: float, sample: Sample) -> None:
        await asyncio.sleep(due - perf_counter())
        answer = await self._client.post(PATH, content=content)
        sample.latencies.append(perf_counter() - due)
        if answer.status_code != HTTPStatus.CREATED:
            raise RuntimeError(f"an invoice was not registered: {answer.status_code} {answer.text}")

    def invoices(self, count: int) -> list[bytes]:
        """Return invoices of all suppliers in turn, under numbers that nobody had."""
        self._number += count
        return [invoice_of(n % self._suppliers, f"R-{n}") for n in range(self._number - count, self._number)]


async def measure(stored: int, count: int, rate: float, suppliers: int = 200) -> Registered:
    """Register so many invoices a second, first beside a few, then beside many."""
    with tempfile.TemporaryDirectory(prefix="trastienda-bench-") as name:
        async with billing(Path(name)) as (process, url):
            registrar = Registrar(process, suppliers)
            try:
                await registrar.wake()
                await registrar.send(registrar.invoices(suppliers), rate / 2)  # every supplier has one; all is warm
                few = await registrar.send(registrar.invoices(count), rate)
                on_file = await copy_invoices(url, stored)
                await registrar.send(registrar.invoices(_WARM), rate)
                many = await registrar.send(registrar.invoices(count), rate)
            finally:
                await registrar.close()
    (few_p50, few_p95), (p50, p95) = (
        [1e3 * sample.percentile(share) for share in (0.5, 0.95)] for sample in (few, many)
    )
    return Registered(on_file, rate, few_p50, few_p95, p50, p95, os.getloadavg()[0])
