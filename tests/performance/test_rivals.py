"""The environment of the programs that benchmarks compare with."""

import sys
from pathlib import Path

import pytest

from deploy.bootstrap import Environment
from tests.deploy.test_bootstrap import write_wheel
from tests.performance import _rivals


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "bench.txt").write_text(write_wheel(tmp_path, "rivalpart"))
    return Environment(tmp_path, ".venv-bench")


def test_it_is_made_when_first_wanted_and_apart_from_ours(environment: Environment, tmp_path: Path) -> None:
    python = _rivals.python(environment)
    assert python == tmp_path / ".venv-bench" / "bin" / "python"
    made = environment.stamp.stat().st_mtime_ns
    assert _rivals.python(environment) == python
    assert environment.stamp.stat().st_mtime_ns == made
    assert not (tmp_path / ".venv").exists()


def test_one_line_says_why_it_cannot_be_made(environment: Environment) -> None:
    environment.lock("bench").write_text(f"{environment.root}/absent-1.0-py3-none-any.whl --hash=sha256:{'0' * 64}\n")
    with pytest.raises(
        _rivals.NoRivalsError, match=r"\.venv-bench cannot be installed, so this is left out: "
    ) as refused:
        _rivals.python(environment)
    assert len(str(refused.value).splitlines()) == 1


def test_a_rival_prints_one_object_or_says_what_went_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_rivals, "FOLDER", tmp_path)
    (tmp_path / "good.py").write_text("import sys\nprint('noise')\nprint('{\"said\": \"' + sys.argv[1] + '\"}')\n")
    (tmp_path / "bad.py").write_text("raise SystemExit('no broker')\n")
    assert _rivals.run("good", "a", program=Path(sys.executable)) == {"said": "a"}
    with pytest.raises(RuntimeError, match="bad failed: no broker"):
        _rivals.run("bad", program=Path(sys.executable))
