"""Long work: 202 and a job resource; resumed after a crash from its last checkpoint.

A running job is held by a session-level advisory lock, so a job whose worker died is free at once. A worker that
lost its lock unawares (its connection died) finds at its next checkpoint that another has taken the job, and stops.

Until a job ends, its `error` holds the runner's notes, which callers never see: `since` (it waits until then; who was
begun last comes last), `starts` (without progress since), and what tells progress: `place`, the cursor's hash, and
`done`, the furthest it was.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from shared import metrics
from shared.auth import Principal, requires
from shared.db import Database, ReadSession
from shared.errors import DomainError, NotFound, problems
from shared.failures import DISK_FULL, first_line, is_transient, sqlstate_of
from shared.ids import uuid7
from shared.notify import listening
from shared.routing import ServiceRoute

_IDLE_S = 2.0
_RETRY_S = 1.0
_AGAIN_S = 5.0  # until a job that failed for something passing is tried again; others have their turn
_TRIES = 5
_AT_ONCE = timedelta(0)
logger = logging.getLogger(__name__)


class JobStalled(DomainError):
    code, status = "job-stalled", 500
    en = "The job was begun {starts} times and its worker ended each time before it got any further."
    es = "El trabajo se inició {starts} veces y su proceso terminó cada vez antes de avanzar."
    hint_en = "Try a smaller input; the worker's log, or its system's, tells what ended it (often: no memory left)."
    hint_es = "Pruebe con una entrada menor; el registro del proceso o del sistema dice qué lo terminó (a menudo, falta de memoria)."


class JobTakenOverError(Exception):
    """Another worker has taken the job meanwhile; this one has nothing more to say about it."""


@dataclass(slots=True)
class JobContext:
    """What a job's code gets. Its parameters never change; `cursor` is what it last checkpointed."""

    id: UUID
    tenant: str
    params: Mapping[str, Any]
    cursor: Mapping[str, Any]
    database: Database
    attempts: int
    done: int = field(default=0)

    async def checkpoint(self, cursor: Mapping[str, Any], done: int, total: int | None = None) -> None:
        """Store how far the work is: what a resumed job begins with and what callers see as progress.

        Raises JobTakenOverError.
        """
        self.cursor, self.done = cursor, done
        async with self.database.transaction(self.tenant) as session:
            change = "cursor = cast(:cursor AS jsonb), done = :done, total = coalesce(:total, total)"
            values = {"cursor": msgspec.json.encode(cursor).decode(), "done": done, "total": total}
            if not await _update(session, self.id, self.attempts, change, values):
                raise JobTakenOverError(str(self.id))


async def _update(session: AsyncSession, job: UUID, attempt: int, change: str, values: Mapping[str, Any]) -> bool:
    """Change a job unless a later attempt has begun; tell whether it was so."""
    statement = text(f"UPDATE job SET {change} WHERE id = :id AND attempts = :attempt RETURNING id")  # noqa: S608 - ours
    return (await session.execute(statement, {"id": job, "attempt": attempt, **values})).one_or_none() is not None


