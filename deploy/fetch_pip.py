"""Get pip itself where Python came without it: the pinned wheel, from the package index in use.

Standard library only. A wheel of pip runs as it is: `python pip-1.0-py3-none-any.whl/pip`.
"""

import configparser
import hashlib
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

SYSTEM_FILES = ("/etc/pip.conf",)
ADVICE = "Install uv, or your system's venv package (Debian, Ubuntu: apt install python3-venv), and try again."


class NoPipError(Exception):
    """The pinned pip cannot be had."""


def index_url() -> str:
    """Find the index as pip would: its variable, then its files. Raises NoPipError where none is named."""
    if given := os.environ.get("PIP_INDEX_URL"):
        return given.rstrip("/")
    files = configparser.ConfigParser(interpolation=None)
    files.read([*SYSTEM_FILES, Path("~/.config/pip/pip.conf").expanduser(), os.environ.get("PIP_CONFIG_FILE", "")])
    configured = files.get("global", "index-url", fallback="")
    if not configured:
        raise NoPipError(f"Python has no pip here, and no package index is configured. {ADVICE}")
    return configured.rstrip("/")


def pinned(lock: Path) -> tuple[str, frozenset[str]]:
    """Return version and hashes of pip from its lock."""
    text = lock.read_text(encoding="utf-8")
    version = re.search(r"^pip==(\S+)", text, re.MULTILINE)
    if version is None:
        raise NoPipError(f"{lock} does not pin pip")
    return version[1], frozenset(re.findall(r"sha256:([0-9a-f]{64})", text))


def listing(index: str) -> dict[str, str]:
    """Return name -> address of every file of pip on the index, whether it answers JSON or HTML."""
    page = f"{index}/pip/"
    request = urllib.request.Request(page, headers={"Accept": "application/vnd.pypi.simple.v1+json, text/html;q=0.1"})  # noqa: S310 - https, or what the user set
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - see above
        body = answer.read().decode()
        if "json" in answer.headers.get("Content-Type", ""):
            files: list[dict[str, Any]] = json.loads(body)["files"]
            links = [file["url"] for file in files]
        else:
            links = re.findall(r'href="([^"#]+)', body)
    addresses = [urllib.parse.urljoin(page, link) for link in links]
    return {address.rsplit("/", 1)[-1]: address for address in addresses}


def download(index: str, version: str) -> bytes:
    name = f"pip-{version}-py3-none-any.whl"
    try:
        address = listing(index)[name]
        with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310 - from the index in use
            content: bytes = answer.read()
    except (urllib.error.URLError, KeyError, ValueError, OSError) as error:
        raise NoPipError(
            f"Python has no pip here, and {name} could not be fetched from {index}: {error}\n{ADVICE}"
        ) from error
    return content


def fetch_pip(lock: Path, folder: Path) -> Path:
    """Store the pinned wheel in `folder`. Raises NoPipError when it cannot be had or its hash differs."""
    version, hashes = pinned(lock)
    content = download(index_url(), version)
    if hashlib.sha256(content).hexdigest() not in hashes:
        raise NoPipError(f"pip {version} from {index_url()} does not have the expected hash")
    wheel = folder / f"pip-{version}-py3-none-any.whl"
    wheel.write_bytes(content)
    return wheel
