"""What a small group answered cannot be computed from what is shown."""

from hypothesis import given
from hypothesis import strategies as st

from services.analytics.indicators.rules import FEWEST_ANSWERS, measure, protect_answers
from services.analytics.indicators.sums import Figures, SurveySums


def groups_of(sizes: list[int]) -> list[Figures]:
    return [Figures(survey=SurveySums(answers=n, satisfied=n // 2, score_sum=3 * n)) for n in sizes]


def shown(group: Figures) -> bool:
    kpi = next(each for each in measure(group, None) if each.kpi == "internal_satisfaction")
    assert (kpi.value is None) == (kpi.extra["mean"] is None) == (kpi.extra["satisfied"] is None)
    return kpi.value is not None


@given(st.lists(st.integers(0, 12), max_size=8))
def test_the_difference_to_the_whole_covers_nobody_or_enough(sizes: list[int]) -> None:
    groups = groups_of(sizes)
    protect_answers(groups)
    rest = sum(group.survey.answers for group in groups if not shown(group))
    only_small = sum(sizes) < FEWEST_ANSWERS
    assert rest == 0 or rest >= FEWEST_ANSWERS or only_small
    assert all(not shown(group) for group in groups if group.survey.answers < FEWEST_ANSWERS)


def test_no_more_than_needed_is_hidden() -> None:
    groups = groups_of([1, 5, 9])
    protect_answers(groups)
    assert [shown(group) for group in groups] == [False, False, True]
    fine = groups_of([5, 6])
    protect_answers(fine)
    assert all(shown(group) for group in fine)
