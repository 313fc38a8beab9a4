"""Puts the web application together: routers, the one table from code to status, logging, headers."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.telemetry import TelemetryConfig
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api import (
    adjustments,
    alerts,
    api_keys,
    calendar,
    calendars,
    cases,
    computations,
    coverage,
    deadlines,
    digests,
    endpoints,
    escalation_policies,
    events,
    exports,
    feeds,
    health,
    imports,
    inbound,
    messages,
    published_events,
    reviews,
    rules,
    teams,
    users,
)
from service.clock import system_clock
from service.dependencies import Replay
from service.errors import Code, Refusal, shape_fault
from service.ids import new_id
from service.knocks import SECONDS
from service.runtime import VERSION, Runtime, build_runtime
from service.schemas.problems import FieldProblem, Problem
from service.settings import Settings
from service.web import calendar_help, home, respond, signature, unsubscribe, verify

Background = Callable[[Runtime, asyncio.Event], Coroutine[None, None, None]]

API = "/api/v1"
_NOUNS = (
    teams, users, api_keys, calendars, cases, computations, coverage, deadlines, adjustments, reviews,
    alerts, escalation_policies, endpoints, events, feeds, messages, rules, imports, exports, digests,
    inbound,
)  # fmt: skip
_PAGES = (calendar_help, home, respond, signature, unsubscribe, verify)

#: The only place where a refusal becomes an HTTP status; whatever is not here is 422.
STATUS = {
    Code.UNAUTHENTICATED: 401,
    Code.FORBIDDEN: 403,
    Code.NOT_FOUND: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.DUPLICATE: 409,
    Code.ILLEGAL_STATE: 409,
    Code.IDEMPOTENCY_KEY_REUSED: 409,
    Code.PRECONDITION_FAILED: 412,
    Code.BODY_TOO_LARGE: 413,
    Code.UNSUPPORTED_MEDIA_TYPE: 415,
    Code.PRECONDITION_REQUIRED: 428,
    Code.TOO_MANY_REQUESTS: 429,
    Code.BAD_CURSOR: 400,
    Code.MALFORMED_JSON: 400,
    Code.INTERNAL: 500,
    Code.UNAVAILABLE: 503,
}

_HTTP_CODES = {status: code for code, status in STATUS.items()} | {409: Code.DUPLICATE}
_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"content-security-policy": b"default-src 'none'; style-src 'self'; frame-ancestors 'none'",
}
#: Where the service speaks TLS: browsers never ask for an address of it in clear again.
_SECURE = {b"strict-transport-security": b"max-age=31536000"}
#: FastAPI's telemetry names paths, which hold the secrets of calendars.
_TELLS_NOBODY = TelemetryConfig(tracing=False, metrics=False, logs=False)
_OF_A_BODY = frozenset({b"content-length", b"transfer-encoding"})
#: Refusals of what may be tried again, with the seconds to wait.
_RETRY_AFTER = {Code.TOO_MANY_REQUESTS: SECONDS, Code.UNAVAILABLE: 5}
_log = structlog.get_logger()


def create_app(settings: Settings, background: Background | None = None) -> FastAPI:
    """The application. `background`: what runs beside it in the same process (embedded mode)."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        runtime = build_runtime(app.state.settings)
        app.state.runtime = runtime
        stop = asyncio.Event()
        beside = asyncio.create_task(background(runtime, stop)) if background else None
        app.state.clockwork = beside
        yield
        stop.set()
        if beside is not None:
            await beside
        await runtime.close()

    app = FastAPI(
        title="Adquem",
        version=VERSION,
        summary="Legal deadlines that cannot be missed in silence.",
        docs_url=None,  # the interactive page would load its scripts from elsewhere
        redoc_url=None,
        openapi_url=f"{API}/openapi.json",
        lifespan=lifespan,
        redirect_slashes=False,
        telemetry=_TELLS_NOBODY,
    )
    app.state.settings = settings
    # First, for it is asked for far more often than all others.
    app.router.routes.append(calendar.route_within())
    for module in _NOUNS:
        app.include_router(module.router, prefix=API)
    app.webhooks.include_router(published_events.router)
    for module in (health, *_PAGES):
        app.include_router(module.router)
    _handle_refusals(app)
    _document_refusals(app)
    app.add_middleware(BodyLimit, most=settings.max_body_bytes)
    app.add_middleware(RequestLog, secure=settings.base_url.startswith("https://"))
    return app


