"""The demo's story: the same for a seed, plausible, and with a turn that shows."""

from collections import Counter
from datetime import UTC, date, datetime
from random import Random
from statistics import median

import pytest

from deploy.demo import story
from deploy.demo.people import NIF_LETTERS, Cast, cif, nif

UNTIL = date(2026, 11, 22)
WORK = list(story.operations(1, UNTIL))


def test_the_same_seed_gives_the_same_story_and_another_one_another() -> None:
    assert list(story.operations(1, date(2026, 11, 3))) == WORK  # any day of the month
    assert list(story.operations(2, UNTIL)) != WORK
    assert list(story.answers(1, UNTIL)) == list(story.answers(1, UNTIL))


def test_every_operation_happened_once_in_order_and_in_the_six_months() -> None:
    assert len({work["id"] for work in WORK}) == len(WORK) > 2_000
    for work in WORK:
        stamps = [datetime.fromisoformat(work[name]) for name in ("requested_at", "started_at", "finished_at")]
        assert (
            datetime(2026, 5, 1, tzinfo=UTC) <= stamps[0] <= stamps[1] <= stamps[2] < datetime(2026, 11, 1, tzinfo=UTC)
        )


def test_automation_comes_in_the_middle_and_helps() -> None:
    payable = [work for work in WORK if work["process"] == story.PROCESS_AP]
    early = [work for work in payable if work["finished_at"] < "2026-07-15"]
    late = [work for work in payable if work["finished_at"] > "2026-08-15"]

    def share(work: list[story.Operation], test: str) -> float:
        return sum(test in (each["outcome"], each["actor"]["kind"]) for each in work) / len(work)

    assert share(early, "automation") == 0
    assert share(late, "automation") > 0.3
    assert share(late, "error") < share(early, "error")
    scores = [answer["score"] for answer in story.answers(1, UNTIL)]
    half = len(scores) // 2
    assert sum(scores[half:]) > sum(scores[:half])
    assert median(scores[half:]) >= 4


def test_no_month_is_empty() -> None:
    months = Counter(work["finished_at"][:7] for work in WORK)
    assert sorted(months) == ["2026-05", "2026-06", "2026-07", "2026-08", "2026-09", "2026-10"]
    assert min(months.values()) > 300


@pytest.mark.parametrize(
    ("until", "first"), [(date(2026, 1, 31), date(2025, 7, 1)), (date(2026, 7, 1), date(2026, 1, 1))]
)
def test_the_story_crosses_a_new_year(until: date, first: date) -> None:
    assert story.first_day(until) == first


@pytest.mark.parametrize(
    ("until", "morning"),
    [
        (date(2026, 3, 10), datetime(2026, 3, 9, 7, tzinfo=UTC)),
        (date(2026, 6, 1), datetime(2026, 5, 29, 6, tzinfo=UTC)),  # a Monday, in summer
    ],
)
def test_the_last_day_at_the_office_is_a_working_day_before(until: date, morning: datetime) -> None:
    assert story.last_morning(until) == morning


def test_people_and_companies_have_identifiers_with_their_check_character() -> None:
    assert (nif(12345678), cif("A", 5881850), cif("B", 1234567)) == ("12345678Z", "A58818501", "B12345674")
    cast = Cast(Random(3))
    for _ in range(50):
        person, company = cast.person(), cast.company()
        assert len(person.family_name.split()) == 2
        assert person.national_id[-1] == NIF_LETTERS[int(person.national_id[:-1]) % 23]
        assert person.email.isascii()
        assert ("S.A." in company.name) == company.tax_id.startswith("A")
    again = Cast(Random(3))
    assert again.person() == Cast(Random(3)).person()
