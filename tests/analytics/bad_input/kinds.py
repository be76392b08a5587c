"""Every kind of bad input, as each door is given it. What becomes of it is told by docs/kpi.md alone."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from shared import clock

ABSENT = object()
OWN_ID = UUID(int=7)
START, END = "2026-03-02T08:50:00Z", "2026-03-02T09:00:00Z"
GOOD: dict[str, Any] = {
    "process": "p",
    "activity": "check",
    "case": "c",
    "actor": {"kind": "person", "id": "ana", "team": "ap"},
    "started_at": START,
    "finished_at": END,
    "cost": {"amount": "2", "currency": "EUR"},
}
# What a log says of the same operation; None is left out.
GOOD_ROW: dict[str, str | None] = {"case": "c", "activity": "check", "started": START, "at": END, "cost": "2"}
NESTED = "[" * 100_000
NONSENSE = b"\x00\x81 nonsense " * 69_000  # of 900 kB


def bare(text: str) -> str:
    """Return what stands in the JSON as it is, without quotes."""
    return f"@@{text}@@"


def as_json(value: Any) -> str:
    """Return JSON that need not be valid: `bare` texts stand in it as they are."""
    return re.sub(r'"@@(.*?)@@"', lambda found: str(json.loads(f'"{found[1]}"')), json.dumps(value))


def changed(whole: Mapping[str, Any], change: Mapping[str, Any]) -> str:
    return as_json({name: value for name, value in {**whole, **change}.items() if value is not ABSENT})


def _same(text: str) -> str:
    return text


@dataclass(frozen=True)
class Kind:
    """What is wrong with an operation: in its work block, in a log's row (None: a log cannot say so).

    `whole` stands in place of the block; `twist` spoils its text. `cost` is what it has cost in the end, if it is counted
    with a cost; `own_id` gives it a known id.
    """

    change: Mapping[str, Any] = field(default_factory=dict)
    row: Mapping[str, str | None] | None = None
    whole: Any = ABSENT
    twist: Callable[[str], str] = _same
    cost: Decimal = Decimal(2)
    own_id: bool = False

    @property
    def block(self) -> str:
        """Return the work block as JSON."""
        if self.whole is not ABSENT:
            return as_json(self.whole)
        return self.twist(changed(GOOD, self.change))

    @property
    def texts(self) -> dict[str, str | None]:
        """Return the row of a log."""
        assert self.row is not None
        return {**GOOD_ROW, **self.row}


def _at(started: str, finished: str, cost: Decimal = Decimal(2)) -> Kind:
    return Kind({"started_at": started, "finished_at": finished}, {"started": started, "at": finished}, cost=cost)


def _costing(amount: Any, text: str | None = None, cost: str = "2") -> Kind:
    row = None if text is None else {"cost": text}
    return Kind({"cost": {"amount": amount, "currency": "EUR"}}, row, cost=Decimal(cost))


_AHEAD = (clock.now() + timedelta(days=400)).isoformat()

OPERATIONS: dict[str, Kind] = {
    "it ends before it starts": Kind({"started_at": "2026-03-02T09:01:00Z"}, {"started": "2026-03-02T09:01:00Z"}),
    "it starts before it is asked for": Kind({"requested_at": "2026-03-02T08:51:00Z"}),
    "it ends before it is asked for": Kind({"requested_at": "2026-03-02T09:01:00Z", "started_at": ABSENT}),
    "no start": Kind({"started_at": ABSENT}, {"started": None}),
    "an assumed start": Kind({"estimated": True}),
    "no end": Kind({"finished_at": ABSENT}, {"started": None, "at": None}),
    "no cost": Kind({"cost": ABSENT}, {"cost": None}),
    "in January 1970": _at("1970-01-05T08:50:00Z", "1970-01-05T09:00:00Z"),
    "before 1970": _at("1948-06-01T08:50:00Z", "1948-06-01T09:00:00Z"),
    "more than 366 days ahead": _at(_AHEAD, _AHEAD),
    "the year 1, east of Greenwich": _at("0001-01-01T00:00:00+14:00", "0001-01-01T00:10:00+14:00"),
    "the year 9999, west of Greenwich": _at("9999-12-31T23:49:59-14:00", "9999-12-31T23:59:59-14:00"),
    "an offset of +15:30": _at("2026-03-03T00:20:00+15:30", "2026-03-03T00:30:00+15:30"),
    "an offset of +24:00": _at(START, "2026-03-03T09:00:00+24:00"),
    "no offset": _at("2026-03-02T08:50:00", "2026-03-02T09:00:00"),
    "a leap second": _at("2026-03-02T08:50:00Z", "2026-03-02T08:59:60Z"),
    "24:00": _at("2026-03-01T23:50:00Z", "2026-03-01T24:00:00Z"),
    "30 February": _at("2026-02-28T08:50:00Z", "2026-02-30T09:00:00Z"),
    "nine decimals of a second": _at(START, "2026-03-02T09:00:00.000000999Z"),
    "a moment as a number": Kind({"finished_at": 1772442000}, {"started": None, "at": "1772442000"}),
    "no case": Kind({"case": ABSENT}, {"case": None}),
    "a blank case": Kind({"case": " "}, {"case": " "}),
    "an empty case": Kind({"case": ""}, {"case": ""}),
    "no activity": Kind({"activity": ABSENT}, {"activity": None}),
    "a text that is too long": Kind({"case": "x" * 201}, {"case": "x" * 201}),
    "NUL in a text": Kind({"case": "a\0b"}, {"case": "a\0b"}),
    "half a character": Kind({"case": bare('"\\ud800"')}, {"case": "\ud800"}),
    "a process that no address can hold": Kind({"process": "a/../b"}),
    "a number for a text": Kind({"activity": 7}),
    "null for a text": Kind({"activity": None}),
    "a list for a text": Kind({"activity": ["check"]}),
    "a text for a flag": Kind({"estimated": "yes"}),
    "neither person nor automation": Kind({"actor": {"kind": "robot"}}),
    "no actor": Kind({"actor": ABSENT}),
    "an actor that is no object": Kind({"actor": "person"}),
    "an outcome that is none": Kind({"outcome": "fine"}),
    "an id that is none": Kind({"corrects": "7"}),
    "it corrects itself": Kind({"corrects": str(OWN_ID)}, own_id=True),
    "it corrects what nobody knows": Kind({"corrects": str(UUID(int=99))}),
    "a cost below 0": _costing("-2", "-2", "-2"),
    "a cost of NaN": _costing("NaN", "NaN"),
    "NaN for a number": _costing(bare("NaN")),
    "an infinite cost": _costing("-Infinity", "-Infinity"),
    "10^400": _costing("1e400", "1e400"),
    "10^1000000": _costing("1e1000000", "1e1000000"),
    "10^-20": _costing("1e-20", "1e-20"),
    "10^400 for a number": _costing(bare("1" + "0" * 400)),
    "30 decimals": _costing(f"2.{'0' * 29}1", f"2.{'0' * 29}1"),
    "a cost as a number": _costing(bare("2.0")),
    "a comma for the decimal point": _costing("2,00", "2,00"),
    "a comma that may be either": _costing("2,000", "2,000"),
    "a cost with words": _costing("2 EUR", "2 EUR"),
    "a cost without currency": Kind({"cost": {"amount": "2"}}),
    "a cost that is no object": Kind({"cost": "2 EUR"}),
    "small letters for a currency": Kind({"cost": {"amount": "2", "currency": "eur"}}),
    "a currency that nobody knows": Kind({"cost": {"amount": "2", "currency": "XQX"}}),
    "a member that nobody knows": Kind({"colour": "red"}),
    "a member twice": Kind(twist=lambda text: text.replace('"case":', '"case": "first", "case":')),
    "work of null": Kind(whole=None),
    "work as a list": Kind(whole=[GOOD]),
    "work as a text": Kind(whole="check"),
    "work without a member": Kind(whole={}),
}

ANSWER: dict[str, Any] = {"score": 5, "team": "ap", "process": "p", "answered_at": END}
ANSWERS: dict[str, dict[str, Any]] = {
    "a score of 0": {"score": 0},
    "a score of 6": {"score": 6},
    "a score of 4.5": {"score": 4.5},
    "a score of 5.0": {"score": 5.0},
    "a score as a text": {"score": "5"},
    "a score of true": {"score": True},
    "a score of 10^400": {"score": 10**400},
    "no score": {"score": ABSENT},
    "no team": {"team": ABSENT},
    "a team that is too long": {"team": "x" * 256},
    "a process that no address can hold": {"process": ".."},
    "NUL in a text": {"team": "a\0b"},
    "no moment": {"answered_at": ABSENT},
    "no offset": {"answered_at": "2026-03-02T09:00:00"},
    "before 1970": {"answered_at": "1969-12-31T09:00:00Z"},
    "more than 366 days ahead": {"answered_at": _AHEAD},
    "a member that nobody knows": {"colour": "red"},
}

OBSERVATION: dict[str, Any] = {"process": "p", "case": "c", "at": END}
OBSERVATIONS: dict[str, dict[str, Any]] = {
    "no case": {"case": ABSENT},
    "a case that is too long": {"case": "x" * 201},
    "no moment": {"at": ABSENT},
    "no offset": {"at": "2026-03-02T09:00:00"},
    "before 1970": {"at": "1969-12-31T09:00:00Z"},
    "more than 366 days ahead": {"at": _AHEAD},
    "a process that no address can hold": {"process": ".."},
}


def values(begin: str, end: str) -> dict[str, bytes]:
    """Return what stands in place of a message's value, or a request's body; a good one is a work block between these."""
    good = f"{begin}{json.dumps(GOOD)}{end}"
    return {
        "nothing": b"",
        "null": b"null",
        "a list": b"[]",
        "no JSON": b"<work/>",
        "JSON that is cut off": good[:40].encode(),
        "JSON with more behind it": good.encode() + b"x",
        "JSON with a byte order mark": b"\xef\xbb\xbf" + good.encode(),
        "JSON as UTF-16": good.encode("utf-16"),
        "bytes that are no UTF-8": good.encode().replace(b"check", b"\xff"),
        "900 kB of nonsense": NONSENSE,
        "100,000 brackets": f'{{"more": {NESTED}'.encode(),
        "100,000 brackets that are closed": f'{{"more": {NESTED}{"]" * len(NESTED)}, {good[1:]}'.encode(),
    }


# Of a message's headers; ABSENT leaves one out. All carry good work.
HEADERS: dict[str, dict[str, Any]] = {
    "none at all": dict.fromkeys(
        ("ce_specversion", "ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "ce_tenant", "content-type"),
        ABSENT,
    ),
    "ce_specversion 0.3": {"ce_specversion": "0.3"},
    "no ce_id": {"ce_id": ABSENT},
    "a ce_id that is no UUID": {"ce_id": "42"},
    "a ce_id of 100 kB": {"ce_id": "a" * 100_000},
    "the ce_id of an event before it": {"ce_id": "@before"},
    "no ce_type": {"ce_type": ABSENT},
    "a ce_type that nobody knows": {"ce_type": "org.example.claim.settled.v7"},
    "a later version of an operation": {"ce_type": "analytics.operation.recorded.v2"},
    "a later version of an observation": {"ce_type": "analytics.observation.recorded.v2"},
    "a later version of an answer": {"ce_type": "analytics.survey.answered.v10"},
    "a later version of another service's event": {"ce_type": "billing.invoice.approved.v2"},
    "a version between two": {"ce_type": "billing.invoice.approved.v1.1"},
    "an event of ours without version": {"ce_type": "hr.employee.joined"},
    "a ce_type of 100 kB": {"ce_type": "a" * 100_000},
    "no ce_source": {"ce_source": ABSENT},
    "no ce_time": {"ce_time": ABSENT},
    "a ce_time that is none": {"ce_time": "yesterday"},
    "a ce_time without offset": {"ce_time": "2026-03-02T09:00:00"},
    "a ce_time in the year 1": {"ce_time": "0001-01-01T00:00:00+14:00"},
    "a ce_time in the year 9999": {"ce_time": "9999-12-31T23:59:59-14:00"},
    "no ce_tenant": {"ce_tenant": ABSENT},
    "a ce_tenant with blanks": {"ce_tenant": "acme corp"},
    "NUL in ce_tenant": {"ce_tenant": "acme\0"},
    "a ce_tenant of 100 kB": {"ce_tenant": "a" * 100_000},
    "a traceparent that is none": {"ce_traceparent": "x"},
    "another content-type": {"content-type": "application/avro"},
}
