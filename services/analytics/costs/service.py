"""Reading and replacing the tenant's cost model. Operations are priced when asked, so a change needs no rebuild."""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.costs.schemas import CostModelIn, CostModelOut, FixedCostModel, HourlyRateModel
from services.analytics.tables import CostModel, FixedCost, HourlyRate
from shared.errors import DomainError
from shared.etag import check_version


class DuplicateEntry(DomainError):
    code, status = "duplicate-cost-entry", 422
    en = "The cost model says twice what costs {entry}."
    es = "El modelo de costes indica dos veces lo que cuesta {entry}."
    hint_en = "Keep one amount per team and day, and per process, activity, kind of actor and day."
    hint_es = "Deje un importe por equipo y día, y por proceso, actividad, tipo de actor y día."


async def read_cost_model(session: AsyncSession) -> tuple[CostModelOut, int]:
    """Return the model and its version; an empty model has version 0."""
    model = (await session.scalars(select(CostModel))).one_or_none()
    rates = await session.scalars(select(HourlyRate).order_by(HourlyRate.team, HourlyRate.valid_from))
    fixed = await session.scalars(
        select(FixedCost).order_by(FixedCost.process, FixedCost.activity, FixedCost.actor_kind, FixedCost.valid_from)
    )
    document = CostModelOut(
        currency=model.currency if model else None,
        hourly_rates=[
            HourlyRateModel(team=row.team or None, valid_from=row.valid_from, amount=_text(row.amount)) for row in rates
        ],
        fixed_costs=[
            FixedCostModel(
                process=row.process,
                activity=row.activity,
                actor_kind="person" if row.actor_kind == "person" else "automation" if row.actor_kind else None,
                valid_from=row.valid_from,
                amount=_text(row.amount),
            )
            for row in fixed
        ],
    )
    return document, model.version if model else 0


async def replace_cost_model(session: AsyncSession, document: CostModelIn, if_match: str | None) -> int:
    """Replace the whole model; return its new version. Raises PreconditionFailed, DuplicateEntry."""
    # The row stands for the model: taking it first keeps two edits apart, also the very first two.
    first = insert(CostModel).values(currency=document.currency, version=0).on_conflict_do_nothing()
    await session.execute(first)
    model = (await session.scalars(select(CostModel).with_for_update())).one()
    check_version(if_match, model.version)
    _refuse_duplicates(
        [("hourly_rates", rate.team, rate.valid_from) for rate in document.hourly_rates]
        + [
            ("fixed_costs", cost.process, cost.activity, cost.actor_kind, cost.valid_from)
            for cost in document.fixed_costs
        ]
    )
    await session.execute(delete(HourlyRate))
    await session.execute(delete(FixedCost))
    model.currency, model.version = document.currency, model.version + 1
    session.add_all(
        HourlyRate(team=rate.team or "", valid_from=rate.valid_from, amount=Decimal(rate.amount))
        for rate in document.hourly_rates
    )
    session.add_all(
        FixedCost(
            process=cost.process,
            activity=cost.activity,
            actor_kind=cost.actor_kind or "",
            valid_from=cost.valid_from,
            amount=Decimal(cost.amount),
        )
        for cost in document.fixed_costs
    )
    await session.flush()
    return model.version


def _refuse_duplicates(entries: Iterable[tuple[object, ...]]) -> None:
    for entry, times in Counter(entries).items():
        if times > 1:
            raise DuplicateEntry(entry=" / ".join(str(part) for part in entry if part is not None))


def _text(amount: Decimal) -> str:
    return f"{amount:f}"
