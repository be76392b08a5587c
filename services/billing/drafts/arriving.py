"""A plain document on its way in: what a process of the validators reads of it."""

import msgspec

from services.billing.drafts.errors import NotAPdf
from services.billing.drafts.shapes import Reading
from services.billing.einvoices.errors import AT_THE_DOOR_OF_DOCUMENTS, ValidatorsBusy
from services.billing.einvoices.pool import Validators
from services.billing.intake.errors import UnreadInvoice
from services.billing.processes import WorkerGoneError

READING_REFUSALS = (*AT_THE_DOOR_OF_DOCUMENTS.values(), NotAPdf, UnreadInvoice, ValidatorsBusy)


async def read_document(validators: Validators, content: bytes) -> Reading:
    """Return what the text of a PDF says, read by a process that may be lost over it. Raises READING_REFUSALS."""
    if not content[:1024].lstrip().startswith(b"%PDF-"):
        raise NotAPdf
    try:
        reading = await validators.read_text(content)
    except WorkerGoneError as gone:
        raise UnreadInvoice(obstacle=gone.obstacle, reason=str(gone)) from None
    return msgspec.json.decode(reading, type=Reading)
