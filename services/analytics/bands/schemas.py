"""Scales, as they come in and go out."""

from typing import Annotated, Literal

from pydantic import Field

from services.analytics.bands.rules import MINIMUM_N, Scale
from services.analytics.operations.schemas import Text
from shared.schemas import RequestModel, ResponseModel

Limit = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ScaleIn(RequestModel):
    """A tenant's own scale. Each limit still belongs to the band it names; `unit` is the indicator's (a currency for cost)."""

    unit: Annotated[str, Text(10)]
    excellent: Limit
    good: Limit
    acceptable: Limit
    minimum_n: Annotated[int, Field(ge=1, le=1_000_000)] = MINIMUM_N
    source: Annotated[str, Text(500)]


class ScaleOut(ResponseModel):
    """The scale in force for an indicator of `process`; `origin` says whose it is."""

    kpi: str
    process: str | None
    better: Literal["lower", "higher"]
    unit: str
    excellent: float
    good: float
    acceptable: float
    minimum_n: int
    source: str
    origin: Literal["tenant", "default"]


class ScalesOut(ResponseModel):
    items: list[ScaleOut]


def present_scale(scale: Scale, *, own: bool) -> ScaleOut:
    return ScaleOut(
        kpi=scale.kpi,
        process=scale.process or None,
        better=scale.better,
        unit=scale.unit,
        excellent=scale.excellent,
        good=scale.good,
        acceptable=scale.acceptable,
        minimum_n=scale.minimum_n,
        source=scale.source,
        origin="tenant" if own else "default",
    )
