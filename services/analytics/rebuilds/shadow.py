"""A connection whose temporary tables bear the names of the live ones and hide them: folded anew, compared, swapped in.

Temporary tables go with the connection, whatever ends it. It is nobody else's, and keeps no prepared statements: a name is
looked up whenever it is used, in the temporary schema first.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, TextClause, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from services.analytics.operations.facts import Arrivals, ObservationFact, OperationFact, SurveyFact, WithdrawalFact
from services.analytics.operations.histograms import KEY, OPERATION_KEY
from services.analytics.operations.ingest import apply, wait_for_turn
from services.analytics.operations.requester import REQUESTER_ACTIVITIES
from services.analytics.operations.statements import FOLDS, OF_CASES, REBUILD
from services.analytics.operations.withdrawing import take_out
from services.analytics.rebuilds.derived import APART, DERIVED, FACT_MODELS, FACTS, KEYS, REACH, WITHDRAWN, Compared
from shared.db import Database
from shared.migrations import roles_of

EXAMPLES = 5
_AT_ONCE = 1_000
_MEMORY = "64MB"  # for each table, sort and join of a rebuild
_TURN_S = 30  # how long a swap waits until no batch is under way

# Names of tables and columns alone go into the statements of this module; values are bound.
_KEYS_AS_LIVE = f"""
DELETE FROM pg_temp.{KEYS};
INSERT INTO pg_temp.{KEYS} OVERRIDING SYSTEM VALUE SELECT * FROM analytics.{KEYS};
SELECT setval(pg_get_serial_sequence('pg_temp.{KEYS}', 'id'), coalesce(max(id), 0) + 1, false) FROM pg_temp.{KEYS}"""  # noqa: S608 - as above
_KEY_COLUMNS = ", ".join(("tenant_id", *OPERATION_KEY))
_NUMBERED = f"""
INSERT INTO analytics.{KEYS} ({_KEY_COLUMNS})
(SELECT {_KEY_COLUMNS} FROM pg_temp.operation UNION SELECT {_KEY_COLUMNS} FROM pg_temp.withdrawn_operation)
EXCEPT SELECT {_KEY_COLUMNS} FROM analytics.{KEYS} ORDER BY {_KEY_COLUMNS} ON CONFLICT DO NOTHING"""  # noqa: S608 - as above
_FACTS_ADDED = """
UPDATE operation SET corrected = true WHERE tenant_id = :tenant AND NOT corrected AND EXISTS (
    SELECT FROM operation AS later WHERE later.tenant_id = operation.tenant_id AND later.corrects = operation.id)"""
# Of what the log or the live tables withdraw, each may hold a part alone.
_SETTLED = """
WITH gone AS (
    DELETE FROM {kind} AS fact USING withdrawal WHERE fact.tenant_id = :tenant
    AND (withdrawal.tenant_id, withdrawal.id) = (fact.tenant_id, fact.id) RETURNING fact.*
)
INSERT INTO {apart} ({columns}) SELECT {columns} FROM gone ON CONFLICT (tenant_id, id) DO NOTHING"""
_PARDONED = """
UPDATE operation SET corrected = false WHERE tenant_id = :tenant AND corrected
AND id IN (SELECT corrects FROM withdrawn_operation WHERE tenant_id = :tenant) AND NOT EXISTS (
    SELECT FROM operation AS later WHERE later.tenant_id = operation.tenant_id AND later.corrects = operation.id)"""
_RECORRECTED = """
corrected = EXISTS (SELECT FROM analytics.operation AS later WHERE later.tenant_id = fact.tenant_id AND later.corrects = fact.id)"""


@asynccontextmanager
async def open_shadow(url: str) -> AsyncIterator["Shadow"]:
    """Open a connection of the worker's role for a rebuild; statements may take as long as they need."""
    address = make_url(url).update_query_dict({"prepared_statement_cache_size": "0"})
    database = Database(
        address.render_as_string(hide_password=False),
        schema="analytics",
        role=roles_of("analytics")[1],
        pool=1,
        timeout_s=0,
    )
    try:
        async with database.engine.connect() as connection:
            yield Shadow(connection)
    finally:
        await database.close()