def _handle_refusals(app: FastAPI) -> None:
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(Replay, _replay)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(SQLAlchemyError, _database)
    app.add_exception_handler(Exception, _internal)


def _document_refusals(app: FastAPI) -> None:
    """FastAPI would say application/json of every declared answer; refusals are problem+json."""
    plain = app.openapi

    def documented() -> dict[str, Any]:
        fresh = app.openapi_schema is None
        document = plain()
        operations = [one for path in document["paths"].values() for one in path.values()]
        for operation in operations if fresh else ():
            for status, response in operation["responses"].items():
                if status.startswith(("4", "5")) and "content" in response:
                    schema = response["content"].pop("application/json")
                    response["content"]["application/problem+json"] = schema
        return document

    app.openapi = documented  # type: ignore[method-assign]  # FastAPI's own way to change it


def _answer(
    code: Code, detail: str, field: str | None = None, errors: list[FieldProblem] | None = None
) -> JSONResponse:
    status = STATUS.get(code, 422)
    problem = Problem(
        type="about:blank",
        title=code.replace("_", " ").capitalize(),
        status=status,
        code=code,
        detail=detail,
        field=field,
        errors=errors or [],
        request_id=structlog.contextvars.get_contextvars().get("request_id"),
    )
    headers = {"Retry-After": str(_RETRY_AFTER[code])} if code in _RETRY_AFTER else {}
    if code is Code.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = "Bearer"
    body = problem.model_dump(exclude_none=True)
    return JSONResponse(body, status, headers, media_type="application/problem+json")


async def _refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    problems = [_field_problem(one) for one in error.faults]
    return _answer(error.code, error.detail, error.field, problems)


async def _replay(request: Request, error: Exception) -> Response:
    assert isinstance(error, Replay)
    headers = json.loads(error.headers or "{}") | {"Idempotent-Replayed": "true"}
    body = request.app.state.runtime.seal.open(error.sealed_body, error.kept_id)
    return Response(body, error.status, headers)


async def _invalid(_: Request, error: Exception) -> Response:
    """Each fault with its field; the offending value is never repeated."""
    assert isinstance(error, RequestValidationError)
    problems = [_field_problem(_shape_fault(one)) for one in error.errors()]
    first = problems[0]
    return _answer(Code(first.code), first.message, first.field, problems)


def _shape_fault(error: dict[str, Any]) -> Refusal:
    where = list(error["loc"])
    if where and where[0] == "body":
        where = where[1:]
    return shape_fault(str(error["type"]), where, str(error["msg"]))


def _field_problem(fault: Refusal) -> FieldProblem:
    return FieldProblem(field=fault.field, code=fault.code, message=fault.detail)


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _HTTP_CODES.get(error.status_code, Code.INVALID_INPUT)
    detail = "There is nothing at this address." if error.status_code == 404 else error.detail
    return _answer(code, str(detail))


async def _database(_: Request, error: Exception) -> Response:
    if isinstance(error, IntegrityError):
        return _answer(Code.DUPLICATE, "This exists already, or what it refers to does not.")
    away = isinstance(error, DBAPIError | PoolTimeoutError)
    _log.error("database_error", kind=type(error).__name__)
    if away:
        return _answer(Code.UNAVAILABLE, "The database does not answer; nothing was changed.")
    return _answer(Code.INTERNAL, "Something failed on our side; nothing was changed.")


async def _internal(_: Request, error: Exception) -> Response:
    return _answer(Code.INTERNAL, "Something failed on our side; nothing was changed.")


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
            answer = _answer(Code.BODY_TOO_LARGE, f"The body may hold {self._most} bytes.")
            await answer(scope, receive, send)
            return
        await (self._counted if found else self._app)(scope, receive, send)


class RequestLog:
    """One line for each request: method, route (never the path: feed addresses hold secrets), status,
    time. Adds the headers that every answer carries."""

    def __init__(self, app: ASGIApp, secure: bool) -> None:
        self._app = app
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
                route=_route(scope),
                status=status,
                ms=round((time.perf_counter() - started) * 1000, 1),
            )
            structlog.contextvars.reset_contextvars(**bound)


def _route(scope: Scope) -> str:
    """The template of the route, with the prefix under which it is mounted."""
    template = getattr(scope.get("route"), "path", None)
    if template is None:
        return "none"
    mounted = scope["path"].startswith(API) and not template.startswith(API)
    return f"{API}{template}" if mounted else template
