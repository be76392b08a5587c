"""Reads and writes a model by a table: which element holds which field, in the order the syntax wants.

A table is a tuple of nodes. The same nodes read and write, so that a mapping is said once:

- `Leaf`: an element whose text, and attributes, are a field; with `many`, repeated elements are a tuple.
- `Within`: an element that only groups others; `at` names the field whose shape its nodes fill.
- `Each`: an element repeated for every item of a tuple of shapes.
- `Const`: what the syntax wants there whenever its parent says anything.

A field name may have dots, and begins with `/` where it belongs to the document and not to the shape at hand.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

import msgspec
from lxml import etree

from services.billing.einvoices.model import Invoice

Values = dict[str, Any]


class UnreadableError(ValueError):
    """A text that is no value of its kind; the message names the element and the text."""


class UnwritableError(ValueError):
    """A field that this syntax cannot say in this document."""


@dataclass(slots=True)
class Scope:
    """What a node may need to know beyond its own element."""

    currency: str | None
    tax_currency: str | None
    document: Any  # read: the values found so far; written: the model
    written: set[str] = field(default_factory=set)  # fields of the document that were written from inside a group
    read: set[Any] | None = None  # the elements that said something, where that is wanted

    def mark(self, *elements: Any) -> None:
        if self.read is not None:
            self.read.update(elements)


Condition = Callable[[Any, Scope], bool]


class Codec(Protocol):
    """How an element says a value."""

    def read(self, element: Any, scope: Scope) -> Any: ...

    def write(self, element: Any, value: Any, scope: Scope) -> None: ...


@dataclass(frozen=True, slots=True)
class Leaf:
    tag: str
    field: str
    codec: Codec
    attributes: tuple[tuple[str, str], ...] = ()  # attribute, field beside this one
    many: bool = False
    when: Condition | None = None
    only: Callable[[Any], bool] | None = None  # which values this element says
    placeholder: str | None = None  # said where the syntax wants the element and the model has nothing


@dataclass(frozen=True, slots=True)
class Const:
    tags: tuple[str, ...]  # one within the other
    text: str
    tag: str = ""  # it is written and not read: no element has this name


@dataclass(frozen=True, slots=True)
class Within:
    tag: str
    nodes: "Sequence[Node]"
    at: str | None = None
    when: Condition | None = None
    always: bool = False  # written though there is nothing to say: the syntax wants it


@dataclass(frozen=True, slots=True)
class Each:
    tag: str
    field: str
    nodes: "Sequence[Node]"
    when: Condition | None = None


Node = Leaf | Const | Within | Each


@dataclass(frozen=True, slots=True)
class Tags:
    """Makes nodes of names as people write them: `cac:Party/cac:PartyName/cbc:Name`."""

    prefixes: Mapping[str, str]

    def name(self, step: str) -> str:
        prefix, _, local = step.rpartition(":")
        return f"{{{self.prefixes[prefix]}}}{local}" if prefix else local

    def path(self, steps: str) -> str:
        return "/".join(self.name(step) for step in steps.split("/"))

    def leaf(self, path: str, field_name: str, codec: Codec, **more: Any) -> Node:
        return self._wrapped(path, lambda tag: Leaf(tag, field_name, codec, **more))

    def const(self, path: str, text: str) -> Const:
        return Const(tuple(self.name(step) for step in path.split("/")), text)

    def within(self, path: str, *nodes: Node, **more: Any) -> Node:
        return self._wrapped(path, lambda tag: Within(tag, nodes, **more))

    def each(self, tag: str, field_name: str, *nodes: Node, when: Condition | None = None) -> Node:
        return Each(self.name(tag), field_name, nodes, when)

    def says(self, path: str, *texts: str) -> Condition:
        """Return whether an element's descendant at `path` has one of the texts."""
        where = self.path(path)
        return lambda element, _scope: (element.findtext(where) or "").strip() in texts

    def _wrapped(self, path: str, make: Callable[[str], Node]) -> Node:
        *steps, last = path.split("/")
        node = make(self.name(last))
        for step in reversed(steps):
            node = Within(self.name(step), (node,))
        return node


def unless(condition: Condition) -> Condition:
    return lambda element, scope: not condition(element, scope)


def read_document(root: Any, nodes: Sequence[Node], currency: str | None, tax_currency: str | None) -> Invoice:
    """Return what a document says. Raises UnreadableError."""
    values: Values = {}
    read_nodes(root, nodes, values, Scope(currency, tax_currency, values))
    return msgspec.convert(values, Invoice)


def read_and_mark(root: Any, nodes: Sequence[Node], currency: str | None) -> tuple[Invoice, set[Any]]:
    """Return what a document says, and the elements that said it. Raises UnreadableError."""
    values: Values = {}
    said: set[Any] = set()
    read_nodes(root, nodes, values, Scope(currency, None, values, read=said))
    return msgspec.convert(values, Invoice), said


