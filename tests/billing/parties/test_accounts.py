"""An account that changes holds the invoice until a person has verified it."""

import asyncio
from typing import Any

from tests.billing.intake.electronic import (
    IBAN,
    OTHER_IBAN,
    detail,
    electronic,
    get,
    open_holds,
    post,
    send,
    taken_in,
)
from tests.billing.test_invoices import invoice as keyed
from tests.fixtures.services import Harness, problem

VERIFIER = "admin"


async def accounts_of(billing: Harness, tenant: str, invoice: dict[str, Any]) -> list[dict[str, Any]]:
    return list((await get(billing, tenant, f"/billing/suppliers/{invoice['supplier']['id']}")).json()["accounts"])


async def test_the_first_account_is_taken_as_it_is_and_seen_again(billing: Harness, tenant: str) -> None:
    first = await taken_in(billing, tenant, electronic("A-1", account=IBAN))
    second = await taken_in(billing, tenant, electronic("A-2", net="7.00", account=IBAN.replace(" ", "").lower()))
    assert first["holds"] == second["holds"] == []
    (account,) = await accounts_of(billing, tenant, first)
    assert (account["account"], account["first_invoice_id"]) == (IBAN.replace(" ", ""), first["id"])
    assert (account["is_change"], account["verified_at"], account["verified_by"]) == (False, None, None)


async def test_an_account_never_seen_before_holds_until_a_person_verified_it(billing: Harness, tenant: str) -> None:
    await taken_in(billing, tenant, electronic("A-1", account=IBAN))
    changed = await taken_in(billing, tenant, electronic("A-2", net="7.00", account=OTHER_IBAN))
    again = await taken_in(billing, tenant, electronic("A-30", net="9.00", account=OTHER_IBAN))
    assert open_holds(changed) == open_holds(again) == ["account-changed"]
    (hold,) = changed["holds"]
    assert hold["details"]["account"] == OTHER_IBAN.replace(" ", "")
    told = await detail(billing, tenant, changed["id"], **{"Accept-Language": "es"})
    assert told["holds"][0]["text"].startswith("Cuenta bancaria cambiada")

    path = f"/billing/invoices/{changed['id']}"
    assert problem(await post(billing, tenant, f"{path}/validation"))["code"] == "invoice-held"
    why = {"reason": "It will be right", "scope": "invoice"}
    short = await post(billing, tenant, f"{path}/holds/{hold['id']}/release", why)
    assert (short.status_code, problem(short)["code"]) == (409, "account-not-verified")
    assert hold["details"]["verification"] in problem(short)["hint"]

    verification = hold["details"]["verification"]
    refused = await post(billing, tenant, verification, role="operator")
    assert problem(refused)["scope"] == "billing.supplier-accounts:approve"
    assert (await post(billing, tenant, verification)).status_code == 204
    twice = await post(billing, tenant, verification)
    assert (twice.status_code, problem(twice)["code"]) == (409, "account-verified")
    for invoice in (changed, again):
        told = await detail(billing, tenant, invoice["id"])
        assert open_holds(told) == []
        assert told["holds"][0]["released_by"] == f"manager@{tenant}"
    assert (await post(billing, tenant, f"{path}/validation")).status_code == 204
    _, verified = await accounts_of(billing, tenant, changed)
    assert (verified["is_change"], verified["verified_by"]) == (True, f"manager@{tenant}")
    assert open_holds(await taken_in(billing, tenant, electronic("A-50", net="11.00", account=OTHER_IBAN))) == []


