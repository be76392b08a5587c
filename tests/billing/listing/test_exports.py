"""Exports: the rows of the list as CSV and XLSX, exact and harmless."""

import csv
import io
import zipfile
from typing import Any

import httpx
import pytest
from lxml import etree

from tests.billing.listing.test_filters import keyed, listed
from tests.fixtures.services import Harness, problem

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
    return [[(cell.get("t", "n"), "".join(cell.itertext())) for cell in row] for row in tree.iter(f"{_MAIN}row")]


async def test_a_table_has_what_the_list_shows(billing: Harness, tenant: str) -> None:
    for number in ("F-1", "F-2", "G-3"):
        await keyed(billing, tenant, number)
    answer = await exported(billing, tenant, "number=F&sort=oldest")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["content-disposition"].startswith('attachment; filename="invoices-')
    shown = await listed(billing, tenant, "number=F&sort=oldest")
    assert [row["number"] for row in records(answer)] == [item["number"] for item in shown] == ["F-1", "F-2"]
    first = records(answer)[0]
    assert (first["gross"], first["due_state"], first["is_credit_note"]) == ("62.48", "overdue", "false")
    assert b"\r\n" in answer.content


async def test_a_table_of_lines_and_of_rates(billing: Harness, tenant: str) -> None:
    await keyed(billing, tenant, "F-1")
    lines = records(await exported(billing, tenant, "rows=lines"))
    assert [(row["line"], row["description"], row["quantity"], row["net"]) for row in lines] == [
        ("1", "Paper", "3", "30.15"),
        ("2", "Books", "2", "25.00"),
    ]
    rates = records(await exported(billing, tenant, "rows=vat-rates"))
    assert [(row["rate"], row["base"], row["tax"]) for row in rates] == [("21", "30.15", "6.33"), ("4.0", "25.00", "1.00")]


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
