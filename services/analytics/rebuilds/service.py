"""Rebuilding: from the facts, per tenant in one snapshot; the difference, and its repair."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from services.analytics.operations.fields import USUAL, Plausibility
from services.analytics.operations.statements import NEW_KEYS
from services.analytics.rebuilds.derived import DERIVED, FACTS, KEYS
from services.analytics.rebuilds.replay import Replay
from services.analytics.rebuilds.shadow import Shadow, open_shadow
from shared.eventlog import EventLog

PATIENCE_S = 60.0
_TENANTS = """
SELECT tenant_id FROM analytics.operation UNION SELECT tenant_id FROM analytics.observation
UNION SELECT tenant_id FROM analytics.survey_response UNION SELECT tenant_id FROM analytics.withdrawal
UNION SELECT tenant_id FROM analytics.rollup_hour
UNION SELECT tenant_id FROM analytics.rollup_day UNION SELECT tenant_id FROM analytics.rollup_case
UNION SELECT tenant_id FROM analytics.rollup_case_histogram
UNION SELECT tenant_id FROM analytics.case_state UNION SELECT tenant_id FROM analytics.rollup_histogram ORDER BY 1"""

_TENANTS_OF_BOTH = f"""
SELECT * FROM ({_TENANTS.rpartition("ORDER BY")[0]}) AS live
UNION SELECT tenant_id FROM pg_temp.operation UNION SELECT tenant_id FROM pg_temp.observation
UNION SELECT tenant_id FROM pg_temp.survey_response UNION SELECT tenant_id FROM pg_temp.withdrawal ORDER BY 1"""  # noqa: S608 - names of tables


@dataclass(slots=True)
class Found:
    """What a rebuild found of a tenant, by table; `gone` counts facts that the log no longer has."""

    tenant: str
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    gone: dict[str, int] = field(default_factory=dict)
    swapped: bool = False

    @property
    def right(self) -> bool:
        return not any(differs(each) for each in self.tables.values())


def differs(table: Mapping[str, Any]) -> bool:
    return bool(table["missing"] or table["extra"] or table["different"])


async def rebuild_from_facts(url: str, tenant: str, *, swap: bool) -> Found:
    """Fold a tenant's facts beside its tables, compare, and with `swap` replace what differs. Consumers go on meanwhile.

    The repair is computed from the facts of its own moment, in one transaction: what arrived since is in it, and doing it
    twice changes nothing.
    """
    found = Found(tenant)
    async with open_shadow(url) as shadow:
        if swap:
            async with shadow.transaction():
                await shadow.execute(text(NEW_KEYS), tenant=tenant)
        async with shadow.transaction(snapshot=True):
            await shadow.create(facts=False)
            await shadow.fold(tenant)
            await compare_derived(shadow, found)
        if swap and not found.right:
            async with shadow.transaction() as session:
                await shadow.take_turn(session)
                await shadow.mend(tenant)
            found.swapped = True
    return found


async def rebuild_from_log(
    url: str,
    log: EventLog,
    tenant: str | None,
    *,
    swap: bool,
    rule: Plausibility = USUAL,
    patience_s: float = PATIENCE_S,
) -> tuple[list[Found], Replay]:
    """Read the log anew beside the live tables, compare facts and what is derived, and with `swap` mend both.

    Without a tenant, of all; `rule` is the one that the live consumer goes by. Raises ConsumerBehindError and LogUnavailableError.
    """
    replay = Replay(log, tenant, rule)
    async with open_shadow(url) as shadow:
        async with shadow.transaction():
            await shadow.create(facts=True)
        await replay.to_the_end(shadow)
        await replay.wait_for_consumer(shadow, patience_s)
        if swap:
            async with shadow.transaction():
                await shadow.give_keys()
        async with shadow.transaction(snapshot=True) as session:
            await replay.to_where_the_consumer_was(shadow, session)
            tenants = [tenant] if tenant else list((await shadow.execute(_TENANTS_OF_BOTH)).scalars())
            everyone = [await _compare_with_log(shadow, each) for each in tenants]
        if swap and not all(found.right for found in everyone):
            await _swap_log(shadow, everyone)
    return everyone, replay


async def _compare_with_log(shadow: Shadow, tenant: str) -> Found:
    found = Found(tenant)
    for table in FACTS:
        found.gone[table.name] = await shadow.add_live_facts(tenant, table)
    await shadow.settle_facts(tenant)
    for table in FACTS:
        found.tables[table.name] = await shadow.compare(tenant, table)
    await shadow.fold(tenant)
    await compare_derived(shadow, found)
    return found


async def _swap_log(shadow: Shadow, everyone: Sequence[Found]) -> None:
    async with shadow.transaction():
        await shadow.set_facts_aside()
    for found in everyone:
        if not found.right:
            async with shadow.transaction() as session:
                await shadow.take_turn(session)
                await shadow.mend_facts(session, found.tenant)
                await shadow.mend(found.tenant)
            found.swapped = True


async def compare_derived(shadow: Shadow, found: Found) -> None:
    """Add to what was found how the derived tables differ from those of this connection."""
    lacking = await shadow.lacking_keys(found.tenant)
    if lacking:
        found.tables[KEYS] = {"rows": lacking, "missing": lacking, "extra": 0, "different": 0, "examples": []}
    for table in DERIVED:
        found.tables[table.name] = await shadow.compare(found.tenant, table)


async def tenants_of(url: str) -> Sequence[str]:
    """Return every tenant of which there is a fact or a row derived from one."""
    async with open_shadow(url) as shadow, shadow.transaction():
        return list((await shadow.execute(_TENANTS)).scalars())
