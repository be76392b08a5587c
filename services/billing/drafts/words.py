"""The words by which invoices say what stands where, in English, Spanish and German; folded as `layout.fold` does it."""

import re
from collections.abc import Mapping

_NO = r"(?:no|n\.o|nr|num|number|numero|nummer|nro|id|#)"


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile(r"(?<![\w])(?:" + "|".join(patterns) + r")(?![a-z])\.?")


NUMBER = _any(
    rf"(?:tax |vat |sales )?(?:invoice|inv|bill)[. ]{{0,2}}{_NO}",
    rf"document {_NO}",
    rf"{_NO}\.? ?(?:de |de la )?(?:factura|fra)",
    rf"(?:factura|fra)(?: rectificativa| simplificada)?\.? {_NO}",
    rf"(?:rechnung|beleg|re)s?[ .-]{{0,3}}{_NO}",
    r"rechnungsnummer",
    r"belegnummer",
)
BARE_NUMBER = _any(r"(?:tax )?invoice", r"factura", r"rechnung", r"fra")
NUMBER_IN_LINE = _any(_NO)
TITLE = re.compile(r"(?:tax |vat )?invoice|factura|rechnung")
INVOICE_WORD = re.compile(r"invoice|factura|rechnung")
EARLIER = re.compile(
    r"original|rectificad|que rectifica|corrected|corrects|corrige|(?<!rechnungs)korr|previous|vorherig|bezug|related|"
    r"(?<!\w)zur? $|order|pedido|bestell|contract|contrato|vertrag|customer|cliente|kunde"
)

ISSUED = _any(
    r"(?:invoice|bill|document) date",
    r"date of (?:the )?(?:invoice|issue)",
    r"issue date",
    r"(?:issued|dated)(?: on)?",
    r"fecha (?:de )?(?:la )?(?:factura|emision|expedicion)",
    r"rechnungsdatum",
    r"belegdatum",
    r"ausstellungsdatum",
    r"datum der rechnung",
)
BARE_ISSUED = _any(r"date", r"fecha", r"datum")
DUE = _any(
    r"(?:payment )?due(?: date| by| on)?",
    r"date due",
    r"(?:pay|payable)(?: by| before| until)",
    r"(?:fecha (?:de )?)?vencimiento",
    r"vence(?: el)?",
    r"(?:fecha )?limite de pago",
    r"pagar antes del?",
    r"fallig(?:keit|keitsdatum)?(?: am| bis)?",
    r"zahlbar[a-z0-9 ]{0,40}? bis(?: zum)?",
    r"zahlungsziel",
)
RELATIVE = re.compile(
    r"[0-9]|(?<!\w)(?:days?|weeks?|months?|after|from|of|dias?|mes(?:es)?|desde|tras|partir|tag[a-z]*|woche[a-z]*|monat[a-z]*|ab|nach)(?!\w)"
)
DISCOUNT = re.compile(r"skonto|discount|descuento|pronto pago")
OTHER_DAY = re.compile(
    r"deliver|entrega|liefer|leistung|order|pedido|bestell|period|print|impres|druck|start|end|ship|envio|versand"
    r"|skonto|discount|descuento|contract|contrato|vertrag|valor|operacion|tax point|birth|gebur"
)
ORDER = _any(
    rf"(?:your |our )?(?:purchase )?(?:order|po|p\.o\.)(?: (?:{_NO}|reference|ref))?",
    rf"(?:su |nuestro )?(?:{_NO}\.? (?:de )?)?pedido(?: {_NO})?",
    r"orden de compra",
    rf"(?:ihre )?bestell(?:ung|nummer|nr)(?:[ .-]{{0,2}}{_NO})?",
    rf"auftrag(?:s?nummer|s?nr)?(?:[ .-]{{0,2}}{_NO})?",
)
TAX_ID = _any(
    r"vat(?: ?(?:reg|registration))?(?:[ .]{0,2}(?:no|number|id|nr))?",
    r"tax (?:id|number|no)",
    r"n\.?i\.?f",
    r"c\.?i\.?f",
    r"n\.?i\.?e",
    r"nif/cif",
    r"cif/nif",
    r"vat/nif",
    r"ust[ .-]{0,3}id(?:[ .-]{0,3}(?:nr|no|nummer))?",
    r"umsatzsteuer-?id[a-z.-]*",
    r"uid(?:-nr)?",
    r"numero de identificacion fiscal",
)
CUSTOMER = re.compile(
    r"(?<!\w)(?:bill(?:ed)? to|invoice to|sold to|ship(?:ped)? to|customer(?! (?:service|care|support|no|number|id))|"
    r"client(?!\w| (?:service|no|number|id))|buyer|your vat|(?<!al )(?<!o de )cliente|comprador|facturar? a|facturado a|"
    r"destinatario|adquirente|titular|kunden?(?!\w)|kundendaten|kaufer|leistungsempfanger|rechnungsempfanger|"
    r"rechnung an|lieferadresse|empfanger|ihre ust)"
)
SUPPLIER = re.compile(
    r"(?<!\w)(?:seller|vendor|supplier|^from|issued by|our vat|proveedor|emisor|vendedor|expedidor|verkaufer|lieferant|"
    r"rechnungssteller|unsere ust)(?!\w)"
)
DEBIT = re.compile(
    r"direct debit|debited|lastschrift|einzug|abgebucht|abbuch|mandat|domicilia|adeudo|cargo en (?:su )?cuenta|cuenta de cargo|"
    r"recibo bancario|giro bancario|forma de pago:? +(?:recibo|giro)|(?:su|your|ihr) (?:cuenta|iban|(?:bank )?account|konto)(?!\w)|"
    r"(?:cuenta|iban)(?: del?)? cliente|customer(?:'s)? (?:iban|account|bank)|kundenkonto"
)
CREDIT = re.compile(
    r"credit (?:note|memo)|nota de (?:credito|abono)|(?:factura de )?abono(?! en)(?!\w)|factura rectificativa|gutschrift(?! auf)|"
    r"rechnungskorrektur|storno"
)

