"""Validator processes: what they could not judge is said to be not validated.

Plain documents are read in them, too, but never keep electronic invoices out: they have half the places, and leave a process.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import msgspec

from services.billing.einvoices.errors import AT_THE_DOOR, AT_THE_DOOR_OF_DOCUMENTS, ValidatorsBusy
from services.billing.einvoices.limits import Limits, PoolLimits
from services.billing.einvoices.verdicts import REQUEST, Judged, Refused, Reply, Stage, Task, Text
from services.billing.processes import Processes, Program, WorkerGoneError

_replies: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


class Validators(Processes[Reply]):
    """The validators of one service."""

    def __init__(self, limits: PoolLimits, documents: Limits) -> None:
        argument = msgspec.json.encode(documents).decode()
        super().__init__(Program("services.billing.einvoices.worker", argument, _replies, ValidatorsBusy), limits)
        self._reading = asyncio.Semaphore(max(1, limits.workers - 1))
        self._documents, self._most_documents = 0, max(1, limits.waiting // 2)

    @contextmanager
    def document_admission(self) -> Iterator[None]:
        """Hold a place as `admission` does, one of the half that plain documents may have. Raises ValidatorsBusy."""
        if self._documents >= self._most_documents:
            raise ValidatorsBusy
        self._documents += 1
        try:
            with self.admission():
                yield
        finally:
            self._documents -= 1

    async def judge(self, content: bytes, *, read: bool = False) -> Judged:
        """Return what is found in a file, and with `read` what it says. Raises the door's refusals, ValidatorsBusy when no process is free in time."""
        try:
            reply = await self._do(Task.JUDGE_AND_READ if read else Task.JUDGE, content)
        except WorkerGoneError as gone:
            return Judged(stages=(Stage(rule_set="en16931", version="", obstacle=gone.obstacle, detail=str(gone)),))
        if isinstance(reply, Refused):
            raise AT_THE_DOOR[reply.code](**reply.values)
        assert isinstance(reply, Judged)
        return reply

    async def read_text(self, content: bytes) -> bytes:
        """Return what the text of a PDF says, as JSON. Raises AT_THE_DOOR_OF_DOCUMENTS, ValidatorsBusy, WorkerGoneError."""
        async with self._turn_of_document():
            reply = await self._do(Task.READ_TEXT, content)
        if isinstance(reply, Refused):
            raise AT_THE_DOOR_OF_DOCUMENTS[reply.code](**reply.values)
        assert isinstance(reply, Text)
        return reply.reading

    @asynccontextmanager
    async def _turn_of_document(self) -> AsyncIterator[None]:
        """Wait until documents leave a process to electronic invoices; where there is one alone, they take it in turns."""
        try:
            async with asyncio.timeout(self._patience_s):
                await self._reading.acquire()
        except TimeoutError:
            raise ValidatorsBusy from None
        try:
            yield
        finally:
            self._reading.release()

    async def _do(self, task: Task, content: bytes) -> Reply:
        return await self.ask(REQUEST.pack(len(content), task), content)
