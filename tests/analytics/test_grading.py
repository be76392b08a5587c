"""Bands and advice: limits from both sides, nothing graded without ground."""

import pytest

from services.analytics.bands.defaults import DEFAULTS, default_scale
from services.analytics.bands.rules import Scale, grade, in_order
from services.analytics.bands.service import Scales
from services.analytics.indicators.advice import ADVICE, advise
from services.analytics.indicators.definitions import DEFINITIONS

BANDS = ["excellent", "good", "acceptable", "poor"]


@pytest.mark.parametrize("scale", DEFAULTS, ids=lambda scale: f"{scale.kpi}/{scale.process}")
@pytest.mark.parametrize("step", [0, 1, 2])
def test_a_limit_belongs_to_its_band_and_the_next_value_does_not(scale: Scale, step: int) -> None:
    limit = (scale.excellent, scale.good, scale.acceptable)[step]
    beyond = limit * (1 + 1e-12) if scale.better == "lower" else limit * (1 - 1e-12)
    within = limit * (1 - 1e-12) if scale.better == "lower" else limit * (1 + 1e-12)
    n = scale.minimum_n
    assert grade(limit, scale.unit, n, scale) == BANDS[step]
    assert grade(within, scale.unit, n, scale) == BANDS[step]
    assert grade(beyond, scale.unit, n, scale) == BANDS[step + 1]


@pytest.mark.parametrize(("part", "whole", "band"), [(9, 10, "excellent"), (899, 1000, "good"), (8, 10, "good")])
def test_rates_that_are_exactly_a_limit_are_graded_as_the_limit(part: int, whole: int, band: str) -> None:
    assert grade(part / whole, "ratio", whole, default_scale("internal_satisfaction", "")) == band


def test_every_default_runs_one_way_says_its_source_and_fits_its_definition() -> None:
    for scale in DEFAULTS:
        definition = DEFINITIONS[scale.kpi]
        assert in_order(scale.better, scale.excellent, scale.good, scale.acceptable)
        assert scale.better == definition.better
        assert scale.unit == (definition.unit or "EUR")
        assert scale.source
    assert {scale.kpi for scale in DEFAULTS if not scale.process} == set(DEFINITIONS)


def test_what_has_no_ground_is_not_graded() -> None:
    scale = default_scale("error_rate", "")
    assert scale is not None
    assert grade(None, "ratio", 100, scale) == "insufficient-data"
    assert grade(0.0, "ratio", 4, scale) == "insufficient-data"
    assert grade(0.0, "ratio", 5, scale) == "excellent"
    assert grade(0.0, "ratio", 100, None) == "insufficient-data"
    assert grade(1.0, "USD", 100, default_scale("cost_per_operation", "")) == "insufficient-data"


def test_the_cost_of_a_payslip_has_no_default_scale() -> None:
    assert default_scale("cost_per_operation", "payroll") is None
    assert default_scale("cost_per_operation", "anything else") is not None


def test_a_process_wins_over_all_and_the_tenant_over_the_project() -> None:
    def scale(process: str, source: str) -> Scale:
        return Scale("error_rate", process, "lower", "ratio", 0.1, 0.2, 0.3, source)

    scales = Scales([scale("", "tenant"), scale("billing", "tenant, billing")])
    sources = [getattr(scales.in_force("error_rate", process), "source", "") for process in ("billing", "payroll", "")]
    assert sources == ["tenant, billing", "tenant", "tenant"]


@pytest.mark.parametrize("kpi", DEFINITIONS)
def test_every_band_has_short_advice_in_both_languages(kpi: str) -> None:
    texts = [advise(kpi, band, language) for band in ADVICE[kpi] for language in ("en", "es")]
    assert list(ADVICE[kpi]) == [*BANDS, "insufficient-data"]
    assert len(set(texts)) == 10
    assert all(20 < len(text) < 140 for text in texts)


@pytest.mark.parametrize("kpi", DEFINITIONS)
def test_definitions_are_written_in_both_languages(kpi: str) -> None:
    definition = DEFINITIONS[kpi]
    assert definition.id.startswith("trastienda.")
    assert definition.text("en") != definition.text("es")
    assert len({each.id for each in DEFINITIONS.values()}) == len(DEFINITIONS)


def test_limits_that_cross_are_noticed() -> None:
    assert in_order("lower", 1, 1, 2)
    assert not in_order("lower", 2, 1, 3)
    assert in_order("higher", 3, 2, 2)
    assert not in_order("higher", 1, 2, 3)
