"""Known event logs through the command line, the gateway and the event log, in every shape that can run."""

import json
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fixtures.indicators import compare_with_truth
from tests.fixtures.known_logs import FOLDER, figures_of, has_starts, known_logs, require, settings_of
from tests.fixtures.stack import Stack

pytestmark = pytest.mark.slow
LOGS = known_logs()


def import_known_log(stack: Stack, name: str, tenant: str) -> dict[str, Any]:
    """Import one log as a user would and return the indicators by id."""
    process = name.removesuffix(".gz").removesuffix(".xes")
    options = ["--process", process, "--tenant", tenant]
    told = settings_of(name)
    for resource in told.pop("automatic"):
        options += ["--automatic", resource]
    for setting, value in told.items():
        field = setting.removesuffix("_column")
        options += [f"--{setting.replace('_', '-')}", value] if field == setting else ["--column", f"{field}={value}"]
    stack.command("import-log", FOLDER / name, *options)
    answer = stack.json("kpi", "--process", process, "--tenant", tenant, "--exact")
    return {kpi["id"]: kpi for kpi in answer["kpis"]}


def check(stack: Stack, tenant: str) -> None:
    require(LOGS, "event logs with truth.json")
    for name in LOGS:
        first = import_known_log(stack, name, tenant)
        assert compare_with_truth(figures_of(name), first, has_starts=has_starts(name)) == []
        assert import_known_log(stack, name, tenant) == first


def test_known_logs_give_their_figures_and_again_the_same(stack: Stack, tenant: str) -> None:
    check(stack, tenant)


@pytest.fixture(scope="module")
def stack_on_kafka(kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("kafka-stack"), environment={"TRASTIENDA_KAFKA_BOOTSTRAP": kafka_bootstrap})
    stack.start()
    yield stack
    stack.end()


@pytest.mark.kafka
def test_known_logs_give_the_same_figures_over_kafka(stack_on_kafka: Stack, tenant: str) -> None:
    check(stack_on_kafka, tenant)


def test_the_report_of_an_import_is_printed(stack: Stack, tenant: str, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("case,activity,timestamp\n1,a,2026-01-01T00:00:00Z\n1,b,not a date\n")
    report = stack.json("import-log", log, "--process", "p", "--tenant", tenant)
    assert report["result"]["operations"] == 1
    assert sum(report["result"]["rejected"].values()) == 1


def test_an_import_and_an_event_are_taken_back(stack: Stack, tenant: str, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("case,activity,timestamp\n1,a,2026-01-01T00:00:00Z\n1,b,2026-01-02T00:00:00Z\n")
    asked = ("--process", "p", "--tenant", tenant)

    def known() -> list[str]:
        headers = {"Authorization": f"Bearer {stack.token('viewer', tenant)}"}
        answer = httpx.get(f"{stack.url}/analytics/kpis/automation_level/explanation?process=p", headers=headers)
        return [each["id"] for each in answer.json()["operations"]["items"]]

    stack.command("import-log", log, *asked)
    first, second = known()
    stack.command("withdraw", first, "--reason", "sent in error", "--tenant", tenant)
    deadline = time.monotonic() + 30
    while known() != [second]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    gone = stack.json("import-log", log, *asked, "--withdraw", "the wrong process")
    assert (gone["result"]["withdrawn"], known()) == (2, [])
    nothing = stack.command("import-log", log, *asked, "--withdraw", "again", "--revision", "7", check=False)
    assert (nothing.returncode, "nothing of this log was known" in nothing.stderr.replace("\n", " ")) == (1, True)
    anew = stack.json("import-log", log, *asked, "--revision", "1", "--missing", "withdraw")
    assert (anew["result"]["changes"], len(known())) == ({"new": 2}, 2)


def test_an_object_centric_log_is_imported_by_the_type_that_is_named(stack: Stack, tenant: str, tmp_path: Path) -> None:
    related = [{"objectId": each, "qualifier": ""} for each in ("o1", "i1", "i2")]
    event = {"id": "e", "type": "pack", "time": "2026-01-01T00:00:00Z", "relationships": related}
    objects = [{"id": "o1", "type": "order"}, {"id": "i1", "type": "item"}, {"id": "i2", "type": "item"}]
    log = tmp_path / "log.json"
    log.write_text(json.dumps({"events": [event], "objects": objects}))
    report = stack.json("import-log", log, "--process", "p", "--tenant", tenant, "--case-object-type", "item")
    assert (report["result"]["cases"], report["result"]["operations"]) == (2, 2)


def test_the_command_that_an_import_names_next_shows_what_came_in(stack: Stack, tenant: str, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("case,activity,timestamp\n1,a,2026-01-01T00:00:00Z\n")
    said = stack.command("import-log", log, "--process", "the [red] one", "--tenant", tenant).stdout
    words = shlex.split(said.partition("Next: ")[2].splitlines()[0])
    assert words[0] == "./trastienda"
    assert words[-2:] == ["--data", str(stack.data)]
    kpis = {kpi["id"]: kpi for kpi in stack.json(*words[1:])["kpis"]}
    assert kpis["automation_level"]["n"] == 1


def test_what_is_no_log_is_refused_with_a_hint(stack: Stack, tmp_path: Path) -> None:
    picture = tmp_path / "log.xes"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    refused = stack.command("import-log", picture, "--process", "p", check=False)
    assert refused.returncode != 0
    assert "Traceback" not in refused.stderr
    missing = stack.command("import-log", tmp_path / "nothing.xes", "--process", "p", check=False)
    assert missing.returncode != 0
    assert "Traceback" not in missing.stderr
