"""The wrapper that every server starts in."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from deploy.standalone import child

WRAPPER = [sys.executable, "-I", "-S", child.__file__, "--parent", str(os.getpid())]


def test_becomes_the_program_with_its_arguments_and_exit_code() -> None:
    result = subprocess.run(
        [*WRAPPER, "--", "/bin/sh", "-c", 'echo "$0 $1"; exit 7', "a", "b c"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.stdout, result.returncode) == ("a b c\n", 7)


def test_is_not_root_where_it_must_not_be_and_its_files_stay_ours(tmp_path: Path) -> None:
    result = subprocess.run(
        [*WRAPPER, "--unprivileged", str(tmp_path), "--", "/bin/sh", "-c", f"id -u; echo kept > {tmp_path}/file"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(result.stdout) != 0
    assert (tmp_path / "file").read_text() == "kept\n"


def test_does_not_start_for_a_parent_that_is_gone(tmp_path: Path) -> None:
    command = [*WRAPPER[:-1], "1", "--", "/bin/sh", "-c", f"touch {tmp_path}/started"]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("deadly", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("unprivileged", [True, False])
def test_ends_when_its_parent_is_killed(tmp_path: Path, deadly: signal.Signals, unprivileged: bool) -> None:
    options = ["--unprivileged", str(tmp_path)] if unprivileged else []
    script = (
        "import os, subprocess, sys\n"
        f"command = [*{WRAPPER[:-1]!r}, str(os.getpid()), '--deadly', '{int(deadly)}', *{options!r}, '--', '/bin/sleep', '60']\n"
        "process = subprocess.Popen(command, start_new_session=True)\n"
        "print(process.pid, flush=True)\n"
        "process.wait()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        sleeper = psutil.Process(int(parent.stdout.readline()))
        while sleeper.name() != "sleep":
            assert sleeper.is_running()
        parent.kill()
    assert psutil.wait_procs([sleeper], timeout=5)[1] == []


def test_gives_a_directory_to_another_owner_and_leaves_one_that_has_it(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "file").touch()
    child.give(tmp_path, os.getuid(), os.getgid())
    assert (tmp_path / "inner" / "file").stat().st_uid == os.getuid()
    if os.getuid() == 0:
        child.give(tmp_path, 65534, 65534)
        assert {path.stat().st_uid for path in (tmp_path, *tmp_path.rglob("*"))} == {65534}


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_root_becomes_nobody_where_namespaces_are_forbidden() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        data = Path(folder) / "data"
        data.mkdir(mode=0o700)
        script = (
            "import os, sys\n"
            "from pathlib import Path\n"
            "from deploy.standalone import child\n"
            "child.in_namespace = lambda action: False\n"
            "child.drop_root(sys.argv[1], Path(sys.argv[2]))\n"
            "print(os.getuid(), os.getgroups())\n"
        )
        command = [sys.executable, "-c", script, "/bin/sh", str(data)]
        closed = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "cannot read /bin/sh or" in closed.stderr, "a folder that nobody can enter is said, not tried"
        Path(folder).chmod(0o755)
        opened = subprocess.run(command, capture_output=True, text=True, check=True)
        assert opened.stdout.split() == ["65534", "[]"]
        assert data.stat().st_uid == 65534
