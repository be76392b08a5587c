"""What the service asks a renderer process for, and what it says."""

from typing import Literal

import msgspec

from services.billing.rendering.standing import About
from shared.errors import Language

RenderingFormat = Literal["html", "pdf"]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice to draw: its canonical form as JSON, and what is known about it."""

    format: RenderingFormat
    language: Language
    invoice: bytes
    about: About


class Drawn(msgspec.Struct, frozen=True, kw_only=True, tag="drawn"):
    content: bytes
    resident: int = 0


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    resident: int = 0


Reply = Drawn | Ready
