"""The command line without a stack: what it says, where, and how it ends."""

import os
import re
import shlex
import subprocess
from datetime import date
from pathlib import Path

import jwt
import pytest
from rich.console import Console

from deploy.cli.console import CommandError
from deploy.cli.demo import begin, cut_off_note, load_note, marker
from deploy.cli.doctor import ready_report
from deploy.cli.kpi import lists_of, table_of
from deploy.cli.target import DEFAULT_DATA, command_line, find_target
from deploy.cli.up import ConsoleReport, welcome
from deploy.parts import parse
from deploy.standalone.errors import ServerError
from deploy.standalone.issuer import DevelopmentIssuer
from deploy.standalone.supervisor import Options, Stack

EVENT = "01979b3c-5a1e-7c44-9d2b-6f0e8a51c7d3"
LAUNCHER = Path(__file__).parents[2] / "trastienda"


def command(*arguments: object, data: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("TRASTIENDA_")}
    environment = own | {"TRASTIENDA_DATA": str(data)} | variables
    return subprocess.run(
        [LAUNCHER, *map(str, arguments)], env=environment, capture_output=True, text=True, check=False
    )


def test_help_names_every_command(tmp_path: Path) -> None:
    said = command("--help", data=tmp_path).stdout
    names = "up test serve relay consume migrate rebuild token import-log kpi withdraw doctor bench demo"
    assert all(f" {name} " in said for name in names.split())


def make_keys(data: Path) -> None:
    """Leave the keys that `up` makes when it starts for the first time."""
    DevelopmentIssuer(data / "keys", "development")


def test_token_prints_the_token_alone(tmp_path: Path) -> None:
    make_keys(tmp_path)
    result = command("token", "--tenant", "acme", "--role", "manager", data=tmp_path)
    assert result.stderr == ""
    claims = jwt.decode(result.stdout.strip(), options={"verify_signature": False})
    assert (claims["tenant"], claims["actor_kind"]) == ("acme", "person")
    assert result.stdout == f"{result.stdout.strip()}\n"


def test_a_machine_is_no_person(tmp_path: Path) -> None:
    make_keys(tmp_path)
    token = command("token", "--role", "billing", data=tmp_path).stdout.strip()
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["tenant"], claims["actor_kind"]) == ("local", "automation")


def test_development_tokens_do_not_exist_in_production(tmp_path: Path) -> None:
    result = command("token", "--role", "admin", data=tmp_path, TRASTIENDA_ENVIRONMENT="production")
    assert (result.returncode, result.stdout) == (1, "")
    assert "development" in result.stderr


def test_a_token_of_a_place_where_nothing_is_makes_nothing(tmp_path: Path) -> None:
    for data in (tmp_path, tmp_path / "mistyped"):
        result = command("token", "--role", "admin", "--data", data, data=tmp_path)
        assert (result.returncode, result.stdout) == (1, "")
        assert f"no keys to sign a token with in {data}. ./trastienda up --data {data} makes them" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("tenant", ["a b", "", "-a", "a/b", "ñ", "a" * 65])
