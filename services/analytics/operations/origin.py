"""Whose events are read: of a tenant that there can be, and of a version that this installation's contracts describe. Pure.

Whoever joins names its events as it likes, and is read by the work block alone. Of an event of ours, a version without a
contract may mean something else by the same words: reading it as the known one would give a wrong figure in silence.
"""

from functools import lru_cache

from shared.auth import TENANT
from shared.contracts import analytics, billing, documents, hr
from shared.events import EventData, MalformedEventError

MAX_TYPE = 255

_KNOWN = frozenset(
    each.type
    for producer in (analytics, billing, documents, hr)
    for each in vars(producer).values()
    if isinstance(each, type) and issubclass(each, EventData) and "type" in vars(each)
)
_NAMES = frozenset(kind.rpartition(".v")[0] for kind in _KNOWN)


@lru_cache(10_000)  # there are few; what is refused, which may be of any length, is not remembered
def check_origin(kind: str, tenant: str) -> None:
    """Raise MalformedEventError for a type in a version that is not known, and for a tenant that no token can name."""
    if len(kind) > MAX_TYPE:
        raise MalformedEventError("bad-attribute", f"header ce_type is longer than {MAX_TYPE} characters")
    if _is_unknown_version(kind):
        raise MalformedEventError("unknown-version", f"header ce_type is {kind!r}: this version is not known here")
    if not TENANT.fullmatch(tenant):
        raise MalformedEventError("bad-attribute", f"header ce_tenant is {tenant[:100]!r}: no tenant is called so")


def _is_unknown_version(kind: str) -> bool:
    """Tell whether an event is one of ours, in a version (or in none) that has no contract here."""
    return kind not in _KNOWN and (kind in _NAMES or kind.rpartition(".v")[0] in _NAMES)
