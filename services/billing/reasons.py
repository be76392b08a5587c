"""Why a person does something, in their words. It stays in billing: events say that there was a reason, not which."""

from typing import Annotated

from pydantic import StringConstraints

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]
