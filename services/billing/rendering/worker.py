"""A renderer process: `python -m services.billing.rendering.worker`. Orders come in on stdin, drawings go out on stdout.

Like a validator it knows no secret; and it draws from what it is given, without files, network or clock.
"""

import msgspec

from services.billing.answering import answer_all, take_stdout
from services.billing.einvoices.model import Invoice
from services.billing.einvoices.verdicts import LENGTH
from services.billing.rendering.characters import make_visible
from services.billing.rendering.html import draw_html
from services.billing.rendering.messages import Drawn, Order, Ready, Reply
from services.billing.rendering.pdf import draw_pdf
from services.billing.rendering.presenting import present_sheet
from services.billing.rendering.standing import About

_orders = msgspec.msgpack.Decoder(Order)
_DRAW = {"html": draw_html, "pdf": draw_pdf}


def draw(order: Order) -> bytes:
    invoice = msgspec.json.decode(order.invoice, type=Invoice)
    return _DRAW[order.format](make_visible(present_sheet(invoice, order.about, order.language)))


def answer(content: bytes) -> Reply:
    return Drawn(content=draw(_orders.decode(content)))


def warm_up() -> None:
    """Draw a sample in every way: the first invoice of all must not wait for what happens only once."""
    for language in ("en", "es"):
        for form in ("html", "pdf"):
            draw(Order(format=form, language=language, invoice=b"{}", about=About(origin="unfiled")))


def main() -> None:
    outgoing = take_stdout()
    warm_up()
    answer_all(outgoing, Ready(), LENGTH, answer)


if __name__ == "__main__":
    main()
