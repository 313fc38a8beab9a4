"""/healthz, /readyz, /metrics: whether the process lives, whether it can serve, how late it is"""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel.ext.asyncio.session import AsyncSession

from service.clock import zone_data_version
from service.dependencies import Now, RuntimeNow, Session
from service.domain.notifications import ChannelKind
from service.flows.watching import condition
from service.runtime import VERSION
from service.store.inbound import refusing_sources
from service.store.messages import pending_by_channel
from service.store.migrations import at_head

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers; nothing else is asked."""
    return {"status": "ok", "version": VERSION}


@router.get("/readyz")
async def readyz(
    request: Request, runtime: RuntimeNow, now: Now, response: Response
) -> dict[str, Any]:
    """503 while the database is away or on another schema, or while what is due does not move."""
    clockwork = request.app.state.clockwork
    stopped = clockwork is not None and clockwork.done()
    facts: dict[str, Any] = {
        "clock": "rehearsal" if runtime.settings.rehearsal_clock else "system",
        "zone_data": zone_data_version(),
    }
    try:
        async with runtime.reading() as session:
            facts["schema"] = "current" if await at_head(session) else "outdated"
            if facts["schema"] == "current":
                facts |= await _clockwork(session, now)
    except (SQLAlchemyError, OSError) as error:
        facts["database"] = type(error).__name__
    if stopped:
        facts["clockwork"] = "stopped"
    stuck = stopped or "findings" in facts or "database" in facts
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
    standing = await condition(session, now)
    watched_at = standing.watched_at.timestamp() if standing.watched_at else 0.0
    for name, value in (
        ("adquem_oldest_due_seconds", standing.oldest_due_seconds),
        ("adquem_watch_well", int(standing.watch_well)),
        ("adquem_last_watch_timestamp", watched_at),
        ("adquem_inbound_refusing_sources", len(await refusing_sources(session, now))),
    ):
        lines += [f"# TYPE {name} gauge", f"{name} {value}"]
    lines.append("")
    body = generate_latest(REGISTRY) + "\n".join(lines).encode()
    return Response(body, media_type=CONTENT_TYPE_LATEST)


async def _clockwork(session: AsyncSession, now: datetime) -> dict[str, Any]:
    """How what is due moves, wherever it is moved; instants, codes and sentences, never an id."""
    standing = await condition(session, now)
    facts: dict[str, Any] = {
        "oldest_due_seconds": standing.oldest_due_seconds,
        "watched_at": standing.watched_at,
    }
    findings = [asdict(one) for one in standing.findings]
    return facts | ({"findings": findings} if findings else {})
