"""Nothing that an invoice says is left out, whatever it says and in whichever language it is shown."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.billing.rendering.characters import show_unseen
from services.billing.rendering.messages import RenderingFormat
from shared.errors import Language
from tests.billing.einvoices.whole_invoices import invent
from tests.billing.rendering.filling import full_invoice
from tests.billing.rendering.reading import closely, drawn, said, text_of_html, text_of_pdf


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("form", ["html", "pdf"])
def test_every_field_of_the_model_has_its_place(form: RenderingFormat, language: Language) -> None:
    invoice = full_invoice()
    content = drawn(invoice, form, language)
    shown = closely(text_of_html(content) if form == "html" else text_of_pdf(content))
    assert len(list(said(invoice, language))) > 300
    assert [value for value in said(invoice, language) if closely(value) not in shown] == []


@given(st.integers(0, 10**6), st.sampled_from(["en", "es"]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_value_of_any_invoice_is_on_the_page(seed: int, language: Language) -> None:
    invoice = invent(random.Random(seed))
    shown = text_of_html(drawn(invoice, "html", language))
    assert [value for value in said(invoice, language) if show_unseen(value) not in shown] == []
