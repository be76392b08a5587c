"""The embedded servers: real, private, durable, and gone when they should be."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
from io import BytesIO
from pathlib import Path

import asyncpg
import psutil
import pytest
from minio import Minio

from deploy.standalone.errors import ServerError
from deploy.standalone.postgres import EmbeddedPostgres
from deploy.standalone.seaweed import EmbeddedS3, ObjectStoreAccess


async def fetch(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def client(access: ObjectStoreAccess) -> Minio:
    host = access.endpoint.removeprefix("http://")
    return Minio(host, access.access_key, access.secret_key, secure=False)


def listening(pid: int) -> set[str]:
    connections = psutil.Process(pid).net_connections("inet")
    return {connection.laddr.ip for connection in connections if connection.status == psutil.CONN_LISTEN}


async def test_postgres_is_version_18_and_durable(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres")
    url = await server.start()
    try:
        assert str(await fetch(url, "show server_version")).startswith("18.")
        assert await fetch(url, "show fsync") == "on"
        assert await fetch(url, "show synchronous_commit") == "on"
        assert await fetch(url, "show data_checksums") == "on"
    finally:
        await server.stop()


async def test_postgres_asks_for_the_password(postgres_url: str) -> None:
    address = postgres_url.split("@")[1]
    with pytest.raises(asyncpg.InvalidPasswordError):
        await fetch(f"postgresql://trastienda_admin:guess@{address}", "select 1")


async def test_postgres_listens_on_loopback_only(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres", durable=False)
    await server.start()
    try:
        assert server.server is not None
        assert listening(server.server.pid) == {"127.0.0.1"}
        assert stat.S_IMODE((tmp_path / "postgres" / "password").stat().st_mode) == 0o600
    finally:
        await server.stop()


async def test_postgres_recovers_when_it_was_killed_and_left_its_pid_file(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres")
    url = await server.start()
    await fetch(url, "create table kept (n int)")
    assert server.server is not None
    os.kill(server.server.pid, signal.SIGKILL)
    again = EmbeddedPostgres(tmp_path / "postgres")
    url = await again.start()
    try:
        assert await fetch(url, "select count(*) from kept") == 0
    finally:
        await again.stop()
        await server.stop()


async def test_postgres_creation_that_was_cut_off_starts_anew(tmp_path: Path) -> None:
    cluster = tmp_path / "postgres" / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("18\n")
    (tmp_path / "postgres" / "creating").touch()
    server = EmbeddedPostgres(tmp_path / "postgres")
    url = await server.start()
    try:
        assert await fetch(url, "select 1") == 1
    finally:
        await server.stop()


async def test_postgres_that_cannot_start_says_why(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres", durable=False)
    await server.start()
    await server.stop()
    (tmp_path / "postgres" / "cluster" / "global" / "pg_control").unlink()
    with pytest.raises(ServerError, match="pg_control"):
        await EmbeddedPostgres(tmp_path / "postgres").start()


async def test_s3_answers_only_with_credentials(s3: ObjectStoreAccess) -> None:
    with pytest.raises(urllib.error.HTTPError, match="403") as refused:
        await asyncio.to_thread(urllib.request.urlopen, s3.endpoint)
    refused.value.close()
    client(s3).make_bucket("only-with-keys", object_lock=True)
    assert client(s3).bucket_exists("only-with-keys")


async def test_s3_keeps_objects_when_killed_or_moved_to_other_ports(tmp_path: Path) -> None:
    server = EmbeddedS3(tmp_path / "s3")
    access = await server.start()
    try:
        assert server.server is not None
        assert listening(server.server.pid) == {"127.0.0.1"}
        client(access).make_bucket("kept")
        client(access).put_object("kept", "letter", BytesIO(b"hello"), 5)
        os.kill(server.server.pid, signal.SIGKILL)
    finally:
        await server.stop()
    (tmp_path / "s3" / "ports.json").unlink()
    again = EmbeddedS3(tmp_path / "s3")
    moved = await again.start()
    try:
        assert moved.endpoint != access.endpoint
        assert client(moved).get_object("kept", "letter").read() == b"hello"
    finally:
        await again.stop()


def test_servers_die_with_a_killed_parent(tmp_path: Path) -> None:
    script = f"""
        import asyncio
        from pathlib import Path
        from deploy.standalone.postgres import EmbeddedPostgres
        from deploy.standalone.seaweed import EmbeddedS3
        async def main():
            postgres, s3 = EmbeddedPostgres(Path({str(tmp_path)!r}) / "p"), EmbeddedS3(Path({str(tmp_path)!r}) / "s")
            await asyncio.gather(postgres.start(), s3.start())
            print(postgres.server.pid, s3.server.pid, flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        servers = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        assert len(servers) == 2
        parent.kill()
    _, alive = psutil.wait_procs(servers, timeout=6)
    assert alive == []
