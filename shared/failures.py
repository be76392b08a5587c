"""Which failures pass by themselves, and what may be said about one: neither a row's values nor a parameter's."""

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFreeError

from shared.eventlog import LogUnavailableError
from shared.events import MalformedEventError
from shared.logging import without_values
from shared.storage import StoreUnavailableError

HANDLER_FAILED = "handler-failed"
STATEMENT_TIMEOUT = "57014"
DISK_FULL = "53100"
# Of connections, transactions, resources and operators; 55P03 is a lock that did not come in time.
_PASSING = {"08", "40", "53", "57"}


def sqlstate_of(error: BaseException) -> str:
    """Return the five characters with which PostgreSQL says what went wrong, or nothing."""
    return str(getattr(error.orig if isinstance(error, DBAPIError) else error, "sqlstate", None) or "")


def is_transient(error: BaseException) -> bool:
    """Tell whether trying again may help: a server is away, restarting, out of connections, or deadlocked.

    A statement that ran into its time limit is not: a smaller batch may help, the same one will not.
    """
    if isinstance(error, LogUnavailableError | StoreUnavailableError | NoConnectionFreeError | TimeoutError):
        return True
    if isinstance(error, OSError):
        return error.filename is None  # about a connection, not about a file
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    if isinstance(error, asyncpg.InterfaceError):  # met while connecting, else it comes as a DBAPIError
        return not isinstance(error, asyncpg.DataError)
    state = sqlstate_of(error)
    return (state[:2] in _PASSING and state != STATEMENT_TIMEOUT) or state == "55P03"


def leaves_open(error: BaseException) -> bool:
    """Tell whether a COMMIT that failed so may have happened: its answer is missing, it was not refused."""
    return is_transient(error) and sqlstate_of(error)[:2] not in {"40", "53", "55"}


def reason_of(error: BaseException) -> str:
    """Return a stable word for counting."""
    return error.reason if isinstance(error, MalformedEventError) else HANDLER_FAILED


def first_line(error: BaseException) -> str:
    """Return what an error says, without PostgreSQL's DETAIL lines and asyncpg's arguments, which quote values."""
    said = without_values((str(error).splitlines() or [""])[0])
    text = said if isinstance(error, MalformedEventError) else f"{type(error).__name__}: {said}"
    return text[:1_000].encode("utf-8", "replace").decode()
