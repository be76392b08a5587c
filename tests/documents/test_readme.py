"""The commands of the service's own README."""

import asyncio
import re
import shutil
from pathlib import Path

import pytest

import services.documents
from tests.documents.uploading import PATH, PDF
from tests.fixtures.services import Harness

README = Path(services.documents.__path__[0]) / "README.md"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_the_upload_of_the_readme_works(documents: Harness, tenant: str, server: str, tmp_path: Path) -> None:
    (command,) = re.findall(r"^    (curl .+?)\n\n", README.read_text(), re.DOTALL | re.MULTILINE)
    (tmp_path / "contrato.pdf").write_bytes(PDF)
    token = documents.issuer.token(tenant, "operator")
    curl = await asyncio.create_subprocess_shell(
        command.replace("http://127.0.0.1:8000", server), cwd=tmp_path, env={"TOKEN": token, "PATH": "/usr/bin:/bin"}
    )
    assert await curl.wait() == 0
    async with documents.client(tenant, "viewer") as client:
        (record,) = (await client.get(PATH)).json()["items"]
    assert (record["title"], record["filename"], record["size"]) == ("Contrato", "contrato.pdf", len(PDF))
