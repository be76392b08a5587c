"""Which failures are waited for, and which are somebody's fault."""

import asyncio

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoConnectionFreeError

from shared.eventlog import LogUnavailableError
from shared.failures import first_line, is_transient
from shared.storage import ObjectNotFoundError, StoreUnavailableError


def from_database(cause: Exception, *, invalidated: bool = False) -> DBAPIError:
    return DBAPIError("SELECT 1", {}, cause, connection_invalidated=invalidated)


PASSING = [
    ConnectionRefusedError(111, "refused"),
    OSError("Multiple exceptions: [Errno 111], [Errno 111]"),
    TimeoutError(),
    NoConnectionFreeError(),
    LogUnavailableError("x"),
    StoreUnavailableError("x"),
    asyncpg.CannotConnectNowError("the database system is starting up"),
    asyncpg.AdminShutdownError("terminating connection"),
    asyncpg.TooManyConnectionsError("sorry, too many clients already"),
    asyncpg.InterfaceError("connection is closed"),
    asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
    from_database(asyncpg.DeadlockDetectedError("deadlock detected")),
    from_database(asyncpg.SerializationError("could not serialize access")),
    from_database(asyncpg.LockNotAvailableError("canceling statement due to lock timeout")),
    from_database(asyncpg.DiskFullError("could not extend file")),
    from_database(Exception("connection is closed"), invalidated=True),
]
LASTING = [
    RuntimeError("x"),
    FileNotFoundError(2, "No such file", "a-path"),
    ObjectNotFoundError("x"),
    asyncio.CancelledError(),
    asyncpg.InvalidPasswordError("password authentication failed"),
    asyncpg.DataError("invalid input for query argument"),
    from_database(asyncpg.UniqueViolationError("duplicate key")),
    from_database(asyncpg.InsufficientPrivilegeError("permission denied")),
    from_database(asyncpg.QueryCanceledError("canceling statement due to statement timeout")),
    IntegrityError("INSERT", {}, Exception("x")),
]


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_what_passes_by_itself_is_waited_for(error: BaseException) -> None:
    assert is_transient(error)


@pytest.mark.parametrize("error", LASTING, ids=repr)
def test_what_lasts_is_not(error: BaseException) -> None:
    assert not is_transient(error)


def test_what_is_said_of_a_failure_is_one_line_and_short() -> None:
    assert first_line(ValueError("first\nDETAIL: Key (name)=(ana)")) == "ValueError: first"
    assert first_line(KeyError()) == "KeyError: "
    assert len(first_line(ValueError("x" * 10_000))) == 1_000
    assert first_line(ValueError("\ud800")) == "ValueError: ?"
