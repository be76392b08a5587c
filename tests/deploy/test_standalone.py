"""Ports, locks, left-over processes and restarts."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from deploy.standalone import ports
from deploy.standalone.directory import DataDirectory, StackState
from deploy.standalone.errors import ServerError
from deploy.standalone.keep import kept, new_secret, write_private
from deploy.standalone.keeper import keep
from deploy.standalone.process import Program, Server, end_left_over, left_over
from deploy.standalone.supervisor import Options, Stack, check_environment, check_ports, metrics_ports, parts_of
from tests.fixtures.pace import within

STATE = StackState(
    os.getpid(), "http://127.0.0.1:8000", "one process", {"gateway": 8000}, {"TRASTIENDA_ISSUER": "x"}, {"relay hr": 1}
)


def sleeper(folder: Path, *, name: str = "sleeper") -> Program:
    arguments = ["/bin/sh", "-c", f"sleep 60; : {folder}"]
    return Program(name=name, arguments=arguments, directory=folder, environment={"PATH": os.environ["PATH"]})


def test_free_ports_are_different_free_and_not_in_the_range_of_outgoing_connections() -> None:
    found = ports.free_ports(20)
    assert len(set(found)) == 20
    assert all(ports.is_free(port) and port < 32768 for port in found)


def test_a_listener_makes_a_port_busy_and_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert ports.busy([port]) == [port]
        assert ports.holder(port) == f"{psutil.Process().name()} (pid {os.getpid()})"
        options = Options(Path("data"), port_base=port - 2)
        with pytest.raises(ServerError, match=rf"port {port} is used by .*pid {os.getpid()}.*--port-base \d+"):
            check_ports(options)


def test_every_service_is_served_relayed_and_consumed_at_the_port_after_the_one_before() -> None:
    parts = parts_of(Options(Path("data"), port_base=9000))
    assert [(p.name, p.port) for p in parts if p.kind == "serve"] == [
        ("gateway", 9000),
        ("documents", 9001),
        ("billing", 9002),
        ("hr", 9003),
        ("analytics", 9004),
    ]
    for kind in ("relay", "consume"):
        assert [p.name for p in parts if p.kind == kind] == ["documents", "billing", "hr", "analytics"]


def test_a_data_directory_has_one_user_and_says_who(tmp_path: Path) -> None:
    first, second = DataDirectory(tmp_path / "data"), DataDirectory(tmp_path / "data")
    with first.exclusive():
        first.write_state(STATE)
        assert second.running() == STATE
        with pytest.raises(ServerError, match=rf"another `up`.*pid {os.getpid()}.*--data"), second.exclusive():
            pytest.fail("two had it")
    assert not first.lock_file.exists()
    assert second.running() is None
    with second.exclusive():
        assert second.running() is None


def test_what_a_killed_up_left_does_not_count_as_running(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    directory.prepare()
    directory.write_state(STATE)
    directory.lock_file.touch()
    assert directory.running() is None


def test_kept_secrets_are_private_and_stay(tmp_path: Path) -> None:
    secret = kept(tmp_path / "secret", new_secret)
    assert kept(tmp_path / "secret", new_secret) == secret
    assert new_secret() != secret
    write_private(tmp_path / "secret", "other")
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["secret"]


@pytest.mark.parametrize("text", ["", "\n"])
def test_an_empty_file_is_no_secret(tmp_path: Path, text: str) -> None:
    (tmp_path / "secret").write_text(text)
    secret = kept(tmp_path / "secret", new_secret)
    assert len(secret) == 32
    assert kept(tmp_path / "secret", new_secret) == secret


def test_a_secret_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[str, list[str]]] = []

    def fsync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        synced.append((path.read_text() if path.is_file() else path.name, sorted(os.listdir(tmp_path))))  # noqa: PTH208 - names

    monkeypatch.setattr(os, "fsync", fsync)
    write_private(tmp_path / "secret", "new")
    (text, before), (folder, after) = synced
    assert (text, folder, after) == ("new", tmp_path.name, ["secret"])
    assert "secret" not in before


class Silent:
    """A report that nobody reads."""

    def done(self, what: str, seconds: float) -> None: ...

    def warn(self, text: str) -> None: ...


@pytest.mark.parametrize("signalled", [True, False])
async def test_a_start_that_was_given_up_is_never_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, signalled: bool
) -> None:
    ready: list[str] = []
    stack = Stack(Options(tmp_path / "data", port_base=ports.free_base(5, 21000) or 0), Silent())

    async def start() -> None:
        if signalled:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(60)

    async def on_ready(started: Stack) -> None:
        ready.append(started.url)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0)

    monkeypatch.setattr(stack, "_start", start)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(5):
            await stack.run(on_ready)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)
    assert ready == ([] if signalled else [stack.url])


def test_a_left_over_server_is_recognised_and_ended(tmp_path: Path) -> None:
    program = sleeper(tmp_path)
    server = Server(program)
    found = left_over(program)
    assert found is not None
    assert found.pid == server.pid
    assert end_left_over(program, signal.SIGTERM)
    assert server.exit_code is not None
    assert not program.record.exists()


def test_another_process_with_a_recorded_pid_is_left_alone(tmp_path: Path) -> None:
    theirs = subprocess.Popen(["/bin/sleep", "60"])
    try:
        program = sleeper(tmp_path)
        program.record.write_text(f'{{"pid": {theirs.pid}, "started": {psutil.Process(theirs.pid).create_time()}}}')
        assert not end_left_over(program, signal.SIGTERM)
        program.record.write_text(f'{{"pid": {os.getpid()}, "started": 0}}')
        assert not end_left_over(program, signal.SIGTERM)
        assert theirs.poll() is None
    finally:
        theirs.kill()
        theirs.wait()


async def test_a_server_that_ignores_a_signal_gets_the_next(tmp_path: Path) -> None:
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    )
    program = Program("stubborn", [sys.executable, "-c", script], tmp_path, {})
    server = Server(program)
    while "up" not in server.log_tail():  # noqa: ASYNC110 - a process sets no event
        await asyncio.sleep(0.02)
    began = time.monotonic()
    await server.stop([(signal.SIGTERM, 0.2), (signal.SIGINT, 3)])
    assert server.exit_code == -signal.SIGINT
    assert within(2, time.monotonic() - began)


async def test_a_server_that_ends_says_so_with_its_last_words(tmp_path: Path) -> None:
    server = Server(Program("talker", ["/bin/sh", "-c", "echo no space left; exit 3"], tmp_path, {}))
    await server.ended(5)
    with pytest.raises(ServerError, match="talker ended with code 3:\nno space left"):
        server.check()


async def test_what_fails_is_started_again_with_growing_pauses_until_the_stop() -> None:
    stop, starts, failures = asyncio.Event(), [], []

    async def run(_stop: asyncio.Event) -> None:
        starts.append(asyncio.get_running_loop().time())
        if len(starts) == 1:
            raise ValueError("the first time")
        if len(starts) == 3:
            stop.set()

    await keep("part", run, stop, lambda label, reason: failures.append((label, reason)))
    assert failures == [("part", "ValueError: the first time"), ("part", "ended by itself")]
    first, second = starts[1] - starts[0], starts[2] - starts[1]
    assert 0.4 < first < second
    assert within(5, second)


async def test_a_pause_ends_with_the_stop() -> None:
    stop = asyncio.Event()

    async def run(_stop: asyncio.Event) -> None:
        raise ValueError("always")

    kept_going = asyncio.create_task(keep("part", run, stop, lambda _label, _reason: None))
    await asyncio.sleep(0.1)
    stop.set()
    async with asyncio.timeout(0.3):
        await kept_going


def test_in_processes_of_their_own_relays_and_consumers_answer_for_themselves() -> None:
    options = Options(Path("data"), port_base=9000, processes=True)
    ports = [part.port for part in parts_of(options)]
    assert len(set(ports)) == len(ports) == 13
    assert all(ports)
    assert all(not part.port for part in parts_of(Options(Path("data"))) if part.kind != "serve")


def test_what_runs_tells_where_relays_and_consumers_answer() -> None:
    alone = Options(Path("data"), port_base=9000, processes=True)
    parts = parts_of(alone)
    own = {part.label: part.port for part in parts if part.kind != "serve"}
    assert metrics_ports(parts, alone) == own
    shared = metrics_ports(parts_of(Options(Path("data"), port_base=9000)), Options(Path("data"), port_base=9000))
    assert shared.keys() == own.keys()
    assert (shared["relay billing"], shared["consume analytics"]) == (9002, 9004)


def test_up_signs_no_tokens_outside_development() -> None:
    with pytest.raises(ServerError, match="TRASTIENDA_ISSUER"):
        check_environment("production", issues_tokens=True)
    check_environment("production", issues_tokens=False)
    check_environment("development", issues_tokens=True)
