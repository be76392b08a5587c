"""The body of a partial change: what is left out stays as it is."""

from typing import Self

from pydantic import model_validator

from shared.schemas import RequestModel
from shared.validation import value_error


class ChangeModel(RequestModel):
    """Base of such bodies; one that names nothing is refused."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise value_error("nothing_to_change", "names nothing to change", "no indica ningún cambio")
        return self
