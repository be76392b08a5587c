"""A validator process: `python -m services.billing.einvoices.worker`. Files come in on stdin, verdicts go out on stdout.

It is started with an environment of its own, free of secrets, and ends when its parent does.
"""

import gc
import os
import resource
import sys
from pathlib import Path
from typing import BinaryIO

import msgspec

from services.billing.drafts.reader import read_document
from services.billing.einvoices.judge import Judge
from services.billing.einvoices.limits import Limits
from services.billing.einvoices.verdicts import LENGTH, REQUEST, Ready, Refused, Reply, Task, Text
from shared.errors import DomainError

_STATM = Path("/proc/self/statm")


def resident_bytes() -> int:
    """Return how much memory this process holds; where the system does not say, the most it ever held."""
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * resource.getpagesize()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


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


def serve(judge: Judge, incoming: BinaryIO, outgoing: BinaryIO) -> None:
    """Answer until the other side closes."""
    reply: Reply = Ready()
    while True:
        message = msgspec.msgpack.encode(msgspec.structs.replace(reply, resident=resident_bytes()))
        outgoing.write(LENGTH.pack(len(message)) + message)
        outgoing.flush()
        head = incoming.read(REQUEST.size)
        if len(head) < REQUEST.size:
            return
        size, task = REQUEST.unpack(head)
        content = incoming.read(size)
        reply = answer(judge, content, Task(task))
        del content


def main() -> None:
    outgoing = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever else prints must not get between the answers
    judge = Judge(msgspec.json.decode(sys.argv[1], type=Limits))
    warm_up(judge)
    gc.collect()
    gc.freeze()  # what stays is not looked through again with every file
    serve(judge, sys.stdin.buffer, outgoing)


if __name__ == "__main__":
    main()
