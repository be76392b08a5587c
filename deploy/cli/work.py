"""What relays and consumers tell of themselves: a service may answer every request while nobody does its work."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from deploy.cli.check import Check
from deploy.registry import SERVICES, load_service
from deploy.standalone.directory import StackState
from deploy.standalone.readiness import DIRECT

# Beyond these Prometheus pages somebody (deploy/prometheus/rules.yml).
LONGEST_WAIT_S, LONGEST_QUEUE = 60.0, 10_000
PATIENCE_S, LOOK_S = 5.0, 0.5  # one that has just been started has handled nothing yet

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Told:
    """What a part exports; without samples, `silence` says why."""

    samples: Sequence[tuple[str, Labels, float]] = ()
    silence: str = ""

    def values(self, name: str, **labels: str) -> list[tuple[Labels, float]]:
        return [
            (found, value)
            for sample, found, value in self.samples
            if sample == f"trastienda_{name}" and labels.items() <= found.items()
        ]


@dataclass(frozen=True)
class Workers:
    """The relay and the consumers of a service."""

    name: str
    groups: Sequence[str]
    relay: Told
    consume: Told

    @property
    def standing(self) -> list[str]:
        """Return the consumers that do not run."""
        return [
            group
            for group in self.groups
            if not any(value for _, value in self.consume.values("consumer_running", group=group))
        ]

    @property
    def well(self) -> bool:
        return not (self.relay.silence or self.consume.silence or self.standing)

    def checks(self) -> Iterator[Check]:
        yield self._outbox()
        yield self._consumers()
        if self.groups and not self.consume.silence:
            yield self._dead_letters()

    def _outbox(self) -> Check:
        name = f"{self.name} outbox"
        ages = [age for _, age in self.relay.values("outbox_oldest_age_seconds", service=self.name)]
        if not ages:
            return Check(
                name, "failed", f"the relay does not answer: {self.relay.silence or 'it measured nothing yet'}"
            )
        detail = f"the oldest event waits for {ages[0]:.1f} s" if ages[0] else "empty"
        return Check(name, "warning" if ages[0] > LONGEST_WAIT_S else "ok", detail)

    def _consumers(self) -> Check:
        name = f"{self.name} consumers"
        if self.consume.silence:
            return Check(name, "failed", f"they do not answer: {self.consume.silence}")
        if not self.groups:
            return Check(name, "ok", "none")
        lags = {group: sum(lag for _, lag in self.consume.values("consumer_lag", group=group)) for group in self.groups}
        told = [
            f"{group} {'does not run' if group in self.standing else 'runs'}, {lag:,.0f} messages wait"
            for group, lag in lags.items()
        ]
        late = any(lag > LONGEST_QUEUE for lag in lags.values())
        return Check(name, "failed" if self.standing else "warning" if late else "ok", "; ".join(told))

    def _dead_letters(self) -> Check:
        letters = [
            (labels, count)
            for group in self.groups
            for labels, count in self.consume.values("dead_letters_total", group=group)
            if count
        ]
        told = [f"{count:,.0f} of {labels['group']} ({labels['reason']})" for labels, count in letters]
        detail = f"set aside since it started: {', '.join(told)}" if told else "none since it started"
        return Check(f"{self.name} dead letters", "warning" if told else "ok", detail)


def work(state: StackState, patience_s: float = PATIENCE_S) -> Iterator[Check]:
    """Say of each service whether its events go out and come in; waits a little for those that have just started."""
    deadline = time.monotonic() + patience_s
    found = workers(state.metrics)
    while not all(each.well for each in found) and time.monotonic() < deadline:
        time.sleep(LOOK_S)
        found = workers(state.metrics)
    for each in found:
        yield from each.checks()


def workers(ports: Mapping[str, int]) -> list[Workers]:
    """Ask every port once: parts in one process tell all of them the same."""
    answers = {port: told_at(port) for port in set(ports.values())}
    unknown = Told(silence="stack.json does not say where")

    def told_by(kind: str, name: str) -> Told:
        return answers.get(ports.get(f"{kind} {name}", 0), unknown)

    groups = {name: [each.group for each in load_service(name).consumptions] for name in SERVICES}
    return [Workers(name, groups[name], told_by("relay", name), told_by("consume", name)) for name in SERVICES]


def told_at(port: int) -> Told:
    from prometheus_client.parser import text_string_to_metric_families

    try:
        with DIRECT.open(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
    except (OSError, ValueError) as error:
        return Told(silence=str(error))
    return Told([(sample.name, sample.labels, sample.value) for family in families for sample in family.samples])
