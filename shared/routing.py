"""The route class of every service: body limits, time limits and the answers that an Idempotency-Key keeps."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from shared.errors import BodyTooLarge, DomainError, IncompleteBody, RequestTimeout
from shared.idempotency import Attempt, ReplayError
from shared.settings import Settings

STREAMS = {"x-streams": True}  # `openapi_extra=` of a route whose body or answer streams

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class NullCharacter(DomainError):
    code, status = "null-character", 422
    en = "The request holds a null character (U+0000), which no text may hold."
    es = "La petición contiene un carácter nulo (U+0000), que ningún texto puede contener."


class ServiceRoute(APIRoute):
    """A route within limits: JSON bodies are small and quick, streams (`openapi_extra=STREAMS`) may be long."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        streams = bool((self.openapi_extra or {}).get("x-streams"))

        async def limited(request: Request) -> Response:
            settings: Settings = request.app.state.runtime.settings
            limit = settings.body_limit if streams else settings.json_limit
            request = Request(request.scope, _counted(request, limit))
            try:
                async with asyncio.timeout(None if streams else settings.request_timeout):
                    body = b"" if streams else await request.body()  # read here: its refusals keep their own answers
                    if b"\\u0000" in body or "%00" in str(request.url):
                        raise NullCharacter
                    response = await handle(request)
            except TimeoutError as error:
                raise RequestTimeout(seconds=settings.request_timeout) from error
            except ReplayError as replay:
                return replay.response
            except ClientDisconnect as error:
                raise IncompleteBody from error
            attempt: Attempt | None = getattr(request.state, "attempt", None)
            if attempt is not None:
                await attempt.store(response)  # the route's transaction commits after this
            return response

        return limited


def _counted(request: Request, limit: int) -> Receive:
    """Return a receive that refuses a body beyond `limit`, announced or not."""
    announced = request.headers.get("content-length", "")
    refused: DomainError | None = BodyTooLarge(limit=limit) if announced.isdigit() and int(announced) > limit else None
    received = 0

    async def receive() -> Message:
        nonlocal received
        if refused is not None:
            raise refused
        message = await request.receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise BodyTooLarge(limit=limit)
        return message

    return receive
