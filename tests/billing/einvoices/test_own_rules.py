"""What our own rules find that the official ones let pass."""

import random
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

import services.billing.einvoices.texts as module
from services.billing.einvoices.cii import locate_cii, write_cii
from services.billing.einvoices.facturae_rules import FACTURAE_RULES
from services.billing.einvoices.model import Invoice
from services.billing.einvoices.rules import RULES, find_flaws
from services.billing.einvoices.terms import terms_of
from services.billing.einvoices.ubl import locate_ubl, read_ubl, write_ubl
from services.billing.einvoices.verdicts import Finding, Obstacle
from tests.billing.einvoices.samples import INVOICE
from tests.billing.einvoices.whole_invoices import invent

TODAY = date(2026, 11, 26)
SOUND = read_ubl(etree.fromstring(INVOICE))
TEXTS = tomllib.loads(Path(module.__file__).with_name("texts.toml").read_text("utf-8"))


def changed(path: str, value: Any, shape: Any = SOUND) -> Any:
    """Return the invoice with one field changed."""
    name, _, rest = path.partition(".")
    if name.isdecimal():
        items = list(shape)
        items[int(name)] = changed(rest, value, items[int(name)])
        return tuple(items)
    return msgspec.structs.replace(shape, **{name: changed(rest, value, getattr(shape, name)) if rest else value})


def flaws(invoice: Invoice) -> list[tuple[str, str]]:
    return [(flaw.rule, flaw.at) for flaw in find_flaws(invoice, TODAY)]


@given(st.randoms(use_true_random=False).map(invent))
@settings(max_examples=60, deadline=None)
def test_what_follows_from_the_rest_is_not_found_fault_with(invoice: Invoice) -> None:
    assert flaws(invoice) == []


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        ("seller.vat_identifier", "ESB12345675", "TR-VAT"),
        ("totals.lines", Decimal("100.01"), "TR-SUM"),
        ("totals.without_vat", Decimal("100.001"), "TR-SUM"),
        ("totals.due", Decimal("120.99"), "TR-SUM"),
        ("vat_breakdown.0.tax", Decimal("21.01"), "TR-TAX"),
        ("vat_breakdown.0.tax", Decimal("20.20"), "TR-TAX"),
        ("lines.0.net", Decimal("99.99"), "TR-LINE"),
        ("lines.0.price.base_quantity", Decimal(2), "TR-LINE"),
        ("issue_date", date(2026, 11, 27), "TR-FUTURE"),
        ("issue_date", date(2006, 11, 2), "TR-OLD"),
        ("due_date", date(2026, 11, 1), "TR-DUE"),
    ],
)
def test_a_changed_field_is_found_where_it_stands(path: str, value: Any, rule: str) -> None:
    assert flaws(SOUND) == []
    at = "lines.0.net" if rule == "TR-LINE" else path
    assert (rule, at) in flaws(changed(path, value))


def test_accounts_numbers_percentages_and_decimals() -> None:
    of = [invent(random.Random(seed)) for seed in range(200)]
    transfer = next(each for each in of if each.payment_means[0].credit_transfer is not None)
    wrong = changed("payment_means.0.credit_transfer.account", "ES91 2100 0418 4502 0005 1333", transfer)
    assert flaws(wrong) == [("TR-IBAN", "payment_means.0.credit_transfer.account")]
    local = changed("payment_means.0.credit_transfer.account", "9121000418450200051333", transfer)
    assert flaws(local) == []
    spanish = next(each for each in of if each.seller and each.seller.address and each.seller.address.country == "ES")
    assert flaws(changed("seller.tax_registration", "A58818502", spanish)) == [("TR-NIF", "seller.tax_registration")]
    parts = next(each for each in of if each.charges and each.charges[0].percentage)
    assert ("TR-PART", "charges.0.amount") in flaws(changed("charges.0.percentage", Decimal("77.7"), parts))
    yen = next(each for each in of if each.currency == "JPY")
    assert yen.totals is not None
    assert ("TR-DECIMALS", "totals.paid") in flaws(changed("totals.paid", Decimal("0.50"), yen))


@pytest.mark.parametrize(("write", "locate"), [(write_ubl, locate_ubl), (write_cii, locate_cii)])
def test_a_place_is_an_xpath_that_leads_to_the_field(write: Any, locate: Any) -> None:
    for seed in range(20):
        invoice = invent(random.Random(seed))
        root = etree.fromstring(write(invoice))
        names = {prefix or "root": uri for prefix, uri in root.nsmap.items()}
        paths = [f"lines.{index}.net" for index in range(len(invoice.lines))]
        paths += [f"allowances.{index}.amount" for index in range(len(invoice.allowances))]
        paths += [f"lines.0.charges.{index}.amount" for index in range(len(invoice.lines[0].charges))]
        for path in [*paths, "totals.due", "seller.name", "due_date"]:
            where = locate(root, path).removeprefix(f"/{root.prefix}:" if root.prefix else "/").partition("/")[2]
            said = [
                element.text
                for element in root.xpath(where, namespaces={k: v for k, v in names.items() if k != "root"})
            ]
            value: Any = invoice
            for step in path.split("."):
                value = value[int(step)] if step.isdecimal() else getattr(value, step)
            if isinstance(value, Decimal):
                assert [Decimal(text) for text in said] == [value], (seed, path, where)
            else:
                assert len(said) == 1, (seed, path, where)


def test_every_rule_of_ours_is_told_in_both_languages() -> None:
    obstacles = {f"not-validated.{name}" for name in get_args(Obstacle)}
    assert {rule for rule in TEXTS if "en" in TEXTS[rule]} == {*RULES, *FACTURAE_RULES, *obstacles}
    fields = {
        "value": "1",
        "found": "1",
        "expected": "2",
        "currency": "EUR",
        "digits": "2",
        "years": "10",
        "issued": "1",
        "name": "Batch",
    }
    for rule in (*RULES, *FACTURAE_RULES):
        finding = Finding(rule=rule, rule_set="trastienda", severity="warning", location="/", values=fields)
        english, spanish = (module.told(finding, language) for language in ("en", "es"))
        assert english["language"] == "en"
        assert spanish["language"] == "es"
        assert english["text"] != spanish["text"]
        assert english["hint"] != spanish["hint"]


def test_thirty_official_rules_are_told_in_spanish_and_the_others_say_that_they_are_english() -> None:
    official = {rule: texts for rule, texts in TEXTS.items() if rule.startswith("BR-")}
    assert len(official) >= 30
    assert all({"es", "hint_en", "hint_es"} == set(texts) for texts in official.values())
    known = Finding(
        rule="BR-16", rule_set="en16931-ubl", severity="fatal", location="/", text="An Invoice shall have ..."
    )
    other = msgspec.structs.replace(known, rule="BR-CL-25")
    assert module.told(known, "es")["text"].startswith("La factura debe tener")
    assert module.told(known, "en")["text"] == "An Invoice shall have ..."
    assert (module.told(other, "es")["language"], module.told(other, "es")["text"]) == (
        "en",
        "An Invoice shall have ...",
    )


def test_the_texts_speak_of_terms_that_there_are() -> None:
    numbers = {number for _, number in terms_of(Invoice)}
    said = {word.strip("(),.;") for texts in TEXTS.values() for text in texts.values() for word in text.split()}
    assert {word for word in said if word.startswith(("BT-", "BG-"))} <= numbers
