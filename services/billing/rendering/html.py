"""A sheet as one HTML file: no scripts, nothing fetched, every value escaped."""

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from services.billing.rendering.sheet import Sheet

_TEMPLATES = Path(__file__).with_name("templates")
_STYLE = (_TEMPLATES / "sheet.css").read_text("utf-8")
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'"
"""What a browser may do with the file, wherever it is kept: show it in its one style."""

_environment = Environment(
    loader=FileSystemLoader(_TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_template = _environment.get_template("sheet.html")


def draw_html(sheet: Sheet) -> bytes:
    return _template.render(sheet=sheet, style=Markup(_STYLE), policy=POLICY).encode()  # noqa: S704 - our own file
