"""The same invoice in two or three syntaxes says the same."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from services.billing.einvoices.canonical import canonical_form
from services.billing.einvoices.door import admit
from services.billing.einvoices.judge import READERS
from services.billing.einvoices.limits import Limits
from services.billing.einvoices.model import Invoice
from tests.fixtures.einvoices import whole_documents
from tests.fixtures.known_logs import require
from tests.fixtures.workers import Tell


def read(file: Path) -> Invoice:
    document = admit(file.read_bytes(), Limits())
    return canonical_form(READERS[document.format](document.root))


def facts_of(shape: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each field that says something, by its path."""
    if isinstance(shape, msgspec.Struct):
        for name in shape.__struct_fields__:
            yield from facts_of(getattr(shape, name), f"{at}{name}.")
    elif isinstance(shape, tuple):
        for index, each in enumerate(shape):
            yield from facts_of(each, f"{at}{index}.")
    elif shape is not None:
        yield at[:-1], shape


def money_of(facts: dict[str, Any]) -> dict[str, Decimal]:
    return {path: value for path, value in facts.items() if isinstance(value, Decimal)}


def test_twins_agree(tell: Tell) -> None:
    files = whole_documents("xrechnung/business-cases/standard")
    pairs = [
        (file, twin)
        for file in files
        if (twin := Path(re.sub("_ubl(?=[.])", "_uncefact", str(file)))) != file and twin.exists()
    ]
    require(pairs, "twins of XRechnung")
    same, differing, totals = 0, [], []
    for file, twin in pairs:
        left, right = (dict(facts_of(read(each))) for each in (file, twin))
        for path in sorted(left.keys() | right.keys()):
            if left.get(path) == right.get(path):
                same += 1
                continue
            differing.append((file.name, path, left.get(path), right.get(path)))
            if path.startswith(("totals.", "vat_breakdown.")) and isinstance(left.get(path, right.get(path)), Decimal):
                totals.append(differing[-1])
    tell(f"twins: {len(pairs)} pairs, {same} facts the same, {len(differing)} not")
    assert totals == []
    assert same / (same + len(differing)) >= 0.99, differing


def test_the_three_shapes_of_an_invoice_have_the_same_money(tell: Tell) -> None:
    shapes = {
        shape: {file.name.split(".")[0]: file for file in whole_documents(f"zugferd/XML-Rechnung/{shape}", ending)}
        for shape, ending in (("FX", ".pdf"), ("CII", ".xml"), ("UBL", ".xml"))
    }
    names = sorted(set.intersection(*(set(files) for files in shapes.values())))
    require(names, "invoices of ZUGFeRD in three shapes")
    for name in names:
        pdf, cii, ubl = (money_of(dict(facts_of(read(files[name])))) for files in shapes.values())
        assert pdf == cii, name
        assert cii == ubl, name
    tell(f"invoices in three shapes: {len(names)}")