class Shadow:
    """One rebuild's tables. Every method but `transaction` works in the caller's transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection

    @asynccontextmanager
    async def transaction(self, *, snapshot: bool = False) -> AsyncIterator[AsyncSession]:
        """Commit what the block did; with `snapshot` all of its statements see the database as it was at the first."""
        level: Any = "REPEATABLE READ" if snapshot else "READ COMMITTED"
        await self.connection.execution_options(isolation_level=level)
        async with self.connection.begin(), AsyncSession(self.connection, expire_on_commit=False) as session:
            yield session

    async def execute(self, statement: str | TextClause, **values: Any) -> CursorResult[Any]:
        return await self.connection.execute(text(statement) if isinstance(statement, str) else statement, values)

    async def create(self, *, facts: bool) -> None:
        """Make the tables: what is derived, and with `facts` those too, and what the consumer's handler needs of them."""
        for setting in ("temp_buffers", "work_mem"):
            await self.execute(f"SET {setting} = '{_MEMORY}'")
        like = "INCLUDING ALL" if facts else ""  # to fill an index takes longer than to compare without it
        await self.execute(f"CREATE TEMPORARY TABLE {KEYS} (LIKE analytics.{KEYS} INCLUDING ALL)")
        if facts:
            await self.execute("CREATE TEMPORARY SEQUENCE operation_seq")
        for table in (*DERIVED, *(FACTS if facts else ())):
            await self.execute(f"CREATE TEMPORARY TABLE {table.name} (LIKE analytics.{table.name} {like})")
        for table in (*DERIVED, *FACTS):
            key = ", ".join(("tenant_id", *table.key))
            await self.execute(
                f"CREATE TEMPORARY TABLE differing_{table.name} AS SELECT {key}, '' AS how FROM analytics.{table.name} WITH NO DATA"  # noqa: S608 - as above
            )

    async def fold(self, tenant: str) -> None:
        """Fill the derived tables from the facts that can be seen: the live ones, or those of this connection.

        Keys have the numbers that they have in the live database, as far as they have one, so that places compare.
        """
        for statement in _KEYS_AS_LIVE.split(";\n"):
            await self.execute(statement)
        for folding in REBUILD:
            await self.execute(folding, tenant=tenant, requester=list(REQUESTER_ACTIVITIES))
        for name in FOLDS:
            await self.execute(f"ANALYZE {name}")

    async def lacking_keys(self, tenant: str) -> int:
        """Return how many keys of operations have no number in the live database, since `fold` has given them one here."""
        lacking = f"""
            SELECT count(*) FROM pg_temp.{KEYS} AS k WHERE tenant_id = :tenant AND NOT EXISTS (
                SELECT FROM analytics.{KEYS} AS live WHERE live.tenant_id = k.tenant_id AND live.id = k.id)"""  # noqa: S608 - as above
        return int((await self.execute(lacking, tenant=tenant)).scalar_one())

    async def give_keys(self) -> None:
        """Give numbers, in the live database, to keys of this connection's operations that have none: they will be needed."""
        await self.execute(_NUMBERED)

    async def add_live_facts(self, tenant: str, table: Compared) -> int:
        """Add the live facts that the log did not bring; return how many. They keep what they say of themselves."""
        apart = APART.get(table.name)
        known = f"AND id NOT IN (SELECT id FROM pg_temp.{apart} WHERE tenant_id = :tenant)" if apart else ""  # noqa: S608 - as above
        result = await self.execute(
            f"INSERT INTO pg_temp.{table.name} SELECT * FROM analytics.{table.name} WHERE tenant_id = :tenant {known} ON CONFLICT (tenant_id, id) DO NOTHING",  # noqa: S608 - as above
            tenant=tenant,
        )
        return result.rowcount

    async def settle_facts(self, tenant: str) -> None:
        """Let withdrawals and corrections hold for all the facts of the log and the live tables together."""
        for kind, apart in WITHDRAWN.items():
            await self.execute(_SETTLED.format(kind=kind, apart=apart, columns=_COLUMNS[apart]), tenant=tenant)
        for statement in (_FACTS_ADDED, _PARDONED):
            await self.execute(statement, tenant=tenant)

    async def compare(self, tenant: str, table: Compared) -> dict[str, Any]:
        """Note the rows that differ and return their numbers and some of them. `missing` and `extra` are said of the live."""
        await self.execute(_comparison(table), tenant=tenant)
        counts = await self.execute(
            f"SELECT how, count(*) AS n FROM differing_{table.name} WHERE tenant_id = :tenant GROUP BY how",  # noqa: S608 - as above
            tenant=tenant,
        )
        found = {row.how: row.n for row in counts}
        rows = await self.execute(f"SELECT count(*) FROM pg_temp.{table.name} WHERE tenant_id = :tenant", tenant=tenant)  # noqa: S608 - as above
        numbers = {how: found.get(how, 0) for how in ("missing", "extra", "different")}
        return {"rows": rows.scalar_one(), **numbers, "examples": await self._examples(tenant, table) if found else []}

    async def _examples(self, tenant: str, table: Compared) -> list[dict[str, Any]]:
        named = f"LEFT JOIN pg_temp.{KEYS} AS k ON k.tenant_id = d.tenant_id AND k.id = {KEY}"
        order = ", ".join(f"d.{column}" for column in table.key)
        listed = await self.execute(
            f"WITH d AS MATERIALIZED (SELECT * FROM differing_{table.name} AS d WHERE tenant_id = :tenant ORDER BY {order} LIMIT {EXAMPLES}) "  # noqa: S608 - as above
            f"SELECT to_jsonb(told) FROM (SELECT {table.told}, d.how FROM d "
            f"{named if table.name == 'rollup_histogram' else ''} ORDER BY {order}) AS told",
            tenant=tenant,
        )
        return list(listed.scalars())

    async def set_facts_aside(self) -> None:
        """Call the facts of the log `log_*`, so that the names mean the live ones again."""
        for table in FACTS:
            await self.execute(f"ALTER TABLE pg_temp.{table.name} RENAME TO log_{table.name}")

    async def mend_facts(self, session: AsyncSession, tenant: str) -> None:
        """Bring a tenant's live facts to what the log says, where that was noted. Needs the turn, and facts set aside.

        What is missing goes the way of every event, so that corrections and withdrawals find their targets; nothing is
        removed, but to where it belongs. The derived rows of these facts are noted too: they may have been right although the
        facts were not.
        """
        await self.execute("SET LOCAL search_path = analytics, pg_temp")
        for kind in WITHDRAWN:
            extra = await self.execute(_EXTRA.format(kind=kind), tenant=tenant)
            await take_out(session, [tuple(row) for row in extra])
        for table in FACTS:
            await self._add_missing(session, tenant, table)
            await self.execute(_corrected(table), tenant=tenant)
        for apart in WITHDRAWN.values():
            await self.execute(_PUT_BACK.format(apart=apart), tenant=tenant)
        await self.execute("SET LOCAL search_path = analytics")
        async with self._own_facts({kind: _changed(kind) for kind in FOLDED}, tenant):
            for table in DERIVED:
                key = ", ".join(("tenant_id", *table.key))
                await self.execute(
                    f"INSERT INTO differing_{table.name} SELECT {key}, 'touched' FROM pg_temp.{table.name} WHERE tenant_id = :tenant "  # noqa: S608 - as above
                    f"AND ({key}) NOT IN (SELECT {key} FROM differing_{table.name})",
                    tenant=tenant,
                )

    async def _add_missing(self, session: AsyncSession, tenant: str, table: Compared) -> None:
        fact, arriving = _ARRIVING[table.name]
        statement, after = _missing(table, fact._fields), UUID(int=0)
        while rows := (await self.execute(statement, tenant=tenant, after=after, limit=_AT_ONCE)).all():
            arrivals, facts = Arrivals(), [fact._make(row) for row in rows]
            setattr(arrivals, arriving, facts)
            await apply(session, arrivals)
            after = facts[-1].id

    async def take_turn(self, session: AsyncSession) -> None:
        """Wait until no batch is under way, and keep all others waiting until the transaction ends."""
        await self.execute(f"SET LOCAL lock_timeout = '{_TURN_S}s'")
        await wait_for_turn(session, alone=True)

    async def mend(self, tenant: str) -> None:
        """Replace the derived rows that were noted, by what the live facts of this moment say. Needs the turn.

        Which day a case counts in depends on all its facts, so roll-ups of cases are folded from the mended cases, whole.
        """
        async with self._own_facts({kind: _within_reach(kind) for kind in FOLDED}, tenant):
            for table in (each for each in DERIVED if each.name not in OF_CASES):
                same = " AND ".join(f"t.{column} = d.{column}" for column in ("tenant_id", *table.key))
                differing = f"differing_{table.name} AS d"
                await self.execute(
                    f"DELETE FROM analytics.{table.name} AS t USING {differing} WHERE {same} AND d.tenant_id = :tenant",  # noqa: S608 - as above
                    tenant=tenant,
                )
                await self.execute(
                    f"INSERT INTO analytics.{table.name} SELECT t.* FROM pg_temp.{table.name} AS t JOIN {differing} ON {same} "  # noqa: S608 - as above
                    "WHERE d.tenant_id = :tenant",
                    tenant=tenant,
                )
        for name in OF_CASES:
            await self.execute(f"DELETE FROM analytics.{name} WHERE tenant_id = :tenant", tenant=tenant)  # noqa: S608 - as above
            rows = FOLDS[name].rows.format(cases="(SELECT * FROM analytics.case_state WHERE tenant_id = :tenant) AS c")
            await self.execute(f"INSERT INTO analytics.{name} ({FOLDS[name].columns}) {rows}", tenant=tenant)

    @asynccontextmanager
    async def _own_facts(self, chosen: Mapping[str, str], tenant: str) -> AsyncIterator[None]:
        """Fold some facts alone: `chosen` says which, as a SELECT for each kind."""
        for kind, rows in chosen.items():
            await self.execute(f"CREATE TEMPORARY TABLE {kind} (LIKE analytics.{kind} INCLUDING ALL)")
            await self.execute(
                f"INSERT INTO pg_temp.{kind} ({_COLUMNS[kind]}) {rows} ON CONFLICT (tenant_id, id) DO NOTHING",
                tenant=tenant,
            )
            await self.execute(f"ANALYZE pg_temp.{kind}")
        await self.fold(tenant)
        yield
        for kind in chosen:
            await self.execute(f"DROP TABLE pg_temp.{kind}")


