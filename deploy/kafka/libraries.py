"""The broker's Java libraries: what has to be installed, and how Maven fetches the rest once."""

import fcntl
import hashlib
import re
import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent
LIBRARIES = FOLDER / "lib"
OLDEST_JAVA = 17  # what the brokers of Kafka 4 are compiled for


class ResolutionError(RuntimeError):
    """Maven could not fetch the libraries; the message holds what it said."""


def available() -> str | None:
    """Say why the broker cannot run here, or None when Java and Maven (or libraries fetched before) are present."""
    version = _java_version()
    if version is None:
        return "Java is not installed (java is not on PATH)"
    if version < OLDEST_JAVA:
        return f"Java {version} is too old, Kafka needs {OLDEST_JAVA} or newer"
    if not _resolved() and shutil.which("mvn") is None:
        return "Maven is not installed (mvn is not on PATH)"
    return None


def resolve() -> str:
    """Return the class path, fetching the libraries first when they are missing or of another pom.xml."""
    LIBRARIES.mkdir(exist_ok=True)
    with (LIBRARIES / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs may start at once
        if not _resolved():
            _fetch()
    return f"{LIBRARIES}/*"


def _fetch() -> None:
    for old in LIBRARIES.glob("*.jar"):
        old.unlink()
    command = ["mvn", "-q", "-B", "-f", str(FOLDER / "pom.xml"), "dependency:copy-dependencies"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ResolutionError(f"Maven could not fetch Kafka:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    _stamp().write_text(_fingerprint())


def _resolved() -> bool:
    return _stamp().is_file() and _stamp().read_text() == _fingerprint()


def _stamp() -> Path:
    return LIBRARIES / ".pom.sha256"


def _fingerprint() -> str:
    return hashlib.sha256((FOLDER / "pom.xml").read_bytes()).hexdigest()


def _java_version() -> int | None:
    java = shutil.which("java")
    if java is None:
        return None
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(?:1\.)?(\d+)', told.stderr + told.stdout)
    return int(found.group(1)) if found else None
