"""Operations as XES (IEEE 1849-2016): a start where it was observed, a completion always; observations as what they are."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from services.analytics.cells import xml_text
from services.analytics.event_logs.told import NAMES, PREFIX, TRUE, URI
from services.analytics.exports.queries import Row, Source

_STANDARD = "http://www.xes-standard.org"
_EXTENSIONS = (
    ("Concept", "concept", f"{_STANDARD}/concept.xesext"),
    ("Lifecycle", "lifecycle", f"{_STANDARD}/lifecycle.xesext"),
    ("Time", "time", f"{_STANDARD}/time.xesext"),
    ("Organizational", "org", f"{_STANDARD}/org.xesext"),
    ("Cost", "cost", f"{_STANDARD}/cost.xesext"),
    ("Trastienda", PREFIX, URI),
)
_GLOBALS = """<global scope="trace">
<string key="concept:name" value=""/>
</global>
<global scope="event">
<string key="concept:name" value=""/>
<string key="lifecycle:transition" value="complete"/>
<date key="time:timestamp" value="1970-01-01T00:00:00+00:00"/>
</global>
<classifier name="Activity" keys="concept:name"/>
<classifier name="Event" keys="concept:name lifecycle:transition"/>
"""


async def write_xes(source: Source) -> AsyncIterator[str]:
    """Yield the log; a trace is open while its case's events come."""
    yield begin_log(source.process)
    case: str | None = None
    async for page in source.events():
        parts = []
        for row in page:
            if row.case != case:
                parts.append(begin_trace(row.case) if case is None else f"</trace>\n{begin_trace(row.case)}")
                case = row.case
            parts.append(event_of(row))
        yield "".join(parts)
    yield "</log>\n" if case is None else "</trace>\n</log>\n"


def begin_log(process: str) -> str:
    declared = "".join(
        f'<extension name="{name}" prefix="{prefix}" uri="{uri}"/>\n' for name, prefix, uri in _EXTENSIONS
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<log xes.version="1849.2016" xes.features="" xmlns="{_STANDARD}/">\n{declared}{_GLOBALS}'
        f"{_attribute('string', 'concept:name', process)}{_attribute('string', 'lifecycle:model', 'standard')}"
    )


def begin_trace(case: str) -> str:
    return f"<trace>\n{_attribute('string', 'concept:name', case)}"


def event_of(row: Row) -> str:
    """Return an operation's start or completion, or an observation; costs and outcome stand with the completion alone.

    An observation has no instance: what was started and never completed must not meet a completion.
    """
    at = row.started_at if row.is_start else row.finished_at
    assert at is not None
    parts = [
        _attribute("string", "concept:name", row.activity),
        _attribute("string", "lifecycle:transition", row.transition),
        _attribute("date", "time:timestamp", moment(at)),
    ]
    if not row.observed:
        parts.append(_attribute("string", "concept:instance", str(row.id)))
    if row.actor:
        parts.append(_attribute("string", "org:resource", row.actor))
    if row.team:
        parts.append(_attribute("string", "org:group", row.team))
    if row.transition == "complete":
        parts += _completion(row)
    return f"<event>\n{''.join(parts)}</event>\n"


def _completion(row: Row) -> list[str]:
    parts = [
        _attribute("string", NAMES["ACTOR_KIND"], row.actor_kind),
        _attribute("string", NAMES["OUTCOME"], row.outcome),
    ]
    if row.cost is not None:
        parts.append(_attribute("float", "cost:total", f"{row.cost:f}"))
        parts.append(_attribute("string", "cost:currency", row.currency))
    if row.requested_at is not None:
        parts.append(_attribute("date", NAMES["REQUESTED"], moment(row.requested_at)))
    if row.estimated:
        parts.append(_attribute("date", NAMES["ESTIMATED_START"], moment(row.started_at or row.finished_at)))
    if row.corrected:
        parts.append(_attribute("boolean", NAMES["CORRECTED"], TRUE))
    return parts


def _attribute(kind: str, key: str, value: str) -> str:
    return f'<{kind} key="{key}" value="{xml_text(value)}"/>\n'


def moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
