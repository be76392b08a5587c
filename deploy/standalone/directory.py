"""The data directory of one `up`: who uses it, what runs there, and how other commands find it."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from deploy.standalone.errors import ServerError
from deploy.standalone.keep import write_private


@dataclass(frozen=True)
class StackState:
    """What runs, as `stack.json` tells other commands. `environment` holds secrets: the file is private.

    `metrics` names the port at which each relay and consumer answers for itself, by its label.
    """

    pid: int
    url: str
    shape: str
    ports: Mapping[str, int]
    environment: Mapping[str, str]
    metrics: Mapping[str, int] = field(default_factory=dict)


class DataDirectory:
    """Everything of one installation on this machine lives below `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @property
    def keys(self) -> Path:
        return self.path / "keys"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def state_file(self) -> Path:
        return self.path / "stack.json"

    @property
    def lock_file(self) -> Path:
        return self.path / "up.lock"

    def prepare(self) -> None:
        """Make the directory where it is missing. Raises ServerError where it cannot be, or cannot be written to."""
        try:
            for folder in (self.path, self.keys, self.logs):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise ServerError(
                f"{self.path} cannot be the data directory: {error.strerror} ({error.filename})"
            ) from error
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise ServerError(f"{self.path} cannot be the data directory: it cannot be written to")

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the directory; the kernel lets go when we die. Raises ServerError when another `up` has it."""
        self.prepare()
        with self._locked() as got:
            if not got:
                raise ServerError(f"another `up` uses {self.path} already{self._who()}; stop it or give --data DIR")
            try:
                yield
            finally:
                self.state_file.unlink(missing_ok=True)
                self.lock_file.unlink(missing_ok=True)

    def running(self) -> StackState | None:
        """Tell what runs here, or None. What a killed `up` left behind does not count."""
        try:
            state = StackState(**json.loads(self.state_file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return state if self._held() else None

    def write_state(self, state: StackState) -> None:
        write_private(self.state_file, json.dumps(asdict(state), indent=1))

    def _who(self) -> str:
        state = self.running()
        return f" (pid {state.pid}, {state.url})" if state else ""

    def _held(self) -> bool:
        try:
            with self.lock_file.open("r+") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False
        return False

    @contextmanager
    def _locked(self) -> Iterator[bool]:
        """Lock the file that has the name now: its last holder removed the one it had."""
        while True:
            with self.lock_file.open("a+") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    yield False
                    return
                if self._is_current(file.fileno()):
                    yield True
                    return

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self.lock_file.stat())
        except FileNotFoundError:
            return False
