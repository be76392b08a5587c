"""A validator process: `python -m services.billing.einvoices.worker`. Files come in on stdin, verdicts go out on stdout.

It is started with an environment of its own, free of secrets, and ends when its parent does.
"""

import sys

import msgspec

from services.billing.answering import answer_all, take_stdout
from services.billing.einvoices.judge import Judge
from services.billing.einvoices.limits import Limits
from services.billing.einvoices.verdicts import REQUEST, Ready, Refused, Reply
from shared.errors import DomainError

_SAMPLES = (
    b"""<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"/>""",
    b"""<CreditNote xmlns="urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2"/>""",
    b"""<i:CrossIndustryInvoice xmlns:i="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"/>""",
    b"""<f:Facturae xmlns:f="http://www.facturae.gob.es/formato/Versiones/Facturaev3_2_2.xml"/>""",
)


def warm_up(judge: Judge) -> None:
    """Judge a sample of each format: the first file of all must not wait for what happens only once."""
    for sample in _SAMPLES:
        judge.judge(sample)


def judge_file(judge: Judge, content: bytes, *, read: bool) -> Reply:
    try:
        return judge.judge(content, read=read)
    except DomainError as refusal:
        return Refused(code=refusal.code, values=refusal.values)


def main() -> None:
    outgoing = take_stdout()
    judge = Judge(msgspec.json.decode(sys.argv[1], type=Limits))
    warm_up(judge)

    def answer(content: bytes, read: bool) -> Reply:
        return judge_file(judge, content, read=read)

    answer_all(outgoing, Ready(), REQUEST, answer)


if __name__ == "__main__":
    main()
