"""The formats: who writes each, and what its file is called."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from services.analytics.exports.delimited import write_csv
from services.analytics.exports.ocel import write_ocel
from services.analytics.exports.ocel_sqlite import write_ocel_sqlite
from services.analytics.exports.queries import Source
from services.analytics.exports.schemas import ExportFormat
from services.analytics.exports.xes import write_xes


@dataclass(frozen=True, slots=True)
class Writing:
    write: Callable[[Source], AsyncIterator[str] | AsyncIterator[bytes]]
    media_type: str
    ending: str


WRITINGS: Mapping[ExportFormat, Writing] = {
    "xes": Writing(write_xes, "application/xml", "xes"),
    "csv": Writing(write_csv, "text/csv; charset=utf-8; header=present", "csv"),
    "ocel2-json": Writing(write_ocel, "application/json", "jsonocel"),
    "ocel2-sqlite": Writing(write_ocel_sqlite, "application/vnd.sqlite3", "sqlite"),
}
