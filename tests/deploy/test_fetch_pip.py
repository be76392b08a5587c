"""Where Python came without pip, the pinned wheel is taken from the index in use, and only with the right hash."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy.fetch_pip import NoPipError, fetch_pip

WHEEL = b"a wheel of pip"
NAME = "pip-9.9-py3-none-any.whl"


class Index(BaseHTTPRequestHandler):
    """Answers /json/pip/ and /html/pip/ as the two kinds of package index do."""

    def do_GET(self) -> None:
        pages = {
            "/json/pip/": ("application/vnd.pypi.simple.v1+json", self.json_page()),
            "/html/pip/": ("text/html", f'<a href="../../files/{NAME}#sha256=0">pip</a>'.encode()),
            f"/files/{NAME}": ("application/zip", WHEEL),
        }
        if self.path not in pages:
            self.send_error(404)
            return
        kind, body = pages[self.path]
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body)

    def json_page(self) -> bytes:
        return json.dumps({"files": [{"filename": NAME, "url": f"/files/{NAME}"}]}).encode()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@pytest.fixture(scope="module")
def index() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def lock_for(folder: Path, content: bytes, version: str = "9.9") -> Path:
    lock = folder / "pip.txt"
    lock.write_text(f"pip=={version} \\\n    --hash=sha256:{hashlib.sha256(content).hexdigest()}\n")
    return lock


@pytest.mark.parametrize("kind", ["json", "html"])
def test_takes_the_pinned_wheel(index: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{index}/{kind}")
    wheel = fetch_pip(lock_for(tmp_path, WHEEL), tmp_path)
    assert wheel.name == NAME
    assert wheel.read_bytes() == WHEEL


def test_refuses_another_content(index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{index}/json")
    with pytest.raises(NoPipError, match="expected hash"):
        fetch_pip(lock_for(tmp_path, b"something else"), tmp_path)


def test_says_what_to_install_when_it_cannot_be_had(
    index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{index}/nowhere")
    with pytest.raises(NoPipError, match="apt install python3-venv"):
        fetch_pip(lock_for(tmp_path, WHEEL), tmp_path)


def test_asks_no_index_that_nobody_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    monkeypatch.delenv("PIP_CONFIG_FILE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("deploy.fetch_pip.SYSTEM_FILES", ())
    with pytest.raises(NoPipError, match="apt install python3-venv"):
        fetch_pip(lock_for(tmp_path, WHEEL), tmp_path)
