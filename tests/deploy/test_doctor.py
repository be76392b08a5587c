"""What `doctor` makes of the metrics of relays and consumers."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from deploy.cli.check import Check
from deploy.cli.work import work
from deploy.registry import SERVICES, load_service
from deploy.standalone.directory import StackState

[GROUP] = [each.group for each in load_service("analytics").consumptions]
OUTBOXES = "".join(f'trastienda_outbox_oldest_age_seconds{{service="{name}"}} 0.0\n' for name in SERVICES)
LABELS = [f"{kind} {name}" for name in SERVICES for kind in ("relay", "consume")]
RUNS = f'trastienda_consumer_running{{group="{GROUP}"}} 1.0\n'


@contextmanager
def exporting(*answers: str) -> Iterator[StackState]:
    """Give a stack whose parts all export the first answer, then the next; the last one stays."""
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = (left.pop(0) if len(left) > 1 else left[0]).encode()
            self.send_response(200 if body else 500)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield StackState(1, "", "one process", {}, {}, dict.fromkeys(LABELS, server.server_port))
        finally:
            server.shutdown()
            thread.join()


def checks(state: StackState, patience_s: float = 0.0) -> dict[str, Check]:
    return {check.name: check for check in work(state, patience_s)}


def test_what_works_is_said_of_every_service() -> None:
    lag = "".join(f'trastienda_consumer_lag{{group="{GROUP}",topic="{topic}"}} 2.0\n' for topic in ("a", "b"))
    with exporting(OUTBOXES + RUNS + lag) as state:
        found = checks(state)
    assert {check.status for check in found.values()} == {"ok"}
    assert found["analytics consumers"].detail == f"{GROUP} runs, 4 messages wait"
    assert {f"{name} {what}" for name in SERVICES for what in ("outbox", "consumers")} <= found.keys()


@pytest.mark.parametrize("metric", [RUNS.replace("1.0", "0.0"), ""], ids=["stopped", "never started"])
def test_a_consumer_that_stands_fails(metric: str) -> None:
    with exporting(OUTBOXES + metric) as state:
        found = checks(state)
    assert [check.name for check in found.values() if check.status == "failed"] == ["analytics consumers"]
    assert "does not run" in found["analytics consumers"].detail


def test_dead_letters_and_long_waits_are_warnings() -> None:
    dead = f'trastienda_dead_letters_total{{group="{GROUP}",reason="no-time"}} 3.0\n'
    old = OUTBOXES.replace('{service="hr"} 0.0', '{service="hr"} 75.25')
    with exporting(old + RUNS + dead + f'trastienda_consumer_lag{{group="{GROUP}",topic="t"}} 12000\n') as state:
        found = checks(state)
    assert {name for name, check in found.items() if check.status == "warning"} == {
        "hr outbox",
        "analytics consumers",
        "analytics dead letters",
    }
    assert "75.2 s" in found["hr outbox"].detail
    assert f"3 of {GROUP} (no-time)" in found["analytics dead letters"].detail
    assert "failed" not in {check.status for check in found.values()}


def test_one_that_has_just_started_is_waited_for() -> None:
    with exporting(OUTBOXES, OUTBOXES + RUNS) as state:
        found = checks(state, patience_s=3.0)
    assert found["analytics consumers"].status == "ok"


def test_a_part_that_does_not_answer_or_is_not_known_fails() -> None:
    with exporting(OUTBOXES + RUNS) as state:
        ports = {**state.metrics, "consume billing": 9}
        del ports["relay hr"]
        found = checks(replace(state, metrics=ports))
    assert {name for name, check in found.items() if check.status == "failed"} == {"billing consumers", "hr outbox"}
    assert "refused" in found["billing consumers"].detail
