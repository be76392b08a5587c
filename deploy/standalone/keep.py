"""Small files that must be whole or absent, and readable by their owner only."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def write_private(file: Path, text: str) -> None:
    """Replace `file` in one step, mode 0600; after a power cut it holds the old text or the new one."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())  # else the new name may outlive a power cut and the text may not
    draft.replace(file)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def kept(file: Path, make: Callable[[], str]) -> str:
    """Return the text of `file`; made and stored the first time, and when nothing is in it."""
    if not file.exists() or not file.read_text(encoding="utf-8").strip():
        write_private(file, make())
    return file.read_text(encoding="utf-8")


def new_secret() -> str:
    """Return 192 random bits as letters, digits, `-` and `_`: safe inside URLs and SQL literals."""
    return secrets.token_urlsafe(24)
