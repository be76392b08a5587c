"""`./trastienda up` as a user meets it: ready, small, polite, and gone when it is told to go."""

import asyncio
import contextlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest

from deploy.standalone.ports import is_free
from deploy.standalone.seaweed import ObjectStoreAccess
from tests.fixtures.pace import within
from tests.fixtures.stack import Stack

pytestmark = pytest.mark.slow
NewStack = Callable[..., Stack]

STOP_WITHIN_S = 5.0
SECOND_START_WITHIN_S = 20.0
PROCESSES_START_WITHIN_S = 40.0  # thirteen interpreters on two cores
MEMORY_LIMIT = 500 * 1024 * 1024


def get(url: str | urllib.request.Request) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def left_behind(stack: Stack, processes: list[psutil.Process]) -> list[str]:
    """Say what of a stopped stack is still there."""
    found = [f"process {p.pid} {p.cmdline()[:3]}" for p in processes if p.is_running() and p.status() != "zombie"]
    found += [f"port {port}" for port in range(stack.base, stack.base + 5) if not is_free(port)]
    names = ("up.lock", "stack.json", "postgres/cluster/postmaster.pid", "postgres/postgres.run.json")
    found += [name for name in names if (stack.data / name).exists()]
    return found + [str(stack.ready_file)] * stack.ready_file.exists()


def test_everything_answers_once_the_ready_file_is_there(stack: Stack) -> None:
    ready = json.loads(stack.ready_file.read_text())
    assert ready["url"] == stack.url
    assert get(f"{stack.url}/health/ready")["status"] == "ready"
    for name, url in ready["urls"].items():
        assert get(f"{url}/health/ready")["status"] in {"ok", "ready"}, name


def test_the_box_names_addresses_tokens_and_three_commands(stack: Stack) -> None:
    for url in stack.urls.values():
        assert url in stack.output
    assert stack.output.count("  ./trastienda ") == 3
    for role in ("viewer", "operator", "manager", "director", "admin", "documents", "billing", "hr", "analytics"):
        line = next(line for line in stack.output.splitlines() if line.startswith(f"{role} ") and ".ey" in line)
        assert line.split()[1].count(".") == 2


def test_a_printed_token_opens_the_door(stack: Stack) -> None:
    token = next(line.split()[1] for line in stack.output.splitlines() if line.startswith("viewer ") and ".ey" in line)
    request = urllib.request.Request(f"{stack.url}/analytics/kpis", headers={"Authorization": f"Bearer {token}"})
    assert {"period", "filters", "kpis"} <= get(request).keys()


def test_doctor_finds_nothing_wrong(stack: Stack) -> None:
    report = stack.json("doctor")
    assert report["ok"] is True
    assert {f"{name} database" for name in ("documents", "billing", "hr", "analytics")} <= {
        check["name"] for check in report["checks"] if check["detail"] == "migrated"
    }


def test_secrets_are_for_their_owner_only(stack: Stack) -> None:
    for name in (
        "stack.json",
        "keys/issuer.pem",
        "keys/pseudonym",
        "keys/database",
        "postgres/password",
        "s3/keys.json",
    ):
        assert (stack.data / name).stat().st_mode & 0o077 == 0, name


def test_the_address_alone_finds_the_stack(stack: Stack) -> None:
    command = [str(stack.launcher), "kpi", "--json"]
    environment = stack.environment() | {"TRASTIENDA_URL": stack.url}
    found = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert {"period", "filters", "kpis"} <= json.loads(found.stdout).keys()


def test_a_second_up_on_the_same_data_is_refused(stack: Stack) -> None:
    refused = stack.command("up", "--data", stack.data, "--port-base", stack.base + 50, check=False)
    assert refused.returncode == 1
    assert f"pid {stack.running.pid}, {stack.url}" in refused.stderr
    assert get(f"{stack.url}/health/ready")["status"] == "ready"


def test_only_loopback_is_listened_on(stack: Stack) -> None:
    for process in stack.tree():
        for connection in process.net_connections("inet"):
            if connection.status == psutil.CONN_LISTEN:
                assert connection.laddr.ip == "127.0.0.1", (process.name(), connection.laddr)


def kill_everything(stack: Stack) -> None:
    processes = stack.tree()
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):  # children end by themselves when their parent is killed
            process.kill()
    psutil.wait_procs(processes, timeout=10)
    stack.running.wait(10)


def test_memory_stays_small_with_the_demo_and_sigterm_leaves_nothing(new_stack: NewStack) -> None:
    stack = new_stack("--demo")
    stack.start()
    processes = stack.tree()
    # Pages that thirty processes of PostgreSQL share are thirty times in what is resident, and once in this.
    used = {process.pid: getattr(each := process.memory_full_info(), "pss", each.uss) for process in processes}
    assert sum(used.values()) < MEMORY_LIMIT, used
    assert within(STOP_WITHIN_S, stack.stop(signal.SIGTERM))
    assert left_behind(stack, processes) == []


