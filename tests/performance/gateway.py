"""What the gateway costs: the same small GET direct and through it, in turns, in one run.

    python -m tests.performance.gateway [--rounds 5] [--seconds 2] [--connections 8] [--json]

Backend and gateway are processes of their own, this one sends. Only ratios carry over to other machines.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import psutil

from deploy.standalone.issuer import DevelopmentIssuer
from tests.performance._load import Sample, generate

_PATH = "/billing/invoice"
_WARM_UP_S = 0.5


@dataclass(frozen=True)
class Server:
    """A started process and the port it answers on."""

    port: int
    process: psutil.Process

    def cpu(self) -> float:
        """Return the CPU seconds used so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


@dataclass(frozen=True)
class Result:
    """Medians over the rounds. `rps_ratio` is gateway / direct; `cpu_ratio` the gateway's CPU per request / the backend's.

    `added_*` are measured at half of the gateway's own maximum rate, against direct calls at that rate.
    """

    direct_rps: float
    gateway_rps: float
    rps_ratio: float
    direct_cpu_us: float
    gateway_cpu_us: float
    cpu_ratio: float
    added_p50_ms: float
    added_p99_ms: float
    errors: int
    rounds: int


@contextmanager
def serving(log: Path, *arguments: str) -> Iterator[Server]:
    """Run one of the benchmark's servers; its log goes to a file, as it would in production."""
    command = [sys.executable, "-m", "tests.performance._gateway_servers", *arguments]
    with log.open("wb") as errors:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
    try:
        assert child.stdout is not None
        line = child.stdout.readline()
        if not line:
            raise RuntimeError(f"{arguments[0]} did not start: {log.read_text()[-2000:]}")
        yield Server(int(line), psutil.Process(child.pid))
    finally:
        child.terminate()
        child.wait(10)
        if child.stdout is not None:
            child.stdout.close()


class Bench:
    """Drives both servers and keeps what the rounds gave."""

    def __init__(self, backend: Server, gateway: Server, token: str, connections: int) -> None:
        self.backend, self.gateway = backend, gateway
        self.headers = [("authorization", f"Bearer {token}")]
        self._connections = connections
        self.errors = 0

    async def load(self, server: Server, seconds: float, rate: float = 0.0) -> Sample:
        sample = await generate(
            server.port, _PATH, self.headers, connections=self._connections, seconds=seconds, rate=rate
        )
        self.errors += sample.errors
        return sample

    async def round(self, server: Server, seconds: float) -> tuple[float, float]:
        """Return requests per second and the server's own CPU seconds per request."""
        before = server.cpu()
        sample = await self.load(server, seconds)
        return sample.rate, (server.cpu() - before) / len(sample.latencies)


async def run(rounds: int = 5, seconds: float = 2.0, connections: int = 8) -> Result:
    """Start the servers, measure in turns, and return the medians."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trastienda-bench-")))
        issuer = DevelopmentIssuer(folder / "keys", "development")
        backend = stack.enter_context(serving(folder / "backend.log", "backend"))
        upstream = f"http://127.0.0.1:{backend.port}"
        gateway = stack.enter_context(serving(folder / "gateway.log", "gateway", upstream, str(issuer.jwks_file)))
        bench = Bench(backend, gateway, issuer.token("bench", "operator"), connections)
        return await _measure(bench, rounds, seconds)


async def _measure(bench: Bench, rounds: int, seconds: float) -> Result:
    for server in (bench.backend, bench.gateway):
        await generate(server.port, _PATH, bench.headers, connections=1, seconds=_WARM_UP_S)
    direct, through = [], []
    for _ in range(rounds):
        direct.append(await bench.round(bench.backend, seconds))
        through.append(await bench.round(bench.gateway, seconds))
    half = median(rate for rate, _ in through) / 2
    paced = [(await bench.load(bench.backend, seconds, half), await bench.load(bench.gateway, seconds, half))]
    paced += [(await bench.load(bench.backend, seconds, half), await bench.load(bench.gateway, seconds, half))]
    direct_cpu, gateway_cpu = median(cpu for _, cpu in direct), median(cpu for _, cpu in through)
    return Result(
        direct_rps=median(rate for rate, _ in direct),
        gateway_rps=median(rate for rate, _ in through),
        rps_ratio=median(g / d for (g, _), (d, _) in zip(through, direct, strict=True)),
        direct_cpu_us=direct_cpu * 1e6,
        gateway_cpu_us=gateway_cpu * 1e6,
        cpu_ratio=gateway_cpu / direct_cpu,
        added_p50_ms=min(1000 * (g.percentile(0.5) - d.percentile(0.5)) for d, g in paced),
        added_p99_ms=min(1000 * (g.percentile(0.99) - d.percentile(0.99)) for d, g in paced),
        errors=bench.errors,
        rounds=rounds,
    )


def render(result: Result) -> str:
    return (
        f"median of {result.rounds} interleaved rounds, {result.errors} errors\n"
        f"  requests/s   direct {result.direct_rps:8.0f}   gateway {result.gateway_rps:8.0f}   "
        f"ratio {result.rps_ratio:.2f} (target >= 0.30)\n"
        f"  CPU us/req   direct {result.direct_cpu_us:8.0f}   gateway {result.gateway_cpu_us:8.0f}   "
        f"ratio {result.cpu_ratio:.2f}\n"
        f"  added at half the gateway's rate: p50 {result.added_p50_ms:.2f} ms (target <= 3), "
        f"p99 {result.added_p99_ms:.2f} ms (target <= 10)"
    )


def main(argv: list[str] | None = None) -> int:
    """Print the result; the exit code says whether every request was answered with 200."""
    parser = argparse.ArgumentParser(prog="bench gateway", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv or [])
    result = asyncio.run(run(options.rounds, options.seconds, options.connections))
    sys.stdout.write((json.dumps(asdict(result)) if options.json else render(result)) + "\n")
    return 1 if result.errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
