"""Free loopback ports, and who holds the others."""

import random
import socket
from collections.abc import Iterable, Sequence

import psutil

LOOPBACK = "127.0.0.1"
# Below the range from which the kernel takes local ports of outgoing connections (32768 on Linux).
LOWEST, HIGHEST = 11000, 32000
# Not the generator that anybody may seed: two processes that draw the same numbers would race for the same ports.
CHANCE = random.SystemRandom()


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections in TIME_WAIT do not make a port busy, a listener does.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_ports(count: int, excluding: Iterable[int] = ()) -> list[int]:
    """`count` different ports nobody listens on now. They are not reserved: bind them soon."""
    taken = set(excluding)
    found: list[int] = []
    for port in CHANCE.sample(range(LOWEST, HIGHEST), HIGHEST - LOWEST):
        if len(found) == count:
            return found
        if port not in taken and is_free(port):
            found.append(port)
    raise OSError(f"no {count} free ports between {LOWEST} and {HIGHEST}")


def free_base(count: int, start: int, step: int = 100) -> int | None:
    """Find the first of start, start + step, ... from which `count` ports in a row are free."""
    for base in range(start, 65536 - count, step):
        if all(is_free(port) for port in range(base, base + count)):
            return base
    return None


def holder(port: int) -> str:
    """Who listens on `port`, as far as we may know it: "name (pid 12)"."""
    try:
        listening = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    except psutil.AccessDenied:
        return "another process"
    pids = [c.pid for c in listening if c.laddr and c.laddr.port == port and c.pid]
    if not pids:
        return "another user's process"
    try:
        return f"{psutil.Process(pids[0]).name()} (pid {pids[0]})"
    except psutil.Error:
        return f"pid {pids[0]}"


def busy(ports: Sequence[int]) -> list[int]:
    return [port for port in ports if not is_free(port)]
