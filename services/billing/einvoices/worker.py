"""A validator process: `python -m services.billing.einvoices.worker`. Files come in on stdin, verdicts go out on stdout.

It is started with an environment of its own, free of secrets, and ends when its parent does.
"""

import sys

import msgspec

from services.billing.answering import answer_all, take_stdout
from services.billing.drafts.reader import read_document
from services.billing.einvoices.judge import Judge
from services.billing.einvoices.limits import Limits
from services.billing.einvoices.verdicts import REQUEST, Ready, Refused, Reply, Task, Text
from shared.errors import DomainError

_SAMPLES = (
    b"""<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"/>""",
    b"""<CreditNote xmlns="urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2"/>""",
    b"""<i:CrossIndustryInvoice xmlns:i="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"/>""",
    b"""<f:Facturae xmlns:f="http://www.facturae.gob.es/formato/Versiones/Facturaev3_2_2.xml"/>""",
)

_DOCUMENT = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj
4 0 obj<</Length 41>>stream
BT /F 9 Tf 9 9 Td (Total  1.00 EUR) Tj ET
endstream endobj
5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj
trailer<</Root 1 0 R>>
startxref
0
%%EOF"""


def warm_up(judge: Judge) -> None:
    """Judge a sample of each format and read one document: the first file of all must not wait for what happens only once."""
    for sample in _SAMPLES:
        judge.judge(sample)
    read_document(_DOCUMENT)


def answer(judge: Judge, content: bytes, task: Task) -> Reply:
    try:
        if task is Task.READ_TEXT:
            return Text(reading=read_document(content))
        return judge.judge(content, read=task is Task.JUDGE_AND_READ)
    except DomainError as refusal:
        return Refused(code=refusal.code, values=refusal.values)


def main() -> None:
    outgoing = take_stdout()
    judge = Judge(msgspec.json.decode(sys.argv[1], type=Limits))
    warm_up(judge)

    def answer_one(content: bytes, task: int) -> Reply:
        return answer(judge, content, Task(task))

    answer_all(outgoing, Ready(), REQUEST, answer_one)


if __name__ == "__main__":
    main()
