"""Prepare `.venv` from the hash-pinned locks, then become the command line inside it.

Runs under any Python 3.11+ with the standard library alone. When the environment fits the locks already,
this costs a few milliseconds. Everything it says goes to stderr: a command's output stays clean.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NEEDS_DEV = frozenset({"test", "bench"})
UNAVAILABLE = 69


class BootstrapError(Exception):
    """The environment cannot be prepared; the message says what to do."""


def say(text: str) -> None:
    sys.stderr.write(f"trastienda: {text}\n")
    sys.stderr.flush()


@dataclass(frozen=True)
class Environment:
    """A virtual environment of one checkout. `stamp` says which lock it was made from."""

    root: Path
    name: str = ".venv"

    @property
    def folder(self) -> Path:
        return self.root / self.name

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def stamp(self) -> Path:
        return self.folder / "trastienda.json"

    def lock(self, kind: str) -> Path:
        return self.root / "requirements" / f"{kind}.txt"

    def digest(self, kind: str) -> str:
        return hashlib.sha256(self.lock(kind).read_bytes()).hexdigest()

    def state(self) -> Mapping[str, str]:
        try:
            state: dict[str, str] = json.loads(self.stamp.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return state

    def write_state(self, kind: str, digest: str) -> None:
        draft = self.stamp.with_suffix(".part")
        draft.write_text(json.dumps({"kind": kind, "digest": digest}), encoding="utf-8")
        draft.replace(self.stamp)

    def kind_for(self, wanted: str) -> str:
        """`dev` contains `run`: an environment that once had the tests' tools keeps them."""
        return "dev" if "dev" in (wanted, self.state().get("kind")) else wanted

    def fits(self, kind: str) -> bool:
        state = self.state()
        return state.get("kind") == kind and state.get("digest") == self.digest(kind) and self.python.exists()


def wanted_kind(arguments: Sequence[str]) -> str:
    return "dev" if arguments and arguments[0] in NEEDS_DEV else "run"


@contextmanager
def exclusive(environment: Environment) -> Iterator[None]:
    """One bootstrap at a time; the kernel frees the lock when its holder dies."""
    environment.folder.mkdir(exist_ok=True)
    with (environment.folder / ".bootstrap.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another command is preparing {environment.name}; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def works(command: Sequence[str]) -> bool:
    """Tell whether a program runs: found in PATH does not mean that."""
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def base_python() -> str:
    """Return the interpreter behind the one that runs: environments are made from it, not from each other."""
    return str(getattr(sys, "_base_executable", sys.executable))


def run(command: Sequence[str], failure: str) -> None:
    """Run quietly; on failure show what the program said."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise BootstrapError(f"{failure}\n{(result.stdout + result.stderr).strip()}")


def packages_in(lock: Path) -> int:
    return sum("==" in line for line in lock.read_text(encoding="utf-8").splitlines())


def install_with_uv(environment: Environment, lock: Path) -> None:
    """Let uv make the environment and fill it; it shows its own progress on a terminal."""
    run(
        [
            "uv",
            "venv",
            "--quiet",
            "--no-project",
            "--allow-existing",
            "--python",
            base_python(),
            str(environment.folder),
        ],
        f"uv could not make {environment.name}",
    )
    command = [
        "uv",
        "pip",
        "install",
        "--require-hashes",
        "--no-deps",
        "--python",
        str(environment.python),
        "-r",
        str(lock),
    ]
    if not sys.stderr.isatty():
        return run(command, "uv could not install the packages")
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode != 0:
        raise BootstrapError("uv could not install the packages: see above")
    return None


def install(environment: Environment, lock: Path) -> None:
    """Prefer uv; where it fails (another certificate store, another index) pip may still work."""
    if works(["uv", "--version"]):
        try:
            return install_with_uv(environment, lock)
        except BootstrapError as error:
            say(f"{error}\ntrastienda: trying pip instead")
    return install_with_pip(environment, lock)


def make_with_venv(environment: Environment) -> list[str]:
    """Make the environment with the standard library and return the pip command that fills it."""
    folder = str(environment.folder)
    if works([base_python(), "-m", "venv", folder]):
        return [str(environment.python), "-m", "pip"]
    # Debian splits `venv`: without the package python3-venv it cannot bring pip along.
    run([base_python(), "-m", "venv", "--without-pip", folder], "Python cannot make a virtual environment")
    if works([base_python(), "-m", "pip", "--python", str(environment.python), "--version"]):
        return [base_python(), "-m", "pip", "--python", str(environment.python)]
    sys.path.append(str(ROOT))  # isolated mode leaves our own folder out
    from deploy.fetch_pip import NoPipError, fetch_pip

    try:
        wheel = fetch_pip(environment.lock("pip"), environment.folder)
    except NoPipError as error:
        raise BootstrapError(str(error)) from error
    return [str(environment.python), f"{wheel}/pip"]


def install_with_pip(environment: Environment, lock: Path) -> None:
    pip = make_with_venv(environment)
    total, lines = packages_in(lock), []
    options = ["--require-hashes", "--no-deps", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    command = [*pip, "install", *options, "-r", str(lock)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        done = 0
        for line in process.stdout:
            lines.append(line.rstrip())
            if line.startswith("Collecting "):
                done += 1
                show_progress(done, total, line.split()[1].split("==")[0])
    if process.returncode != 0:
        raise BootstrapError("pip could not install the packages\n" + "\n".join(lines[-15:]))


def show_progress(done: int, total: int, name: str) -> None:
    """Rewrite one line on a terminal; elsewhere a line now and then."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K  {done}/{total} {name}")
        sys.stderr.flush()
    elif done % 20 == 0:
        say(f"{done} of {total} packages")


