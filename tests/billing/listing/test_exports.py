"""Exports: the rows of the list as CSV and XLSX, exact and harmless."""

import asyncio
import csv
import io
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import etree
from sqlalchemy import text

from services.billing.exports import files
from services.billing.exports.delimited import CsvWriter
from services.billing.exports.queries import freeze
from services.billing.exports.workbook import XlsxWriter
from tests.billing.listing.many import multiply
from tests.billing.listing.test_filters import keyed, listed
from tests.fixtures.services import Harness, problem, serving

EXPORT = "/billing/invoices/export"
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


async def exported(billing: Harness, tenant: str, query: str = "", **headers: str) -> httpx.Response:
    async with billing.client(tenant, "viewer", **headers) as client:
        return await client.get(f"{EXPORT}?{query}")


def records(answer: httpx.Response, delimiter: str = ",") -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.content.decode(), newline=""), delimiter=delimiter))


def sheet(answer: httpx.Response) -> list[list[tuple[str, str]]]:
    """Return each row's cells: their type (`n` or `inlineStr`) and content."""
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        tree = etree.fromstring(archive.read("xl/worksheets/sheet1.xml"))
    assert tree.find(f".//{_MAIN}f") is None
    (pane,) = tree.iter(f"{_MAIN}pane")
    assert (pane.get("ySplit"), pane.get("state")) == ("1", "frozen")
    rows = [{_column(cell): cell for cell in row} for row in tree.iter(f"{_MAIN}row")]
    return [[_told(row.get(column)) for column in range(len(rows[0]))] for row in rows]


def _column(cell: etree._Element) -> int:
    number = 0
    for letter in cell.get("r").rstrip("0123456789"):
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _told(cell: etree._Element | None) -> tuple[str, str]:
    return ("n", "") if cell is None else (cell.get("t", "n"), "".join(cell.itertext()))


async def test_a_table_has_what_the_list_shows(billing: Harness, tenant: str) -> None:
    for number in ("F-1", "F-2", "G-3"):
        await keyed(billing, tenant, number)
    answer = await exported(billing, tenant, "number=F&sort=oldest")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["content-disposition"].startswith('attachment; filename="invoices-')
    shown = await listed(billing, tenant, "number=F&sort=oldest")
    assert [row["number"] for row in records(answer)] == [item["number"] for item in shown] == ["F-1", "F-2"]
    first = records(answer)[0]
    assert (first["gross"], first["is_overdue"], first["is_credit_note"]) == ("62.48", "true", "false")
    assert b"\r\n" in answer.content


async def test_a_table_of_lines_and_of_rates(billing: Harness, tenant: str) -> None:
    await keyed(billing, tenant, "F-1")
    lines = records(await exported(billing, tenant, "rows=lines"))
    assert [(row["line"], row["description"], row["quantity"], row["net"]) for row in lines] == [
        ("1", "Paper", "3", "30.15"),
        ("2", "Books", "2", "25.00"),
    ]
    rates = records(await exported(billing, tenant, "rows=vat-rates"))
    assert [(row["rate"], row["base"], row["tax"]) for row in rates] == [
        ("21", "30.15", "6.33"),
        ("4.0", "25.00", "1.00"),
    ]


async def test_a_workbook_has_numbers_and_days(billing: Harness, tenant: str) -> None:
    await keyed(billing, tenant, "F-1")
    answer = await exported(billing, tenant, "format=xlsx")
    header, row = sheet(answer)
    cells = dict(zip([name for _, name in header], row, strict=False))
    assert cells["gross"] == ("n", "62.48")
    assert cells["issue_date"] == ("n", "46082")  # 2026-03-01
    assert cells["number"] == ("inlineStr", "F-1")
    assert cells["line_count"] == ("n", "2")
    empty = sheet(await exported(billing, tenant, "format=xlsx&q=nothing"))
    assert len(empty) == 1


