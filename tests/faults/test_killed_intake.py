"""SIGKILL of everything while invoices come in, alone and in an archive: each is on file once, with its bytes."""

import asyncio
import hashlib
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import asyncpg
import httpx
import pytest
from minio import Minio

from tests.billing.batches.test_batches import packed
from tests.billing.intake.electronic import electronic, seller
from tests.fixtures.stack import Stack

pytestmark = pytest.mark.slow
ALONE, IN_ARCHIVE, SENDERS, SEED = 48, 24, 3, 11
KILLED_AFTER = (8, 28)  # answers so far
PATIENCE_S = 240.0
TRY_AGAIN = {502, 503, 504}
IN_PROGRESS = "idempotency-key-in-progress"


def files() -> dict[str, bytes]:
    """Return invoices of twelve suppliers, by number, large and small ones."""
    found = {}
    for number in range(ALONE + IN_ARCHIVE):
        of = seller(name=f"Faro {number % 12} SL", vat=f"DE1{number % 12:02}456789")
        found[f"K-{number}"] = electronic(f"K-{number}", net=f"{100 + number}.00", item="Paper " * 40, seller=of)
    return found


class Sender:
    """Sends each file under a key of its own until it is answered, whatever dies meanwhile."""

    def __init__(self, stack: Stack, contents: dict[str, bytes]) -> None:
        self._stack, self._waiting = stack, iter(contents.items())
        self._lock = threading.Lock()
        self.answers: dict[str, dict[str, Any]] = {}
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            while (given := self._next()) is not None:
                self.answers[given[0]] = self._send("/billing/invoices/electronic", *given, "application/xml", 201)
        except BaseException as error:
            self.failure = error
            raise

    def has_answered(self, least: int) -> bool:
        return len(self.answers) >= least or self.failure is not None

    def send_archive(self, content: bytes) -> dict[str, Any]:
        return self._send("/billing/batches", "archive", content, "application/zip", 202)

    def _next(self) -> tuple[str, bytes] | None:
        with self._lock:
            return next(self._waiting, None)

    def _send(self, path: str, key: str, content: bytes, kind: str, done: int) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            headers = bearer(self._stack) | {"Content-Type": kind, "Idempotency-Key": f"sent-{key}"}
            try:
                answer = httpx.post(f"{self._stack.url}{path}", content=content, headers=headers, timeout=30)
            except httpx.TransportError:
                time.sleep(0.1)
                continue
            if answer.status_code == done:
                return dict(answer.json())
            again = answer.status_code in TRY_AGAIN or answer.json().get("code") == IN_PROGRESS
            assert again, f"{key}: {answer.status_code} {answer.text}"
            time.sleep(0.1)
        raise AssertionError(f"{key} was not answered")


def bearer(stack: Stack) -> dict[str, str]:
    return {"Authorization": f"Bearer {stack.token('operator')}"}


def get(stack: Stack, path: str, **params: Any) -> httpx.Response:
    answer = httpx.get(f"{stack.url}{path}", params=params, headers=bearer(stack), timeout=30)
    assert answer.status_code == 200, answer.text
    return answer


def listed(stack: Stack, path: str) -> Iterator[dict[str, Any]]:
    cursor: dict[str, str] = {}
    while True:
        page = get(stack, path, limit=50, **cursor).json()
        yield from page["items"]
        if page["next_cursor"] is None:
            return
        cursor = {"cursor": page["next_cursor"]}


def wait_until(enough: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not enough():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def counted(stack: Stack) -> dict[str, int]:
    """Return how many operations and cases analytics knows."""
    kpis = stack.kpis("accounts-payable")
    return {"operations": kpis["automation_level"]["n"], "cases": kpis["no_touch_rate"]["n"]}


def stored(stack: Stack) -> set[str]:
    """Return the keys of all objects of billing."""
    folder = stack.data / "s3"
    port = json.loads((folder / "ports.json").read_text())[3]  # of deploy.standalone.seaweed.PORTS, `s3`
    client = Minio(f"127.0.0.1:{port}", **json.loads((folder / "keys.json").read_text()), secure=False)
    (bucket,) = (each.name for each in client.list_buckets() if "billing" in each.name)
    return {str(each.object_name) for each in client.list_objects(bucket, recursive=True)}


async def known(stack: Stack) -> tuple[set[str], set[str]]:
    """Return the keys of objects that invoices have, and of those that an intent knows of."""
    folder = stack.data / "postgres"
    password = (folder / "password").read_text().strip()
    port = int((folder / "cluster" / "postmaster.pid").read_text().splitlines()[3])
    database = await asyncpg.connect(
        user="trastienda_admin", password=password, host="127.0.0.1", port=port, database="trastienda"
    )
    try:
        tables = ("electronic_invoice", "pending_original")
        found = [await database.fetch(f"SELECT object_key FROM billing.{table}") for table in tables]
    finally:
        await database.close()
    invoices, intents = ({row["object_key"] for row in rows} for rows in found)
    return invoices, intents


def test_what_comes_in_survives_the_death_of_everything(new_stack: Callable[..., Stack]) -> None:
    contents = files()
    alone = dict(list(contents.items())[:ALONE])
    archive = packed({f"{number}.xml": content for number, content in contents.items() if number not in alone})
    stack, moments = new_stack(), random.Random(SEED)
    stack.start()
    sender = Sender(stack, alone)
    job = sender.send_archive(archive)
    threads = [threading.Thread(target=sender.run, daemon=True) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    for least in KILLED_AFTER:
        wait_until(partial(sender.has_answered, least), "answers")
        time.sleep(moments.uniform(0, 0.2))
        assert len(sender.answers) < ALONE, "all were answered before the kill: it proves nothing"
        stack.kill()
        stack.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert sender.failure is None
    assert len(sender.answers) == ALONE

    wait_until(lambda: get(stack, f"/billing/jobs/{job['id']}").json()["status"] == "succeeded", "the batch")
    assert get(stack, f"/billing/jobs/{job['id']}").json()["result"]["on_file"] == IN_ARCHIVE
    on_file = {item["number"]: item["id"] for item in listed(stack, "/billing/invoices")}
    assert len(list(listed(stack, "/billing/invoices"))) == len(contents)
    assert on_file.keys() == contents.keys()
    assert {number: answer["id"] for number, answer in sender.answers.items()}.items() <= on_file.items()
    for number, invoice_id in on_file.items():
        original = get(stack, f"/billing/invoices/{invoice_id}/original").content
        assert hashlib.sha256(original).digest() == hashlib.sha256(contents[number]).digest(), number

    invoices, intents = asyncio.run(known(stack))
    objects = stored(stack)
    assert len(invoices) == len(contents)
    assert invoices <= objects <= invoices | intents
    wait_until(lambda: counted(stack)["cases"] >= len(contents), "analytics")
    assert counted(stack)["cases"] == len(contents)
    assert counted(stack)["operations"] == len(contents)