def clear(environment: Environment) -> None:
    """Remove what a cut-off run left; keep the lock that others wait on."""
    for entry in environment.folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != ".bootstrap.lock":
            entry.unlink()


def prepare(environment: Environment, wanted: str) -> None:
    """Bring the environment in line with the lock, whatever state it is in. Raises BootstrapError."""
    kind = environment.kind_for(wanted)
    lock = environment.lock(kind)
    broken = environment.folder.exists() and not works([str(environment.python), "-c", ""])
    if environment.state().get("kind") == "unfinished" or broken:
        clear(environment)
    environment.write_state("unfinished", "")
    started = time.monotonic()
    version = ".".join(map(str, sys.version_info[:3]))
    say(f"preparing {environment.name}: Python {version}, {packages_in(lock)} packages")
    install(environment, lock)
    environment.write_state(kind, environment.digest(kind))
    say(f"{environment.name} is ready ({time.monotonic() - started:.0f} s)")


def ensure(environment: Environment, wanted: str) -> None:
    if environment.fits(environment.kind_for(wanted)):
        return
    with exclusive(environment):
        if not environment.fits(environment.kind_for(wanted)):
            prepare(environment, wanted)


def become_command(environment: Environment, arguments: Sequence[str]) -> None:
    """Replace this process, so that signals and exit codes are the command's own."""
    # Not the caller's folder: `-P` and an explicit path keep a stray `shared/` there from being imported.
    os.environ["PYTHONPATH"] = str(environment.root)
    python = str(environment.python)
    os.execv(python, [python, "-P", "-m", "deploy.cli", *arguments])  # noqa: S606 - the purpose


def main(arguments: Sequence[str]) -> int:
    environment = Environment(ROOT)
    for name in ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"):
        os.environ.pop(name, None)  # of another environment
    try:
        ensure(environment, wanted_kind(arguments))
    except (BootstrapError, OSError) as error:
        say(str(error))
        return UNAVAILABLE
    except KeyboardInterrupt:
        say("interrupted; the next run starts the preparation again")
        return 130
    become_command(environment, arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
