"""Start, stop and kill one Kafka broker that is its own KRaft controller."""

import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.kafka.libraries import FOLDER, resolve
from deploy.standalone import child
from deploy.standalone.ports import LOOPBACK, free_ports

_API_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 1, -1)  # the one request every client begins with


class BrokerError(RuntimeError):
    """The broker did not start; the message ends with its log."""


class Broker:
    """One broker on loopback. `start` and `stop` may alternate: ports and data stay the same.

    The process dies with the thread that called `start`, so start it from one that lives as long as it is needed.
    """

    def __init__(self, data: Path | None = None, *, heap_mb: int = 384) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="trastienda-kafka-") if data is None else None
        self._data = Path(self._temporary.name) if self._temporary else Path(data or "")
        self._heap_mb = heap_mb
        self._ports = free_ports(2)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        return f"{LOOPBACK}:{self._ports[0]}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self, wait: float = 90.0) -> None:
        """Start and return when requests are answered; raise BrokerError after `wait` seconds."""
        self._data.mkdir(parents=True, exist_ok=True)
        class_path = resolve()
        (self._data / "server.properties").write_text(self._properties())
        if not (self._data / "log" / "meta.properties").is_file():
            self._format(class_path)
        command = [sys.executable, "-I", "-S", child.__file__, "--parent", str(os.getpid())]
        command += ["--deadly", str(int(signal.SIGKILL)), "--"]
        command += self._java(class_path, "kafka.Kafka", str(self._data / "server.properties"))
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self._wait_until_it_answers(self._process, wait)

    def stop(self, wait: float = 20.0) -> None:
        """Shut down in order; kill when that takes more than `wait` seconds."""
        self._end(signal.SIGTERM, wait)

    def kill(self) -> None:
        """End it as a crash would: nothing is flushed or handed over."""
        self._end(signal.SIGKILL, 20.0)

    def close(self) -> None:
        """Stop, and remove the data when it was temporary."""
        self.stop()
        if self._temporary:
            self._temporary.cleanup()

    def wait(self) -> int:
        """Block until the broker ends, and return its exit status."""
        return self._process.wait() if self._process else 0

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def _log(self) -> Path:
        return self._data / "broker.log"

    def _end(self, how: signal.Signals, wait: float) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(wait)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _java(self, class_path: str, main: str, *arguments: str) -> list[str]:
        options = [
            f"-Xmx{self._heap_mb}m",
            "-Xms128m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Djava.net.preferIPv4Stack=true",
        ]
        options += [f"-Dlog4j2.configurationFile={FOLDER / 'log4j2.properties'}", "-Djava.awt.headless=true"]
        return [shutil.which("java") or "java", *options, "-cp", class_path, main, *arguments]

    def _format(self, class_path: str) -> None:
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        arguments = ["format", f"--cluster-id={cluster}", "--config", str(self._data / "server.properties")]
        command = self._java(class_path, "kafka.tools.StorageTool", *arguments)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BrokerError(f"the storage could not be formatted:\n{done.stdout}{done.stderr}")

    def _properties(self) -> str:
        broker, controller = self._ports
        return "\n".join(
            (
                "process.roles=broker,controller",
                "node.id=1",
                f"controller.quorum.voters=1@127.0.0.1:{controller}",
                f"listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}",
                f"advertised.listeners=PLAINTEXT://127.0.0.1:{broker}",
                "controller.listener.names=CONTROLLER",
                f"log.dirs={self._data / 'log'}",
                # One node: internal topics cannot have the three replicas that are the default.
                "offsets.topic.replication.factor=1",
                "offsets.topic.num.partitions=1",
                "transaction.state.log.replication.factor=1",
                "transaction.state.log.min.isr=1",
                "share.coordinator.state.topic.replication.factor=1",
                "share.coordinator.state.topic.min.isr=1",
                "broker.session.timeout.ms=3000",  # how long a restart after a crash waits for the old session to end
                "broker.heartbeat.interval.ms=500",
                "group.min.session.timeout.ms=500",  # 6 s by default: tests that kill members have no time for that
                "group.initial.rebalance.delay.ms=0",  # 3 s by default, to gather the members of a large group
                "auto.create.topics.enable=false",  # topics are made on purpose, with their partitions
                "",
            )
        )

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes], wait: float) -> None:
        deadline = time.monotonic() + wait
        while not _answers(self._ports[0]):
            if process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise BrokerError(f"Kafka did not start:\n{self._log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.1)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2) as connection:
            connection.sendall(_API_VERSIONS)
            return len(connection.recv(8)) > 0
    except OSError:
        return False
