"""The route class of every service: closed addresses, limits of bodies and time, the answers that an Idempotency-Key keeps."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from shared.auth import Requires
from shared.errors import BodyTooLarge, IncompleteBody, NullCharacter, RequestTimeout
from shared.etag import send_new_etag
from shared.idempotency import ReplayError
from shared.openapi import parameters_of, responses_of, scopes_of
from shared.settings import Settings

_NULL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # the escape, not an escaped backslash before u0000
_UNKNOWN = {"type": "extra_forbidden", "msg": "Extra inputs are not permitted: this address takes no such parameter"}
_REPEATED = {"type": "repeated", "msg": "Input should be given once: leave all but one out"}

STREAMS = {"x-streams": True}  # `openapi_extra=` of a route whose body or answer streams


class _JsonRequest(Request):
    """Reads JSON as RFC 8259 has it: UTF-8 alone, no NaN or Infinity; and no half characters."""

    async def json(self) -> Any:
        """Return the parsed body. Raises JSONDecodeError for whatever is wrong with it."""
        if not hasattr(self, "_json"):
            self._json = _parse(await self.body())
        return self._json


def _parse(body: bytes) -> Any:
    try:
        value = json.loads(body.decode(), parse_constant=_refuse_constant)
        if b"\\ud" in body.lower():
            json.dumps(value, ensure_ascii=False).encode()  # fails for half a surrogate pair
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise json.JSONDecodeError("it is nested too deeply", "", 0) from None
    except UnicodeError:
        raise json.JSONDecodeError("a text is not valid Unicode", "", 0) from None
    except ValueError:  # all that is left: integers have a limit
        raise json.JSONDecodeError("a number has too many digits", "", 0) from None
    return value


def _refuse_constant(_name: str) -> None:
    raise json.JSONDecodeError("NaN and Infinity are not JSON", "", 0)


class ServiceRoute(APIRoute):
    """A route within limits: JSON bodies are small and quick, streams (`openapi_extra=STREAMS`) may be long."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.responses = responses_of(self)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        streams = bool((self.openapi_extra or {}).get("x-streams"))
        scopes, parameters = scopes_of(self), parameters_of(self)

        async def limited(request: Request) -> Response:
            settings: Settings = request.app.state.runtime.settings
            limit = settings.body_limit if streams else settings.json_limit
            request = _JsonRequest(request.scope, _counted(request, limit))
            timer = asyncio.timeout(None if streams else settings.request_timeout)
            try:
                async with timer:
                    # First of all: who may not do this learns nothing of what there is to do it with.
                    for scope in scopes:
                        await Requires(scope)(request)
                    body = b"" if streams else await request.body()  # read here: its refusals keep their own answers
                    if _NULL.search(body) or "%00" in str(request.url):
                        raise NullCharacter
                    _check_parameters(request, parameters)
                    response = await handle(request)
            except TimeoutError as error:
                if not timer.expired():  # it was a connection's time that ran out
                    raise
                raise RequestTimeout(seconds=settings.request_timeout) from error
            except ReplayError as replay:
                return replay.response
            except ClientDisconnect as error:
                raise IncompleteBody from error
            await send_new_etag(request, response)
            if attempt := getattr(request.state, "attempt", None):
                await attempt.store(response)  # the route's transaction commits after this
            return response

        return limited


def _check_parameters(request: Request, takes: Mapping[str, float]) -> None:
    """Refuse what would be dropped unseen: a name that the route does not know, and all but the last of several values."""
    said = Counter(name for name, _ in request.query_params.multi_items())
    if wrong := [name for name, times in said.items() if times > takes.get(name, 0)]:
        faults = ((name, _REPEATED if name in takes else _UNKNOWN) for name in wrong)
        raise RequestValidationError([{"loc": ("query", name), **fault} for name, fault in faults])


def _counted(request: Request, limit: int) -> Receive:
    """Return a receive that refuses a body beyond `limit`, announced or not."""
    announced = request.headers.get("content-length", "")
    too_large = announced.isdecimal() and int(announced) > limit
    received = 0

    async def receive() -> Message:
        nonlocal received
        message = {} if too_large else await request.receive()
        received += len(message.get("body", b""))
        if too_large or received > limit:
            raise BodyTooLarge(limit=limit)
        return message

    return receive