HOSTILE = {
    '=HYPERLINK("http://x")': '\'=HYPERLINK("http://x")',
    "+1": "'+1",
    "-2+3": "'-2+3",
    "@SUM(A1)": "'@SUM(A1)",
    "\uff1d1": "'\uff1d1",
    "'=1": "''=1",
    "a;=1": "a;'=1",
    "a; \n=1": "a; \n'=1",
    "a\n=1": "a\n'=1",
    "a\t@x": "a\t'@x",
    "a,=1": "a,=1",  # in quotes
    'say "a", b': 'say "a", b',
    "two\nlines": "two\nlines",
    "_x0041_": "_x0041_",
    "plain - text": "plain - text",
}


async def test_hostile_texts_are_texts(billing: Harness, tenant: str) -> None:
    line = {"quantity": "-1", "unit_price": "1.00", "net": "-1.00", "vat_rate": "0"}
    lines = [{"description": text, **line} for text in HOSTILE]
    net = f"-{len(lines)}.00"
    vat, totals = {"rate": "0", "base": net, "tax": "0.00"}, {"net": net, "tax": "0.00", "gross": net}
    await keyed(billing, tenant, "H-1", lines=lines, vat_breakdown=[vat], totals=totals)
    told = records(await exported(billing, tenant, "rows=lines"))
    assert [row["description"] for row in told] == list(HOSTILE.values())
    assert {row["net"] for row in told} == {"-1.00"}  # a number is no formula
    header, *rows = sheet(await exported(billing, tenant, "rows=lines&format=xlsx"))
    at = [name for _, name in header].index("description")
    assert [row[at] for row in rows] == [("inlineStr", text.replace("_x0041_", "_x005F_x0041_")) for text in HOSTILE]


async def test_hostile_texts_are_texts_also_where_commas_part_cells(billing: Harness, tenant: str) -> None:
    """A spreadsheet set to commas finds no quotes around a text in a file that is parted by semicolons."""
    line = {
        "description": "a,=1 b, +2\n-3;=4 x-y",
        "quantity": "1",
        "unit_price": "1.00",
        "net": "1.00",
        "vat_rate": "0",
    }
    vat, totals = {"rate": "0", "base": "1.00", "tax": "0.00"}, {"net": "1.00", "tax": "0.00", "gross": "1.00"}
    await keyed(billing, tenant, "H-2", lines=[line], vat_breakdown=[vat], totals=totals)
    answer = await exported(billing, tenant, "dialect=spanish&rows=lines")
    (row,) = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""), delimiter=";")
    assert row["description"] == "a,'=1 b, '+2\n'-3;=4 x-y"
    mistaken = csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""), delimiter=",")
    begins = {cell.lstrip()[:1] for cells in mistaken for cell in cells}
    assert not begins & {"=", "+", "@"}


async def test_amounts_are_exact_also_where_a_spreadsheet_has_no_digits_left(billing: Harness, tenant: str) -> None:
    for number, gross in (("A-1", "9999999999999.99"), ("A-2", "999999999999999.01")):
        line = {"description": "Ship", "quantity": "1", "unit_price": gross, "net": gross, "vat_rate": "0"}
        vat, totals = {"rate": "0", "base": gross, "tax": "0.00"}, {"net": gross, "tax": "0.00", "gross": gross}
        await keyed(billing, tenant, number, lines=[line], vat_breakdown=[vat], totals=totals)
    told = records(await exported(billing, tenant, "sort=oldest"))
    assert [row["gross"] for row in told] == ["9999999999999.99", "999999999999999.01"]
    header, *rows = sheet(await exported(billing, tenant, "sort=oldest&format=xlsx"))
    at = [name for _, name in header].index("gross")
    assert [row[at] for row in rows] == [("n", "9999999999999.99"), ("inlineStr", "999999999999999.01")]


