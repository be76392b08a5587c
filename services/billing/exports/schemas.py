"""What an export asks for."""

from typing import Annotated, Literal

from pydantic import Field

from services.billing.invoices.listing import SortedFilter

Format = Literal["csv", "xlsx"]
Rows = Literal["invoices", "lines", "vat-rates"]
Dialect = Literal["rfc4180", "spanish"]


class ExportQuery(SortedFilter):
    """A selection as a table: one row per invoice, per line, or per VAT rate of each invoice."""

    format: Annotated[Format | None, Field(description="Goes before Accept; CSV where neither says anything")] = None
    rows: Rows = "invoices"
    dialect: Annotated[
        Dialect | None,
        Field(
            description="Of CSV. `rfc4180`: commas, decimal points. `spanish`, as Excel has it: semicolons, decimal commas, "
            "a byte-order mark"
        ),
    ] = None
