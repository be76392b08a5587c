"""What is read of invented invoices: how much of it, and how much of that is right."""

import random
import signal
import time
from collections import Counter

import pytest

from services.billing.drafts.parties import Known, read_supplier
from services.billing.drafts.reader import open_pages, read_texts
from services.billing.drafts.shapes import Field, Reading
from services.billing.einvoices.pdf import TookTooLongError, within
from tests.billing.drafts.inventing import Invented, invent, print_invented
from tests.billing.drafts.printing import Words, print_pdf

SEEDS = range(200)
# Least shares of what is printed that has to be found. Nothing that is found may be wrong.
FLOORS = {
    "number": 0.99,
    "issue_date": 0.95,
    "due_date": 0.95,
    "currency": 0.99,
    "account": 0.99,
    "supplier_tax_id": 0.99,
    "net": 0.99,
    "tax": 0.99,
    "gross": 0.99,
    "vat_breakdown": 0.99,
}


def printed(seed: int) -> tuple[Invented, Reading]:
    chance = random.Random(seed)
    invented = invent(chance)
    return invented, read_texts(open_pages(print_invented(invented, chance), is_plain=True), patience=100)


def plain(field: Field) -> object:
    if field.seen is None or isinstance(field.seen.value, str):
        return None if field.seen is None else field.seen.value
    return sorted((part["rate"], part["base"], part["tax"]) for part in field.seen.value)


def test_what_is_found_is_right_and_most_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    counts: dict[str, Counter[str]] = {field: Counter() for field in FLOORS}
    for seed in SEEDS:
        invented, reading = printed(seed)
        fields = reading.fields | read_supplier(reading, Known())
        for name in FLOORS:
            found = plain(fields[name])
            came = "right" if found == invented.says[name] else "not found" if found is None else "wrong"
            counts[name][came] += 1
            assert came != "wrong", (seed, name, invented.says[name], fields[name])
            evidence = fields[name].seen
            assert evidence is None or (evidence.page == 1 and 0 < len(evidence.snippet) <= 80)
    for name, floor in FLOORS.items():
        assert counts[name]["right"] >= floor * len(SEEDS), (name, counts[name])
    with capsys.disabled():
        print(f"\n{len(SEEDS)} invented invoices: { {name: counts[name]['right'] for name in FLOORS} } found")  # noqa: T201 - the run tells what it counted


def spend_time() -> None:
    begun = time.process_time()
    while time.process_time() < begun + 5:
        pass


def test_what_a_file_takes_is_its_own_time_and_not_the_machines() -> None:
    """A process that gets no processor has spent nothing."""
    with within(0.2):
        time.sleep(0.4)
    with pytest.raises(TookTooLongError), within(0.05):
        spend_time()


def test_an_alarm_that_goes_off_as_all_is_done_does_not_stay_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    before, set_timer = signal.getsignal(signal.SIGPROF), signal.setitimer
    late = [TookTooLongError()]

    def set_late(which: int, seconds: float, interval: float = 0.0) -> None:
        if seconds == 0 and late:
            raise late.pop()
        set_timer(which, seconds, interval)

    monkeypatch.setattr(signal, "setitimer", set_late)
    with pytest.raises(TookTooLongError), within(60):
        pass
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGPROF) == before


def test_of_many_pages_the_first_and_last_are_read_and_the_sums_left_to_a_person() -> None:
    first, last = Words("Invoice number: A-1", 50, 50), Words("Net 100.00   VAT 20% 20.00   Total 120.00", 50, 50)
    filling = [[Words(f"Page {page}", 50, 50)] for page in range(30)]
    reading = read_texts(open_pages(print_pdf([[first], *filling, [last]])), patience=100)
    assert (reading.pages, reading.pages_read) == (32, 20)
    assert (plain(reading.fields["number"]), plain(reading.fields["gross"])) == ("A-1", None)
    (gross,) = reading.fields["gross"].alternatives
    assert (gross.value, gross.page) == ("120.00", 32)
