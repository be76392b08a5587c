"""The scales in force: the tenant's own before the project's, a process's own before the general one."""

from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.bands.defaults import default_scale
from services.analytics.bands.rules import Scale, choose_scale, in_order
from services.analytics.bands.schemas import ScaleIn
from services.analytics.indicators.definitions import DEFINITIONS, Definition
from services.analytics.tables import BandScale
from shared.errors import DomainError, NotFound
from shared.etag import check_version

CURRENCY_LENGTH = 3


class LimitsCross(DomainError):
    code, status = "limits-cross", 422
    en = "The limits of {kpi} must go one way, from excellent to acceptable: here {better} is better."
    es = "Los límites de {kpi} deben ir en un sentido, de excellent a acceptable: aquí es mejor {better}."
    hint_en = "With lower, excellent <= good <= acceptable; with higher, excellent >= good >= acceptable."
    hint_es = "Con lower, excellent <= good <= acceptable; con higher, excellent >= good >= acceptable."


class WrongUnit(DomainError):
    code, status = "wrong-unit", 422
    en = "{kpi} is measured in {expected}, not in {unit}."
    es = "{kpi} se mide en {expected}, no en {unit}."
    hint_en = "Give them with the unit {expected}."
    hint_es = "Indíquelos con la unidad {expected}."


@dataclass(frozen=True, slots=True)
class Scales:
    """The tenant's own scales, on top of the defaults."""

    own: list[Scale] = field(default_factory=list)

    def in_force(self, kpi: str, process: str) -> Scale | None:
        return choose_scale(self.own, kpi, process) or default_scale(kpi, process)


async def read_scales(session: AsyncSession) -> Scales:
    """Return the scales of the session's tenant."""
    rows = await session.scalars(select(BandScale).where(BandScale.version > 0))
    return Scales([_scale_of(row) for row in rows])


async def read_own(session: AsyncSession, kpi: str, process: str) -> BandScale | None:
    """Return the tenant's scale of exactly this indicator and process."""
    found = await session.scalars(
        select(BandScale).where(BandScale.kpi == kpi, BandScale.process == process, BandScale.version > 0)
    )
    return found.one_or_none()


async def set_scale(session: AsyncSession, kpi: str, process: str, given: ScaleIn, if_match: str | None) -> BandScale:
    """Create or replace the tenant's scale. Raises PreconditionFailed, LimitsCross, WrongUnit."""
    definition = DEFINITIONS[kpi]
    _check(definition, given)
    # Version 0 is the default: inserting it first keeps two edits apart, also the very first two.
    values = {**given.model_dump(), "kpi": kpi, "process": process, "version": 0}
    await session.execute(insert(BandScale).values(values).on_conflict_do_nothing())
    row = (
        await session.scalars(
            select(BandScale).where(BandScale.kpi == kpi, BandScale.process == process).with_for_update()
        )
    ).one()
    check_version(if_match, max(row.version, 0))
    for name, value in given.model_dump().items():
        setattr(row, name, value)
    row.version = abs(row.version) + 1
    await session.flush()
    return row


async def drop_scale(session: AsyncSession, kpi: str, process: str, if_match: str | None) -> None:
    """Go back to the default. Raises NotFound when the tenant has no scale here, PreconditionFailed.

    The row stays to remember its version: another scale under a version that somebody has seen would let that one
    overwrite what it has not seen.
    """
    mine = select(BandScale).where(BandScale.kpi == kpi, BandScale.process == process).with_for_update()
    row = (await session.scalars(mine)).one_or_none()
    if row is None or row.version <= 0:
        raise NotFound
    check_version(if_match, row.version)
    row.version = -row.version
    await session.flush()


def _check(definition: Definition, given: ScaleIn) -> None:
    if not in_order(definition.better, given.excellent, given.good, given.acceptable):
        raise LimitsCross(kpi=definition.kpi, better=definition.better)
    is_currency = len(given.unit) == CURRENCY_LENGTH and given.unit.isalpha() and given.unit.isupper()
    if given.unit != definition.unit and not (definition.unit is None and is_currency):
        raise WrongUnit(kpi=definition.kpi, expected=definition.unit or "a currency (EUR)", unit=given.unit)


def _scale_of(row: BandScale) -> Scale:
    return Scale(
        kpi=row.kpi,
        process=row.process,
        better=DEFINITIONS[row.kpi].better,
        unit=row.unit,
        excellent=row.excellent,
        good=row.good,
        acceptable=row.acceptable,
        source=row.source,
        minimum_n=row.minimum_n,
    )
