"""Query strings that are taken at their word: nothing in them is dropped unnoticed."""

from collections.abc import Collection
from typing import Any

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from shared.errors import DomainError, refuses
from shared.openapi import dependants_of


class RepeatedParameter(DomainError):
    code, status = "repeated-parameter", 422
    en = "The parameter {parameter} stands in the address more than once and takes one value."
    es = "El parámetro {parameter} figura más de una vez en la dirección y admite un solo valor."
    hint_en = "Leave all but one out; parameters of this address that take several values: {several}."
    hint_es = "Deje solo uno; parámetros de esta dirección que admiten varios valores: {several}."


def single_values(*, but: Collection[str] = ()) -> Any:
    """Return the dependency of a route whose parameters are a model, which refuses unknown ones itself."""

    @refuses(RepeatedParameter)
    def once_each(request: Request) -> None:
        _refuse_repeated(request, but)

    return Depends(once_each)


@refuses(RepeatedParameter)
def _closed(request: Request) -> None:
    """Refuse what the route does not know, and what is said twice."""
    route: APIRoute = request.scope["route"]
    known = {field.alias for part in dependants_of(route) for field in part.query_params}
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        raise RequestValidationError(
            [
                {"type": "extra_forbidden", "loc": ("query", name), "msg": "Extra inputs are not permitted"}
                for name in unknown
            ]
        )
    _refuse_repeated(request, ())


def _refuse_repeated(request: Request, several: Collection[str]) -> None:
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name in seen and name not in several:
            raise RepeatedParameter(parameter=name, several=", ".join(sorted(several)) or "-")
        seen.add(name)


ClosedQuery = Depends(_closed)  # of a list whose parameters stand in its signature, each with one value
