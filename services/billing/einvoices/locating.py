"""Where a document says a field: the XPath of `lines.3.net`, from the table that reads and writes it."""

from collections.abc import Mapping, Sequence

from lxml import etree

from services.billing.einvoices.binding import Const, Each, Leaf, Node, Within


class Locator:
    """Finds fields in one table."""

    def __init__(self, nodes: Sequence[Node], prefixes: Mapping[str, str]) -> None:
        self._nodes = nodes
        self._names = {uri: prefix for prefix, uri in prefixes.items()}

    def locate(self, path: str) -> str:
        """Return the XPath of a field below the root; empty for one that has no place of its own."""
        return self._search(self._nodes, path) or ""

    def _search(self, nodes: Sequence[Node], path: str) -> str | None:
        for node in nodes:
            if isinstance(node, Leaf):
                found = self._step(node.tag) if node.field == path else None
            else:
                found = None if isinstance(node, Const) else self._descend(node, path)
            if found is not None:
                return found
        return None

    def _descend(self, node: Within | Each, path: str) -> str | None:
        field = node.field if isinstance(node, Each) else node.at
        position = "[1]" if isinstance(node, Each) else ""
        if field is not None and path.startswith(f"{field}."):
            path = path.removeprefix(f"{field}.")
            if isinstance(node, Each):
                index, _, path = path.partition(".")
                position = f"[{int(index) + 1}]"
        elif field is not None and not path.startswith("/"):
            path = f"/{path}"  # a field of the document may stand in the group all the same
        found = self._search(node.nodes, path)
        return None if found is None else f"{self._step(node.tag)}{self._told_by(node)}{position}{found}"

    def _told_by(self, node: Within | Each) -> str:
        """Return what tells these elements from others of their name: the constants in them."""
        fixed = (each for each in node.nodes if isinstance(each, Const))
        return "".join(f"[{''.join(map(self._step, each.tags))[1:]}='{each.text}']" for each in fixed)

    def _step(self, tag: str) -> str:
        name = etree.QName(tag)
        return f"/{self._names[name.namespace]}:{name.localname}" if name.namespace else f"/{name.localname}"
