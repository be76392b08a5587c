"""The list of invoices: what a row says, what each filter finds, and what is refused."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from shared import clock
from tests.billing.decisions.policies import in_force, rule
from tests.billing.intake.electronic import electronic, post, seller, taken_in
from tests.billing.matching.ordering import billed, placed
from tests.billing.test_invoices import invoice, step
from tests.fixtures.services import Harness, problem

LIST = "/billing/invoices"


async def listed(billing: Harness, tenant: str, query: str = "") -> list[dict[str, Any]]:
    async with billing.client(tenant, "viewer") as client:
        answer = await client.get(f"{LIST}?{query}")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def numbers(billing: Harness, tenant: str, query: str) -> list[str]:
    return [item["number"] for item in await listed(billing, tenant, query)]


async def keyed(billing: Harness, tenant: str, number: str, **changes: Any) -> str:
    async with billing.client(tenant) as client:
        answer = await client.post(LIST, json=invoice(number, **changes))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def of(name: str, tax_id: str = "B12345674") -> dict[str, Any]:
    return {"supplier": {"tax_id": tax_id, "name": name}}


async def test_a_row_says_what_a_list_needs(billing: Harness, tenant: str) -> None:
    await keyed(billing, tenant, "F-1", purchase_order="PO-9")
    (row,) = await listed(billing, tenant)
    assert "lines" not in row
    assert "vat_breakdown" not in row
    assert (row["line_count"], row["purchase_order"], row["totals"]["gross"]) == (2, "PO-9", "62.48")
    assert (row["match"], row["validation"], row["open_holds"]) == ("none", "none", [])
    assert (row["is_overdue"], row["decided_by"], row["approvals_given"]) == (True, None, 0)


async def test_a_page_takes_one_statement_however_long_it_is(billing: Harness, tenant: str) -> None:
    for number in range(4):
        await keyed(billing, tenant, f"F-{number}")
    statements: list[str] = []
    engine = billing.runtime.database.engine.sync_engine

    def note(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        assert len(await listed(billing, tenant, "q=f&limit=3")) == 3
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert len([each for each in statements if "set_config" not in each]) == 1


async def test_holds_verdicts_and_who_decided_are_found(billing: Harness, tenant: str) -> None:
    await placed(billing, tenant)
    await taken_in(billing, tenant, billed("M-1", quantity="99"))
    await taken_in(billing, tenant, electronic("V-1", net="50.00"))
    invoice_id = await keyed(billing, tenant, "K-1", **of("Mar SL", "B87654321"))
    await step(billing, tenant, "operator", f"{invoice_id}/validation")
    await step(billing, tenant, "manager", f"{invoice_id}/approval")
    for query, found in {
        "held=true": ["M-1"],
        "held=false": ["K-1", "V-1"],
        "hold=match-exception": ["M-1"],
        "hold=near-duplicate&hold=match-exception&held=true": ["M-1"],
        "hold=invalid": [],
        "match=exception": ["M-1"],
        "match=none": ["K-1", "V-1"],
        "match=none&match=exception": ["K-1", "V-1", "M-1"],
        "validation=valid": ["V-1", "M-1"],
        "validation=none": ["K-1"],
        "decided_by=person": ["K-1"],
        "decided_by=rule": [],
        "status=approved": ["K-1"],
        "status=registered": ["V-1", "M-1"],
        "status=registered&status=approved": ["K-1", "V-1", "M-1"],
        "origin=keyed": ["K-1"],
        "credit_note=false&origin=electronic": ["V-1", "M-1"],
        "credit_note=true": [],
        "purchase_order=po+1": ["M-1"],
        "purchase_order=po": [],
    }.items():
        assert await numbers(billing, tenant, query) == found, query
    held = next(row for row in await listed(billing, tenant, "held=true"))
    assert (held["open_holds"], held["match"], held["validation"]) == (["match-exception"], "exception", "valid")
    (approved,) = await listed(billing, tenant, "decided_by=person")
    assert (approved["decided_by"], approved["approvals_given"], approved["approvals_needed"]) == ("person", 1, 1)


async def test_what_a_rule_decided_is_found(billing: Harness, tenant: str) -> None:
    await in_force(billing, tenant, rule("all"))
    await taken_in(billing, tenant, electronic("R-1"))
    assert await numbers(billing, tenant, "decided_by=rule&status=approved") == ["R-1"]


async def test_days_amounts_and_currencies_are_found(billing: Harness, tenant: str) -> None:
    today = clock.now().date()
    soon = (today + timedelta(days=1)).isoformat()
    await keyed(billing, tenant, "D-1", issue_date="2026-01-31", due_date="2026-02-28")
    await keyed(billing, tenant, "D-2", issue_date="2026-02-01", due_date=today.isoformat())
    await keyed(billing, tenant, "D-3", issue_date="2026-02-02", due_date=soon, currency="USD")
    for query, found in {
        "issued_from=2026-02-01": ["D-3", "D-2"],
        "issued_to=2026-02-01": ["D-2", "D-1"],
        "issued_from=2026-02-01&issued_to=2026-02-01": ["D-2"],
        f"due_from={today}&due_to={today}": ["D-2"],
        f"registered_from={today}": ["D-3", "D-2", "D-1"],
        f"registered_to={today - timedelta(days=1)}": [],
        "registered_to=9999-12-31": ["D-3", "D-2", "D-1"],
        "overdue=true": ["D-1"],
        "overdue=false": ["D-3", "D-2"],
        "currency=USD": ["D-3"],
        "currency=EUR&gross_from=62.48&gross_to=62.48": ["D-2", "D-1"],
        "currency=EUR&gross_from=62.480001": [],
        "currency=EUR&gross_to=62.479999": [],
        "": ["D-3", "D-2", "D-1"],
        "q=&number=&status=&held=": ["D-3", "D-2", "D-1"],
        "sort=due-first": ["D-1", "D-2", "D-3"],
        "sort=due-last&overdue=false": ["D-3", "D-2"],
    }.items():
        assert await numbers(billing, tenant, query) == found, query


async def test_amounts_are_compared_exactly_beyond_what_a_float_has(billing: Harness, tenant: str) -> None:
    amounts = ["999999999999999.01", "999999999999999.02"]
    assert float(amounts[0]) == float(amounts[1])
    for number, gross in enumerate(amounts):
        line = {"description": "Ship", "quantity": "1", "unit_price": gross, "net": gross, "vat_rate": "0"}
        vat, totals = {"rate": "0", "base": gross, "tax": "0"}, {"net": gross, "tax": "0", "gross": gross}
        await keyed(billing, tenant, f"A-{number}", lines=[line], vat_breakdown=[vat], totals=totals)
    for bounds, found in {
        f"gross_from={amounts[1]}": ["A-1"],
        f"gross_to={amounts[0]}": ["A-0"],
        "gross_from=999999999999999.010001": ["A-1"],
        "gross_to=999999999999999.019999": ["A-0"],
    }.items():
        assert await numbers(billing, tenant, f"currency=EUR&{bounds}") == found, bounds


async def test_words_are_found_whatever_their_case_and_accents(billing: Harness, tenant: str) -> None:
    await keyed(billing, tenant, "F-2026/001", purchase_order="Pedido Ñ-7", **of("Papelería Peñón SL"))
    await keyed(billing, tenant, "A_100%", **of("Müller & Söhne GmbH", "B87654321"))
    await keyed(billing, tenant, "B-7", **of("STRASSE Mueller", "A11111119"))
    for query, found in {
        "q=papeleria": ["F-2026/001"],
        "q=PAPELERÍA": ["F-2026/001"],
        "q=penon sl": ["F-2026/001"],
        "q=sl peñón": ["F-2026/001"],
        "q=eleri": ["F-2026/001"],
        "q=2026/001": ["F-2026/001"],
        "q=pedido ñ-7": ["F-2026/001"],
        "q=muller": ["A_100%"],
        "q=mueller": ["B-7", "A_100%"],
        "q=Müller": ["B-7", "A_100%"],
        "q=MU%CC%88LLER": ["B-7", "A_100%"],
        "q=sohne gmbh": ["A_100%"],
        "q=straße": ["B-7"],
        "q=%25": ["A_100%"],
        "q=_": ["A_100%"],
        "q=a_1": ["A_100%"],
        "q=a%25": [],
        "q=\\": [],
        "q=' OR 1=1 --": [],
        "q=muller penon": [],
        "number=f 2026": ["F-2026/001"],
        "number=2026": [],
        "number=a-100": ["A_100%"],
        "number=%25F": ["F-2026/001"],
        "supplier_tax_id=b 87654321": ["A_100%"],
    }.items():
        assert await numbers(billing, tenant, query) == found, query


async def test_a_suppliers_other_names_lead_to_its_invoices(billing: Harness, tenant: str) -> None:
    await keyed(billing, tenant, "S-1", **of("Compañía del Norte SL"))
    supplier = (await listed(billing, tenant))[0]["supplier"]["id"]
    async with billing.client(tenant) as client:
        etag = (await client.get(f"/billing/suppliers/{supplier}")).headers["etag"]
        change = {"aliases": ["Ibérica Nórdica"]}
        done = await client.patch(f"/billing/suppliers/{supplier}", json=change, headers={"If-Match": etag})
        assert done.status_code == 204, done.text
    assert await numbers(billing, tenant, "q=nordica iberica s-1") == ["S-1"]
    assert await numbers(billing, tenant, f"supplier_id={supplier}") == ["S-1"]


async def test_one_of_several_orders_is_found(billing: Harness, tenant: str) -> None:
    await taken_in(billing, tenant, electronic("O-1", purchase_order="PO-1, po/22"))
    assert await numbers(billing, tenant, "purchase_order=PO-22") == ["O-1"]
    assert await numbers(billing, tenant, "purchase_order=PO-1") == ["O-1"]
    assert await numbers(billing, tenant, "purchase_order=po-1; PO-22") == ["O-1"]
    for none in ("PO-2", "PO", "1", "O-1", "PO-1-PO"):
        assert await numbers(billing, tenant, f"purchase_order={none}") == [], none


async def test_the_longest_texts_fit_into_the_index(billing: Harness, tenant: str) -> None:
    longest = {"purchase_order": "A" + "\U0001d538\ufdfa" * 49}
    await keyed(billing, tenant, "1" + "\U0001d538" * 63, **longest, **of("\U00010400\ufdfa" * 100))
    assert len(await listed(billing, tenant, "q=1")) == 1
    name = "".join(chr(0x20000 + 7 * n) for n in range(400))
    await taken_in(billing, tenant, electronic("L-1", seller=seller(name), purchase_order="P" + name[:299]))
    assert await numbers(billing, tenant, f"q={name[:3]}") == ["L-1"]


async def test_another_tenants_invoices_are_never_found(billing: Harness, tenant: str, other_tenant: str) -> None:
    await keyed(billing, tenant, "F-1")
    supplier = (await listed(billing, tenant))[0]["supplier"]["id"]
    for query in (
        "",
        "q=f-1",
        "q=papeleria",
        "number=F",
        f"supplier_id={supplier}",
        "status=registered",
        "overdue=true",
    ):
        assert len(await listed(billing, tenant, query)) == 1, query
        assert await listed(billing, other_tenant, query) == [], query


@pytest.mark.parametrize(
    ("query", "at"),
    [
        ("surprise=1", "query.surprise"),
        ("status=lost", "query.status.0"),
        ("issued_from=2026-02-02&issued_to=2026-02-01", "query"),
        ("currency=EUR&gross_from=2&gross_to=1.99", "query"),
        ("gross_from=2", "query"),
        ("held=false&hold=invalid", "query"),
        ("due_from=1700006400", "query.due_from"),
        ("currency=EUR&gross_from=1e3", "query.gross_from"),
        ("currency=XXZ", "query.currency"),
        ("supplier_id=5", "query.supplier_id"),
        ("number=%25%25", "query.number"),
        ("q=a b c d e f g h i", "query.q"),
        ("limit=201", "query.limit"),
        ("limit=5.0", "query.limit"),
        ("sort=id", "query.sort"),
    ],
)
async def test_what_makes_no_sense_is_refused_where_it_stands(
    billing: Harness, tenant: str, query: str, at: str
) -> None:
    async with billing.client(tenant, "viewer", **{"Accept-Language": "es"}) as client:
        for path in (LIST, f"{LIST}/export"):
            if path.endswith("export") and "limit" in query:
                continue
            refused = problem(await client.get(f"{path}?{query}"))
            assert (refused["code"], [error["at"] for error in refused["errors"]]) == ("invalid-input", [at])


async def test_a_parameter_of_one_value_is_not_said_twice(billing: Harness, tenant: str) -> None:
    async with billing.client(tenant, "viewer") as client:
        refused = problem(await client.get(f"{LIST}?currency=EUR&currency=USD"))
    assert [(each["at"], each["type"]) for each in refused["errors"]] == [("query.currency", "repeated")]
    assert (await post(billing, tenant, LIST, invoice())).status_code == 201
