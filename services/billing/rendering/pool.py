"""Renderer processes: a drawing that takes too much ends its process, and nothing else."""

import msgspec

from services.billing.einvoices.limits import PoolLimits
from services.billing.einvoices.verdicts import LENGTH
from services.billing.processes import Processes, Program, WorkerGoneError
from services.billing.rendering.errors import RendererLost, RenderersBusy, RenderingTooLarge
from services.billing.rendering.messages import Order, Ready, Reply

_replies: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


class Renderers(Processes[Reply]):
    """The renderers of one service."""

    def __init__(self, limits: PoolLimits) -> None:
        super().__init__(Program("services.billing.rendering.worker", "", _replies, RenderersBusy), limits)

    async def draw(self, order: Order) -> bytes:
        """Return the drawing. Raises RenderersBusy, RenderingTooLarge, RendererLost."""
        message = msgspec.msgpack.encode(order)
        with self.admission():
            try:
                reply = await self.ask(LENGTH.pack(len(message)), message)
            except WorkerGoneError as gone:
                if gone.obstacle in {"time-limit", "memory-limit"}:
                    raise RenderingTooLarge(format=order.format, obstacle=gone.obstacle) from None
                raise RendererLost from None
        assert not isinstance(reply, Ready)
        return reply.content
