"""quixstreams: number and mean of `work.touch` by activity and five minutes of event time. BOOTSTRAP TOPIC COUNT LATE_DAYS.

The topic's key is the activity: quixstreams counts by the message's key. Late events count where they belong, so that
the grace is as long as they may be late. No changelog topics.
"""

import logging
import sys
import tempfile
import uuid
import warnings
from datetime import datetime, timedelta
from typing import Any

warnings.simplefilter("ignore")
from quixstreams import Application  # noqa: E402 - after the filter: it warns while it is imported
from quixstreams.dataframe.windows import Count, Mean  # noqa: E402 - as above

from tests.performance.rivals._figures import Meter  # noqa: E402 - as above

bootstrap, topic, count, late = sys.argv[1], sys.argv[2], int(sys.argv[3]), timedelta(days=int(sys.argv[4]))
logging.disable(logging.WARNING)
meter = Meter()


def event_time(value: dict[str, Any], _headers: object, _timestamp: float, _kind: object) -> int:
    return int(datetime.fromisoformat(value["work"]["finished_at"]).timestamp() * 1_000)


def touch(value: dict[str, Any]) -> dict[str, float]:
    meter.see()
    work = value["work"]
    took = datetime.fromisoformat(work["finished_at"]) - datetime.fromisoformat(work["started_at"])
    return {"touch": took.total_seconds()}


def done(_value: dict[str, Any]) -> None:
    if meter.seen == count:
        meter.end()


with tempfile.TemporaryDirectory() as folder:
    app = Application(
        broker_address=bootstrap,
        consumer_group=str(uuid.uuid4()),
        auto_offset_reset="earliest",
        state_dir=folder,
        use_changelog_topics=False,
    )
    source = app.topic(topic, value_deserializer="json", timestamp_extractor=event_time)
    rows = app.dataframe(source).apply(touch)
    rows.tumbling_window(timedelta(minutes=5), grace_ms=late).agg(n=Count(), mean=Mean("touch")).final()
    rows.update(done)
    app.run(count=count, timeout=60)
assert meter.seen == count, f"{meter.seen} of {count} events came"
meter.tell()
