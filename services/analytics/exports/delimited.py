"""Operations as CSV (RFC 4180): one row each, with both stamps, and no cell that a spreadsheet would execute.

An observation is a row too, with its transition and one stamp.
"""

from collections.abc import AsyncIterator

from services.analytics.cells import csv_lines, harmless
from services.analytics.event_logs.told import NAMES, TRUE
from services.analytics.exports.queries import Row, Source
from services.analytics.exports.xes import moment

_HEADER = (
    "case_id", "activity", "lifecycle:transition", "start_timestamp", "complete_timestamp", "resource", "team", "cost",
    NAMES["CURRENCY"], NAMES["ACTOR_KIND"], NAMES["OUTCOME"], NAMES["REQUESTED"], NAMES["ESTIMATED_START"],
    NAMES["CORRECTED"],
)  # fmt: skip


async def write_csv(source: Source) -> AsyncIterator[str]:
    yield csv_lines([_HEADER])
    async for page in source.items():
        yield csv_lines(_cells(row) for row in page)


def _cells(row: Row) -> tuple[str, ...]:
    return (
        harmless(row.case),
        harmless(row.activity),
        harmless(row.transition),
        moment(row.known_start) if row.known_start else "",
        moment(row.finished_at),
        harmless(row.actor),
        harmless(row.team),
        "" if row.cost is None else f"{row.cost:f}",
        row.currency,
        row.actor_kind,
        row.outcome,
        moment(row.requested_at) if row.requested_at else "",
        moment(row.started_at or row.finished_at) if row.estimated else "",
        TRUE if row.corrected else "",
    )
