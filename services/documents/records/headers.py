"""The HTTP headers of content: names of files, ranges, conditions. Pure."""

import re
import unicodedata
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import quote

from services.documents.records.errors import RangeNotSatisfiable

_LONGEST_NAME = 200
_LONGEST_ENDING = 20
_CHARSETS = {"utf-8", "iso-8859-1"}
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f"*:<>?|\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]')
_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Span:
    """Some bytes of the content: `length` from `start`."""

    start: int
    length: int

    def of(self, size: int) -> str:
        return f"bytes {self.start}-{self.start + self.length - 1}/{size}"


def parse_range(header: str | None, size: int) -> Span | None:
    """Return the single range asked for, None for the whole content. Raises RangeNotSatisfiable.

    What is not understood, and several ranges at once, may be ignored (RFC 9110, 14.2).
    """
    found = _RANGE.fullmatch(header or "")
    if not found or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        length = min(int(last), size)
        span = Span(size - length, length)
    else:
        start, end = int(first), min(int(last or size), size - 1)
        if last and int(last) < start:
            return None
        span = Span(start, end - start + 1)
    if span.length <= 0:
        raise RangeNotSatisfiable(size)
    return span


def matches(header: str | None, etag: str) -> bool:
    """Tell whether If-None-Match names this ETag; weakly, as RFC 9110 13.1.2 has it."""
    tags = {tag.strip().removeprefix("W/") for tag in (header or "").split(",")}
    return bool(tags & {etag, "*"})


def filename_of(content_disposition: str | None) -> str | None:
    """Return the file name that an upload's Content-Disposition gives, `filename*` (RFC 8187) before `filename`.

    A `filename*` in a charset that RFC 8187 does not name is as good as none: Python knows charsets that raise, and
    some that give what no UTF-8 can hold.
    """
    if content_disposition is None:
        return None
    message = Message()
    message["Content-Disposition"] = content_disposition
    parameters: list[tuple[str, Any]] = message.get_params([], header="content-disposition")
    plain, extended = None, None
    for parameter, value in parameters:
        if parameter.lower() != "filename":
            continue
        if isinstance(value, tuple):
            extended = extended or _extended(*value)
        else:
            plain = plain or _repair(value)
    return extended or plain


def _extended(charset: str | None, _language: str | None, octets: str) -> str | None:
    """Return what the octets (as Latin-1) say, None in an unknown charset."""
    if (charset or "utf-8").lower() not in _CHARSETS:
        return None
    return octets.encode("latin-1", "replace").decode(charset or "utf-8", "replace")


def _repair(name: str) -> str:
    """Read as UTF-8 what HTTP servers hand over as Latin-1."""
    try:
        return name.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return name


def clean_filename(name: str | None) -> str | None:
    """Return a name without folders, control characters, lone surrogates and tricks of direction; None when nothing is left."""
    bare = unicodedata.normalize("NFC", name or "").replace("\\", "/").rpartition("/")[2]
    bare = _UNSAFE.sub("", bare).strip(" .")
    stem, dot, ending = bare.rpartition(".")
    if len(bare) > _LONGEST_NAME and dot and len(ending) <= _LONGEST_ENDING:
        return f"{stem[: _LONGEST_NAME - len(ending) - 1]}.{ending}"
    return bare[:_LONGEST_NAME] or None


def content_disposition(filename: str) -> str:
    """Return the header that has the content saved, never shown, under this name (RFC 6266)."""
    folded = unicodedata.normalize("NFKD", filename).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", folded).strip() or "document"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
