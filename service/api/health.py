"""/healthz, /readyz, /metrics: whether the process lives, whether it can serve, how late it is"""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel.ext.asyncio.session import AsyncSession

from service.clock import zone_data_version
from service.dependencies import Now, RuntimeNow, Session
from service.domain.notifications import ChannelKind
from service.runtime import VERSION
from service.store.deadlines import oldest_wake_at
from service.store.messages import oldest_due_at, pending_by_channel
from service.store.migrations import at_head

router = APIRouter(include_in_schema=False)

#: Beyond this age of the oldest due message the clockwork counts as stuck.
_STUCK_SECONDS = 300


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers; nothing else is asked."""
    return {"status": "ok", "version": VERSION}


@router.get("/readyz")
async def readyz(
    request: Request, runtime: RuntimeNow, now: Now, response: Response
) -> dict[str, Any]:
    """503 while the database is away or on another schema, or while due messages do not move."""
    clockwork = request.app.state.clockwork
    stopped = clockwork is not None and clockwork.done()
    facts: dict[str, Any] = {
        "clock": "rehearsal" if runtime.settings.rehearsal_clock else "system",
        "zone_data": zone_data_version(),
    }
    try:
        async with runtime.reading() as session:
            facts["schema"] = "current" if await at_head(session) else "outdated"
            facts["oldest_due_seconds"] = await _oldest_due_seconds(session, now)
    except (SQLAlchemyError, OSError) as error:
        facts["database"] = type(error).__name__
    if stopped:
        facts["clockwork"] = "stopped"
    stuck = stopped or facts.get("oldest_due_seconds", 0) > _STUCK_SECONDS
    ready = facts.get("schema") == "current" and not stuck
    response.status_code = 200 if ready else 503
    return {"status": "ready" if ready else "not ready", **facts}


@router.get("/metrics")
async def metrics(session: Session, now: Now) -> Response:
    """Prometheus text. The pending figures are read from the database at each scrape."""
    pending = await pending_by_channel(session)
    lines = ["# TYPE adquem_messages_pending gauge"]
    lines += [
        f'adquem_messages_pending{{channel="{kind}"}} {pending.get(kind, 0)}'
        for kind in ChannelKind
    ]
    age = await _oldest_due_seconds(session, now)
    lines += ["# TYPE adquem_oldest_due_seconds gauge", f"adquem_oldest_due_seconds {age}", ""]
    body = generate_latest(REGISTRY) + "\n".join(lines).encode()
    return Response(body, media_type=CONTENT_TYPE_LATEST)


async def _oldest_due_seconds(session: AsyncSession, now: datetime) -> float:
    """How long the oldest thing has been waiting: a plan to be released, or a message to be sent."""
    waiting = [await oldest_wake_at(session), await oldest_due_at(session)]
    return max((max((now - at).total_seconds(), 0.0) for at in waiting if at), default=0.0)
