"""A sheet as PDF/A-2a and PDF/UA-1, set by typst. The sheet is data to the template, never markup."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import msgspec
import typst

from services.billing.rendering.characters import characters_in, printable
from services.billing.rendering.sheet import Sheet

_TEMPLATES = Path(__file__).with_name("templates")
_CARRIER = "fontpkg_noto_sans"
_STANDARDS: "list[typst.PDFStandard]" = ["a-2a", "ua-1"]


@cache
def _font_folder() -> Path:
    """Return where the package that carries Noto Sans keeps it; its code is not imported."""
    spec = find_spec(_CARRIER)
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError(f"{_CARRIER}, which carries the font, is not installed: see requirements/billing.txt")
    return Path(spec.submodule_search_locations[0]) / "files"


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(_font_folder())])


def draw_pdf(sheet: Sheet) -> bytes:
    """Return the PDF: the same bytes for the same sheet."""
    drawn, unshown = printable(sheet, characters_in(_font_folder() / "NotoSans[wdth,wght].ttf"))
    given = msgspec.json.encode({"unshown": unshown, "sheet": drawn}).decode()
    return typst.compile(
        _TEMPLATES / "sheet.typ",
        sys_inputs={"given": given},
        root=_TEMPLATES,
        format="pdf",
        font_paths=_fonts(),
        ignore_system_fonts=True,
        pdf_standards=_STANDARDS,
        timestamp=0,
    )
