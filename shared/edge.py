"""What surrounds every request of a service: ids, trace, log line, metrics, and an answer for every failure."""

import logging
from time import perf_counter
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import metrics
from shared.errors import (
    PROBLEM_JSON,
    DomainError,
    InvalidInput,
    Language,
    MethodNotAllowed,
    NotFound,
    NullCharacter,
    Unavailable,
    preferred_language,
    problem_document,
)
from shared.failures import STATEMENT_TIMEOUT, is_transient, sqlstate_of
from shared.ids import uuid7
from shared.storage import StoreUnavailableError
from shared.tracing import acceptable_request_id, continue_trace, current_request_id, current_trace
from shared.validation import describe_errors

logger = logging.getLogger("trastienda.http")

_UNSTORABLE_TEXT = {"22021", "22P05"}  # U+0000, in text and in jsonb
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class BadRequest(DomainError):
    code, status = "bad-request", 400
    en = "The request could not be understood."
    es = "No se entiende la petición."
    hint_en = "See /openapi.json for what is expected here."
    hint_es = "Vea en /openapi.json lo que se espera aquí."


def _refusal_of(error: Exception, method: str, language: Language) -> DomainError:
    if isinstance(error, DomainError):
        return error
    if isinstance(error, RequestValidationError):
        described = describe_errors(error.errors(), language)
        return InvalidInput(count=len(described), errors=described)
    if isinstance(error, HTTPException):
        return {404: NotFound(), 405: MethodNotAllowed(method=method)}.get(error.status_code, BadRequest())
    return _refusal_of_failure(error)


def _refusal_of_failure(error: Exception) -> DomainError:
    if isinstance(error, StoreUnavailableError):
        return Unavailable(part="object store")
    if sqlstate_of(error) in _UNSTORABLE_TEXT:
        return NullCharacter()
    if is_transient(error) or sqlstate_of(error) == STATEMENT_TIMEOUT:
        return Unavailable(part="database")
    return DomainError()


async def _answer_failure(request: Request, error: Exception) -> Response:
    """Answer with the refusal that an exception means for the caller, in the caller's language."""
    language = preferred_language(request.headers.get("accept-language"))
    refusal = _refusal_of(error, request.method, language)
    if refusal.status >= 500:  # noqa: PLR2004 - server errors
        logger.error("request failed", exc_info=error, extra={"path": request.url.path, "code": refusal.code})
    headers = {"Content-Language": language, **refusal.headers}
    if isinstance(error, HTTPException):
        headers |= error.headers or {}
    if refusal.status == MethodNotAllowed.status:
        headers["Allow"] = ", ".join(_methods_of(request))
    return Response(problem_document(refusal, language, request.url.path), refusal.status, headers, PROBLEM_JSON)


def _methods_of(request: Request) -> list[str]:
    """Return every method that some route takes at this path; the router itself names those of the first alone."""
    routes = (context.original_route for context in iter_route_contexts(request.app.routes))
    here = [route for route in routes if isinstance(route, APIRoute) and route.path_regex.match(request.url.path)]
    return sorted({method for route in here for method in route.methods or ()})


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every refusal and failure of `app` as a problem."""
    for kind in (DomainError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _answer_failure)


class Edge:
    """ASGI middleware: request id, trace, one log line and the RED metrics; the last net for exceptions."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        current_request_id.set(acceptable_request_id(request.headers.get("x-request-id")) or str(uuid7()))
        current_trace.set(continue_trace(request.headers.get("traceparent")))
        await self._measured(request, scope, receive, send)

    async def _measured(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        begun, status = perf_counter(), 0

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", (current_request_id.get() or "").encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_marked)
        except Exception as error:
            if status:  # the answer has begun: all that is left is to break it off
                logger.exception("the answer broke off", extra={"path": request.url.path})
                raise
            response = await _answer_failure(request, error)
            await response(scope, receive, send_marked)
        finally:
            self._report(scope, request.method, status, perf_counter() - begun)

    def _report(self, scope: Scope, method: str, status: int, seconds: float) -> None:
        route: Any = scope.get("route")
        path = getattr(route, "path", "unmatched")
        method = method if method in _METHODS else "other"  # callers must not choose how many series there are
        metrics.requests_total.labels(self._service, method, path, str(status)).inc()
        metrics.request_seconds.labels(self._service, method, path).observe(seconds)
        if not path.startswith(("/health", "/metrics")):
            details = {"method": method, "route": path, "status": status, "ms": round(seconds * 1000, 1)}
            logger.info("request", extra={"service": self._service, **details})
