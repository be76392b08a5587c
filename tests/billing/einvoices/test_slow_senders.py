"""Whoever sends slowly holds what they have sent, and keeps nobody else from being served."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import httpx
import pytest
import pytest_asyncio

from deploy.standalone.issuer import DevelopmentIssuer
from deploy.standalone.seaweed import ObjectStoreAccess
from tests.billing.drafts.sending import plain
from tests.billing.intake.electronic import electronic
from tests.fixtures.services import Harness, problem, running

INVOICE = electronic()
LIMIT = len(INVOICE) + 10_000


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def narrow(database_url: str, s3: ObjectStoreAccess, issuer: DevelopmentIssuer) -> AsyncIterator[Harness]:
    """A service with one validator, one place in the line, and memory for one body."""
    limits = {"validator_workers": 1, "validator_waiting": 1, "einvoice_bytes": LIMIT, "request_timeout": 20.0}
    async with running("billing", database_url, s3, issuer, **limits) as harness:
        yield harness


@asynccontextmanager
async def dripping(
    billing: Harness, tenant: str, path: str, content: bytes, sent: int
) -> AsyncIterator["asyncio.Task[httpx.Response]"]:
    """Have somebody send so many bytes and wait; the rest comes when the block is over."""
    begun, rest = asyncio.Event(), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield content[:sent]
        begun.set()
        await rest.wait()
        yield content[sent:]

    async with billing.client(tenant) as client:
        task = asyncio.create_task(client.post(path, content=body()))
        await begun.wait()
        yield task
        rest.set()
        await task


@pytest.mark.parametrize(
    "path", ["/billing/validations", "/billing/renderings", "/billing/invoices/electronic", "/billing/drafts"]
)
async def test_a_second_sender_is_served_meanwhile(narrow: Harness, tenant: str, path: str) -> None:
    content = plain("F-1") if path.endswith("drafts") else INVOICE
    async with dripping(narrow, tenant, path, content, 100) as slow:
        async with narrow.client(tenant) as client:
            assert (await client.post("/billing/validations", content=INVOICE)).status_code == 200
        assert not slow.done()
    assert slow.result().status_code in {200, 201}, slow.result().text


async def test_bodies_have_no_more_memory_than_the_line_had(narrow: Harness, tenant: str) -> None:
    async with dripping(narrow, tenant, "/billing/validations", INVOICE, len(INVOICE)), narrow.client(tenant) as client:
        filler = await client.post("/billing/validations", content=b" " * 11_000)
        assert (filler.status_code, problem(filler)["code"]) == (503, "validators-busy")
    async with narrow.client(tenant) as client:
        assert (await client.post("/billing/validations", content=INVOICE)).status_code == 200  # it was given back


async def test_a_sender_who_will_never_be_done_is_sent_away(
    narrow: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.billing.einvoices.arriving.monotonic", lambda: 50 * monotonic())

    async def body() -> AsyncIterator[bytes]:
        for at in range(len(INVOICE)):
            yield INVOICE[at : at + 1]
            await asyncio.sleep(0.05)

    async with narrow.client(tenant) as client:
        answer = await asyncio.wait_for(client.post("/billing/validations", content=body()), 30)
    assert (answer.status_code, problem(answer)["code"]) == (400, "incomplete-body")
