"""How suppliers, invoices, orders and items are named by what comes in, and when two names are the same."""

import re
from typing import Annotated

from pydantic import StringConstraints

# Five of them are letters or digits: what punctuation makes long would be one number of many suppliers.
TaxId = Annotated[str, StringConstraints(pattern=r"^[ .\-/]*([A-Za-z0-9][ .\-/]*){5,}$", min_length=5, max_length=24)]
Reference = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
OrderNumber = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"[A-Za-z0-9]")
]
Unit = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,3}$")]

_SPANISH_VAT_NUMBER = re.compile(r"ES[A-Z0-9][0-9]{7}[A-Z0-9]")


def normalise_number(number: str) -> str:
    """Return what makes two invoice numbers of one supplier the same: letter case and separators do not.

    Runs of separators become one dash and are not dropped: 1-23 and 12-3 are two invoices.
    """
    return re.sub(r"[\W_]+", "-", number.upper()).strip("-")


def normalise_tax_id(tax_id: str) -> str:
    """Return a tax identifier without spaces and punctuation, in capitals.

    A Spanish VAT number is the NIF behind ES (Real Decreto 1065/2007, art. 25): both are one supplier's.
    """
    plain = re.sub(r"[\W_]", "", tax_id.upper())
    return plain.removeprefix("ES") if _SPANISH_VAT_NUMBER.fullmatch(plain) else plain
