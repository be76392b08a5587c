"""Tax numbers and accounts in a text: only those whose check digits are right. Pure."""

import re
from collections.abc import Iterator, Sequence

from services.billing.drafts import words
from services.billing.drafts.layout import Line
from services.billing.drafts.shapes import Field, Role, Seen, TaxIdSeen, doubtful, settled
from services.billing.einvoices.check_digits import IBAN_LENGTH, is_iban, is_nif, is_vat_number, normalise
from services.billing.identifiers import normalise_tax_id

_FORMS = {  # 0 is a digit, X a letter or digit
    "AT": "U00000000",
    "BE": "0000000000",
    "DE": "000000000",
    "DK": "00000000",
    "ES": "X0000000X",
    "FI": "00000000",
    "FR": "XX000000000",
    "IT": "00000000000",
    "LU": "00000000",
    "NL": "000000000B00",
    "PL": "0000000000",
    "PT": "000000000",
}
_CLASSES = {"0": "[0-9]", "X": "[A-Z0-9]"}
_GAP = r"[ ./-]?"
_VAT = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    + "|".join(
        code + "".join(_GAP + _CLASSES.get(each, each) for each in form) for code, form in sorted(_FORMS.items())
    )
    + r")(?![A-Za-z0-9])"
)
_NIF = re.compile(
    r"(?<![A-Za-z0-9-])(?:[XYZKLM][. -]?[0-9]{7}[. -]?[A-Z]|[A-HJNP-SUVW][. -]?[0-9]{2}\.?[0-9]{3}\.?[0-9]{2}[. -]?[0-9A-J]|"
    r"[0-9]{2}\.?[0-9]{3}\.?[0-9]{3}[. -]?[A-Z])(?![A-Za-z0-9-])"
)
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?=[ A-Z0-9])")
_NEAR = 8  # lines from the heading of a block to what stands in it
_BESIDE = 12  # columns by which a block's heading may stand beside it


def read_tax_ids(lines: Sequence[Line]) -> list[TaxIdSeen]:
    """Return each tax number once, best where its label or the heading of its block says whose it is."""
    found: dict[str, TaxIdSeen] = {}
    for line in lines:
        for each in _tax_ids_in(line, lines):
            value = str(each.seen.value)
            before = found.get(value)
            if before is None or (before.role == "unknown" and each.role != "unknown"):
                found[value] = each
    return list(found.values())


def _tax_ids_in(line: Line, lines: Sequence[Line]) -> Iterator[TaxIdSeen]:
    matches = [match for match in _VAT.finditer(line.text) if is_vat_number(normalise(match[0]))]
    spans = [match.span() for match in matches]
    alone = (match for match in _NIF.finditer(line.text) if is_nif(normalise(match[0])))
    apart = (match for match in alone if not any(start < match.end() and match.start() < end for start, end in spans))
    for match in (*matches, *apart):
        seen = line.seen(normalise_tax_id(match[0]), match.start(), match.end())
        is_labelled = match.span() in spans or _is_labelled(line, lines, match.start())
        yield TaxIdSeen(seen=seen, role=_role(line, lines, match.start()), is_labelled=is_labelled)


def _is_labelled(line: Line, lines: Sequence[Line], start: int) -> bool:
    """Tell whether the words before a number, or over it, name a tax number."""
    if words.TAX_ID.search(line.folded[max(0, start - 60) : start]):
        return True
    above = lines[line.index - 1] if line.index else line
    return bool(words.TAX_ID.search(above.folded[max(0, start - 20) : start + 20]))


def _role(line: Line, lines: Sequence[Line], start: int) -> Role:
    """Return whose number it is by the nearest heading: in its own line before it, or above it in its columns."""
    for above in reversed(lines[max(0, line.index - _NEAR) : line.index + 1]):
        if above.page != line.page:
            break
        for cell in reversed(above.cells):
            text, left = above.folded[cell.start : cell.end], cell.start - _BESIDE
            beside = cell.start <= start if above is line else left <= start <= cell.end + 3 * _BESIDE
            if beside and words.CUSTOMER.search(text):
                return "customer"
            if beside and words.SUPPLIER.search(text):
                return "supplier"
    return "unknown"


def read_account(lines: Sequence[Line], accounts: Sequence[Seen]) -> Field:
    """Return where to pay. Where the money is drawn, or a label says so, the account may be the payer's: a person decides."""
    is_drawn = any(words.DEBIT.search(line.folded) for line in lines)
    return doubtful(list(accounts)) if is_drawn else settled(list(accounts))


def read_accounts(lines: Sequence[Line]) -> list[Seen]:
    return [seen for line in lines for seen in _accounts_in(line)]


def _accounts_in(line: Line) -> Iterator[Seen]:
    """Yield the IBANs of a line: as many characters as the country has, single spaces between them."""
    for match in _IBAN.finditer(line.text):
        more = IBAN_LENGTH.get(match[0][:2], 1) - 1  # none of an unknown country is an IBAN
        taken = re.match(rf"[A-Z0-9](?: ?[A-Z0-9]){{{more}}}(?![A-Za-z0-9])", line.text[match.start() :])
        if taken and is_iban(normalise(taken[0])):
            yield line.seen(normalise(taken[0]), match.start(), match.start() + len(taken[0]))
