"""What stands on the page, whichever way it is drawn: words and figures in place, nothing left to decide."""

import msgspec

from shared.errors import Language


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the page."""


class Field(Part, frozen=True):
    """A value and what it is. `strong` are the few that decide."""

    label: str
    value: str
    strong: bool = False


class Block(Part, frozen=True):
    title: str
    fields: tuple[Field, ...] = ()


class Column(Part, frozen=True):
    """`wide` takes the room that is left, and what a row says beyond its cells; `narrow` breaks its words early."""

    label: str
    numeric: bool = False
    narrow: bool = False
    wide: bool = False


class Row(Part, frozen=True):
    cells: tuple[str, ...]
    details: tuple[Field, ...] = ()


class Table(Part, frozen=True):
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


class Words(Part, frozen=True):
    """What the drawing says by itself."""

    page: str
    of: str
    unshown: str


class Sheet(Part, frozen=True):
    """A page from top to bottom; `texts` have its whole width. `day` is the document's, as ISO 8601; `warn` says that the standing needs attention."""

    language: Language
    title: str
    kind: str
    number: str
    issuer: str
    day: str
    notice: str
    warn: bool
    words: Words
    standing: Block
    key: tuple[Field, ...]
    parties: tuple[Block, ...]
    facts: tuple[Block, ...]
    tables: tuple[Table, ...]
    totals: Block
    closing: tuple[Block, ...]
    texts: tuple[Block, ...]
    original: Block
