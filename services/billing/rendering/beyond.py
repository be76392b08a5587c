"""What Facturae says that EN 16931 has no term for."""

from collections.abc import Iterator

from services.billing.einvoices.model import Beyond, Correction, Installment, Reimbursement, WithheldTax
from services.billing.rendering.sheet import Block, Field
from services.billing.rendering.wording import Wording, joined


def present_beyond(beyond: Beyond | None, wording: Wording) -> Iterator[Block]:
    if beyond is None:
        return
    parts = (
        *(("withheld", _withheld(each, wording)) for each in beyond.withheld),
        *(("subsidy", wording.money(each)) for each in beyond.subsidies),
        *(("reimbursement", _reimbursement(each, wording)) for each in beyond.reimbursements),
        *(("installment", _installment(each, wording)) for each in beyond.installments),
    )
    listed = tuple(Field(label=wording.say(word), value=value) for word, value in parts if value)
    fields = wording.fields(
        withheld_total=wording.money(beyond.withheld_total),
        reimbursed_total=wording.money(beyond.reimbursed_total),
        financial_expenses=wording.money(beyond.financial_expenses),
        kept_back=wording.money(beyond.kept_back),
        in_kind=wording.money(beyond.in_kind),
        invoice_total=wording.money(beyond.invoice_total),
        outstanding=wording.money(beyond.outstanding),
        exchange_rate=wording.figure(beyond.exchange_rate),
        exchange_date=wording.day(beyond.exchange_date),
    )
    yield wording.block("beyond", *listed, *fields)
    if beyond.correction is not None:
        yield wording.block("correction", *_correction(beyond.correction, wording))


def _withheld(tax: WithheldTax, wording: Wording) -> str | None:
    percent, base = wording.percent(tax.rate), wording.amount(tax.base)
    how = wording.say("percent_of", percent=percent, base=base) if percent and base else percent or base
    return joined((wording.code("withheld", tax.kind), how, wording.money(tax.tax)), " · ")


def _reimbursement(paid: Reimbursement, wording: Wording) -> str | None:
    return joined((wording.money(paid.amount), paid.number, wording.day(paid.issue_date)), " · ")


def _installment(part: Installment, wording: Wording) -> str | None:
    return joined((wording.day(part.due_date), wording.money(part.amount)), " · ")


def _correction(correction: Correction, wording: Wording) -> tuple[Field, ...]:
    reason = joined((correction.reason, correction.reason_code and f"({correction.reason_code})"), " ")
    return wording.fields(
        correction_reason=reason,
        method=correction.method,
        explanation=correction.explanation,
        period=wording.period(correction.period),
    )
