"""Programs that benchmarks compare with, in an environment of their own: `.venv-bench`, from `requirements/bench.txt`.

What they need does not fit what we need, and none of it belongs in what is shipped. A rival is a script in `rivals/`
that imports nothing of ours (`rivals/_figures.py` apart) and prints one JSON object.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from deploy.bootstrap import BootstrapError, Environment, ensure

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).with_name("rivals")
_PATIENCE_S = 600


class NoRivalsError(RuntimeError):
    """They cannot be installed here; the text is one line that says why."""


def python(environment: Environment | None = None) -> Path:
    """Return the rivals' Python, after installing what the lock names where that is not done. Raises NoRivalsError."""
    environment = environment or Environment(ROOT, ".venv-bench")
    try:
        ensure(environment, "bench")
    except (BootstrapError, OSError) as error:
        last = (str(error).strip().splitlines() or ["unknown"])[-1]
        raise NoRivalsError(f"{environment.name} cannot be installed, so this is left out: {last}") from error
    return environment.python


def run(script: str, *arguments: str, program: Path | None = None) -> dict[str, Any]:
    """Run a script of `rivals/` and return what it printed last, one JSON object. Raises RuntimeError with its words."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | {
        "PYTHONPATH": str(ROOT)
    }
    command = [str(program or python()), "-P", str(FOLDER / f"{script}.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=own, check=False, timeout=_PATIENCE_S)
    if done.returncode != 0:
        raise RuntimeError(f"{script} failed: {done.stderr.strip()[-2_000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found
