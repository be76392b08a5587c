"""`kill -9` of analytics consumers in the midst of their work leaves what an undisturbed run leaves, to the byte.

The full size is `./trastienda bench kills`.
"""

from pathlib import Path

import pytest

from tests.faults.killing import Plan, Report, run
from tests.faults.stage import ONE_EACH
from tests.fixtures.kafka import SILENT_MS
from tests.performance.kills import render

SHORT = Plan(events=12_000, kills=4, joins=1, batch=250, rest_ms=150, silent_ms=SILENT_MS, until=0.6)


def assert_exact(report: Report) -> None:
    """See that the run was what it is meant to be, and that it changed nothing."""
    plan = report.plan
    assert report.disturbed == report.undisturbed, render(report)
    assert (report.messages, report.dead_letters) == (plan.events + plan.events // 10, 0)
    facts = sum(report.disturbed[table][0] for table in ONE_EACH)
    assert facts == plan.events
    assert len(report.kills) == plan.kills
    assert all(kill.at < report.messages for kill in report.kills), render(report)
    assert all(begin < report.messages for begin, _ in report.shared_by_two), render(report)
    assert report.generations > 2 * plan.joins, "a kill soon after another needs no rebalance of its own"


@pytest.mark.slow
@pytest.mark.kafka
async def test_killed_consumers_leave_what_an_undisturbed_one_leaves(kafka_bootstrap: str, tmp_path: Path) -> None:
    assert_exact(await run(SHORT, kafka_bootstrap, tmp_path))
