"""Which content the archive takes, and under which media type. Pure."""

import puremagic

from services.documents.records import sniffing

_ALIASES = {
    "application/x-pdf": "application/pdf",
    "application/x-zip-compressed": sniffing.ZIP,
    "application/x-gzip": "application/gzip",
    "application/x-rtf": "application/rtf",
    "text/rtf": "application/rtf",
    "text/xml": sniffing.XML,
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-ms-bmp": "image/bmp",
    "image/heic": "image/heif",
    "audio/x-wav": "audio/wav",
}
# curl sends the second for `--data-binary`: neither says anything about the content.
_SAYS_NOTHING = frozenset({"", sniffing.OCTETS, "application/x-www-form-urlencoded", "binary/octet-stream"})
_PROGRAM_TYPES = frozenset(
    {
        "text/javascript",
        "application/javascript",
        "application/x-javascript",
        "application/java-archive",
        "application/vnd.android.package-archive",
        "application/vnd.microsoft.portable-executable",
        "application/x-msdownload",
        "application/x-msi",
        "application/x-executable",
        "application/x-dosexec",
        "application/x-sh",
        "application/x-csh",
        "application/hta",
    }
)
_PROGRAM_ENDINGS = frozenset(
    {
        *("apk", "app", "bat", "cmd", "com", "cpl", "dll", "dmg", "exe", "gadget", "hta", "jar", "js", "jse", "lnk"),
        *("msi", "msp", "pif", "ps1", "reg", "scr", "sh", "vb", "vbe", "vbs", "wsf", "wsh"),
    }
)
_TEXT_FORMATS = frozenset(
    {
        "application/json",
        "application/yaml",
        "application/x-yaml",
        "application/toml",
        "application/x-ndjson",
        "application/sql",
        "application/postscript",
        "application/x-pem-file",
        "application/edifact",
        "application/edi-x12",
        "message/rfc822",
    }
)
_MARKUP = frozenset({sniffing.HTML, sniffing.XHTML, sniffing.SVG})
_OLE_FORMATS = frozenset(
    {
        "application/msword",
        "application/vnd.ms-excel",
        "application/vnd.ms-powerpoint",
        "application/vnd.ms-outlook",
        "application/vnd.visio",
    }
)
_HAS_SIGNATURE = frozenset(row.mime_type for row in puremagic.magic_header_array if row.mime_type) | _OLE_FORMATS


def declared_type(content_type: str | None) -> str | None:
    """Return the media type that a Content-Type declares, without parameters; None when it says nothing."""
    name = (content_type or "").partition(";")[0].strip().lower()
    return None if name in _SAYS_NOTHING else name


def names_a_program(declared: str | None, filename: str | None) -> bool:
    """Tell whether the sender says, or the file's name would make a computer believe, that this is to be run."""
    _, dot, ending = (filename or "").rpartition(".")
    return declared in _PROGRAM_TYPES or (bool(dot) and ending.lower() in _PROGRAM_ENDINGS)


def settle_media_type(declared: str | None, head: bytes) -> str | None:
    """Return the type to keep, or None when the content is something else than was declared.

    A declaration may say more than the bytes show (CSV within text, Word within ZIP) or less (ZIP for a Word file).
    Markup that browsers would run counts as itself, whatever was declared.
    """
    found = [_ALIASES.get(name, name) for name in sniffing.media_types(head)]
    if declared is None:
        return found[0]
    meant = _ALIASES.get(declared, declared)
    if meant in found:
        return meant
    if _says_less(meant, found[0]):
        return found[0]
    return meant if _says_more(meant, found[0]) else None


def _says_less(declared: str, found: str) -> bool:
    if found in _MARKUP:
        return declared in _MARKUP or (declared == sniffing.XML and found != sniffing.HTML)
    return declared == sniffing.ZIP and _is_zip_based(found)


def _is_zip_based(name: str) -> bool:
    return name.endswith("+zip") or name.startswith((sniffing.OPEN_XML, "application/vnd.oasis.opendocument."))


def _says_more(declared: str, found: str) -> bool:
    match found:
        case sniffing.TEXT:
            return declared.startswith("text/") or declared in _TEXT_FORMATS or declared.endswith(("+json", "xml"))
        case sniffing.XML:
            return declared.endswith("+xml") or (declared.startswith("text/") and declared != sniffing.HTML)
        case sniffing.ZIP:
            return _is_zip_based(declared)
        case sniffing.OLE:
            return declared in _OLE_FORMATS
        case sniffing.OCTETS:
            return declared not in _HAS_SIGNATURE | _MARKUP and not declared.startswith(("text/", "image/"))
        case _:
            return False
