"""Archives from outside: nothing is unpacked beyond what a file may have, and no directory is read that is too long.

Blocking: made for threads.
"""

import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO

from services.billing.batches.outcomes import EntryTooLarge, NotAnArchive, TooManyFiles, UnreadableEntry

MOST_FILES = 1_000
LONGEST_NAME = 300
_END = b"PK\x05\x06"
_END_SIZE, _LONGEST_COMMENT = 22, 65_535
_MOST_DIRECTORY = MOST_FILES * 1_024  # bytes
# What zipfile raises for archives that are cut off, locked, or packed in ways it does not know.
_READ_ERRORS = (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, OSError, EOFError, ValueError)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the archive, by its place among the files."""

    position: int
    info: zipfile.ZipInfo

    @property
    def name(self) -> str:
        return self.info.filename.rpartition("/")[2][:LONGEST_NAME].replace("\0", "")


class Archive:
    """A ZIP archive. Raises NotAnArchive, TooManyFiles when it is opened."""

    def __init__(self, file: IO[bytes]) -> None:
        _check_directory(file)
        try:
            self._zip = zipfile.ZipFile(file)
        except _READ_ERRORS as error:
            raise NotAnArchive(reason=str(error)[:200]) from None
        files = [info for info in self._zip.infolist() if not info.is_dir()]
        if len(files) > MOST_FILES:
            raise TooManyFiles(limit=MOST_FILES)
        self.entries = [Entry(position, info) for position, info in enumerate(files)]

    def read(self, entry: Entry, limit: int) -> bytes:
        """Return a file's content. Raises EntryTooLarge, UnreadableEntry."""
        try:
            with self._zip.open(entry.info) as stream:
                content = stream.read(limit + 1)
        except _READ_ERRORS as error:
            raise UnreadableEntry(reason=f"{type(error).__name__}: {error}"[:200]) from None
        if len(content) > limit:
            raise EntryTooLarge(limit=limit)
        return content


def _check_directory(file: IO[bytes]) -> None:
    """Look at how long the list of files is before anybody reads it: each entry costs a hundred times its bytes."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END_SIZE - _LONGEST_COMMENT))
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_SIZE:
        raise NotAnArchive(reason="it has no end of a central directory")
    files, directory = struct.unpack_from("<HI", tail, at + 10)
    if files > 2 * MOST_FILES or directory > _MOST_DIRECTORY:
        raise TooManyFiles(limit=MOST_FILES)
