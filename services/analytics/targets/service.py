"""Setting targets, and reading where they stand."""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.indicators.definitions import DEFINITIONS
from services.analytics.indicators.queries import part_of, read_figures
from services.analytics.indicators.rules import measure_one
from services.analytics.indicators.selection import Selection
from services.analytics.indicators.sums import Cost, Figures
from services.analytics.tables import Target
from services.analytics.targets.errors import (
    CurrencyMisplaced,
    CurrencyMissing,
    NeverMeasured,
    NotAShare,
    TargetExists,
    TooManyTargets,
)
from services.analytics.targets.rules import State, exact, judge, rounded, window
from services.analytics.targets.schemas import OwnerIn, TargetChange, TargetIn
from shared import clock
from shared.auth import Principal, pseudonym
from shared.errors import NotFound
from shared.etag import check_version
from shared.ids import uuid7

MAX_TARGETS = 500  # of a tenant: each is a statement a minute
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' targets ' || :tenant, 11))")
_PSEUDONYM = re.compile(r"[0-9a-f]{20}")


@dataclass(frozen=True, slots=True)
class Reading:
    """A target's figure over its period, as it is now."""

    state: State
    value: Decimal | None
    n: int
    begin: datetime
    end: datetime


async def create_target(session: AsyncSession, given: TargetIn, by: Principal, key: bytes) -> Target:
    """Set a target.

    Raises CurrencyMissing, CurrencyMisplaced, NotAShare, NeverMeasured, TooManyTargets, TargetExists.
    """
    _check(given)
    await session.execute(_LOCK, {"tenant": by.tenant})  # or two at once would both count one less than the limit
    if (await session.execute(select(func.count()).select_from(Target))).scalar_one() >= MAX_TARGETS:
        raise TooManyTargets(limit=MAX_TARGETS)
    names = {"process": given.process, "kpi": given.kpi, "activity": given.activity or "", "team": given.team or ""}
    names["currency"] = given.currency or ""
    values = {**names, "id": uuid7(), **_editable(given, by, key), "state": "unknown", "changes": 0, "version": 1}
    statement = insert(Target).values({**values, "last_n": 0}).on_conflict_do_nothing().returning(Target)
    row = (await session.scalars(statement)).one_or_none()
    if row is None:
        taken = select(Target.id).filter_by(**names)
        raise TargetExists(target=str((await session.execute(taken)).scalar_one_or_none()))
    return row


async def change_target(
    session: AsyncSession, target_id: UUID, given: TargetChange, by: Principal, key: bytes, if_match: str | None
) -> Target:
    """Edit a target; it is evaluated anew soon. Raises NotFound, PreconditionFailed, NotAShare.

    What was found of another limit, or told another owner, says nothing of the new one: the state is unknown again.
    """
    row = await _locked(session, target_id, if_match)
    _check_share(row.kpi, given.value)
    edited = _editable(given, by, key)
    if any(getattr(row, name) != value for name, value in edited.items()):
        row.state, row.since, row.last_value, row.last_n = "unknown", None, None, 0
    for name, value in edited.items():
        setattr(row, name, value)
    row.version += 1
    row.evaluated_at = None
    await session.flush()
    return row


async def drop_target(session: AsyncSession, target_id: UUID, if_match: str | None) -> None:
    """Watch it no more; nothing is told. Raises NotFound, PreconditionFailed."""
    await session.delete(await _locked(session, target_id, if_match))
    await session.flush()


async def find_target(session: AsyncSession, target_id: UUID) -> Target:
    """Return a target of the session's tenant. Raises NotFound."""
    row = (await session.scalars(select(Target).where(Target.id == target_id))).one_or_none()
    if row is None:
        raise NotFound
    return row


async def read_target(session: AsyncSession, target: Target) -> Reading:
    """Return the target's figure now, in one statement."""
    begin, end = window(clock.now(), target.days)
    selection = Selection(
        process=target.process,
        activity=target.activity or None,
        team=target.team or None,
        begin=begin,
        end=end,
        details=False,
    )
    figures = await read_figures(session, selection, [part_of(target.kpi)])
    value, shown, n = _figure(figures.whole, target)
    return Reading(judge(DEFINITIONS[target.kpi].better, target.value, value, n), shown, n, begin, end)


def _figure(whole: Figures, target: Target) -> tuple[Decimal | Fraction | None, Decimal | None, int]:
    """Return the value to judge, the one to show, and on how many things it was measured. No amount is ever a float."""
    if target.kpi == "cost_per_operation":
        cost = whole.operations.costs.get(target.currency, Cost())
        n = cost.measured + cost.modelled
        mean = cost.total / n if n else None
        return mean, None if mean is None else rounded(mean), n
    measured = measure_one(whole, target.kpi, None)
    value = exact(measured.value)
    return value, value, measured.n


async def _locked(session: AsyncSession, target_id: UUID, if_match: str | None) -> Target:
    mine = select(Target).where(Target.id == target_id).with_for_update()
    row = (await session.scalars(mine)).one_or_none()
    if row is None:
        raise NotFound
    check_version(if_match, row.version)
    return row


def _editable(given: TargetChange, by: Principal, key: bytes) -> dict[str, object]:
    return {
        "value": Decimal(given.value),
        "days": given.days,
        "owner_kind": given.owner.kind,
        "owner_id": _name_of(given.owner, by, key),
    }


def _name_of(owner: OwnerIn, by: Principal, key: bytes) -> str:
    """Return the owner as it may be stored; what was answered as a pseudonym can be sent back."""
    if owner.kind == "team" or _PSEUDONYM.fullmatch(owner.id):
        return owner.id
    return pseudonym(key, by.tenant, owner.id)


def _check(given: TargetIn) -> None:
    if given.kpi == "cost_per_operation" and given.currency is None:
        raise CurrencyMissing
    if given.kpi != "cost_per_operation" and given.currency is not None:
        raise CurrencyMisplaced(kpi=given.kpi)
    if given.kpi == "internal_satisfaction" and given.activity is not None:
        raise NeverMeasured(kpi=given.kpi)
    _check_share(given.kpi, given.value)


def _check_share(kpi: str, value: str) -> None:
    if DEFINITIONS[kpi].unit == "ratio" and Decimal(value) > 1:
        raise NotAShare(kpi=kpi, value=value)
