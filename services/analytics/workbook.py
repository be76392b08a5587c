"""A workbook of one sheet (ECMA-376, Office Open XML) from rows of texts and numbers.

Own code, as the small libraries that write XLSX take 20 MB of memory for what is a page here. Texts are inline
strings, which no spreadsheet takes for formulas.
"""

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence

from services.analytics.cells import xml_text

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

Cell = str | int | float | None

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PARTS = {
    "[Content_Types].xml": (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPES}.worksheet+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{_RELATIONS}">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{_RELATIONS}">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
    ),
}
_WORKBOOK = '<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="{name}" sheetId="1" r:id="rId1"/></sheets></workbook>'
_SHEET = (
    f'<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" '
    'activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>'
)
_LOOKS_ESCAPED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")  # Excel would read _x0041_ as an A
_BEGINNING = (1980, 1, 1, 0, 0, 0)  # of ZIP's calendar: the same rows give the same bytes


def write_workbook(name: str, rows: Iterable[Sequence[Cell]]) -> bytes:
    """Return the file; the first row is the header and stays in sight."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, part in _PARTS.items():
            archive.writestr(_entry(path), _HEAD + part)
        archive.writestr(_entry("xl/workbook.xml"), _HEAD + _WORKBOOK.format(main=_MAIN, office=_OFFICE, name=name))
        with archive.open(_entry("xl/worksheets/sheet1.xml"), "w") as sheet:
            sheet.write((_HEAD + _SHEET).encode())
            for row in rows:
                sheet.write(f"<row>{''.join(_cells(row))}</row>".encode())
            sheet.write(b"</sheetData></worksheet>")
    return content.getvalue()


def _entry(path: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path, _BEGINNING)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _cells(row: Sequence[Cell]) -> Iterator[str]:
    for value in row:
        if value is None or value == "":
            yield "<c/>"
        elif isinstance(value, str):
            text = xml_text(_LOOKS_ESCAPED.sub("_x005F_", value))
            yield f'<c t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
        else:
            yield f"<c><v>{value!r}</v></c>"
