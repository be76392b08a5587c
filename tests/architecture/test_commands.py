"""What the documents tell to type can be typed. The README's blocks are carried out by tests/e2e/test_readme.py."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from deploy.cli.main import app
from deploy.registry import SERVICES
from tests.architecture.test_documents import DOCUMENTS, ROOT

FENCED = re.compile(r"^```(\w*).*?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?<=\n\n)(?: {4}.+\n)+")
# Each block of commands by document and first word, and the test that carries it out.
CARRIED_OUT = {
    ("CONTRIBUTING.md", "uv"): "tests/architecture/test_commands.py",
    ("docs/accounts-payable.md", "API=http://127.0.0.1:8000/billing"): "tests/e2e/test_accounts_payable.py",
    ("docs/accounts-payable.md", "POLICY=$(curl"): "tests/e2e/test_accounts_payable.py",
    ("docs/accounts-payable.md", "curl"): "tests/e2e/test_accounts_payable.py",
    ("docs/accounts-payable.md", "sed"): "tests/e2e/test_accounts_payable.py",
    ("docs/kpi.md", "GET"): "tests/analytics/test_kpi_document.py",
    ("docs/kpi.md", "POST"): "tests/analytics/test_withdrawals.py",
    ("services/analytics/README.md", "CREATE"): "tests/analytics/test_bi_views.py",
    ("services/documents/README.md", "curl"): "tests/documents/test_readme.py",
}
RUN = ("documents", "billing", "analytics", "gateway", "cli", "standalone", "demo")
LOCKS = {**{name: (name,) for name in (*SERVICES, "gateway")}, "run": RUN, "dev": (*RUN, "dev"), "bench": ("bench",)}


def command_blocks(document: Path) -> list[str]:
    """Return the blocks that are neither data nor pictures."""
    text = document.read_text()
    fenced = [block for language, block in FENCED.findall(text) if language != "json"]
    return fenced + INDENTED.findall(FENCED.sub("", text))


def test_every_block_is_carried_out_by_a_test() -> None:
    names = {str(file.relative_to(ROOT)): file for file in DOCUMENTS if file != ROOT / "README.md"}
    found = {(name, block.split()[0]) for name, file in names.items() for block in command_blocks(file)}
    assert sorted(found) == sorted(CARRIED_OUT)
    assert all((ROOT / test).is_file() for test in CARRIED_OUT.values())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_commands_within_sentences_exist(document: Path) -> None:
    known = get_command(app)
    assert isinstance(known, TyperGroup)
    for line in re.findall(r"`((?:\./trastienda|python -m|\.ci/)[^`]*)`", document.read_text()):
        program, *words = line.split()
        if program == "python":
            assert importlib.util.find_spec(words[1]), line
        elif program == "./trastienda":
            command = known.commands[words[0]]
            options = {option for parameter in command.params for option in parameter.opts}
            told = {word for word in words if word.startswith("--")}
            assert told <= options or command.context_settings.get("ignore_unknown_options"), line
        for word in (program, *words):
            assert not word.startswith("tests/") or (ROOT / word).exists(), line
        assert os.access(ROOT / program, os.X_OK) or program == "python", line


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_requests_within_sentences_can_be_sent(document: Path) -> None:
    paths = {
        re.sub(r"\{\w+\}", "{}", path): item
        for service in SERVICES
        for path, item in json.loads((ROOT / f"docs/openapi/{service}.json").read_text())["paths"].items()
    }
    for method, path, query in re.findall(r"`([A-Z]+) (/[^`?]+)\??([^`]*)`", document.read_text()):
        operation = paths[re.sub(r"\{\w+\}", "{}", path)][method.lower()]
        names = {parameter["name"] for parameter in operation.get("parameters", ())}
        assert set(re.findall(r"(\w+)=", query)) <= names, path


def pins(lock: Path) -> dict[str, str]:
    """Return each package's version, with the marker that says where it is needed."""
    return dict(re.findall(r"^(\S+)==(.+?)(?: \\)?$", lock.read_text(), re.MULTILINE))


def write_wheel(folder: Path, name: str, version: str) -> None:
    """Write a wheel that says what it needs as the installed package does, and holds nothing else."""
    try:
        installed = distribution(name)
        metadata = installed.read_text("METADATA") if installed.version == version else None
    except PackageNotFoundError:  # needed on other systems or Pythons than this one
        metadata = None
    info = f"{name.replace('-', '_')}-{version}"
    with zipfile.ZipFile(folder / f"{info}-py3-none-any.whl", "w") as archive:
        archive.writestr(
            f"{info}.dist-info/METADATA", metadata or f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        archive.writestr(f"{info}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}.dist-info/RECORD", "")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index on this machine of what the locks name, tests ask no other: one folder for ours, one for the bench's."""
    folder = tmp_path_factory.mktemp("index")
    for part in ("ours", "bench"):
        (folder / part).mkdir()
    for lock in LOCKS:
        for name, version in pins(ROOT / "requirements" / f"{lock}.txt").items():
            write_wheel(folder / ("bench" if lock == "bench" else "ours"), name, version.split()[0])
    return folder


@pytest.mark.parametrize("name", LOCKS)
def test_the_command_of_contributing_compiles_each_lock(name: str, index: Path, tmp_path: Path) -> None:
    (command,) = command_blocks(ROOT / "CONTRIBUTING.md")
    told = "pyproject.toml --group documents -o requirements/documents.txt"
    groups = " ".join(f"--group {each}" for each in LOCKS[name])
    whole = "" if name == "bench" else "pyproject.toml "
    assert told in command
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "requirements").mkdir()
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "UV_OFFLINE": "1",
        "XDG_CONFIG_DIRS": str(tmp_path),  # no settings but those of pyproject.toml, which our locks need
        **({"UV_NO_CONFIG": "1"} if name == "bench" else {}),
        "UV_FIND_LINKS": str(index / ("bench" if name == "bench" else "ours")),
    }
    command = command.replace(told, f"{whole}{groups} -o requirements/{name}.txt")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    compiled = tmp_path / "requirements" / f"{name}.txt"
    expected = pins(ROOT / "requirements" / f"{name}.txt")
    if name == "bench":  # installed elsewhere, so that what they need in turn is not known here
        expected = {each: expected[each] for each in ("bytewax", "confluent-kafka", "duckdb", "orjson", "quixstreams")}
    assert pins(compiled) == expected
    assert "--hash=sha256:" in compiled.read_text()
    assert str(index) not in compiled.read_text()