async def test_what_was_rejected_waits_for_no_account(billing: Harness, tenant: str) -> None:
    await taken_in(billing, tenant, electronic("A-1", account=IBAN))
    changed = await taken_in(billing, tenant, electronic("A-2", net="7.00", account=OTHER_IBAN))
    path, (hold,) = f"/billing/invoices/{changed['id']}", changed["holds"]
    assert (await post(billing, tenant, f"{path}/rejection", {"reason": "Not ours"})).status_code == 204
    assert (await post(billing, tenant, hold["details"]["verification"])).status_code == 204
    late = await post(billing, tenant, f"{path}/holds/{hold['id']}/release", {"reason": "Why not", "scope": "invoice"})
    assert (late.status_code, problem(late)["code"]) == (409, "illegal-invoice-transition")
    told = await detail(billing, tenant, changed["id"])
    assert (told["status"], told["holds"][0]["released_at"]) == ("rejected", None)
    last = [event.type for event in await billing.events(tenant)][-2:]
    assert last == ["billing.invoice.rejected.v1", "billing.supplier-account.verified.v1"]


async def test_verifying_is_work_of_a_person_and_names_no_account(billing: Harness, tenant: str) -> None:
    await taken_in(billing, tenant, electronic("A-1", account=IBAN))
    changed = await taken_in(billing, tenant, electronic("A-2", net="7.00", account=OTHER_IBAN))
    await post(billing, tenant, changed["holds"][0]["details"]["verification"])
    events = (await billing.events(tenant))[2:]
    assert [event.type for event in events] == ["billing.supplier-account.verified.v1", "billing.invoice.released.v1"]
    assert [event.payload["work"]["activity"] for event in events] == ["verify-account", "resolve-exception"]
    assert all(event.payload["work"]["actor"]["kind"] == "person" for event in events)
    assert events[1].aggregateid == events[1].payload["work"]["case"] == changed["id"]
    assert OTHER_IBAN.replace(" ", "") not in str([event.payload for event in await billing.events(tenant)])


async def test_neither_a_machine_nor_who_brought_it_in_verifies(billing: Harness, tenant: str) -> None:
    await taken_in(billing, tenant, electronic("A-1", account=IBAN))
    answer = await send(billing, tenant, electronic("A-2", net="7.00", account=OTHER_IBAN), role="manager")
    verification = answer.json()["holds"][0]["details"]["verification"]
    for role, code in (("manager", "own-account"), ("billing", "verifier-not-a-person")):
        refused = await post(billing, tenant, verification, role=role)
        assert (refused.status_code, problem(refused)["code"]) == (403, code)
    assert (await post(billing, tenant, verification, role=VERIFIER)).status_code == 204


async def test_an_account_of_a_supplier_known_by_keyed_invoices_is_a_change_too(billing: Harness, tenant: str) -> None:
    await post(billing, tenant, "/billing/invoices", keyed())
    assert open_holds(await taken_in(billing, tenant, electronic(account=IBAN))) == ["account-changed"]


async def test_another_tenants_account_is_not_found(billing: Harness, tenant: str, other_tenant: str) -> None:
    await taken_in(billing, tenant, electronic("A-1", account=IBAN))
    changed = await taken_in(billing, tenant, electronic("A-2", net="7.00", account=OTHER_IBAN))
    verification = changed["holds"][0]["details"]["verification"]
    refused = await post(billing, other_tenant, verification)
    assert (refused.status_code, problem(refused)["code"]) == (404, "not-found")
    elsewhere = await taken_in(billing, other_tenant, electronic("A-1", account=OTHER_IBAN))
    foreign = verification.replace(changed["supplier"]["id"], elsewhere["supplier"]["id"])
    assert problem(await post(billing, tenant, foreign))["code"] == "not-found"


async def test_no_invoice_slips_in_while_its_account_is_verified(billing: Harness, tenant: str) -> None:
    await taken_in(billing, tenant, electronic("A-1", account=IBAN))
    changed = await taken_in(billing, tenant, electronic("A-2", net="7.00", account=OTHER_IBAN))
    more = [electronic(f"B-{n}0", net=f"{n}3.00", account=OTHER_IBAN) for n in range(1, 5)]
    verification = changed["holds"][0]["details"]["verification"]
    done, *invoices = await asyncio.gather(
        post(billing, tenant, verification), *(taken_in(billing, tenant, content) for content in more)
    )
    assert done.status_code == 204
    for invoice in invoices:
        assert open_holds(await detail(billing, tenant, invoice["id"])) == []
