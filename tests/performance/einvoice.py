"""What a verdict costs: electronic invoices through the validator processes, against the official rules alone.

    python -m tests.performance.einvoice [--rounds 5] [--files 200] [--settle 3000] [--stored 100000] [--json]

Random invoices in UBL and CII go one after the other through one validator process (door, schema, official rules, our own), then
through two at once. The control is a loop of one process over the same files that does nothing but apply the same compiled
stylesheets. Both take turns, and both have seen every file before they are measured. Then invoices of 100, 1,000 and 4,000 lines,
and the memory of a process over many files, and what it takes to register one beside many others (`_register.py`). CPU time is told beside, for a machine that has other things to do.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import psutil
from msgspec import structs

from services.billing.einvoices.cii import write_cii
from services.billing.einvoices.limits import Limits, PoolLimits
from services.billing.einvoices.model import Invoice, Item, Line, Price, Totals, VatPart
from services.billing.einvoices.pool import Validators
from services.billing.einvoices.ubl import write_ubl
from tests.billing.einvoices.whole_invoices import invent
from tests.performance._load import Sample
from tests.performance._register import measure

_SMALL = 50_000
_MIB = 1024 * 1024
_LINES = (100, 1_000, 4_000)
_UNHURRIED_S = 60.0
_REGISTERED, _A_SECOND = 300, 20.0
AT_MOST = {
    "p50_ratio": 2.0,
    "p95_ratio": 2.5,
    "lines_4000_s": 2.5,
    "memory_mb": 400.0,
    "growth": 0.05,
    "first_ms": 150.0,
    "register_p95_ms": 150.0,
}
AT_LEAST = {"rate_ratio": 1.4}


@dataclass(frozen=True)
class Result:
    """Milliseconds and files a second at the median of rounds; ratios of the same round, at the median; MB resident."""

    files: int
    rounds: int
    bare_p50_ms: float
    bare_p95_ms: float
    bare_rate: float
    p50_ms: float
    p95_ms: float
    p50_ratio: float
    p95_ratio: float
    one_rate: float
    two_rate: float
    rate_ratio: float
    parallel: float
    bare_cpu_ms: float
    validator_cpu_ms: float
    service_cpu_ms: float
    cpu_ratio: float
    first_ms: float
    lines_100_s: float
    lines_1000_s: float
    lines_4000_s: float
    bare_4000_s: float
    cpu_4000_s: float
    full_4000_s: float
    memory_mb: float
    growth: float
    settled: int
    peak_mb: float
    stored: int
    register_rate: float
    register_few_p50_ms: float
    register_few_p95_ms: float
    register_p50_ms: float
    register_p95_ms: float
    load: float

    def missed(self) -> list[str]:
        """Return the aims that were not reached."""
        above = [name for name, aim in AT_MOST.items() if getattr(self, name) > aim]
        return above + [name for name, aim in AT_LEAST.items() if getattr(self, name) < aim]


@dataclass(frozen=True)
class Round:
    """What was seen in turns; seconds of two loops at once; CPU seconds of the loop, of the one validator, and of this process while it asked that one."""

    bare: Sample
    ours: Sample
    two: Sample
    two_bare_s: float
    bare_cpu: float
    validator_cpu: float
    service_cpu: float


class Bare:
    """The control's process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncIterator["Bare"]:
        arguments = (sys.executable, "-m", "tests.performance._bare_saxon")
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*arguments, stdin=pipe, stdout=pipe, limit=_MIB)
        assert process.stdout
        try:
            assert await process.stdout.readline() == b"ready\n"
            yield cls(process)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    @property
    def cpu(self) -> float:
        return cpu_of(self._process.pid)

    async def judge(self, folder: Path) -> Sample:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{folder}\n".encode())
        took = json.loads(await self._process.stdout.readline())
        return Sample(seconds=sum(took), latencies=took)


def invented(count: int) -> dict[str, bytes]:
    """Return small invoices, as many in UBL as in CII, by name of file."""
    found: dict[str, bytes] = {}
    seed = 0
    while len(found) < count:
        invoice = invent(random.Random(seed))
        said = {f"{seed:05}.ubl.xml": write_ubl(invoice), f"{seed:05}.cii.xml": write_cii(invoice)}
        if max(map(len, said.values())) <= _SMALL:
            found |= said
        seed += 1
    return found


