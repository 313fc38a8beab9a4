"""/healthz, /readyz, /metrics: whether the process lives, whether it can serve, how late it is"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel.ext.asyncio.session import AsyncSession

from service.clock import zone_data_version
from service.dependencies import Now, RuntimeNow, Session
from service.domain.notifications import ChannelKind
from service.domain.watch import FindingCode
from service.flows.quarantine import quarantine_of
from service.flows.watching import Condition, condition
from service.runtime import VERSION
from service.store.figures import figures
from service.store.inbound import refusing_sources
from service.store.messages import pending_by_channel
from service.store.migrations import FIT, schema_of

router = APIRouter(include_in_schema=False)
_KEPT_FOR = timedelta(seconds=10)


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
            facts["schema"] = schema = await schema_of(session)
            if schema in FIT:
                facts |= await _clockwork(session, now)
                quarantine = await quarantine_of(session)
                if quarantine.since is not None:
                    facts["quarantine"] = asdict(quarantine)
                    response.headers["adquem-quarantine"] = quarantine.since.isoformat()
    except (SQLAlchemyError, OSError) as error:
        facts["database"] = type(error).__name__
    if stopped:
        facts["clockwork"] = "stopped"
    stuck = stopped or "findings" in facts or "database" in facts
    ready = facts.get("schema") in FIT and not stuck
    response.status_code = 200 if ready else 503
    return {"status": "ready" if ready else "not ready", **facts}


@router.get("/metrics")
async def metrics(request: Request, session: Session, now: Now) -> Response:
    """Prometheus text: of this process, and of the installation what its database tells."""
    standing = await condition(session, now)
    pending = await pending_by_channel(session)
    gauges = [
        _gauge("messages_pending", "channel", {one: pending.get(one, 0) for one in ChannelKind}),
        *_standing(standing),
        _gauge("inbound_refusing_sources", value=len(await refusing_sources(session, now))),
        await _figures(request, session, now),
    ]
    body = generate_latest(REGISTRY) + "".join(gauges).encode()
    return Response(body, media_type=CONTENT_TYPE_LATEST)


def _standing(standing: Condition) -> Iterator[str]:
    codes = {one.code for one in standing.findings}
    yield _gauge("oldest_due_seconds", value=standing.oldest_due_seconds)
    yield _gauge("watch_well", value=int(standing.watch_well))
    yield _gauge("last_watch_timestamp", value=_stamp(standing.watched_at))
    yield _gauge("last_tick_timestamp", value=_stamp(standing.ticked_at))
    yield _gauge("quarantined", value=int(FindingCode.QUARANTINED in codes))


async def _figures(request: Request, session: AsyncSession, now: datetime) -> str:
    """Kept for some seconds: whoever scrapes more often is told the same again."""
    state = request.app.state
    runtime, at, text = getattr(state, "figures", (None, now, ""))
    if runtime is state.runtime and abs(now - at) < _KEPT_FOR:
        return str(text)
    found = await figures(session)
    text = "".join(
        (
            _gauge("escalations_open", "state", found.escalations),
            _gauge("webhook_endpoints", "state", found.endpoints),
            _gauge("recipients_unreachable", value=found.unreachable),
            _gauge("coverage_gaps", value=found.gaps),
            _gauge("webhook_held_events", value=found.held),
        )
    )
    state.figures = (state.runtime, now, text)
    return text


def _gauge(
    name: str, label: str = "", values: Mapping[Any, float] | None = None, value: float = 0
) -> str:
    lines = [f'adquem_{name}{{{label}="{one}"}} {number}' for one, number in (values or {}).items()]
    lines = lines or [f"adquem_{name} {value}"]
    return "\n".join((f"# TYPE adquem_{name} gauge", *lines, ""))


def _stamp(instant: datetime | None) -> float:
    return instant.timestamp() if instant else 0.0


async def _clockwork(session: AsyncSession, now: datetime) -> dict[str, Any]:
    """How what is due moves, wherever it is moved; instants, codes and sentences, never an id."""
    standing = await condition(session, now)
    facts: dict[str, Any] = {
        "oldest_due_seconds": standing.oldest_due_seconds,
        "watched_at": standing.watched_at,
    }
    findings = [asdict(one) for one in standing.findings]
    return facts | ({"findings": findings} if findings else {})
