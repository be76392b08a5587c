"""What some content is, by its first bytes. Pure.

Own rules for what decides about safety (programs, markup) and for what puremagic cannot tell from a head alone
(text, members of the ZIP family); puremagic for the long tail of images, sound, video and archives.
"""

import codecs
import re

import puremagic

OCTETS, TEXT, XML = "application/octet-stream", "text/plain", "application/xml"
HTML, XHTML, SVG = "text/html", "application/xhtml+xml", "image/svg+xml"
ZIP, OLE = "application/zip", "application/x-ole-storage"
OPEN_XML = "application/vnd.openxmlformats-officedocument."

_BOM = codecs.BOM_UTF8
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")  # what the WHATWG calls binary data bytes
_LEAST_CONFIDENCE = 0.3  # below it puremagic matched two bytes, which text does too

_PROGRAMS = (
    b"\x7fELF",
    *(b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe"),  # Mach-O
    b"\xca\xfe\xba\xbe",  # Java class, universal Mach-O
    b"\0asm",
    b"dex\n",
    b"L\0\0\0\x01\x14\x02\0",  # Windows shortcut
    b"<?php",
)
_SCRIPT = re.compile(rb"#!\s*/")
_PROGRAM_MEMBERS = frozenset({b"META-INF/MANIFEST.MF", b"AndroidManifest.xml", b"classes.dex"})

_LOCAL_HEADER = re.compile(rb"PK\x03\x04.{22}(..)(..)", re.DOTALL)
_DECLARED_MEMBER = re.compile(rb"application/(?:vnd\.oasis\.opendocument\.|vnd\.etsi\.asic-|epub)[a-z0-9.+-]*")
_OPEN_XML_FOLDERS = {
    b"word/": OPEN_XML + "wordprocessingml.document",
    b"xl/": OPEN_XML + "spreadsheetml.sheet",
    b"ppt/": OPEN_XML + "presentationml.presentation",
}

_ROOT = re.compile(
    r"\s*+(?:<\?.*?\?>\s*+|<!--.*?-->\s*+|<!DOCTYPE[^>\[]*+(?:\[.*?\])?[^>]*+>\s*+)*+<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)(?=[\s/>])",
    re.DOTALL | re.IGNORECASE,
)
# The tags at which browsers begin to see HTML: https://mimesniff.spec.whatwg.org/#identifying-a-resource-with-an-unknown-mime-type
_HTML_TAGS = frozenset(
    {
        *("html", "head", "script", "iframe", "h1", "div", "font", "table", "a", "style", "title", "b", "body", "br"),
        "p",
    }
)


def is_program(head: bytes) -> bool:
    """Tell whether the content would run on somebody's machine: binaries, scripts, Java and Android archives."""
    bare = head.removeprefix(_BOM)
    if bare.startswith(_PROGRAMS) or _SCRIPT.match(bare):
        return True
    if bare.startswith(b"MZ") and b"\0" in bare[:1024]:  # text may begin with these letters, but has no NUL
        return True
    return not _PROGRAM_MEMBERS.isdisjoint(_members(head))


def media_types(head: bytes) -> list[str]:
    """Return the types that the content may have, the likeliest first; never empty."""
    if head.removeprefix(_BOM).lstrip()[:5] == b"%PDF-":
        return ["application/pdf"]
    text = _as_text(head)
    if text is not None:
        return [_textual_type(text)]
    if head.startswith(b"PK\x03\x04"):
        return [_zip_type(head)]
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return [OLE]
    return _by_signature(head) or [OCTETS]


def _by_signature(head: bytes) -> list[str]:
    try:
        matches = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):  # it knows no signature like this
        return []
    named = [match for match in matches if match.mime_type]
    likely = [match.mime_type for match in named if match.confidence >= _LEAST_CONFIDENCE]
    return list(dict.fromkeys([*(likely or [OCTETS]), *(match.mime_type for match in named)]))


def _as_text(head: bytes) -> str | None:
    """Return the head as text, or None when it is none. A character cut off at the end does not count."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = head.decode("utf-16", "replace")
    else:
        try:
            text = codecs.getincrementaldecoder("utf-8-sig")().decode(head)
        except UnicodeDecodeError:
            text = head.decode("latin-1")
    return None if _CONTROL.search(text) else text


def _textual_type(text: str) -> str:
    start = text.lstrip()[:16].lower()
    if not start.startswith("<"):
        return "application/rtf" if start.startswith("{\\rtf") else TEXT
    if start.startswith("<!doctype html"):
        return HTML
    return _markup_type(text, start)


def _markup_type(text: str, start: str) -> str:
    root = _ROOT.match(text)
    name = root.group(1).lower() if root else ""
    if name == "svg":
        return SVG
    if name in _HTML_TAGS:
        return XHTML if start.startswith("<?xml") else HTML
    if root or start.startswith("<?xml"):
        return XML
    return HTML if start.startswith("<!--") else TEXT


def _members(head: bytes) -> list[bytes]:
    """Return the names of the archive's members that the head shows."""
    if not head.startswith(b"PK\x03\x04"):
        return []
    headers = _LOCAL_HEADER.finditer(head)
    return [head[found.end() : found.end() + int.from_bytes(found.group(1), "little")] for found in headers]


def _zip_type(head: bytes) -> str:
    members = _members(head)
    if members[:1] == [b"mimetype"]:
        declared = _DECLARED_MEMBER.search(head, 30, 200)
        return declared.group().decode() if declared else ZIP
    for folder, media_type in _OPEN_XML_FOLDERS.items():
        if any(name.startswith(folder) for name in members):
            return media_type
    return ZIP
