"""Large bodies cost the gateway no memory. It is a process of its own here, so that only its pages are counted."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from deploy.standalone.issuer import DevelopmentIssuer
from tests.gateway.servers import CHUNK, Backend
from tests.gateway.servers import serving as serving_here
from tests.performance.gateway import Server, serving

MIB = 2**20
CHUNKS = 200 * MIB // len(CHUNK)
ALLOWED = 32 * MIB


class Watched:
    """A gateway process whose memory is compared with what it was when warm."""

    def __init__(self, server: Server, backend: Backend, client: aiohttp.ClientSession) -> None:
        self.server, self.backend, self.client = server, backend, client
        self._before = 0
        self._highest = 0

    async def __aenter__(self) -> None:
        async with self.client.get("/billing/bytes?chunks=100") as response:
            await response.read()
        self._before = self._highest = self._resident()
        self._sampling = asyncio.create_task(self._sample())

    async def __aexit__(self, *_: object) -> None:
        self._sampling.cancel()

    @property
    def growth(self) -> int:
        """The highest growth so far, in bytes."""
        return max(self._highest, self._resident()) - self._before

    def _resident(self) -> int:
        return int(self.server.process.memory_info().rss)

    async def _sample(self) -> None:
        while True:
            self._highest = max(self._highest, self._resident())
            await asyncio.sleep(0.02)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def watched(issuer: DevelopmentIssuer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    backend = Backend()
    async with serving_here(backend.app()) as port:
        arguments = ("gateway", f"http://127.0.0.1:{port}", str(issuer.jwks_file))
        headers = {"Authorization": f"Bearer {issuer.token('local', 'operator')}"}
        with serving(tmp_path_factory.mktemp("gateway") / "log", *arguments) as server:
            async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}", headers=headers) as client:
                yield Watched(server, backend, client)


async def pieces() -> AsyncIterator[bytes]:
    for _ in range(CHUNKS):
        yield CHUNK


@pytest.mark.parametrize("length", [True, False])
async def test_a_large_upload_is_not_kept(watched: Watched, length: bool) -> None:
    headers = {"Content-Length": str(CHUNKS * len(CHUNK))} if length else {}
    async with watched, watched.client.post("/billing/upload", data=pieces(), headers=headers) as response:
        assert (await response.json())["size"] == 200 * MIB
        assert watched.growth < ALLOWED


@pytest.mark.parametrize("query", [f"chunks={CHUNKS}", f"chunks={CHUNKS}&length"])
async def test_a_large_download_is_not_kept(watched: Watched, query: str) -> None:
    size = 0
    async with watched, watched.client.get(f"/billing/bytes?{query}") as response:
        async for piece in response.content.iter_any():
            size += len(piece)
        assert watched.growth < ALLOWED
    assert size == 200 * MIB


async def test_a_caller_who_reads_slowly_slows_the_service_down(watched: Watched) -> None:
    async with watched, watched.client.get(f"/billing/bytes?chunks={CHUNKS}") as response:
        await response.content.readexactly(MIB)
        await asyncio.sleep(1)
        assert watched.growth < ALLOWED
        response.close()


async def test_a_service_that_reads_slowly_slows_the_caller_down(watched: Watched) -> None:
    """`hang` never reads the body: the caller must get stuck long before the end."""
    sent = 0

    async def counted() -> AsyncIterator[bytes]:
        nonlocal sent
        async for piece in pieces():
            yield piece
            sent += len(piece)

    async with watched:
        upload = asyncio.create_task(watched.client.post("/billing/stuck", data=counted()).__aenter__())
        await asyncio.sleep(1)
        assert not upload.done()
        assert sent < 64 * MIB
        assert watched.growth < ALLOWED
        upload.cancel()
