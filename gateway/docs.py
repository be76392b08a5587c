"""The API's documentation page, whole from this server: Swagger UI's files come with an installed package."""

import asyncio
from importlib.util import find_spec
from pathlib import Path

_ASSETS_PACKAGE = "fastapi_offline"
_KINDS = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
}
_OWN = Path(__file__).parent / "static"
SECURITY_HEADERS = (
    (
        b"content-security-policy",
        (
            b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
            b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


class Docs:
    """Serves a fixed list of files, read once; no path of a request reaches the file system."""

    def __init__(self) -> None:
        vendor = _vendor_folder()
        self._files = {
            "/docs": _OWN / "docs.html",
            "/docs/start.js": _OWN / "start.js",
            "/docs/start.css": _OWN / "start.css",
            "/docs/swagger-ui-bundle.js": vendor / "swagger-ui-bundle.js",
            "/docs/swagger-ui.css": vendor / "swagger-ui.css",
        }
        self._read: dict[str, bytes] = {}

    async def file(self, path: str) -> tuple[str, bytes] | None:
        """Return content type and bytes, or nothing when there is no such file."""
        file = self._files.get(path)
        if file is None:
            return None
        if path not in self._read:
            self._read[path] = await asyncio.to_thread(file.read_bytes)
        return _KINDS[file.suffix], self._read[path]


def _vendor_folder() -> Path:
    """Find the package's files without importing it: its code is of no use here."""
    spec = find_spec(_ASSETS_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError(f"the package {_ASSETS_PACKAGE} with the documentation page's files is not installed")
    return Path(spec.submodule_search_locations[0]) / "static"