@pytest.mark.parametrize(
    ("shape", "start_within_s"),
    [((), SECOND_START_WITHIN_S), (("--processes",), PROCESSES_START_WITHIN_S)],
    ids=["one process", "processes"],
)
def test_killed_it_recovers_and_stopped_it_leaves_nothing(
    new_stack: NewStack, shape: tuple[str, ...], start_within_s: float
) -> None:
    stack = new_stack(*shape)
    stack.start()
    kill_everything(stack)
    assert stack.ready_file.exists(), "nobody was left to remove it"
    stack.ready_file.unlink()
    assert within(start_within_s, stack.start())
    assert stack.json("doctor")["ok"] is True
    processes = stack.tree()
    assert within(STOP_WITHIN_S, stack.stop(signal.SIGINT))
    assert left_behind(stack, processes) == []
    assert stack.running.returncode == 0


def test_up_recovers_while_servers_of_a_killed_one_still_stop(new_stack: NewStack) -> None:
    stack = new_stack()
    stack.start()
    stack.kill()
    stack.ready_file.unlink()
    stack.start()
    assert stack.json("doctor")["ok"] is True


def test_a_signal_during_the_start_leaves_nothing(new_stack: NewStack) -> None:
    stack = new_stack()
    stack.launch()
    deadline = time.monotonic() + 30
    while not (stack.data / "postgres" / "cluster").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    processes = stack.tree()
    assert within(STOP_WITHIN_S, stack.stop())
    assert left_behind(stack, processes) == []


def test_a_busy_port_is_named_with_its_holder_and_another_base(new_stack: NewStack) -> None:
    stack = new_stack()
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", stack.base + 3))
        holder.listen()
        stack.launch()
        assert stack.running.wait(60) == 1
    name = psutil.Process(os.getpid()).name()
    assert f"port {stack.base + 3} is used by {name} (pid {os.getpid()})" in stack.output
    tried = re.search(r"Try: (\./trastienda up --port-base .*)", stack.output)
    assert tried is not None
    assert shlex.split(tried[1])[4:] == ["--data", str(stack.data)]
    assert "Traceback" not in stack.output


async def test_servers_of_somebody_else_are_used_and_none_started(
    postgres_url: str, s3: ObjectStoreAccess, tmp_path: Path
) -> None:
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("CREATE DATABASE elsewhere")
    await connection.close()
    stack = Stack(
        tmp_path,
        environment={
            "TRASTIENDA_DATABASE_URL": postgres_url.removesuffix("/postgres") + "/elsewhere",
            "TRASTIENDA_S3_ENDPOINT": s3.endpoint,
            "TRASTIENDA_S3_ACCESS_KEY": s3.access_key,
            "TRASTIENDA_S3_SECRET_KEY": s3.secret_key,
        },
    )
    try:
        await asyncio.to_thread(stack.start)
        assert stack.tree() == [psutil.Process(stack.running.pid)]
        assert not (stack.data / "postgres").exists()
        assert stack.command("doctor").returncode == 0
    finally:
        stack.end()


def test_a_database_that_is_away_is_said_without_a_traceback(tmp_path: Path) -> None:
    nowhere = "postgresql://nobody:secret@127.0.0.1:9/none"
    stack = Stack(tmp_path, environment={"TRASTIENDA_DATABASE_URL": nowhere})
    stack.launch()
    assert stack.running.wait(60) == 1
    assert "documents could not be migrated: " in stack.output
    assert "refused" in stack.output
    assert "Traceback" not in stack.output
    assert "secret" not in stack.output


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def is_ready(stack: Stack) -> bool:
    try:
        return bool(get(f"{stack.url}/health/ready")["status"] == "ready")
    except OSError:
        return False


def pids(stack: Stack, words: str) -> set[int]:
    """Return the direct children whose command line holds `words`."""
    found = set()
    for process in psutil.Process(stack.running.pid).children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if words in " ".join(process.cmdline()):
                found.add(process.pid)
    return found


def kill_and_see_it_replaced(stack: Stack, words: str) -> None:
    before = pids(stack, words)
    (victim,) = before
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: bool(pids(stack, words) - before))
    wait_for(lambda: is_ready(stack))
    assert stack.running.poll() is None


@pytest.mark.parametrize("stack", ["one process"], indirect=True)
def test_a_server_that_dies_is_started_again_without_ending_anything(stack: Stack) -> None:
    kill_and_see_it_replaced(stack, "bin/postgres -D")
    kill_and_see_it_replaced(stack, "weed -logtostderr")
    wait_for(lambda: stack.command("doctor", check=False).returncode == 0)


@pytest.mark.parametrize("stack", ["processes"], indirect=True)
def test_a_part_that_dies_is_started_again(stack: Stack) -> None:
    kill_and_see_it_replaced(stack, "serve billing")
