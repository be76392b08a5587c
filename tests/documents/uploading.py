"""Ways to upload, and to look behind the service at what the store and the database hold."""

import asyncio
from typing import Any, cast

import httpx
from sqlalchemy import text

from shared.storage import S3Store
from tests.fixtures.services import Harness

PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
PATH = "/documents/records"


async def send(
    documents: Harness, tenant: str, content: Any = PDF, role: str = "operator", **options: Any
) -> httpx.Response:
    """Upload as `role`. Options: `headers`; everything else goes into the query."""
    headers = {"Content-Type": "application/pdf"} | options.pop("headers", {})
    async with documents.client(tenant, role) as client:
        return await client.post(PATH, params={"title": "Contrato"} | options, content=content, headers=headers)


async def stored(documents: Harness, tenant: str, content: Any = PDF, **options: Any) -> dict[str, Any]:
    answer = await send(documents, tenant, content, **options)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def store_of(documents: Harness) -> S3Store:
    return cast("S3Store", documents.runtime.store)


async def objects(documents: Harness, tenant: str) -> list[str]:
    """Return the tenant's objects, and its uploads that the store still holds open."""
    store = store_of(documents)
    prefix = f"{tenant}/"
    names = await asyncio.to_thread(store._names, prefix)
    unfinished = await asyncio.to_thread(store._client._list_multipart_uploads, store.bucket, prefix=prefix)
    return names + [f"unfinished {upload.object_name}" for upload in unfinished.uploads]


async def rows(documents: Harness, tenant: str, table: str) -> list[Any]:
    async with documents.runtime.worker.session(None) as session:
        found = await session.execute(text(f"SELECT * FROM {table} WHERE tenant_id = :tenant"), {"tenant": tenant})
        return list(found.all())


async def nothing_left(documents: Harness, tenant: str) -> bool:
    """Tell whether the tenant has neither object nor row nor event."""
    return not (
        await objects(documents, tenant)
        or await rows(documents, tenant, "record")
        or await rows(documents, tenant, "upload")
        or await documents.events(tenant)
    )


async def eventually_nothing_left(documents: Harness, tenant: str) -> None:
    """Wait for the server to notice and clean up; fails after ten seconds."""
    async with asyncio.timeout(10):
        while not await nothing_left(documents, tenant):  # noqa: ASYNC110 - servers outside tell nobody
            await asyncio.sleep(0.05)
