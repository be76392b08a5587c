"""Where queue, holds, lists and decisions meet: what one of them ends is over for the others, too."""

from typing import Any

import pytest

from tests.billing.bulk.test_bulk_decisions import PATH, outcomes, said
from tests.billing.decisions.policies import in_force, rule
from tests.billing.intake.electronic import electronic, get, taken_in
from tests.billing.matching.ordering import placed
from tests.billing.work_queue.queueing import ITEMS, ask, at, claim, done, held_pair, listed, moment, on_file
from tests.billing.work_queue.test_claims import RELEASE, history, refusal
from tests.billing.work_queue.test_measuring import told
from tests.billing.working import ended
from tests.fixtures.services import Harness, problem


async def chosen(billing: Harness, tenant: str, asked: str) -> list[tuple[str, list[str]]]:
    items: list[dict[str, Any]] = (await get(billing, tenant, f"/billing/invoices?{asked}")).json()["items"]
    return [(each["number"], each["open_holds"]) for each in items]


async def test_what_was_rejected_is_not_among_what_is_held(billing: Harness, tenant: str) -> None:
    _, held, hold = await held_pair(billing, tenant)
    assert await chosen(billing, tenant, "held=true") == [("INV-042", ["near-duplicate"])]
    done(await ask(billing, tenant, "ana", f"/billing/invoices/{held}/rejection", {"reason": "Never ordered"}))
    assert await chosen(billing, tenant, "held=true") == await chosen(billing, tenant, "hold=near-duplicate") == []
    assert await chosen(billing, tenant, "held=false") == [("INV-042", []), ("INV-0042", [])]
    path = f"/billing/invoices/{held}/holds/{hold}/release"
    refused = await ask(billing, tenant, "ana", path, RELEASE, **{"Accept-Language": "es"})
    assert refusal(refused) == (409, "illegal-invoice-transition")
    assert problem(refused)["detail"] == "La factura INV-042 está rechazada; para liberarla debe estar registrada."


async def test_a_list_gives_no_time_to_holds_of_what_was_rejected(billing: Harness, tenant: str) -> None:
    with at(0):
        await on_file(billing, tenant, "INV-0042")
        held = [await on_file(billing, tenant, number) for number in ("INV-042", "INV-42", "INV-00042")]
        done(await ask(billing, tenant, "ana", f"/billing/invoices/{held[-1]}/rejection", {"reason": "Never ordered"}))
    with at(10):
        wanted = {"invoices": [{"id": each} for each in held], "hold": "near-duplicate", "reason": "Two of them"}
        began = {"Work-Started-At": moment(2)}
        accepted = await ask(billing, tenant, "ana", f"{PATH}/release", wanted, **began)
        await ended(billing, tenant, accepted)
    assert said(await outcomes(billing, tenant, accepted)) == [
        *[("done", "registered", None)] * 2,
        ("refused", "rejected", "illegal-invoice-transition"),
    ]
    assert [await told(billing, tenant, each) for each in held[:2]] == [[("resolve-exception", 6, 4)]] * 2


async def test_a_machine_ends_the_claim_of_who_may_not_decide(billing: Harness, tenant: str) -> None:
    item = await on_file(billing, tenant)
    done(await claim(billing, tenant, "operator", item, role="operator"))  # who registered it
    async with billing.client(tenant, "billing") as machine:
        assert (await machine.post(f"/billing/invoices/{item}/validation")).status_code == 204
    (told_,) = await listed(billing, tenant)
    assert (told_["reason"], told_["assignment"]) == ("to-approve", None)
    assert await history(billing, tenant, item) == [("operator", "overtaken")]
    done(await ask(billing, tenant, "ana", f"/billing/invoices/{item}/approval"))


@pytest.mark.parametrize("name", ["", " ", "\t"], ids=repr)
async def test_nothing_is_given_to_nobody(billing: Harness, tenant: str, name: str) -> None:
    item = await on_file(billing, tenant)
    answer = await ask(billing, tenant, "boss", f"{ITEMS}/{item}/reassignment", {"to": name, "reason": "Away today"})
    assert refusal(answer) == (422, "invalid-input")


async def test_what_a_rule_rejects_after_a_release_waited_since_that(billing: Harness, tenant: str) -> None:
    closed = {"kind": "reject", "reason": "We no longer buy there"}
    await in_force(billing, tenant, rule("closed", closed, near_duplicate=False, held=True))
    with at(0):
        await placed(billing, tenant)
        await taken_in(billing, tenant, electronic("INV-0042"))
        held = await taken_in(billing, tenant, electronic("INV-042", purchase_order="PO-404"))
    with at(5):
        done(await claim(billing, tenant, "ana", held["id"]))
    with at(9):
        hold = next(each for each in held["holds"] if each["kind"] == "near-duplicate")
        done(await ask(billing, tenant, "ana", f"/billing/invoices/{held['id']}/holds/{hold['id']}/release", RELEASE))
    steps = [each for each in await told(billing, tenant, held["id"]) if each[0] != "match-invoice"]
    assert steps == [("resolve-exception", 5, 4), ("approve-invoice", 0, 0)]
    assert await history(billing, tenant, held["id"]) == [("ana", "overtaken")]
