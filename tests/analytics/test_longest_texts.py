"""The longest names that anything may have: what the kernel lets in can be kept, filtered and shown."""

import random

import msgspec
import pytest

from shared.auth import principal_of
from shared.contracts.analytics import OperationRecorded
from shared.events import MAX_ACTIVITY, MAX_ACTOR, MAX_CASE, MAX_PROCESS, MAX_TEAM, Actor, Event, Work, encode_data
from shared.ids import uuid7
from shared.work import actor_of
from tests.analytics.event_logs.importing import rows
from tests.analytics.feeding import T0, event, feed, kpis
from tests.fixtures.services import Harness

LONGEST_OF_A_TOKEN = 255


def longest(length: int) -> str:
    """Return a text that takes four bytes a character and cannot be compressed."""
    chance = random.Random(length)
    return "".join(chr(chance.randrange(0x20000, 0x2A000)) for _ in range(length))


def carrying(tenant: str, work: Work) -> Event:
    value = encode_data(OperationRecorded(source="test"), work)
    return event(tenant, msgspec.json.decode(value), OperationRecorded.type)


@pytest.mark.parametrize("kind", ["person", "automation"])
@pytest.mark.parametrize(
    "team",
    [longest(LONGEST_OF_A_TOKEN), "CN=Accounts Payable," + "OU=unit," * 29, None],
    ids=["longest", "directory", "none"],
)
async def test_the_work_of_every_token_becomes_a_fact(analytics: Harness, kind: str, team: str | None) -> None:
    tenant = f"{uuid7().hex}{uuid7().hex}"
    claims = {"sub": longest(LONGEST_OF_A_TOKEN), "tenant": tenant, "scope": "", "exp": 1, "actor_kind": kind}
    actor = actor_of(principal_of(claims if team is None else claims | {"team": team}), b"key")
    process, activity, case = longest(MAX_PROCESS), longest(MAX_ACTIVITY), longest(MAX_CASE)
    work = Work(process=process, activity=activity, case=case, actor=actor, finished_at=T0)
    await feed(analytics, [carrying(tenant, work)])
    (row,) = await rows(analytics, tenant, "operation", "id")
    assert (row["process"], row["activity"], row["case_id"]) == (process, activity, case)
    assert (row["actor_kind"], row["actor_id"], row["team"]) == (kind, actor.id, team or "")
    assert (await kpis(analytics, tenant, process=process, activity=activity, team=row["team"]))["automation_level"][
        "n"
    ] == 1


async def test_the_longest_names_fit_into_every_index(analytics: Harness) -> None:
    tenant = f"{uuid7().hex}{uuid7().hex}"
    work = Work(
        process=longest(MAX_PROCESS),
        activity=longest(MAX_ACTIVITY),
        case=longest(MAX_CASE),
        actor=Actor(kind="automation", id=longest(MAX_ACTOR), team=longest(MAX_TEAM)),
        finished_at=T0,
    )
    await feed(analytics, [carrying(tenant, work)])
    assert len(await rows(analytics, tenant, "rollup_hour", "hour")) == 1
