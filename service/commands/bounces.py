"""`adquem bounce`, and the listener beside a worker's rounds: two doors to one story.

What was read is written down in one transaction before the mail is called taken; nothing is answered.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import structlog
from prometheus_client import Counter

from service.channels.email.bounces import read_arrived
from service.channels.email.listener import listen
from service.domain.bounces import BounceClass
from service.flows.bouncing import take_in
from service.flows.sitting import Sitting
from service.runtime import Runtime

#: What a mail server understands as "not now, keep it" (sysexits.h).
TRY_LATER = 75
_LISTEN_AGAIN_SECONDS = 30
_bounces = Counter("adquem_mail_bounces_total", "Mails that came back", ["class"])
_log = structlog.get_logger()


async def take(runtime: Runtime, raw: bytes, recipients: Iterable[str]) -> BounceClass | None:
    """What the mail reported; None where it is no report of a mail of ours."""
    arrived = read_arrived(raw, recipients)
    async with runtime.transaction() as session:
        now = await runtime.now(session)
        sitting = Sitting(session, runtime.channels, runtime.rules, now)
        bounce = await take_in(sitting, runtime.seal, arrived)
    if bounce is not None:
        _bounces.labels(bounce).inc()
    _log.info("mail_taken_in", bounce=bounce, reported=arrived.report is not None)
    return bounce


async def take_stdin(runtime: Runtime, recipient: str | None) -> BounceClass | None:
    """One mail, whole, as a mail server pipes it."""
    raw = await asyncio.to_thread(sys.stdin.buffer.read)
    return await take(runtime, raw, [recipient] if recipient else [])


@asynccontextmanager
async def listening(runtime: Runtime) -> AsyncIterator[None]:
    """While the block runs, mails are taken where the settings say so, if they do."""
    where = runtime.settings.bounce_listen
    if not where:
        yield
        return
    task = asyncio.create_task(_keep_listening(runtime, where))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _keep_listening(runtime: Runtime, where: str) -> None:
    """A place that is taken may come free."""
    host, _, port = where.rpartition(":")

    async def taken(recipients: list[str], raw: bytes) -> None:
        await take(runtime, raw, recipients)

    while True:
        try:
            server = await listen(host, int(port), runtime.settings.bounce_domain, taken)
        except OSError as error:
            _log.error("bounces_not_listened_for", where=where, kind=type(error).__name__)
            await asyncio.sleep(_LISTEN_AGAIN_SECONDS)
            continue
        _log.info("listening_for_bounces", where=where)
        async with server:
            await server.serve_forever()
