"""What must not harm a running installation: each gets a clear answer, loses nothing, and memory stays flat."""

import asyncio
import hashlib
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import psutil
import pytest

from shared.eventlog import EventLog, Message, Position, Received
from shared.eventlog.factory import open_event_log
from tests.fixtures.stack import Stack

pytestmark = pytest.mark.slow
GIB = 1024**3
CHUNK = b"\0Trastienda" * 6_000
MEMORY_GROWTH = 120 * 1024**2


def client(stack: Stack, tenant: str, role: str = "operator") -> httpx.Client:
    headers = {"Authorization": f"Bearer {stack.token(role, tenant)}"}
    return httpx.Client(base_url=stack.url, headers=headers, timeout=120)


def code_of(answer: httpx.Response) -> str:
    assert answer.headers["content-type"].startswith("application/problem+json"), answer.text
    return str(answer.json()["code"])


def operation(case: str) -> dict[str, Any]:
    return {
        "process": "hostile",
        "activity": "check",
        "case": case,
        "actor": {"kind": "person", "id": "ana", "team": "intake"},
        "started_at": "2026-03-02T09:00:00Z",
        "finished_at": "2026-03-02T09:05:00Z",
    }


@asynccontextmanager
async def event_log(stack: Stack) -> AsyncIterator[EventLog]:
    """Open the installation's event log, past every check."""
    environment = json.loads((stack.data / "stack.json").read_text())["environment"]
    log = open_event_log(None, environment["TRASTIENDA_DATABASE_URL"])
    await log.start()
    try:
        yield log
    finally:
        await log.close()


async def publish(stack: Stack, *messages: Message) -> Position:
    """Return where the first of them stands."""
    async with event_log(stack) as log:
        return (await log.publish(messages))[0]


async def find_dead_letter(stack: Stack, position: str) -> Received:
    """Return the dead letter of the message that stood at `position`."""
    async with (
        event_log(stack) as log,
        log.subscribe(f"look-{uuid4().hex}", r"billing\.invoices\.dead") as subscription,
    ):
        async with asyncio.timeout(30):
            while True:
                for letter in await subscription.poll(100, 1.0):
                    if letter.headers["dead_position"] == position:
                        return letter


@pytest.mark.parametrize(
    ("value", "headers", "reason"),
    [
        (b"\xff\xfe not JSON", {}, "not-a-cloudevent"),
        (b"{}", {"ce_specversion": "1.0", "ce_id": "7", "ce_type": "x", "ce_source": "/x"}, "bad-attribute"),
        (
            b'{"work": {"process": 7}}',
            {
                "ce_specversion": "1.0",
                "ce_id": str(uuid4()),
                "ce_type": "billing.invoice.burnt.v9",
                "ce_source": "/billing",
                "ce_time": "2026-01-01T00:00:00+00:00",
                "ce_tenant": "local",
            },
            "bad-data",
        ),
    ],
    ids=["no event", "broken attributes", "wrong work block"],
)
def test_a_poison_message_is_set_aside_and_work_goes_on(
    stack: Stack, tenant: str, value: bytes, headers: dict[str, str], reason: str
) -> None:
    where = asyncio.run(publish(stack, Message("billing.invoices", "poison", value, headers)))
    with client(stack, tenant) as caller:
        accepted = caller.post("/analytics/operations", json={"operations": [operation("a"), operation("b")]})
    assert accepted.status_code == 202
    deadline = time.monotonic() + 30
    while stack.kpis("hostile", tenant)["automation_level"]["n"] != 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    letter = asyncio.run(find_dead_letter(stack, f"{where.topic}/{where.partition}/{where.offset}"))
    assert (letter.value, letter.key, letter.headers["dead_reason"]) == (value, "poison", reason)
    assert headers.items() <= letter.headers.items()


