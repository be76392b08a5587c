"""Identifiers: time-ordered for new rows, derived from content for what may arrive twice."""

import os
import time
from uuid import UUID, uuid5

_CONTENT_NAMESPACE = UUID("5f2b3c1e-7a0d-5c44-9a53-0d1f6f2d8c11")


def uuid7() -> UUID:
    """Return a UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (2**48 - 1)) << 80 | random
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


def stable_id(*parts: object) -> UUID:
    """Return the same UUID (version 5) for the same parts in the same order.

    Parts are joined with their lengths, so ("ab", "c") and ("a", "bc") differ.
    """
    texts = [str(part) for part in parts]
    return uuid5(_CONTENT_NAMESPACE, "".join(f"{len(text)}:{text}" for text in texts))