FOLDED = ("operation", "observation")
_COLUMNS = {name: ", ".join(model.__table__.columns.keys()) for name, model in FACT_MODELS.items()}
_EXTRA = "SELECT tenant_id, id FROM differing_{kind} WHERE tenant_id = :tenant AND how = 'extra'"
_PUT_BACK = """
DELETE FROM analytics.{apart} AS fact USING differing_{apart} AS d
WHERE d.tenant_id = :tenant AND d.how = 'extra' AND (fact.tenant_id, fact.id) = (d.tenant_id, d.id)"""
_ARRIVING: dict[str, tuple[Any, str]] = {
    "operation": (OperationFact, "operations"),
    "observation": (ObservationFact, "observations"),
    "survey_response": (SurveyFact, "answers"),
    "withdrawal": (WithdrawalFact, "withdrawals"),
}
_ARRIVING |= {apart: _ARRIVING[kind] for kind, apart in WITHDRAWN.items()}


def _changed(kind: str) -> str:
    """Return the facts of the log that differ from the live ones, and those that are withdrawn there alone."""
    apart = _COLUMNS[kind].replace("corrected", "false AS corrected")
    return " UNION ALL ".join(
        f"SELECT {columns} FROM differing_{kind} AS d JOIN pg_temp.log_{table} AS log USING (tenant_id, id) WHERE d.tenant_id = :tenant"  # noqa: S608 - as above
        for table, columns in ((kind, _COLUMNS[kind]), (WITHDRAWN[kind], apart))
    )


