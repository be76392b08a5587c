"""One finding of `doctor`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Check:
    """A warning does not fail the command."""

    name: str
    status: Literal["ok", "warning", "failed"]
    detail: str
