"""The inside of a worker process: messages come in on stdin, answers go out on stdout, until the other side closes."""

import gc
import os
import resource
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import msgspec

from services.billing.einvoices.verdicts import LENGTH

_STATM = Path("/proc/self/statm")


def resident_bytes() -> int:
    """Return how much memory this process holds; where the system does not say, the most it ever held."""
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * resource.getpagesize()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def take_stdout() -> BinaryIO:
    """Return stdout for the answers alone: whatever else prints must not get between them."""
    outgoing = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return outgoing


def answer_all(
    outgoing: BinaryIO, ready: msgspec.Struct, head: struct.Struct, answer: Callable[..., msgspec.Struct]
) -> None:
    """Say that all is ready, then answer each message. Its head has the length of its content, and what else is asked."""
    gc.collect()
    gc.freeze()  # what stays is not looked through again with every message
    reply, incoming = ready, sys.stdin.buffer
    while True:
        message = msgspec.msgpack.encode(msgspec.structs.replace(reply, resident=resident_bytes()))
        outgoing.write(LENGTH.pack(len(message)) + message)
        outgoing.flush()
        begun = incoming.read(head.size)
        if len(begun) < head.size:
            return
        size, *asked = head.unpack(begun)
        del message
        reply = answer(incoming.read(size), *asked)
