"""Puts the web application together: routers, refusals, and the layers around all of them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from service.api import (
    adjustments,
    alerts,
    api_keys,
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
from service.domain.feeds import BOUNDS, Bounds
from service.layers import BodyLimit, Calendars, RequestLog
from service.refusals import document_refusals, handle_refusals
from service.runtime import VERSION, Runtime, build_runtime
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

#: FastAPI's telemetry names paths, which hold the secrets of calendars.
_TELLS_NOBODY = TelemetryConfig(tracing=False, metrics=False, logs=False)


def create_app(
    settings: Settings, background: Background | None = None, bounds: Bounds = BOUNDS
) -> FastAPI:
    """The application. `background`: what runs beside it in the same process (embedded mode); `bounds`:
    no calendar is larger."""

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
    _mount_routes(app)
    handle_refusals(app)
    document_refusals(app)
    app.add_middleware(BodyLimit, most=settings.max_body_bytes)
    app.add_middleware(Calendars, bounds=bounds)
    app.add_middleware(RequestLog, prefix=API, secure=settings.base_url.startswith("https://"))
    return app


def _mount_routes(app: FastAPI) -> None:
    for module in _NOUNS:
        app.include_router(module.router, prefix=API)
    app.webhooks.include_router(published_events.router)
    for module in (health, *_PAGES):
        app.include_router(module.router)
