"""Validators that die, take too long or grow: what the caller hears, and that the next one is served."""

import asyncio
import dataclasses
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from services.billing.einvoices import rule_sets
from services.billing.einvoices.errors import DoctypeRefused, ValidatorsBusy
from services.billing.einvoices.limits import Limits, PoolLimits
from services.billing.einvoices.pool import Validators
from services.billing.einvoices.rule_sets import RuleSetError, check_rule_sets
from services.billing.einvoices.ubl import write_ubl
from services.billing.einvoices.verdicts import Judged
from tests.billing.einvoices.samples import INVOICE
from tests.billing.einvoices.whole_invoices import invent
from tests.fixtures.services import Harness, problem

LONG = write_ubl(msgspec.structs.replace(invented := invent(random.Random(1)), lines=invented.lines * 1000))


@asynccontextmanager
async def validators(**limits: float) -> AsyncIterator[Validators]:
    chosen = PoolLimits(**{"workers": 1, "patience_s": 30.0, **limits})  # type: ignore[arg-type] # whole where they must be
    async with Validators(chosen, Limits()).running() as running:
        yield running


def pid_of(pool: Validators) -> int:
    (worker,) = pool._alive
    return worker.pid


def environment_of(pid: int) -> str | None:
    """Return the variables a process was started with; None when there is no such process."""
    file = Path(f"/proc/{pid}/environ")
    return file.read_text() if file.exists() else None


def obstacles(judged: Judged) -> list[str | None]:
    return [stage.obstacle for stage in judged.stages]


async def test_without_a_start_ahead_the_first_file_brings_the_processes() -> None:
    async with validators(ahead=False, workers=2, patience_s=0.01) as pool:
        assert not pool._alive
        together = await asyncio.gather(pool.judge(INVOICE), pool.judge(INVOICE))
        assert [judged.verdict for judged in together] == ["valid", "valid"]
        await asyncio.gather(*pool._tasks)
        assert len(pool._alive) == 2


async def test_what_takes_too_long_is_not_validated_and_its_process_replaced() -> None:
    async with validators(timeout_s=0.3) as pool:
        assert (await pool.judge(INVOICE)).verdict == "valid"
        before = pid_of(pool)
        late = await pool.judge(LONG)
        assert (late.verdict, obstacles(late)) == ("not-validated", ["time-limit"])
        assert (await pool.judge(INVOICE)).verdict == "valid"
        assert pid_of(pool) != before


async def test_what_needs_too_much_memory_is_not_validated() -> None:
    longer = write_ubl(msgspec.structs.replace(invented, lines=invented.lines * 4000))
    async with validators(most_megabytes=310) as pool:  # a process that has judged a small file holds 260
        assert obstacles(await pool.judge(longer)) == ["memory-limit"]
        assert (await pool.judge(INVOICE)).verdict == "valid"


async def test_a_process_killed_at_work_leaves_the_file_not_validated() -> None:
    async with validators() as pool:
        await pool.judge(INVOICE)
        asked = asyncio.create_task(pool.judge(LONG))
        await asyncio.sleep(0.3)
        os.kill(pid_of(pool), signal.SIGKILL)
        judged = await asked
        assert (judged.verdict, obstacles(judged)) == ("not-validated", ["validator-ended"])
        assert (await pool.judge(INVOICE)).verdict == "valid"


async def test_a_process_killed_at_rest_is_replaced_before_anybody_notices() -> None:
    async with validators() as pool:
        await pool.judge(INVOICE)
        os.kill(pid_of(pool), signal.SIGKILL)
        await asyncio.sleep(0.2)
        assert (await pool.judge(INVOICE)).verdict == "valid"


async def test_one_who_goes_away_does_not_leave_his_answer_to_the_next() -> None:
    async with validators() as pool:
        await pool.judge(INVOICE)
        asked = asyncio.create_task(pool.judge(LONG))
        await asyncio.sleep(0.1)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        with pytest.raises(DoctypeRefused):
            await pool.judge(b"<!DOCTYPE a><a/>")


@pytest.mark.parametrize("limits", [{"documents": 2}, {"megabytes": 1}])
async def test_a_process_is_replaced_when_it_has_served(limits: dict[str, float]) -> None:
    async with validators(**limits) as pool:
        await pool.judge(INVOICE)
        before = pid_of(pool)
        for _ in range(2):
            assert (await pool.judge(INVOICE)).verdict == "valid"
        assert pid_of(pool) != before


async def test_who_cannot_be_served_in_time_is_told_so() -> None:
    async with validators(patience_s=0.01) as pool:
        with pytest.raises(ValidatorsBusy):
            await pool.judge(INVOICE)  # it is still starting
    async with validators(waiting=1) as pool:
        with pool.admission(), pytest.raises(ValidatorsBusy), pool.admission():
            pass
        with pool.admission():  # the place was given back
            pass


async def test_a_busy_service_says_when_to_come_back(billing: Harness, tenant: str) -> None:
    pool: Validators = billing.app.state.validators
    async with billing.client(tenant) as client:
        for _ in range(pool._limits.waiting):
            pool._waiting += 1
        try:
            answer = await client.post("/billing/validations", content=INVOICE)
        finally:
            pool._waiting = 0
        assert (answer.status_code, problem(answer)["code"]) == (503, "validators-busy")
        assert int(answer.headers["retry-after"]) > 0


async def test_the_event_loop_goes_on_meanwhile() -> None:
    async with validators() as pool:
        await pool.judge(INVOICE)
        asked = asyncio.create_task(pool.judge(LONG))
        longest = 0.0
        while not asked.done():
            began = time.perf_counter()
            await asyncio.sleep(0.005)
            longest = max(longest, time.perf_counter() - began)
        assert obstacles(await asked) == [None, None, None]
        assert longest < 0.25


async def test_two_processes_judge_at_once() -> None:
    async with validators(workers=2) as pool:
        judged = await asyncio.gather(*(pool.judge(INVOICE) for _ in range(20)))
        assert {each.verdict for each in judged} == {"valid"}


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="the system does not show a process's environment")
async def test_a_process_knows_no_secret_and_ends_with_its_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRASTIENDA_PSEUDONYM_KEY", "do-not-tell")
    async with validators() as pool:
        await pool.judge(INVOICE)
        pid = pid_of(pool)
        environment = environment_of(pid)
        assert environment is not None
        assert "PATH=" in environment
        assert "do-not-tell" not in environment
    assert environment_of(pid) is None


def test_another_rule_set_than_the_one_agreed_on_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    check_rule_sets.cache_clear()
    check_rule_sets()
    check_rule_sets.cache_clear()
    monkeypatch.setattr(rule_sets, "UBL_RULES", dataclasses.replace(rule_sets.UBL_RULES, sha256="0" * 64))
    with pytest.raises(RuleSetError, match=r"en16931-ubl 1\.3\.16 .*agreed on"):
        check_rule_sets()
    monkeypatch.setattr(rule_sets, "UBL_RULES", dataclasses.replace(rule_sets.UBL_RULES, package="no_such_package"))
    with pytest.raises(RuleSetError, match="not installed"):
        check_rule_sets()
