"""Query strings in which nothing is said twice, since all but the last would be dropped unnoticed."""

from fastapi import Depends, Request

from services.billing.invoices.errors import RepeatedParameter
from services.billing.invoices.filters import SEVERAL
from shared.errors import refuses


@refuses(RepeatedParameter)
def _once_each(request: Request) -> None:
    """Refuse a parameter that is repeated and takes one value."""
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name in seen and name not in SEVERAL:
            raise RepeatedParameter(parameter=name, several=", ".join(sorted(SEVERAL)))
        seen.add(name)


SingleValues = Depends(_once_each)