JobCode = Callable[[JobContext], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class WithCleanup:
    """Code whose job, when it has failed for good, is followed by one of the kind `cleanup` with the same parameters."""

    code: JobCode
    cleanup: str

    def __call__(self, context: JobContext) -> Awaitable[Mapping[str, Any]]:
        return self.code(context)


async def create_job(
    session: AsyncSession, kind: str, params: Mapping[str, Any], by: Principal, *, after: timedelta = _AT_ONCE
) -> UUID:
    """Queue a job in the caller's transaction, to begin `after` some time; return its id."""
    job_id = uuid7()
    values = {"id": job_id, "kind": kind, "params": _json(params), "created_by": by.id, "after": after}
    await session.execute(_QUEUE, values)
    await session.execute(_WAKE_UP)
    return job_id


async def replace_job(session: AsyncSession, job: UUID, kind: str, params: Mapping[str, Any]) -> bool:
    """Make another job, to begin at once, of one that nobody has begun; tell whether it was so."""
    change = text(
        "UPDATE job SET kind = :kind, params = cast(:params AS jsonb), error = NULL "
        "WHERE id = :id AND status = 'queued' RETURNING id"
    )
    row = (await session.execute(change, {"id": job, "kind": kind, "params": _json(params)})).one_or_none()
    await session.execute(_WAKE_UP)
    return row is not None


async def withdraw_job(session: AsyncSession, job: UUID) -> None:
    """Forget a job that nobody has begun."""
    await session.execute(text("DELETE FROM job WHERE id = :id AND status = 'queued'"), {"id": job})


_QUEUE = text("""
INSERT INTO job (id, kind, params, created_by, error) VALUES (:id, :kind, cast(:params AS jsonb), :created_by,
jsonb_build_object('since', now() + cast(:after AS interval)))""")
_WAKE_UP = text("SELECT pg_notify('jobs_' || current_schema(), '')")


class JobRunner:
    """Runs one service's jobs, one after another. `kinds` maps a job's kind to its code."""

    def __init__(self, service: str, url: str, database: Database, kinds: Mapping[str, JobCode]) -> None:
        self._service, self._url, self._database, self._kinds = service, url, database, kinds

    async def run(self, stop: asyncio.Event) -> None:
        async with listening(self._url, f"jobs_{self._database.schema}") as wake_up:
            while not stop.is_set():
                try:
                    if not await self.run_one(stop):
                        await wake_up.wait(_IDLE_S)
                except Exception as error:
                    if not is_transient(error):
                        raise
                    logger.warning("jobs wait", extra={"service": self._service, "reason": first_line(error)})
                    await asyncio.sleep(_RETRY_S)

    async def run_one(self, stop: asyncio.Event | None = None) -> bool:
        """Take the first open job that nobody holds and work on it; tell whether there was one."""
        async with self._database.engine.connect() as connection:
            row = await _claim(connection, list(self._kinds))
            if row is None:
                return False
            try:
                if row.error["starts"] > _TRIES:
                    await self._finish(row, "failed", error=_problem_of(JobStalled(starts=_TRIES)))
                else:
                    await self._work(row, stop or asyncio.Event())
            finally:
                await _let_go(connection, row.id)
        return True

    async def _work(self, row: Any, stop: asyncio.Event) -> None:
        context = JobContext(row.id, row.tenant_id, row.params, row.cursor, self._database, row.attempts, row.done)
        work = asyncio.ensure_future(self._kinds[row.kind](context))
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            stopped = work.cancel()  # if it still runs: it goes on from its checkpoint at the next start
            await asyncio.gather(work, return_exceptions=True)
        if stopped:
            await self._put_back(row, 0)
        else:
            await self._end(row, work)

    async def _end(self, row: Any, work: "asyncio.Future[Mapping[str, Any]]") -> None:
        error = work.exception()
        if error is None:
            await self._finish(row, "succeeded", result=work.result())
        elif isinstance(error, JobTakenOverError):
            logger.warning("a job was taken over", extra={"job": str(row.id), "kind": row.kind})
        elif isinstance(error, DomainError):
            await self._finish(row, "failed", error=_problem_of(error))
        elif row.attempts < _TRIES or (is_transient(error) and sqlstate_of(error) != DISK_FULL):
            logger.warning("a job will be tried again", extra={"job": str(row.id), "kind": row.kind}, exc_info=error)
            await self._put_back(row, _AGAIN_S)
        else:
            logger.error("a job failed", extra={"job": str(row.id), "kind": row.kind}, exc_info=error)
            await self._finish(row, "failed", error=_problem_of(DomainError()))

    async def _put_back(self, row: Any, wait_s: float) -> None:
        """Let the job wait; this start does not count, for its worker lives."""
        change = """error = error || jsonb_build_object('starts', greatest(cast(error->>'starts' AS int) - 1, 0),
            'since', clock_timestamp() + cast(:wait AS interval))"""
        async with self._database.transaction(row.tenant_id) as session:
            await _update(session, row.id, row.attempts, change, {"wait": timedelta(seconds=wait_s)})

    async def _finish(
        self, row: Any, status: str, *, result: Mapping[str, Any] | None = None, error: Mapping[str, Any] | None = None
    ) -> None:
        change = "status = :status, result = cast(:result AS jsonb), error = cast(:error AS jsonb), finished_at = now()"
        values = {"status": status, "result": _json(result), "error": _json(error)}
        async with self._database.transaction(row.tenant_id) as session:
            if await _update(session, row.id, row.attempts, change, values):
                metrics.jobs_total.labels(self._service, row.kind, status).inc()
                code = self._kinds[row.kind]
                if status == "failed" and isinstance(code, WithCleanup):
                    by = Principal(row.created_by, row.tenant_id, frozenset())
                    await create_job(session, code.cleanup, row.params, by)


def _problem_of(error: DomainError) -> dict[str, Any]:
    return {**error.values, "code": error.code, "detail": {"en": error.detail("en"), "es": error.detail("es")}}


def _json(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else msgspec.json.encode(value, enc_hook=str).decode()


_LOCK = text("SELECT pg_try_advisory_lock(hashtextextended(:id, 3))")
_UNLOCK = text("SELECT pg_advisory_unlock(hashtextextended(:id, 3))")
_OPEN = text("""
SELECT id FROM job WHERE status IN ('queued', 'running') AND kind = ANY(:kinds)
AND coalesce(cast(error->>'since' AS timestamptz), '-infinity') <= clock_timestamp()
ORDER BY cast(error->>'since' AS timestamptz) NULLS FIRST, created_at""")
_START = text("""
UPDATE job SET status = 'running', attempts = attempts + 1, started_at = coalesce(started_at, now()),
error = jsonb_build_object('since', clock_timestamp(), 'place', md5(cast(cursor AS text)),
  'done', greatest(done, cast(error->>'done' AS bigint)), 'starts', 1 +
  CASE WHEN error->>'place' = md5(cast(cursor AS text)) AND done <= cast(error->>'done' AS bigint)
  THEN cast(error->>'starts' AS int) ELSE 0 END)
WHERE id = :id AND status IN ('queued', 'running') RETURNING *""")


async def _claim(connection: AsyncConnection, kinds: list[str]) -> Any:
    """Lock and return an open job: one never begun, else the one begun longest ago. The lock is the session's: it lasts until it is given back or it dies."""
    candidates = (await connection.execute(_OPEN, {"kinds": kinds})).scalars()
    for job_id in candidates.all():
        if (await connection.execute(_LOCK, {"id": str(job_id)})).scalar_one():
            row = None
            try:
                row = (await connection.execute(_START, {"id": job_id})).one_or_none()
                await connection.commit()
            finally:
                if row is None:
                    await _let_go(connection, job_id)
            if row is not None:
                return row
    await connection.rollback()
    return None


async def _let_go(connection: AsyncConnection, job_id: UUID) -> None:
    """Give a job's lock back: it is the session's, so neither a rollback nor the pool frees it."""
    await connection.rollback()
    await connection.execute(_UNLOCK, {"id": str(job_id)})
    await connection.commit()


class JobOut(BaseModel):
    """A job. `done` and `total` count the job's own unit; `result` or `error` is there once it has ended."""

    id: UUID
    kind: str
    status: str
    done: int
    total: int | None
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


_SHOWN = text(
    "SELECT id, kind, status, done, total, result, CASE WHEN status = 'failed' THEN error END AS error, "
    "created_at, started_at, finished_at FROM job WHERE id = :id"
)


def jobs_router(service: str) -> APIRouter:
    """Return the routes under which a service shows its jobs."""
    router = APIRouter(prefix=f"/{service}/jobs", tags=["jobs"], route_class=ServiceRoute)
    can_read = Annotated[Principal, requires(f"{service}.jobs:read")]

    @router.get("/{job_id}", responses=problems(NotFound))
    async def get_job(job_id: UUID, session: ReadSession, _by: can_read) -> JobOut:
        row = (await session.execute(_SHOWN, {"id": job_id})).one_or_none()
        if row is None:
            raise NotFound
        return JobOut.model_validate(row, from_attributes=True)

    return router