def test_doctor_fails_while_a_consumer_stands(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack()
    stack.start()
    nonsense = [Message("billing.invoices", "poison", b"no event", {})] * 150
    where = asyncio.run(publish(stack, *nonsense))
    asyncio.run(find_dead_letter(stack, f"{where.topic}/{where.partition}/{where.offset + len(nonsense) - 1}"))
    assert stack.json("doctor")["ok"] is True  # however much of it comes, it is set aside
    with offsets_away(stack):
        asyncio.run(publish(stack, nonsense[0]))
        failed = wait_for_doctor(stack, fails=True)
        assert [check["name"] for check in failed] == ["analytics consumers"]
    assert wait_for_doctor(stack, fails=False) == []


def wait_for_doctor(stack: Stack, *, fails: bool) -> list[dict[str, Any]]:
    """Wait until doctor fails, or no longer does; return the failed checks."""
    deadline = time.monotonic() + 60
    while ((told := stack.command("doctor", "--json", check=False)).returncode != 0) is not fails:
        assert time.monotonic() < deadline, told.stdout
    return [check for check in json.loads(told.stdout)["checks"] if check["status"] == "failed"]


@contextmanager
def offsets_away(stack: Stack) -> Iterator[None]:
    """Let analytics' consumer find no table for its offsets."""
    environment = json.loads((stack.data / "stack.json").read_text())["environment"]

    async def rename(old: str, new: str) -> None:
        connection = await asyncpg.connect(environment["TRASTIENDA_DATABASE_URL"])
        try:
            await connection.execute(f"ALTER TABLE analytics.{old} RENAME TO {new}")
        finally:
            await connection.close()

    asyncio.run(rename("consumer_offset", "away"))
    yield
    asyncio.run(rename("away", "consumer_offset"))


def test_wrong_tokens_and_other_tenants_ids_get_clear_answers(stack: Stack, tenant: str, other_tenant: str) -> None:
    with client(stack, tenant) as caller:
        stored = caller.post("/documents/records", params={"title": "Mine", "kind": "letter"}, content=b"a letter")
        assert stored.status_code == 201, stored.text
        path = f"/documents/records/{stored.json()['id']}"
        assert caller.get(path).status_code == 200
        caller.headers["Authorization"] += "x"
        refused = caller.get(path)
        assert (refused.status_code, code_of(refused)) == (401, "invalid-token")
    with client(stack, other_tenant, "admin") as stranger:
        answers = [stranger.get(path), stranger.get(f"{path}/content"), stranger.get("/documents/records")]
        assert [answer.status_code for answer in answers] == [404, 404, 200]
        assert answers[2].json()["items"] == []


@contextmanager
def watched_memory(stack: Stack) -> Iterator[list[int]]:
    """Give a list that fills with the resident bytes of all our own Python processes, several times a second."""
    ours = [each for each in stack.tree() if "python" in each.name()]
    seen, over = [sum(each.memory_info().rss for each in ours)], threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            seen.append(sum(each.memory_info().rss for each in ours))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def test_a_gigabyte_goes_up_and_comes_back_in_flat_memory(stack: Stack, tenant: str) -> None:
    size, sent, received = GIB // len(CHUNK) * len(CHUNK), hashlib.sha256(), hashlib.sha256()

    def body() -> Iterator[bytes]:
        for _ in range(size // len(CHUNK)):
            sent.update(CHUNK)
            yield CHUNK

    with client(stack, tenant) as caller, watched_memory(stack) as seen:
        stored = caller.post("/documents/records", params={"title": "Huge", "kind": "scan"}, content=body())
        assert stored.status_code == 201, stored.text
        assert (stored.json()["size"], stored.json()["sha256"]) == (size, sent.hexdigest())
        with caller.stream("GET", f"/documents/records/{stored.json()['id']}/content") as answer:
            for chunk in answer.iter_raw():
                received.update(chunk)
    assert received.digest() == sent.digest()
    assert len(seen) > 10
    assert max(seen) - seen[0] < MEMORY_GROWTH


def test_a_body_cut_off_half_way_stores_nothing(stack: Stack, tenant: str) -> None:
    with client(stack, tenant) as caller:
        head = (
            "POST /documents/records?title=Cut&kind=letter HTTP/1.1\r\n"
            f"Host: 127.0.0.1:{stack.base}\r\nAuthorization: {caller.headers['Authorization']}\r\n"
            "Content-Type: text/plain\r\nContent-Length: 1000000\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", stack.base)) as connection:
            connection.sendall(head.encode() + b"x" * 300_000)
            time.sleep(0.3)
        time.sleep(0.5)
        assert caller.get("/documents/records").json()["items"] == []
        whole = caller.post("/documents/records", params={"title": "Whole", "kind": "letter"}, content=b"x" * 300_000)
        assert whole.status_code == 201


@pytest.mark.parametrize("door", ["gateway", "documents"])
@pytest.mark.parametrize("framing", ["Content-Length: 1000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n493e0\r\n"])
def test_who_ends_sending_inside_a_body_is_told_and_nothing_is_stored(
    stack: Stack, tenant: str, door: str, framing: str
) -> None:
    with client(stack, tenant) as caller:
        head = (
            "POST /documents/records?title=Cut&kind=letter HTTP/1.1\r\n"
            f"Host: {door}\r\nAuthorization: {caller.headers['Authorization']}\r\nAccept-Language: es\r\n"
            f"Content-Type: text/plain\r\n{framing}"
        )
        port = int(stack.urls[door].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(head.encode() + b"x" * 300_000)
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
        assert answer.startswith("HTTP/1.1 400 ")
        assert answer.count("HTTP/1.1 ") == 1
        problem = json.loads(answer.partition("\r\n\r\n")[2])
        assert (problem["code"], problem["instance"]) == ("incomplete-body", "/documents/records")
        assert problem["title"] == "Petición incorrecta"
        time.sleep(0.5)
        assert caller.get("/documents/records").json()["items"] == []


def test_everything_is_still_well(stack: Stack) -> None:
    assert stack.json("doctor")["ok"] is True
    assert all(process.status() != psutil.STATUS_ZOMBIE for process in stack.tree())
