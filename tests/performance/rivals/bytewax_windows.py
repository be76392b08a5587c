"""bytewax: number and mean of `work.touch` by activity and five minutes of event time. BOOTSTRAP TOPIC COUNT LATE_DAYS.

Late events count where they belong, so that the watermark waits as long as they may be late.
"""

import sys
from datetime import UTC, datetime, timedelta

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.operators import windowing as win
from bytewax.testing import TestingSink, run_main

from tests.performance.rivals._figures import Meter

bootstrap, topic, count, late = sys.argv[1], sys.argv[2], int(sys.argv[3]), timedelta(days=int(sys.argv[4]))
meter = Meter()
State = tuple[int, float]


def read(message: KafkaSourceMessage) -> tuple[str, tuple[datetime, float]]:
    meter.see()
    work = orjson.loads(message.value)["work"]
    finished = datetime.fromisoformat(work["finished_at"])
    return work["activity"], (finished, (finished - datetime.fromisoformat(work["started_at"])).total_seconds())


def fold(state: State, value: tuple[datetime, float]) -> State:
    return state[0] + 1, state[1] + value[1]


def merge(one: State, other: State) -> State:
    return one[0] + other[0], one[1] + other[1]


found: list[tuple[str, tuple[int, State]]] = []
flow = Dataflow("windows")
messages = op.input("kafka", flow, KafkaSource([bootstrap], [topic], tail=False, batch_size=1_000))
keyed = op.map("read", messages, read)
clock = win.EventClock(lambda value: value[0], wait_for_system_duration=late)
windower = win.TumblingWindower(length=timedelta(minutes=5), align_to=datetime(2020, 1, 1, tzinfo=UTC))
folded = win.fold_window("fold", keyed, clock, windower, lambda: (0, 0.0), fold, merge)
op.output("out", folded.down, TestingSink(found))
run_main(flow)
meter.end()
n = sum(state[0] for _, (_, state) in found)
assert n == count == meter.seen, f"{n} of {count} events are in the windows"
meter.tell()