def test_a_tenant_that_no_service_admits_gets_no_token(tmp_path: Path, tenant: str) -> None:
    make_keys(tmp_path)
    result = command("token", "--role", "admin", "--tenant", tenant, data=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert "1 to 64 letters, digits, dots, dashes and underscores, beginning with a letter or digit" in result.stderr


def test_a_place_that_cannot_be_is_said_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for data in (tmp_path / "file", tmp_path / "file" / "below"):
        result = command("up", "--data", data, data=tmp_path)
        assert (result.returncode, result.stdout) == (1, "")
        assert f"error: {data} cannot be the data directory: " in result.stderr
        assert "Traceback" not in result.stderr
    for ready in (tmp_path / "nowhere" / "ready", tmp_path, tmp_path / "file" / "ready"):
        result = command("up", "--ready-file", ready, data=tmp_path / "data")
        assert (result.returncode, result.stdout) == (2, "")
        assert f"error: --ready-file {ready} cannot be: " in result.stderr
        assert "Traceback" not in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_command_to_copy_reaches_the_same_place(tmp_path: Path) -> None:
    assert command_line("kpi", data=DEFAULT_DATA) == "./trastienda kpi"
    said = command_line("kpi", "--process", "it's", data=tmp_path / "my data", tenant="zz")
    assert shlex.split(said) == [
        *("./trastienda", "kpi", "--process", "it's"),
        *("--tenant", "zz", "--data", str(tmp_path / "my data")),
    ]
    (data := tmp_path / "my data").mkdir()
    (said,) = re.findall(r"Start it with (.+), or set", command("kpi", "--data", data, data=tmp_path).stderr)
    assert shlex.split(said) == ["./trastienda", "up", "--data", str(data)]


def test_a_demo_of_another_seed_is_told_with_the_way_to_get_it(tmp_path: Path) -> None:
    marker(tmp_path).write_text("1", encoding="utf-8")
    same, other = load_note(tmp_path, 1), load_note(tmp_path, 2)
    assert "seed 1;" in same
    assert "load" not in same
    assert f"./trastienda demo clear --data {tmp_path} && ./trastienda demo load --seed 2 --data {tmp_path}" in other


def test_a_load_that_was_cut_off_goes_on_as_it_began_or_not_at_all(tmp_path: Path) -> None:
    assert begin(tmp_path, 1, date(2026, 3, 1)) == date(2026, 3, 1)
    assert begin(tmp_path, 1, date(2026, 3, 2)) == date(2026, 3, 1)
    assert cut_off_note(tmp_path, 1) == ""
    note = cut_off_note(tmp_path, 2)
    assert f"./trastienda demo load --seed 1 --data {tmp_path} goes on" in note
    refused = command("demo", "load", "--seed", "2", data=tmp_path)
    assert (refused.returncode, refused.stderr) == (1, f"error: {note}\n")


@pytest.mark.parametrize("columns", ["80", "1000"])
async def test_the_box_can_be_copied_and_a_seed_that_changes_nothing_is_said(
    columns: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRASTIENDA_ISSUER", "https://elsewhere")  # prints no tokens
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr("deploy.cli.up.out", Console())
    stack = Stack(Options(data := tmp_path / "my data", ready_file=tmp_path / "ready"), ConsoleReport())
    stack.directory.prepare()
    marker(data).write_text("1", encoding="utf-8")
    await welcome(stack, demo_seed=2)
    said = capsys.readouterr().out
    assert ("│" in said) == (columns == "1000")
    lines = [line.strip("│ ") for line in said.splitlines()]
    commands = [shlex.split(line) for line in lines if line.startswith("./trastienda")]
    assert [each[-2:] for each in commands] == [["--data", str(data)]] * 3
    assert commands[0][1:4] == ["kpi", "--tenant", "demo"]
    assert "with seed 1, not 2" in said
    assert (tmp_path / "ready").exists()
    monkeypatch.setattr(stack, "options", Options(data, ready_file=tmp_path / "gone" / "ready"))
    with pytest.raises(ServerError, match="the ready file"):
        stack.announce()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            ["token", "--role", "king"],
            1,
            "no role is called 'king'; there are viewer, operator, manager, director, admin",
        ),
        (["token"], 2, "--role"),
        (["kpi"], 1, "nothing runs in"),
        (["import-log", "/nowhere.xes", "--process", "p"], 2, "/nowhere.xes"),
        (["import-log", __file__, "--process", "p", "--column", "case"], 2, "--column takes"),
        (["withdraw", "7", "--reason", "sent twice"], 2, "should be a valid UUID"),
        (["withdraw", EVENT], 2, "--reason"),
        (["withdraw", EVENT, "--reason", "sent twice"], 1, "nothing runs in"),
        (["serve", "payroll"], 2, "no service is called 'payroll'"),
        (["relay", "gateway"], 2, "no service is called 'gateway'"),
        (["bench", "nothing"], 2, "no benchmark is called 'nothing'"),
        (["demo", "clear"], 1, "nothing runs in"),
        (["serve", "billing", "--port", "1"], 78, "not set: TRASTIENDA_"),
        (["up", "--port-base", "70000"], 2, "65530"),
    ],
)
def test_mistakes_are_named_without_a_traceback(tmp_path: Path, arguments: list[str], code: int, said: str) -> None:
    result = command(*arguments, data=tmp_path)
    assert said in result.stderr.replace("\n", " ")
    assert "Traceback" not in result.stderr
    assert (result.returncode, result.stdout) == (code, "")


def test_a_setting_that_nothing_reads_stops_a_part(tmp_path: Path) -> None:
    result = command("migrate", "billing", data=tmp_path, TRASTIENDA_DATABSE_URL="postgresql://x/y")
    assert result.returncode == 78
    assert "TRASTIENDA_DATABSE_URL is not a setting" in result.stderr


def test_a_gateway_that_is_away_is_said_so(tmp_path: Path) -> None:
    result = command("kpi", data=tmp_path, TRASTIENDA_URL="http://127.0.0.1:9", TRASTIENDA_TOKEN="t")
    assert result.returncode == 1
    assert "http://127.0.0.1:9 cannot be reached" in result.stderr


def test_doctor_says_what_is_installed_and_fails_when_nothing_runs(tmp_path: Path) -> None:
    result = command("doctor", data=tmp_path)
    assert result.returncode == 1
    assert "PostgreSQL) 18." in result.stdout
    assert "nothing runs in" in result.stdout


def test_the_address_of_somebody_elses_installation_needs_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRASTIENDA_URL", "https://back.office/")
    monkeypatch.delenv("TRASTIENDA_TOKEN", raising=False)
    with pytest.raises(CommandError, match="TRASTIENDA_TOKEN"):
        find_target(tmp_path, "local", "viewer")
    monkeypatch.setenv("TRASTIENDA_TOKEN", "given")
    target = find_target(tmp_path, "local", "viewer")
    assert (target.url, target.token) == ("https://back.office", "given")


def test_a_part_that_is_away_is_not_ready() -> None:
    assert "refused" in str(ready_report("http://127.0.0.1:9")["status"])


def test_indicators_come_as_one_table_and_one_per_group() -> None:
    kpis = [
        {"id": "error_rate", "value": 0.25, "unit": "ratio", "n": 1200, "band": "poor", "advice": "Look."},
        {
            "id": "cost_per_operation",
            "value": None,
            "unit": None,
            "n": 0,
            "band": "insufficient-data",
            "advice": "Set.",
        },
    ]
    lists = lists_of({"kpis": kpis, "groups": [{"group": {"team": "north", "day": None}, "kpis": kpis}]})
    assert [title for title, _ in lists] == ["", "team: north, day: -"]
    table = table_of(*lists[1])
    assert list(table.columns[1].cells) == ["0.250", "-"]
    assert list(table.columns[3].cells) == ["1,200", "0"]


def test_a_part_is_named_as_containers_do() -> None:
    options = parse(["--host", "0.0.0.0", "--port", "8000", "relay", "billing"])
    assert (options.kind, options.name, options.host, options.port) == ("relay", "billing", "0.0.0.0", 8000)
    with pytest.raises(SystemExit):
        parse(["relay", "gateway"])
