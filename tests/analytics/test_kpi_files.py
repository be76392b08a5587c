"""The answer of GET /analytics/kpis as CSV and as a workbook."""

import csv
import io
import zipfile
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest

from services.analytics.cells import bare, harmless
from services.analytics.workbook import MEDIA_TYPE, Cell, write_workbook
from tests.analytics.feeding import ask, by_id, feed, operation
from tests.fixtures.services import Harness, problem

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


async def download(analytics: Harness, tenant: str, form: str, **asked: Any) -> httpx.Response:
    async with analytics.client(tenant, "viewer") as client:
        answer = await client.get("/analytics/kpis", params={"format": form, **asked})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"] == f'attachment; filename="kpis.{form}"'
    return answer


def sheet_of(content: bytes) -> list[list[str | float | None]]:
    """Return the cells of a workbook's one sheet, read as XML."""
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    for name in archive.namelist():
        ET.fromstring(archive.read(name))
    sheet = ET.fromstring(archive.read("xl/worksheets/sheet1.xml"))
    return [[_value(cell) for cell in row] for row in sheet.iter(f"{MAIN}row")]


def _value(cell: ET.Element) -> str | float | None:
    number, text = cell.find(f"{MAIN}v"), cell.find(f"{MAIN}is/{MAIN}t")
    return float(number.text or "") if number is not None else None if text is None else text.text


async def test_a_table_says_what_the_answer_says(analytics: Harness, tenant: str) -> None:
    nasty = '=cmd|"/c calc"!A1'
    cost = {"amount": "2.5", "currency": "EUR"}
    await feed(
        analytics,
        [
            operation(tenant, "c1", nasty, minutes=10, cost=cost, team="@ap"),
            operation(tenant, "c2", "check, twice", minutes=7, cost=cost),
            operation(tenant, "c2", "check, twice", minutes=None),
        ],
    )
    asked: dict[str, Any] = {"group_by": ["activity", "day"], "process": "p", "from": "2026-01-01"}
    answer = await ask(analytics, tenant, **asked)
    as_csv = await download(analytics, tenant, "csv", **asked)
    assert as_csv.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    rows = list(csv.DictReader(io.StringIO(as_csv.text, newline="")))
    assert len(rows) == 9 * (1 + len(answer["groups"]))
    whole = {row["id"]: row for row in rows if row["scope"] == "whole"}
    for kpi, entry in by_id(answer["kpis"]).items():
        shown = whole[kpi]
        assert shown["value"] == ("" if entry["value"] is None else repr(entry["value"]))
        assert (shown["unit"], int(shown["n"]), shown["band"]) == (entry["unit"] or "", entry["n"], entry["band"])
        assert shown["definition"] == f"{entry['definition']['id']}.v{entry['definition']['version']}"
    assert whole["processing_time"]["median"] == repr(by_id(answer["kpis"])["processing_time"]["median"])
    assert {row["from"] for row in rows} == {"2026-01-01T00:00:00Z"}
    grouped = {(row["process"], row["activity"], row["day"]) for row in rows if row["scope"] == "group"}
    assert grouped == {("p", f"'{nasty}", "2026-03-02"), ("p", "check, twice", "2026-03-02")}
    workbook = await download(analytics, tenant, "xlsx", **asked)
    assert workbook.headers["content-type"] == MEDIA_TYPE
    header, *cells = sheet_of(workbook.content)
    assert header == list(rows[0])
    activity, value = header.index("activity"), header.index("value")
    assert [bare(row["activity"]) or None for row in rows] == [row[activity] for row in cells]
    assert [float(row["value"]) if row["value"] else None for row in rows] == [row[value] for row in cells]


async def test_costs_in_several_currencies_have_rows_of_their_own(analytics: Harness, tenant: str) -> None:
    await feed(
        analytics,
        [
            operation(tenant, "c1", cost={"amount": "2.5", "currency": "EUR"}),
            operation(tenant, "c2", cost={"amount": "4", "currency": "USD"}),
        ],
    )
    rows = csv.DictReader(io.StringIO((await download(analytics, tenant, "csv")).text))
    costs = [(row["value"], row["unit"], row["n"], row["total"]) for row in rows if row["id"] == "cost_per_operation"]
    assert costs == [("", "", "0", ""), ("2.5", "EUR", "1", "2.5"), ("4.0", "USD", "1", "4.0")]


async def test_nothing_measured_is_a_table_too(analytics: Harness, tenant: str) -> None:
    rows = list(csv.DictReader(io.StringIO((await download(analytics, tenant, "csv")).text)))
    assert [(row["value"], row["n"]) for row in rows] == [("", "0")] * 9


async def test_another_format_is_refused(analytics: Harness, tenant: str) -> None:
    async with analytics.client(tenant, "viewer") as client:
        assert problem(await client.get("/analytics/kpis", params={"format": "pdf"}))["code"] == "invalid-input"
        assert (await client.get("/analytics/kpis", params={"format": ""})).headers[
            "content-type"
        ] == "application/json"


@pytest.mark.parametrize(
    "text", ["=1", "+1", "-1", "@x", "\tx", "\r=1", "\n=1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff20x", "'=1", "''@"]
)
def test_what_could_begin_a_formula_gets_an_apostrophe_that_can_be_taken_off(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert bare(harmless(text)) == text


@pytest.mark.parametrize("text", ["", "a=1", "'quoted'", "1-2", " =1"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert harmless(text) == text
    assert bare(text) == text


def test_a_workbook_keeps_texts_and_is_the_same_every_time() -> None:
    rows: list[list[Cell]] = [["a", "b"], ["_x0041_", '<&>"\n\t x '], [1.5, None], ["=1+1", "\x01é😀"]]
    content = write_workbook("t", rows)
    assert write_workbook("t", rows) == content
    found = sheet_of(content)
    assert found[1:] == [["_x005F_x0041_", '<&>"\n\t x '], [1.5, None], ["=1+1", "\N{REPLACEMENT CHARACTER}é😀"]]