STRONG_GROSS = re.compile(
    r"amount due|balance due|grand total|total due|incl|gross|total to pay|a pagar|con iva|total factura|"
    r"brutto|zahlbetrag|zu zahlen|endbetrag|gesamtbetrag|rechnungsbetrag"
)
NET = re.compile(
    r"sub ?total|(?<!\w)net(?!\w)|net amount|total net|excl|without|before tax|taxable|base|neto|sin iva|antes de|"
    r"netto|ohne|zwischensumme|warenwert|nettobetrag"
)
TAX = re.compile(
    r"(?<!\w)(?:vat|tax|iva|igic|cuota|cuotas|mwst|ust|impuestos?)(?!\w)|steuer(?!-?id|nummer)|steuerbetrag|tax amount"
)
GROSS = re.compile(r"total|summe|importe|gesamt|betrag")
WITHHELD = re.compile(r"irpf|retencion|withh|einbehalt")

LANGUAGES: Mapping[str, re.Pattern[str]] = {
    "en": _any(r"invoice", r"date", r"amount", r"due", r"payment", r"subtotal", r"vat", r"customer", r"of", r"the"),
    "es": _any(r"factura", r"fecha", r"importe", r"vencimiento", r"iva", r"cuota", r"cliente", r"base", r"pago", r"de"),
    "de": _any(
        r"rechnung\w*", r"datum", r"betrag", r"fallig\w*", r"mwst", r"ust", r"kunde\w*", r"netto", r"und", r"der"
    ),
}
MONTHS: Mapping[str, int] = {
    name: number
    for number, names in enumerate(
        (
            "january jan enero ene januar jan jaenner janner",
            "february feb febrero februar",
            "march mar marzo marz maerz mrz",
            "april apr abril abr",
            "may mayo mai",
            "june jun junio juni",
            "july jul julio juli",
            "august aug agosto ago",
            "september sep sept septiembre setiembre set",
            "october oct octubre oktober okt",
            "november nov noviembre",
            "december dec diciembre dic dezember dez",
        ),
        1,
    )
    for name in names.split()
}
SIGNS: Mapping[str, tuple[str, ...]] = {
    "€": ("EUR",),
    "£": ("GBP",),
    "US$": ("USD",),
    "$": ("USD", "CAD", "AUD", "MXN"),
}
