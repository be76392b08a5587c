"""An answer of GET /analytics/kpis as a table: one row per group and indicator, the whole first."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.analytics.cells import csv_lines, harmless
from services.analytics.indicators.schemas import KpisOut
from services.analytics.workbook import Cell, write_workbook

_FILTERS = ("process", "activity", "team", "actor_kind")
_FIRST = ("id", "value", "unit", "n", "band")
_LAST = ("band_source", "advice")
_NESTED = frozenset({"definition", "currencies"})
_DURATIONS = ("wait", "lead")  # their members are columns: wait_median, ...


def as_csv(answer: KpisOut) -> bytes:
    """Return the table as RFC 4180 has it, UTF-8; numbers in full, nothing that a spreadsheet would execute."""
    return csv_lines([_as_text(cell) for cell in row] for row in rows_of(answer)).encode()


def as_workbook(answer: KpisOut) -> bytes:
    return write_workbook("kpis", rows_of(answer))


def _as_text(cell: Cell) -> str:
    if cell is None:
        return ""
    return harmless(cell) if isinstance(cell, str) else repr(cell)


def rows_of(answer: KpisOut) -> Iterator[Sequence[Cell]]:
    """Yield the header and the rows. A column that an indicator does not have is empty in its row.

    Costs in several currencies, of which none is the value, follow as rows of their own.
    """
    document = answer.model_dump(mode="json", by_alias=True)
    period, filters = document["period"], document["filters"]
    times = [name for name in (document["groups"][0]["group"] if document["groups"] else ()) if name not in _FILTERS]
    more = [name for name in _columns_of([_flat(kpi) for kpi in document["kpis"]]) if name not in {*_FIRST, *_LAST}]
    asked = ["as_of"] if document["as_of"] else []
    yield ["scope", "from", "to", *asked, *_FILTERS, *times, *_FIRST, "definition", *more, *_LAST]
    for scope, group, kpis in [
        ("whole", {}, document["kpis"]),
        *(("group", each["group"], each["kpis"]) for each in document["groups"]),
    ]:
        chosen = [group.get(name, filters[name]) for name in _FILTERS]
        about = [
            scope,
            period["from"],
            period["to"],
            *(document[name] for name in asked),
            *chosen,
            *(group.get(name) for name in times),
        ]
        for kpi in kpis:
            for entry in _entries_of(_flat(kpi)):
                definition = f"{kpi['definition']['id']}.v{kpi['definition']['version']}"
                yield [*about, *_taken(entry, _FIRST), definition, *_taken(entry, more), *_taken(entry, _LAST)]


def _columns_of(kpis: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for kpi in kpis for name in kpi if name not in _NESTED))


def _flat(kpi: Mapping[str, Any]) -> dict[str, Any]:
    members = {f"{name}_{member}": value for name in _DURATIONS for member, value in kpi.get(name, {}).items()}
    return {name: value for name, value in kpi.items() if name not in _DURATIONS} | members


def _entries_of(kpi: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield kpi
    currencies = kpi.get("currencies", ())
    if len(currencies) > 1:
        for each in currencies:
            count = each["measured"] + each["modelled"]
            yield {"id": kpi["id"], **each, "unit": each["currency"], "n": count, "band": "insufficient-data"}


def _taken(entry: Mapping[str, Any], names: Sequence[str]) -> list[Cell]:
    return [entry.get(name) for name in names]
