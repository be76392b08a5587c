"""From rows to answers."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from services.analytics.indicators.schemas import PeriodOut
from services.analytics.indicators.selection import Selection
from services.analytics.indicators.sums import seconds
from services.analytics.processes import definitions
from services.analytics.processes.rules import Manual, Saving, Tariff, saving_of, total, total_hours
from services.analytics.processes.schemas import (
    CandidateOut,
    CandidatesOut,
    CandidatesQuery,
    DurationsOut,
    EdgeOut,
    QueueOut,
    SavingOut,
    SelectedOut,
    ThroughputOut,
    VariantOut,
    WaitsOut,
)
from shared.errors import Language


def selected(selection: Selection) -> dict[str, Any]:
    """Return the members that every answer begins with."""
    return {
        "period": PeriodOut(begin=selection.begin, end=selection.end),
        "filters": SelectedOut(
            process=selection.process or "",
            activity=selection.activity,
            team=selection.team,
            actor_kind=selection.actor_kind,
        ),
    }


def present_edge(row: Any) -> EdgeOut:
    wait_us = None if row.wait_us is None else int(row.wait_us)
    return EdgeOut(
        source=row.source,
        target=row.target,
        n=row.n,
        cases=row.cases,
        wait=WaitsOut(
            n=row.wait_n,
            mean=None if wait_us is None else seconds(wait_us, row.wait_n),
            median=row.wait_median,
            total=None if wait_us is None else wait_us / 1_000_000,
            unknown=row.n - row.wait_n,
            overlaps=row.overlap_n,
        ),
        elapsed=DurationsOut(
            n=row.n,
            mean=seconds(int(row.elapsed_us), row.n),
            median=row.elapsed_median,
            total=int(row.elapsed_us) / 1_000_000,
        ),
    )


def present_variant(row: Any) -> VariantOut:
    return VariantOut(
        id=row.id,
        activities=row.activities,
        length=row.length,
        cases=row.cases,
        share=row.cases / row.every,
        throughput=ThroughputOut(mean=int(row.duration_us) / (row.cases * 1_000_000), median=row.median),
        first_at=row.first_at,
        last_at=row.last_at,
    )


def present_candidates(
    selection: Selection, manual: Sequence[Manual], tariff: Tariff | None, asked: CandidatesQuery, language: Language
) -> CandidatesOut:
    savings = {each.activity: saving_of(each, tariff) if tariff else None for each in manual}
    return CandidatesOut(
        **selected(replace(selection, actor_kind=asked.actor_kind)),
        definition=definitions.CANDIDATES.present(language),
        coverage=asked.coverage,
        activities=len(manual),
        unmeasured=sum(each.hours is None for each in manual),
        hours=total_hours(manual),
        saving=_present_saving(total(savings.values()), tariff),
        items=[
            CandidateOut(
                activity=each.activity,
                n=each.n,
                measured=each.measured,
                mean=each.mean_s,
                hours=each.hours,
                saving=_present_saving(savings[each.activity], tariff),
            )
            for each in manual[: asked.top]
        ],
    )


def _present_saving(saving: Saving | None, tariff: Tariff | None) -> SavingOut | None:
    if saving is None or tariff is None:
        return None
    return SavingOut(
        labour=f"{saving.labour:f}",
        automation=f"{saving.automation:f}",
        net=f"{saving.net:f}",
        currency=tariff.currency,
    )


def present_queue(row: Any) -> QueueOut:
    idle_us = int(row.idle_us)
    return QueueOut(
        after=row.activity,
        cases=row.cases,
        oldest_first_at=row.oldest,
        idle_mean=idle_us / (row.cases * 1_000_000),
        idle_max=row.longest_us / 1_000_000,
        idle_total=idle_us / 1_000_000,
    )
