"""What is off between invoice, order and receipts, in the caller's language."""

from collections.abc import Mapping

from services.billing.matching.shapes import Deviation
from shared.errors import Language

TEXTS: Mapping[Deviation, Mapping[Language, str]] = {
    Deviation.UNKNOWN_ORDER: {
        "en": "No order on file has the number that the invoice names.",
        "es": "Ningún pedido registrado tiene el número que indica la factura.",
    },
    Deviation.OTHER_SUPPLIER: {
        "en": "The order was placed with another supplier.",
        "es": "El pedido se hizo a otro proveedor.",
    },
    Deviation.ORDER_NOT_OPEN: {
        "en": "The order is closed or cancelled; nothing more was to be billed.",
        "es": "El pedido está cerrado o anulado; no debía facturarse nada más.",
    },
    Deviation.CURRENCY_MISMATCH: {
        "en": "The invoice is in another currency than the order; prices were not compared.",
        "es": "La factura está en otra moneda que el pedido; no se han comparado los precios.",
    },
    Deviation.NOT_ORDERED: {
        "en": "The order has no line that this one bills.",
        "es": "El pedido no tiene ninguna línea que corresponda a esta.",
    },
    Deviation.ITEM_MISMATCH: {
        "en": "The order's line that is named is about another item.",
        "es": "La línea de pedido indicada es de otro artículo.",
    },
    Deviation.UNIT_MISMATCH: {
        "en": "Quantity or price is in another unit than the order's; nothing was compared.",
        "es": "La cantidad o el precio está en otra unidad que la del pedido; no se ha comparado nada.",
    },
    Deviation.INCOMPLETE_LINE: {
        "en": "There is no line with a usable quantity and price.",
        "es": "No hay ninguna línea con cantidad y precio utilizables.",
    },
    Deviation.OVER_ORDERED: {
        "en": "More is billed than was ordered, with what was billed before.",
        "es": "Se factura más de lo pedido, contando lo facturado antes.",
    },
    Deviation.NOT_RECEIVED: {
        "en": "What is billed has not been received.",
        "es": "Lo facturado no se ha recibido.",
    },
    Deviation.OVER_RECEIVED: {
        "en": "More is billed than was received.",
        "es": "Se factura más de lo recibido.",
    },
    Deviation.OVER_CREDITED: {
        "en": "More is given back than was billed.",
        "es": "Se abona más de lo facturado.",
    },
    Deviation.PRICE_OVER: {
        "en": "The price is above the order's.",
        "es": "El precio es superior al del pedido.",
    },
    Deviation.PRICE_UNDER: {
        "en": "The price is below the order's.",
        "es": "El precio es inferior al del pedido.",
    },
    Deviation.CHARGE_NOT_ORDERED: {
        "en": "There is a charge that was not ordered.",
        "es": "Hay un cargo que no se había pedido.",
    },
}