def write_document(root: Any, nodes: Sequence[Node], invoice: Invoice) -> bytes:
    """Return the document as UTF-8. Raises UnwritableError, naming what the syntax has no place for."""
    if invoice.beyond is not None:
        raise UnwritableError("beyond has no place in this document: it says what EN 16931 has no term for")
    scope = Scope(invoice.currency, invoice.tax_currency, invoice)
    try:
        write_nodes(root, nodes, invoice, scope)
    except ValueError as error:  # a control character, which XML cannot say
        raise UnwritableError(str(error)) from error
    for name in fields_said_in_groups(nodes) - scope.written:
        if getattr(invoice, name) is not None:
            raise UnwritableError(f"{name} has no place in this document")
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def fields_said_in_groups(nodes: Sequence[Node]) -> set[str]:
    """Return the fields of the document that stand inside the elements of something else."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, Leaf):
            found |= {node.field[1:]} if node.field.startswith("/") else set()
        elif not isinstance(node, Const):
            found |= fields_said_in_groups(node.nodes)
    return found


def read_nodes(element: Any, nodes: Sequence[Node], values: Values, scope: Scope) -> None:
    """Fill `values` with what the element's children say."""
    children: dict[str, list[Any]] = {}
    for child in element:  # a comment's tag is no name, and no node has it
        children.setdefault(child.tag, []).append(child)
    for node in nodes:
        found = children.get(node.tag)
        if found is None or isinstance(node, Const):
            continue
        if node.when is not None:
            found = [child for child in found if node.when(child, scope)]
        if isinstance(node, Leaf):
            _read_leaf(node, found, values, scope)
        else:
            _read_group(node, found, values, scope)


def _read_leaf(node: Leaf, found: Sequence[Any], values: Values, scope: Scope) -> None:
    for child in found:
        read = node.codec.read(child, scope)
        if read is None or (node.placeholder is not None and read == node.placeholder):
            continue
        where, name = _place(node.field, values, scope)
        if node.many:
            where.setdefault(name, []).append(read)
            scope.mark(child)
            continue
        if name not in where:
            where[name] = read
            scope.mark(child)
        for attribute, beside in node.attributes:
            if said := (child.get(attribute) or "").strip():
                where, name = _place(beside, values, scope)
                where.setdefault(name, said)
        return


def _read_group(node: Within | Each, found: Sequence[Any], values: Values, scope: Scope) -> None:
    if isinstance(node, Each):
        items = []
        for child in found:
            inner: Values = {}
            read_nodes(child, node.nodes, inner, scope)
            items.append(inner)
        if items:
            where, name = _place(node.field, values, scope)
            where.setdefault(name, []).extend(items)
        return
    for child in found:
        if node.at is None:
            read_nodes(child, node.nodes, values, scope)
            continue
        inner = {}
        read_nodes(child, node.nodes, inner, scope)
        if inner:
            where, name = _place(node.at, values, scope)
            where[name] = inner | where.get(name, {})


def _place(name: str, values: Values, scope: Scope) -> tuple[Values, str]:
    """Return the dictionary that holds a field, and its name there."""
    of_document, groups, last = _steps(name)
    if of_document:
        values = scope.document
    for group in groups:
        values = values.setdefault(group, {})
    return values, last


@cache
def _steps(name: str) -> tuple[bool, tuple[str, ...], str]:
    *groups, last = name.removeprefix("/").split(".")
    return name.startswith("/"), tuple(groups), last


def write_nodes(element: Any, nodes: Sequence[Node], shape: Any, scope: Scope) -> bool:
    """Append what the shape says to the element, in the table's order; tell whether anything was said."""
    said = False
    for node in nodes:
        if isinstance(node, Const):
            inner = element
            for tag in node.tags:
                inner = etree.SubElement(inner, tag)
            inner.text = node.text
        elif isinstance(node, Leaf):
            wrote = _write_leaf(element, node, shape, scope)
            if not wrote and node.placeholder is not None:
                etree.SubElement(element, node.tag).text = node.placeholder
            said |= wrote
        else:
            said |= _write_group(element, node, shape, scope)
    return said


def _write_leaf(element: Any, node: Leaf, shape: Any, scope: Scope) -> bool:
    if (
        node.field.startswith("/") and node.field[1:] in scope.written
    ):  # said once, in the first of the groups that could
        return False
    value = _value_at(node.field, shape, scope)
    values = (value or ()) if node.many else (value,)
    wrote = False
    for each in values:
        if each is None or (node.only is not None and not node.only(each)):
            continue
        child = etree.SubElement(element, node.tag)
        node.codec.write(child, each, scope)
        for attribute, beside in node.attributes:
            if (said := _value_at(beside, shape, scope)) is not None:
                child.set(attribute, said)
        wrote = True
    if wrote and node.field.startswith("/"):
        scope.written.add(node.field[1:])
    return wrote


def _write_group(element: Any, node: Within | Each, shape: Any, scope: Scope) -> bool:
    said = False
    for inner in _shapes_of(node, shape, scope):
        child = etree.SubElement(element, node.tag)
        if write_nodes(child, node.nodes, inner, scope) or isinstance(node, Each) or node.always:
            said = True
        else:
            element.remove(child)
    return said


def _shapes_of(node: Within | Each, shape: Any, scope: Scope) -> Iterator[Any]:
    if isinstance(node, Each):
        yield from _value_at(node.field, shape, scope) or ()
    elif node.at is None:
        yield shape
    elif (inner := _value_at(node.at, shape, scope)) is not None:
        yield inner


def _value_at(name: str, shape: Any, scope: Scope) -> Any:
    if name.startswith("/"):
        shape, name = scope.document, name[1:]
    for part in name.split("."):
        shape = None if shape is None else getattr(shape, part)
    return shape