async def test_spanish_excel_gets_semicolons_and_decimal_commas(billing: Harness, tenant: str) -> None:
    await keyed(billing, tenant, "F-1", supplier={"tax_id": "B12345674", "name": "Papelería Ñ; y Cía"})
    answer = await exported(billing, tenant, "dialect=spanish")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    (row,) = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""), delimiter=";")
    assert (row["gross"], row["supplier_name"]) == ("62,48", "Papelería Ñ; y Cía")


@pytest.mark.parametrize(
    ("accept", "query", "media_type"),
    [
        ("*/*", "", "text/csv"),
        ("text/html,application/xml;q=0.9,*/*;q=0.8", "", "text/csv"),
        ("text/csv;q=0.5, application/*", "", "application/vnd"),
        ("text/csv;q=0, */*", "", "application/vnd"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "", "application/vnd"),
        ("application/json", "format=csv", "text/csv"),
    ],
)
async def test_the_kind_of_table_is_the_callers(
    billing: Harness, tenant: str, accept: str, query: str, media_type: str
) -> None:
    answer = await exported(billing, tenant, query, Accept=accept)
    assert (answer.status_code, answer.headers["vary"]) == (200, "Accept")
    assert answer.headers["content-type"].startswith(media_type)


async def test_what_no_file_can_be_is_refused(billing: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        await keyed(billing, tenant, f"F-{_}")
    wanted = problem(await exported(billing, tenant, Accept="application/json;q=1, text/csv;q=none"))
    assert (wanted["status"], wanted["code"]) == (406, "not-acceptable")
    assert problem(await exported(billing, tenant, "format=xlsx&dialect=spanish"))["code"] == "dialect-of-csv"
    monkeypatch.setattr(files, "MOST_ROWS", 3)
    for kind in ("csv", "xlsx"):
        refused = problem(await exported(billing, tenant, f"rows=lines&format={kind}"))
        assert (refused["code"], refused["limit"]) == ("export-too-large", 3)
        assert len(records(await exported(billing, tenant, "rows=invoices"))) == 2


async def test_a_table_that_takes_long_begins_before_it_is_written_and_is_the_same(
    billing: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        await keyed(billing, tenant, f"F-{number}")
    whole = [await exported(billing, tenant, f"sort=oldest&format={kind}") for kind in ("csv", "xlsx")]
    assert [int(answer.headers["content-length"]) for answer in whole] == [len(answer.content) for answer in whole]
    monkeypatch.setattr(files, "PATIENCE_S", 0.0)
    begun = [await exported(billing, tenant, f"sort=oldest&format={kind}") for kind in ("csv", "xlsx")]
    assert not [answer for answer in begun if "content-length" in answer.headers]
    assert begun[0].content == whole[0].content
    assert sheet(begun[1]) == sheet(whole[1])
    monkeypatch.setattr(files, "MOST_ROWS", 2)
    refused = problem(await exported(billing, tenant))  # whatever the patience: rows are counted first
    assert (refused["status"], refused["code"], refused["limit"]) == (422, "export-too-large", 2)


async def test_a_table_that_fails_after_its_answer_began_is_never_taken_for_a_whole_one(
    billing: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keyed(billing, tenant, "F-1")

    def fail(_writer: CsvWriter) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(files, "PATIENCE_S", 0.0)
    monkeypatch.setattr(CsvWriter, "close", fail)
    headers = {"Authorization": f"Bearer {billing.issuer.token(tenant, 'viewer')}"}
    async with serving(billing) as address, httpx.AsyncClient(base_url=address, headers=headers) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(EXPORT)


async def test_who_finds_no_turn_is_told_so_in_time(
    billing: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PATIENCE_S", 0.01)
    async with files._TURNS, files._TURNS:
        refused = await exported(billing, tenant)
    assert (refused.status_code, problem(refused)["code"]) == (503, "exports-busy")
    assert refused.headers["retry-after"]
    assert (await exported(billing, tenant)).status_code == 200


def left_in(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


async def test_a_reader_who_leaves_ends_the_writing_and_leaves_nothing(
    billing: Harness, tenant: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await keyed(billing, tenant, "F-0")
    await multiply(billing, tenant, 4_999)
    begun, write, written = asyncio.Event(), files._write, 0
    loop = asyncio.get_running_loop()

    def write_slowly(*parts: Any) -> None:
        nonlocal written
        written += 1
        loop.call_soon_threadsafe(begun.set)
        time.sleep(0.1)
        write(*parts)

    monkeypatch.setattr(files, "PATIENCE_S", 0.0)
    monkeypatch.setattr(files, "_write", write_slowly)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    headers = {"Authorization": f"Bearer {billing.issuer.token(tenant, 'viewer')}"}
    async with serving(billing) as address, httpx.AsyncClient(base_url=address, headers=headers) as client:
        async with client.stream("GET", f"{EXPORT}?format=xlsx") as answer:
            assert answer.status_code == 200
            await begun.wait()
            assert left_in(tmp_path)
        async with files._TURNS, files._TURNS:  # given back
            pass
    assert written < 10
    assert left_in(tmp_path) == []


async def test_all_statements_of_an_export_see_one_moment(billing: Harness, tenant: str) -> None:
    async with billing.runtime.database.session(tenant, read_only=True) as session:
        await freeze(session)
        assert await session.scalar(text("SHOW transaction_isolation")) == "repeatable read"
        assert await session.scalar(text("SELECT current_setting('trastienda.tenant')")) == tenant
    async with billing.runtime.database.session(tenant, read_only=True) as session:
        assert await session.scalar(text("SHOW transaction_isolation")) == "read committed"


def test_a_cell_holds_as_many_units_as_a_spreadsheet_counts(tmp_path: Path) -> None:
    with io.BytesIO() as file:
        writer = XlsxWriter(file, ["text"], tmp_path)
        writer.write([["\U0001f4a1" * 20_000], ["x" * 40_000]])
        writer.close()
        with zipfile.ZipFile(file) as archive:
            tree = etree.fromstring(archive.read("xl/worksheets/sheet1.xml"))
    _, emoji, plain = ("".join(row.itertext()) for row in tree.iter(f"{_MAIN}row"))
    assert (emoji, plain) == ("\U0001f4a1" * 16_383, "x" * 32_767)


async def test_exports_at_once_do_not_mix_tenants(billing: Harness, tenant: str, other_tenant: str) -> None:
    await keyed(billing, tenant, "MINE")
    await keyed(billing, other_tenant, "THEIRS")
    answers = await asyncio.gather(*(exported(billing, name) for name in (tenant, other_tenant) * 4))
    assert [row["number"] for answer in answers for row in records(answer)] == ["MINE", "THEIRS"] * 4


async def test_ten_thousand_invoices_are_exported_as_the_list_shows_them(billing: Harness, tenant: str) -> None:
    await keyed(billing, tenant, "F-0")
    await multiply(billing, tenant, 9_999)
    rows = records(await exported(billing, tenant, "sort=due-first"))
    cursor: str | None = ""
    assert len(rows) == 10_000
    seen = 0
    async with billing.client(tenant, "viewer") as client:
        while cursor is not None:
            page = (await client.get(f"/billing/invoices?sort=due-first&limit=200&cursor={cursor}")).json()
            for item, row in zip(page["items"], rows[seen:], strict=False):
                told = (
                    row["invoice_id"],
                    row["number"],
                    row["due_date"],
                    row["gross"],
                    row["status"],
                    row["line_count"],
                )
                shown = (item["id"], item["number"], item["due_date"], item["totals"]["gross"], item["status"])
                assert told == (*shown, str(item["line_count"]))
            seen, cursor = seen + len(page["items"]), page["next_cursor"]
    assert seen == 10_000
    assert len({row["invoice_id"] for row in rows}) == 10_000
