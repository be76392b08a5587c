"""Which data directory belongs to the `up` behind a port of this machine."""

from collections.abc import Iterator
from pathlib import Path

import psutil


def data_of_port(port: int, default: Path) -> Path | None:
    """Return the `--data` of the `up` that listens on `port`, itself or through a part it started."""
    for process in _listeners(port):
        for each in (process, *process.parents()):
            if (found := _data_of(each, default)) is not None:
                return found
    return None


def _listeners(port: int) -> Iterator[psutil.Process]:
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:  # the system shows other users' sockets to none but root
        return
    for connection in connections:
        here = connection.laddr and connection.laddr.port == port
        if here and connection.status == psutil.CONN_LISTEN and connection.pid:
            try:
                yield psutil.Process(connection.pid)
            except psutil.NoSuchProcess:
                continue


def _data_of(process: psutil.Process, default: Path) -> Path | None:
    try:
        arguments, folder = process.cmdline(), Path(process.cwd())
        given = process.environ().get("TRASTIENDA_DATA")
    except psutil.Error:
        return None
    if "deploy.cli" not in arguments or "up" not in arguments:
        return None
    for place, argument in enumerate(arguments):
        if argument == "--data" and place + 1 < len(arguments):
            given = arguments[place + 1]
        elif argument.startswith("--data="):
            given = argument.removeprefix("--data=")
    return folder / given if given else default
