"""What the questions of several slices have in common: a query string, closed and strict."""

from typing import Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from shared.schemas import whole_number


class Question(BaseModel):
    """Base of a query string. An empty value is no value, so `?process=&team=` says nothing of either."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, values: Any) -> Any:
        return {name: value for name, value in values.items() if value != ""} if isinstance(values, dict) else values


# After the limits of a number, else the API's description loses them: `Annotated[int, Field(ge=1), Digits]`.
Digits = BeforeValidator(whole_number)
