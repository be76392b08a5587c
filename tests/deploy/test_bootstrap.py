"""The environment is made from the lock, made again when cut off, and left alone when it fits."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from uv import find_uv_bin

from deploy.bootstrap import BootstrapError, Environment, ensure, wanted_kind

LAUNCHER = Path(__file__).parents[2] / "trastienda"


def write_wheel(folder: Path, name: str) -> str:
    """Write a wheel of one empty module and return its line for a lock."""
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{name}.py", "")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return f"{wheel} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    locks = tmp_path / "requirements"
    locks.mkdir()
    server = write_wheel(tmp_path, "serverpart")
    (locks / "run.txt").write_text(server)
    (locks / "dev.txt").write_text(server + write_wheel(tmp_path, "testpart"))
    return Environment(tmp_path)


@pytest.fixture(autouse=True)
def tool(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let uv install, whether or not the machine has one of its own; or let there be no uv at all."""
    if getattr(request, "param", "uv") == "uv":
        monkeypatch.setenv("PATH", f"{Path(find_uv_bin()).parent}:{os.environ['PATH']}")
        return
    empty = tmp_path / "nothing"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))


with_either_tool = pytest.mark.parametrize("tool", ["uv", "pip"], indirect=True)


def can_import(environment: Environment, name: str) -> bool:
    return (
        subprocess.run([environment.python, "-c", f"import {name}"], capture_output=True, check=False).returncode == 0
    )


def test_tests_and_benches_need_the_tools_of_developers() -> None:
    assert [wanted_kind([name]) for name in ("test", "bench", "up", "token")] == ["dev", "dev", "run", "run"]
    assert wanted_kind([]) == "run"


@with_either_tool
def test_installs_what_the_lock_names_and_the_second_time_starts_no_program(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure(environment, "run")
    assert can_import(environment, "serverpart")
    assert not can_import(environment, "testpart")
    monkeypatch.setattr(subprocess, "Popen", None)
    ensure(environment, "run")


def test_a_wrong_hash_is_refused(environment: Environment) -> None:
    lock = environment.lock("run")
    lock.write_text(lock.read_text().split("sha256:")[0] + "sha256:" + "0" * 64 + "\n")
    with pytest.raises(BootstrapError, match="could not install"):
        ensure(environment, "run")
    assert not can_import(environment, "serverpart")


def test_an_environment_with_the_tools_keeps_them(environment: Environment) -> None:
    ensure(environment, "dev")
    ensure(environment, "run")
    environment.lock("run").write_text("")
    ensure(environment, "run")
    assert environment.state()["kind"] == "dev"
    assert can_import(environment, "testpart")


def test_a_changed_lock_is_followed(environment: Environment, tmp_path: Path) -> None:
    ensure(environment, "run")
    with environment.lock("run").open("a") as lock:
        lock.write(write_wheel(tmp_path, "addition"))
    ensure(environment, "run")
    assert can_import(environment, "addition")


@with_either_tool
def test_a_cut_off_preparation_starts_anew(environment: Environment) -> None:
    ensure(environment, "run")
    for damage in ("unfinished", "no interpreter"):
        next(environment.folder.glob("lib/*/site-packages/serverpart.py")).unlink()
        if damage == "unfinished":
            environment.stamp.write_text(json.dumps({"kind": "unfinished", "digest": ""}))
        else:
            environment.python.unlink()
        ensure(environment, "run")
        assert can_import(environment, "serverpart"), damage


def test_two_at_once_prepare_it_once(environment: Environment, capsys: pytest.CaptureFixture[str]) -> None:
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda _: ensure(environment, "run"), range(2)))
    said = capsys.readouterr().err
    assert said.count("preparing .venv:") == 1
    assert can_import(environment, "serverpart")


def launcher_in(folder: Path) -> Path:
    """A checkout whose bootstrap only says which Python runs it, with which arguments."""
    (folder / "deploy").mkdir()
    text = "import sys; print(sys.version_info >= (3, 11), sys.executable, sys.argv[1:])"
    (folder / "deploy" / "bootstrap.py").write_text(text)
    return Path(shutil.copy(LAUNCHER, folder / "trastienda"))


def broken_shim(folder: Path, *names: str) -> None:
    folder.mkdir()
    for name in names:
        (folder / name).write_text("#!/bin/sh\necho 'version manager: command not found' >&2\nexit 127\n")
        (folder / name).chmod(0o755)


def test_launcher_passes_over_pythons_that_do_not_run(tmp_path: Path) -> None:
    launcher = launcher_in(tmp_path)
    broken_shim(tmp_path / "shims", "python3.14", "python3.13", "python3.12", "python3.11")
    (tmp_path / "shims" / "python3").symlink_to(sys.executable)
    path = f"{tmp_path}/shims:/usr/bin:/bin"
    result = subprocess.run(
        [launcher, "token", "a b"], env={"PATH": path, "HOME": "/nowhere"}, capture_output=True, text=True, check=True
    )
    assert result.stdout == f"True {tmp_path}/shims/python3 ['token', 'a b']\n"
    assert result.stderr == ""


def test_launcher_is_found_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "checkout").mkdir()
    launcher = launcher_in(tmp_path / "checkout")
    link = tmp_path / "link"
    link.symlink_to(os.path.relpath(launcher, tmp_path))
    result = subprocess.run([link, "up"], capture_output=True, text=True, check=True, cwd="/")
    assert result.stdout.endswith("['up']\n")


def test_nothing_of_the_callers_folder_is_imported(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "__init__.py").write_text("raise SystemExit('the wrong package')")
    run = f"import sys; sys.path.insert(0, {str(LAUNCHER.parent)!r}); from pathlib import Path;"
    run += "from deploy.bootstrap import Environment, become_command;"
    run += f"become_command(Environment(Path({str(LAUNCHER.parent)!r})), ['token', '--help'])"
    result = subprocess.run([sys.executable, "-c", run], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "--tenant" in result.stdout
