"""The tables of docs/kpi.md that say what becomes of bad input: one row a kind, one column a door."""

from pathlib import Path

TEXT = (Path(__file__).parents[3] / "docs/kpi.md").read_text()
IMPOSSIBLE = "-"


def told(section: str) -> dict[str, dict[str, str]]:
    """Return a table's outcomes by kind and door, without those that a door cannot be brought to."""
    begin = TEXT.index(f"\n### {section}\n")
    lines = TEXT[begin:].split("\n\n")[1:]
    (table,) = [part for part in lines[:4] if part.startswith("| ")][:1]
    head, _rule, *rows = ([cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines())
    return {
        kind: {door: cell for door, cell in zip(head[1:], cells, strict=True) if cell != IMPOSSIBLE}
        for kind, *cells in rows
    }


def of_door(section: str, door: str) -> dict[str, str]:
    """Return the outcomes of one door by kind."""
    return {kind: outcomes[door] for kind, outcomes in told(section).items() if door in outcomes}