def laid(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


async def through(pool: Validators, contents: Sequence[bytes], at_once: int) -> Sample:
    """Judge all, so many at once. Raises AssertionError for one that is not valid."""
    waiting, latencies = iter(contents), list[float]()

    async def one_after_the_other() -> None:
        for content in waiting:
            began = perf_counter()
            judged = await pool.judge(content)
            latencies.append(perf_counter() - began)
            assert judged.verdict == "valid"

    began = perf_counter()
    await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
    return Sample(seconds=perf_counter() - began, latencies=latencies)


@asynccontextmanager
async def validators(workers: int) -> AsyncIterator[Validators]:
    """Run processes that are not replaced meanwhile."""
    unlimited = PoolLimits(
        workers=workers,
        patience_s=_UNHURRIED_S,
        timeout_s=_UNHURRIED_S,
        documents=1_000_000,
        megabytes=10_000,
        most_megabytes=10_000,
    )
    async with Validators(unlimited, Limits()).running() as pool:
        await asyncio.gather(*pool._tasks)  # both are started
        yield pool


def cpu_of(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


async def one_round(
    folder: Path, contents: Sequence[bytes], loops: tuple[Bare, Bare], one: Validators, two: Validators
) -> Round:
    (worker,), bare = one._alive, loops[0]
    before = bare.cpu
    alone = await bare.judge(folder)
    bare_cpu, before, own = bare.cpu - before, cpu_of(worker.pid), process_time()
    ours = await through(one, contents, 1)
    validator_cpu, service_cpu = cpu_of(worker.pid) - before, process_time() - own
    began = perf_counter()
    await asyncio.gather(*(loop.judge(folder) for loop in loops))
    two_bare_s = perf_counter() - began
    return Round(alone, ours, await through(two, contents, 2), two_bare_s, bare_cpu, validator_cpu, service_cpu)


async def in_turns(folder: Path, contents: Sequence[bytes], rounds: int) -> tuple[float, list[Round]]:
    """Return the seconds of the very first file, and what each round saw."""
    async with Bare.running() as bare, Bare.running() as other, validators(1) as one, validators(2) as two:
        first = (await through(one, contents[:1], 1)).latencies[0]
        found = [await one_round(folder, contents, (bare, other), one, two) for _ in range(rounds + 1)]
    return first, found[1:]  # in the first, each saw every file for the first time


def plain(count: int) -> Invoice:
    """Return an invoice with so many lines as most are: a name, a quantity, a price, a rate."""
    invoice = invent(random.Random(0))
    net, tax = Decimal("12.50") * 4 * count, Decimal("10.50") * count
    line = Line(
        id="1",
        quantity=Decimal(4),
        unit="C62",
        net=Decimal("50.00"),
        price=Price(net=Decimal("12.50")),
        vat_category="S",
        vat_rate=Decimal(21),
        item=Item(name="Printing paper A4 80 g", seller_identifier="PP-A4-80"),
    )
    return structs.replace(
        invoice,
        currency="EUR",
        tax_currency=None,
        allowances=(),
        charges=(),
        lines=tuple(structs.replace(line, id=str(number)) for number in range(1, count + 1)),
        vat_breakdown=(VatPart(base=net, tax=tax, category="S", rate=Decimal(21)),),
        totals=Totals(lines=net, without_vat=net, vat=tax, with_vat=net + tax, due=net + tax),
    )


@dataclass(frozen=True)
class Long:
    """Seconds by number of plain lines; for the most: those of the control, CPU seconds, and those of full lines; MB at the most."""

    seconds: dict[int, float]
    bare: float
    cpu: float
    full: float
    peak_mb: float


async def long_ones(folder: Path, rounds: int) -> Long:
    """Judge long invoices in turns with the control."""
    most = _LINES[-1]
    files = {count: write_ubl(plain(count)) for count in _LINES}
    full = write_ubl(invent(random.Random(most), most))
    longest = laid(folder, {"long.ubl.xml": files[most]})
    took: dict[int, list[float]] = {count: [] for count in _LINES}
    bare_took, cpu, full_took = list[float](), list[float](), list[float]()
    async with Bare.running() as bare, validators(1) as pool:
        (worker,) = pool._alive
        for _ in range(rounds):
            for count, content in files.items():
                before = cpu_of(worker.pid)
                took[count] += (await through(pool, [content], 1)).latencies
                cpu += [cpu_of(worker.pid) - before] if count == most else []
            bare_took += (await bare.judge(longest)).latencies
        peak = peak_mb(pool)
        full_took += (await through(pool, [full], 1)).latencies
    seconds = {count: median(values) for count, values in took.items()}
    return Long(seconds, median(bare_took), median(cpu), median(full_took), peak)


def peak_mb(pool: Validators) -> float:
    (worker,) = pool._alive
    status = Path(f"/proc/{worker.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


async def memory(contents: Sequence[bytes], settle: int) -> tuple[float, float]:
    """Return the MB a process holds after so many files, and by what share it grew in the second half of them."""
    async with validators(1) as pool:
        (worker,) = pool._alive
        held = []
        for _ in range(2):
            await through(pool, [contents[number % len(contents)] for number in range(settle // 2)], 1)
            held.append(worker.resident / _MIB)
    return held[1], held[1] / held[0] - 1


async def run(rounds: int = 5, files: int = 200, settle: int = 3_000, stored: int = 100_000) -> Result:
    """Measure all of it."""
    contents = invented(files)
    with tempfile.TemporaryDirectory(prefix="trastienda-bench-") as name:
        small = laid(Path(name) / "small", contents)
        first, seen = await in_turns(small, list(contents.values()), rounds)
        long = await long_ones(Path(name) / "long", min(rounds, 3))
    resident, growth = await memory(list(contents.values()), settle)
    registered = await measure(stored, _REGISTERED, _A_SECOND)

    def of(value: Callable[[Round], float]) -> float:
        return median(map(value, seen))

    return Result(
        files=len(contents),
        rounds=rounds,
        bare_p50_ms=of(lambda it: it.bare.percentile(0.5)) * 1e3,
        bare_p95_ms=of(lambda it: it.bare.percentile(0.95)) * 1e3,
        bare_rate=of(lambda it: it.bare.rate),
        p50_ms=of(lambda it: it.ours.percentile(0.5)) * 1e3,
        p95_ms=of(lambda it: it.ours.percentile(0.95)) * 1e3,
        p50_ratio=of(lambda it: it.ours.percentile(0.5) / it.bare.percentile(0.5)),
        p95_ratio=of(lambda it: it.ours.percentile(0.95) / it.bare.percentile(0.95)),
        one_rate=of(lambda it: it.ours.rate),
        two_rate=of(lambda it: it.two.rate),
        rate_ratio=of(lambda it: it.two.rate / it.bare.rate),
        parallel=of(lambda it: 2 * it.bare.seconds / it.two_bare_s),
        bare_cpu_ms=of(lambda it: it.bare_cpu) / len(contents) * 1e3,
        validator_cpu_ms=of(lambda it: it.validator_cpu) / len(contents) * 1e3,
        service_cpu_ms=of(lambda it: it.service_cpu) / len(contents) * 1e3,
        cpu_ratio=of(lambda it: (it.validator_cpu + it.service_cpu) / it.bare_cpu),
        first_ms=first * 1e3,
        lines_100_s=long.seconds[100],
        lines_1000_s=long.seconds[1_000],
        lines_4000_s=long.seconds[4_000],
        bare_4000_s=long.bare,
        cpu_4000_s=long.cpu,
        full_4000_s=long.full,
        memory_mb=resident,
        growth=growth,
        settled=settle,
        peak_mb=long.peak_mb,
        stored=registered.stored,
        register_rate=registered.rate,
        register_few_p50_ms=registered.few_p50_ms,
        register_few_p95_ms=registered.few_p95_ms,
        register_p50_ms=registered.p50_ms,
        register_p95_ms=registered.p95_ms,
        load=registered.load,
    )


def render(it: Result) -> str:
    missed = it.missed()
    lines = [
        f"{it.files} files in {it.rounds} rounds   {'p50':>9} {'p95':>9} {'files/s':>9}",
        f"  rules alone, a loop      {it.bare_p50_ms:6.1f} ms {it.bare_p95_ms:6.1f} ms {it.bare_rate:9.1f}",
        f"  one validator            {it.p50_ms:6.1f} ms {it.p95_ms:6.1f} ms {it.one_rate:9.1f}",
        f"  ratios                   {it.p50_ratio:6.2f} (2.0) {it.p95_ratio:5.2f} (2.5)",
        f"  two validators           {it.two_rate:29.1f}   ratio to the loop {it.rate_ratio:.2f} (1.4 or more)",
        f"  two loops at once        {it.parallel:.2f} times one: what the machine gave to two processes",
        f"  CPU a file: rules alone  {it.bare_cpu_ms:6.1f} ms",
        f"    validator, its service {it.validator_cpu_ms:6.1f} ms, {it.service_cpu_ms:.1f} ms   ratio {it.cpu_ratio:.2f}",
        f"  the first file of all    {it.first_ms:6.1f} ms (150)",
        f"100, 1,000, 4,000 lines    {it.lines_100_s:.2f}, {it.lines_1000_s:.2f}, {it.lines_4000_s:.2f} s (2.5)",
        f"  4,000                    rules alone {it.bare_4000_s:.2f} s; CPU {it.cpu_4000_s:.2f} s; {it.peak_mb:.0f} MB at the most",
        f"  with all they can have   {it.full_4000_s:.2f} s",
        f"memory                     {it.memory_mb:.0f} MB (400) after {it.settled} small files",
        f"  growth                   {it.growth:+.1%} (5 %) in the second half of them",
        f"registered, {it.register_rate:.0f} a second      p50 {it.register_p50_ms:.1f} ms, p95 {it.register_p95_ms:.1f} ms (150) beside {it.stored} on file",
        f"  beside a few hundred     p50 {it.register_few_p50_ms:.1f} ms, p95 {it.register_few_p95_ms:.1f} ms; load {it.load:.1f}",
        f"not reached: {', '.join(missed)}" if missed else "all aims reached",
    ]
    return "\n".join(lines)


def main(argv: list[str]) -> int:
    """Print the result."""
    parser = argparse.ArgumentParser(prog="bench einvoice", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--settle", type=int, default=3_000, help="files for the memory of a process")
    parser.add_argument("--stored", type=int, default=100_000, help="invoices on file when others are registered")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    result = asyncio.run(run(options.rounds, options.files, options.settle, options.stored))
    sys.stdout.write((json.dumps(asdict(result)) if options.json else render(result)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
