"""The benchmark of starts: what it prints, and that its control starts and stops real servers."""

from pathlib import Path

import pytest

from tests.performance import start
from tests.performance.start import Start


def test_the_table_gives_ratios_to_the_servers_alone() -> None:
    rows = {"servers alone": Start(2.0, 1.0, 0.5), "one process": Start(6.0, 2.5, 1.5, 350.2, 680.0)}
    head, alone, ours = start.render(rows).splitlines()
    assert "first start" in head
    assert alone.split() == ["servers", "alone", "2.0", "s", "(1.0", "x)", "1.0", "s", "(1.0", "x)", "0.5", "s"]
    assert "6.0 s (3.0 x)" in ours
    assert "2.5 s (2.5 x)" in ours
    assert ours.endswith("350 MiB   680 MiB")


def test_medians_are_taken_by_column() -> None:
    assert Start.median_of([Start(1, 9, 2), Start(2, 8, 3), Start(9, 1, 1)]) == Start(2, 8, 2)


def test_the_control_starts_the_servers_twice(tmp_path: Path) -> None:
    measured = start.control(tmp_path / "control")
    assert min(measured.first_s, measured.second_s, measured.stop_s) > 0


def test_help_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        start.main(["--help"])
    assert ended.value.code == 0
    assert "--rounds" in capsys.readouterr().out
