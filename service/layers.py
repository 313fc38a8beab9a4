"""What every request passes on its way in and out, whatever it asks for: the bound of its size, its line in
the log, and the headers of each answer. Calendars are answered for here, ahead of all routes: they are
asked for far more often than all else."""

import time
from typing import NamedTuple

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api import calendar
from service.clock import system_clock
from service.domain.feeds import Bounds
from service.errors import Code
from service.ids import new_id
from service.refusals import answer, answer_of_database

_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"content-security-policy": b"default-src 'none'; style-src 'self'; frame-ancestors 'none'",
}
#: Where the service speaks TLS: browsers never ask for an address of it in clear again.
_SECURE = {b"strict-transport-security": b"max-age=31536000"}
_OF_A_BODY = frozenset({b"content-length", b"transfer-encoding"})
_log = structlog.get_logger()


class BodyLimit:
    """Refuses a declared length at once, in our own shape; Starlette counts what declares none. Without
    either of these headers there is no body (RFC 9112, 6.3)."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app, self._most = app, most
        self._counted = RequestBodyLimitMiddleware(app, max_body_size=most)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = dict(one for one in scope.get("headers", ()) if one[0] in _OF_A_BODY)
        declared = found.get(b"content-length", b"")
        if declared.isdigit() and int(declared) > self._most:
            refused = answer(Code.BODY_TOO_LARGE, f"The body may hold {self._most} bytes.")
            await refused(scope, receive, send)
            return
        await (self._counted if found else self._app)(scope, receive, send)


class _Route(NamedTuple):
    """What the log may name: the template, never an address."""

    path: str


_BEFORE, _AFTER = "/f/", ".ics"
_CALENDAR = _Route(f"{_BEFORE}{{name}}{_AFTER}")


class Calendars:
    """Answers for calendars, no larger than `bounds`; all else passes on."""

    def __init__(self, app: ASGIApp, bounds: Bounds) -> None:
        self._app, self._bounds = app, bounds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        name = path[len(_BEFORE) : -len(_AFTER)]
        if not name or "/" in name or path != f"{_BEFORE}{name}{_AFTER}":
            await self._app(scope, receive, send)
            return
        scope["route"] = _CALENDAR
        found = await self._answered(Request(scope), name)
        await found(scope, receive, send)

    async def _answered(self, request: Request, name: str) -> Response:
        if request.method not in ("GET", "HEAD"):
            return answer(Code.METHOD_NOT_ALLOWED, "Method Not Allowed")
        try:
            return await calendar.fetched(request, name, self._bounds)
        except SQLAlchemyError as error:
            return answer_of_database(error)


class RequestLog:
    """One line for each request: method, route (never the path: feed addresses hold secrets), status,
    time. Adds the headers that every answer carries. `prefix`: under which most routes are mounted."""

    def __init__(self, app: ASGIApp, prefix: str, secure: bool) -> None:
        self._app, self._prefix = app, prefix
        self._headers = _HEADERS | (_SECURE if secure else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = new_id("req", system_clock())
        started, status = time.perf_counter(), 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                present = dict(message["headers"])
                added = [one for one in self._headers.items() if one[0] not in present]
                message["headers"] += [*added, (b"x-request-id", request_id.encode())]
            await send(message)

        bound = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            _log.info(
                "request",
                method=scope["method"],
                route=self._route(scope),
                status=status,
                ms=round((time.perf_counter() - started) * 1000, 1),
            )
            structlog.contextvars.reset_contextvars(**bound)

    def _route(self, scope: Scope) -> str:
        """The template of the route, with the prefix under which it is mounted."""
        template: str | None = getattr(scope.get("route"), "path", None)
        if template is None:
            return "none"
        mounted = scope["path"].startswith(self._prefix) and not template.startswith(self._prefix)
        return f"{self._prefix}{template}" if mounted else template
