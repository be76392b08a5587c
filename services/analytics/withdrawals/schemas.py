"""Withdrawals over HTTP."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.analytics.operations.facts import MAX_REASON
from services.analytics.operations.schemas import MAX_BATCH, Text
from shared.schemas import Id, RequestModel, ResponseModel


class WithdrawalIn(RequestModel):
    """`event` is the id of an operation, observation or answer, whether it has arrived or not.

    The reason is for people (sent in error, imported twice, deleted at the source) and names nobody.
    """

    event: Id
    reason: Annotated[str, Text(MAX_REASON)]


class WithdrawalsIn(RequestModel):
    withdrawals: Annotated[list[WithdrawalIn], Field(min_length=1, max_length=MAX_BATCH)]


class WithdrawalsAccepted(ResponseModel):
    """Accepted for publication; `ids` are those of the withdrawals' own events, in the order of the request."""

    ids: list[UUID]