def _missing(table: Compared, fields: Sequence[str]) -> str:
    columns = ", ".join(f"log.{name}" for name in fields)
    return f"""
SELECT {columns} FROM differing_{table.name} AS d JOIN pg_temp.log_{table.name} AS log USING (tenant_id, id)
WHERE d.tenant_id = :tenant AND d.how = 'missing' AND log.id > :after ORDER BY log.id LIMIT :limit"""  # noqa: S608 - as above


def _corrected(table: Compared) -> str:
    said = [f"{name} = log.{name}" for name in table.values if name != "corrected"]
    return f"""
UPDATE analytics.{table.name} AS fact SET {", ".join(said)}{f", {_RECORRECTED}" if "corrected" in table.values else ""}
FROM differing_{table.name} AS d JOIN pg_temp.log_{table.name} AS log USING (tenant_id, id)
WHERE d.tenant_id = :tenant AND d.how <> 'extra' AND (fact.tenant_id, fact.id) = (d.tenant_id, d.id)"""  # noqa: S608 - as above


def _comparison(table: Compared) -> str:
    key = ("tenant_id", *table.key)
    same = " AND ".join(f"live.{column} = shadow.{column}" for column in key)
    columns = ", ".join(f"coalesce(live.{column}, shadow.{column})" for column in key)
    live, shadow = (", ".join(f"{side}.{column}" for column in table.values) for side in ("live", "shadow"))
    return f"""
INSERT INTO differing_{table.name} ({", ".join(key)}, how)
SELECT {columns}, CASE WHEN live.tenant_id IS NULL THEN 'missing' WHEN shadow.tenant_id IS NULL THEN 'extra' ELSE 'different' END
FROM (SELECT * FROM analytics.{table.name} WHERE tenant_id = :tenant AND {table.says}) AS live
FULL JOIN (SELECT * FROM pg_temp.{table.name} WHERE tenant_id = :tenant) AS shadow ON {same}
WHERE live.tenant_id IS NULL OR shadow.tenant_id IS NULL OR ROW({live}) IS DISTINCT FROM ROW({shadow})"""  # noqa: S608 - as above


def _within_reach(kind: str) -> str:
    """Return the live facts which the noted rows follow from, some of them more than once."""
    columns = ", ".join(f"f.{name}" for name in FACT_MODELS[kind].__table__.columns.keys())  # noqa: SIM118 - not a dict
    parts: Sequence[str] = [
        f"SELECT {columns} FROM differing_{table} AS d JOIN analytics.{kind} AS f ON f.tenant_id = d.tenant_id AND {condition} WHERE d.tenant_id = :tenant"  # noqa: S608 - as above
        for table, reach in REACH.items()
        for of, condition in reach
        if of == kind
    ]
    return "\nUNION ALL ".join(parts)
