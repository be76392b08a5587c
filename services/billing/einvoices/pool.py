"""Validator processes: what they could not judge is said to be not validated."""

import msgspec

from services.billing.einvoices.errors import AT_THE_DOOR, ValidatorsBusy
from services.billing.einvoices.limits import Limits, PoolLimits
from services.billing.einvoices.verdicts import REQUEST, Judged, Ready, Refused, Reply, Stage
from services.billing.processes import Processes, Program, WorkerGoneError

_replies: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


class Validators(Processes[Reply]):
    """The validators of one service."""

    def __init__(self, limits: PoolLimits, documents: Limits) -> None:
        argument = msgspec.json.encode(documents).decode()
        super().__init__(Program("services.billing.einvoices.worker", argument, _replies, ValidatorsBusy), limits)

    async def judge(self, content: bytes, *, read: bool = False) -> Judged:
        """Return what is found in a file, and with `read` what it says. Raises the door's refusals, ValidatorsBusy when no process is free in time."""
        try:
            reply = await self.ask(REQUEST.pack(len(content), read), content)
        except WorkerGoneError as gone:
            return Judged(stages=(Stage(rule_set="en16931", version="", obstacle=gone.obstacle, detail=str(gone)),))
        if isinstance(reply, Refused):
            raise AT_THE_DOOR[reply.code](**reply.values)
        assert not isinstance(reply, Ready)
        return reply
