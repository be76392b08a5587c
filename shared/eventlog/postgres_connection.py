"""How the event log talks to PostgreSQL: connection settings, and which errors mean that it is away."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg

from shared.eventlog import LogUnavailableError

CHANNEL = "trastienda_eventlog"  # notifications carry a partition's id
CONNECT_TIMEOUT_S = 10.0
_STATEMENT_S = 60.0  # seconds until a server that does not answer counts as lost

# Not 28xxx (who you are), 42xxx (what you asked): those do not go away by trying again.
_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,  # the connection is closed
    asyncpg.InternalClientError,  # the pool's reset of a connection that was lost in the middle of a statement
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, starting up, statement timed out
    asyncpg.InsufficientResourcesError,  # too many connections, disk full
    asyncpg.IdleInTransactionSessionTimeoutError,  # a lease that was held for too long
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
)


@contextmanager
def translated() -> Iterator[None]:
    """Raise LogUnavailableError for what trying again may cure."""
    try:
        yield
    except _AWAY as error:
        raise LogUnavailableError(f"the event log's PostgreSQL: {type(error).__name__}: {error}") from error


def connection_options(role: str | None, *, idle_in_transaction_s: float) -> dict[str, Any]:
    """Return arguments of asyncpg's connect; a transaction idle for longer is ended by the server.

    That limit frees the partitions of a process that hangs; keep-alives do it for a machine that vanished.
    """
    settings = {
        "application_name": "trastienda_eventlog",
        "default_transaction_isolation": "read committed",
        "idle_in_transaction_session_timeout": str(int(idle_in_transaction_s * 1000)),
        "lock_timeout": "30000",
        "tcp_keepalives_idle": "15",
        "tcp_keepalives_interval": "5",
        "tcp_keepalives_count": "3",
        "jit": "off",
    }
    if role is not None:
        settings["role"] = role
    return {"timeout": CONNECT_TIMEOUT_S, "command_timeout": _STATEMENT_S, "server_settings": settings}
