"""Refusals of goods receipts."""

from shared.errors import DomainError


class UnknownOrderLine(DomainError):
    code, status = "unknown-order-line", 422
    en = "Order {number} has no line {reference}."
    es = "El pedido {number} no tiene la línea {reference}."
    hint_en = "Read the order: `lines` has the `reference` of each."
    hint_es = "Lea el pedido: `lines` tiene la `reference` de cada una."


class ReceivedAhead(DomainError):
    code, status = "received-ahead", 422
    en = "{received_on} is still to come; a receipt is recorded once the goods are here."
    es = "El {received_on} aún no ha llegado; una recepción se registra cuando la mercancía está aquí."
    hint_en = "Check `received_on`."
    hint_es = "Compruebe `received_on`."


class ReceiptReversed(DomainError):
    code, status = "receipt-reversed", 409
    en = "The receipt was reversed before, on {reversed_at}."
    es = "La recepción ya se anuló el {reversed_at}."
    hint_en = "Nothing is left to do; read the receipt to see why."
    hint_es = "No queda nada por hacer; lea la recepción para ver por qué."


class ReturnTooLarge(DomainError):
    code, status = "return-too-large", 409
    en = "Of line {reference} {left} came with this receipt and is still here; {quantity} cannot go back."
    es = "De la línea {reference} llegó con esta recepción y sigue aquí {left}; no se puede devolver {quantity}."
    hint_en = "Read the receipt: each of its `lines` has what came (`quantity`) and what went back (`returned`)."
    hint_es = "Lea la recepción: cada línea de `lines` tiene lo recibido (`quantity`) y lo devuelto (`returned`)."


class ReturnedOutOfTime(DomainError):
    code, status = "returned-out-of-time", 422
    en = "Goods that came on {received_on} cannot have gone back on {returned_on}: that is before, or still to come."
    es = "Lo que llegó el {received_on} no puede haberse devuelto el {returned_on}: es antes, o aún no ha llegado ese día."
    hint_en = "Check `returned_on`."
    hint_es = "Compruebe `returned_on`."


class ReceiptBilled(DomainError):
    code, status = "receipt-billed", 409
    en = "Invoices that were validated bill goods of this receipt (line {reference})."
    es = "Facturas ya validadas incluyen mercancía de esta recepción (línea {reference})."
    hint_en = "Reject the invoice, or have the credit note for the returned goods validated first."
    hint_es = "Rechace la factura o haga validar antes el abono de la mercancía devuelta."
