"""Kills of the analytics consumer (`kill -9`) at random moments against an undisturbed run: the same bytes in the end?

    python -m tests.performance.kills [--events 200000] [--kills 20] [--joins 1] [--seed 1] [--json]

Real Kafka, PostgreSQL with `fsync` on, the consumer as processes of its own, 10 % of the events published twice. Each
of the `joins` is a second member that comes and leaves again: two rebalances, beside those that kills make. Needs
Java 17+ and Maven, or TRASTIENDA_KAFKA_BOOTSTRAP. The exit code says whether all tables are equal.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

from tests.faults.killing import Plan, Report, run
from tests.performance.ingest import kafka


def render(report: Report) -> str:
    plan, kills = report.plan, report.kills
    places = ", ".join(str(kill.at) for kill in kills)
    pairs = ", ".join(f"{begin} - {end}" for begin, end in report.shared_by_two)
    open_ones, again = sum(kill.open_transactions > 0 for kill in kills), [each.come_again for each in kills]
    lines = [
        f"{plan.events} events, {report.messages} messages with duplicates, seed {plan.seed}",
        f"undisturbed {report.undisturbed_s:.1f} s; disturbed {report.disturbed_s:.1f} s",
        f"{len(kills)} kills at message {places}",
        f"  {open_ones} in an open transaction; {sum(n > 0 for n in again)} before the log's commit: {sum(again)} came again",
        f"two members at messages {pairs}; {report.generations} generations of the group",
    ]
    for table, (rows, digest) in report.disturbed.items():
        same = "equal" if report.undisturbed[table] == (rows, digest) else "DIFFERENT"
        lines.append(f"  {table:25} {rows:9} rows  {digest[:16]}  {same}")
    return "\n".join(lines)


def main(argv: list[str]) -> int:
    """Print what happened and whether the tables are equal."""
    parser = argparse.ArgumentParser(prog="bench kills", description=__doc__.splitlines()[0] if __doc__ else None)
    for name, default in (("events", 200_000), ("kills", 20), ("joins", 1), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    plan = Plan(options.events, options.kills, options.joins, options.seed)
    with kafka() as bootstrap, tempfile.TemporaryDirectory(prefix="trastienda-kills-") as folder:
        report = asyncio.run(run(plan, bootstrap, Path(folder)))
    sys.stdout.write((json.dumps(report.as_dict()) if options.json else render(report)) + "\n")
    return 0 if report.equal else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
