"""What `up` costs: first start, second start, stop and memory, against its servers alone in the same run.

    python -m tests.performance.start [--rounds 3] [--demo] [--json]

The control starts PostgreSQL and SeaweedFS from the same wheels and nothing of ours. Everything runs in folders that
are removed afterwards, on free ports of loopback.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import monotonic

import psutil

from deploy.standalone.backing import Backing
from tests.fixtures.stack import Stack

SHAPES = {"one process": (), "processes": ("--processes",)}
MIB = 1024 * 1024


@dataclass(frozen=True)
class Start:
    """Seconds, and MiB of the whole tree of processes: proportional share, and resident added up."""

    first_s: float
    second_s: float
    stop_s: float
    pss_mib: float = 0.0
    rss_mib: float = 0.0

    @staticmethod
    def median_of(starts: Sequence["Start"]) -> "Start":
        return Start(*(median(values) for values in zip(*(asdict(start).values() for start in starts), strict=True)))


def proportional_bytes(process: psutil.Process) -> int:
    """Return a process's proportional share of memory: a page that n processes share counts 1/n."""
    lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


async def _seconds_of_servers(folder: Path) -> tuple[float, float]:
    """Return the seconds that the servers alone take to start and to stop."""

    async def untold(_what: str, work: Awaitable[None]) -> None:
        await work

    backing, began = Backing(folder, {}), monotonic()
    await backing.start(untold)
    started = monotonic()
    await asyncio.gather(backing.stop_s3(), backing.stop_postgres())
    return started - began, monotonic() - started


def control(folder: Path) -> Start:
    (folder / "keys").mkdir(parents=True)
    first, _ = asyncio.run(_seconds_of_servers(folder))
    second, stop = asyncio.run(_seconds_of_servers(folder))
    return Start(first, second, stop)


def measure(folder: Path, *options: str) -> Start:
    """Start `up` twice on one data directory; look at its memory the second time, then stop it."""
    stack = Stack(folder, *options)
    try:
        first = stack.start()
        stack.stop()
        second = stack.start()
        tree = stack.tree()
        pss, rss = sum(map(proportional_bytes, tree)), sum(process.memory_info().rss for process in tree)
        return Start(first, second, stack.stop(), pss / MIB, rss / MIB)
    finally:
        stack.end()


def run(rounds: int, options: Sequence[str] = ()) -> dict[str, Start]:
    """Measure control and shapes in turns; return medians by name."""
    found: dict[str, list[Start]] = {name: [] for name in ("servers alone", *SHAPES)}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="trastienda-bench-") as name:
            found["servers alone"].append(control(Path(name) / "control"))
            for shape, own in SHAPES.items():
                found[shape].append(measure(Path(name) / shape.replace(" ", "-"), *own, *options))
    return {name: Start.median_of(starts) for name, starts in found.items()}


def render(results: dict[str, Start]) -> str:
    bare = results["servers alone"]
    lines = [f"{'':14} {'first start':>18} {'second start':>18} {'stop':>8} {'PSS':>9} {'RSS':>9}"]
    for name, it in results.items():
        first = f"{it.first_s:.1f} s ({it.first_s / bare.first_s:.1f} x)"
        second = f"{it.second_s:.1f} s ({it.second_s / bare.second_s:.1f} x)"
        memory = f" {it.pss_mib:5.0f} MiB {it.rss_mib:5.0f} MiB" if it.rss_mib else ""
        lines.append(f"{name:14} {first:>18} {second:>18} {it.stop_s:6.1f} s{memory}")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Print the result."""
    parser = argparse.ArgumentParser(prog="bench start", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--demo", action="store_true", help="with the demo loaded in the first start")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv or [])
    results = run(options.rounds, ("--demo",) if options.demo else ())
    found = {name: asdict(start) for name, start in results.items()}
    sys.stdout.write((json.dumps(found) if options.json else render(results)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
