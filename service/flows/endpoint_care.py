"""An endpoint's health kept: what each answer and time do to it, what is let go, who is told.

Who looks after it is told by mail, the team's other tools by theirs; nobody by the route in trouble.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from service.channels.interface import Channel
from service.domain.endpoints import (
    BY_HAND,
    Health,
    News,
    Report,
    after_failure,
    after_success,
    disabled,
    enabled,
    interval,
    tended,
)
from service.domain.notifications import ChannelKind, EventType
from service.domain.retry import Outcome, Verdict
from service.domain.webhooks import OPEN_STATES, EndpointState
from service.flows.letters import caretakers, plain_letter
from service.flows.sitting import Sitting
from service.flows.tools import tell_of_endpoint, test_message
from service.store.endpoints import Endpoint, lock_endpoints, unwell_endpoints, well_endpoints
from service.store.journal import Happening, record
from service.store.messages import Message, add_messages
from service.store.outbox import held_for, hold_waiting, let_go, probe_with_oldest

Channels = Mapping[ChannelKind, Channel]
CLOCKWORK = "system"
#: That it takes something is written down no more often than this.
_ALIVE_EVERY = timedelta(minutes=1)
#: A test that has not got through by then tells nobody anything any more; a probe is not tried again.
TEST_TRIED_FOR, _PROBE_TRIED_FOR = timedelta(hours=1), timedelta(seconds=1)
#: What is let go in one transaction; the next round goes on.
_LET_GO = 1000
_NEWS_TRIED_FOR = timedelta(days=2)

_EVENTS = {
    News.FAILING: EventType.ENDPOINT_FAILING,
    News.PAUSED: EventType.ENDPOINT_PAUSED,
    News.DISABLED: EventType.ENDPOINT_DISABLED,
    News.ENABLED: EventType.ENDPOINT_ENABLED,
}


async def note(
    session: AsyncSession,
    channels: Channels,
    answers: Sequence[tuple[Message, Outcome]],
    now: datetime,
) -> set[str]:
    """What these answers say of the endpoints that gave them; the ids of those that take nothing now."""
    concerned = {message.endpoint_id for message, _ in answers if message.endpoint_id}
    failed = {
        one.endpoint_id for one, outcome in answers if outcome.verdict is not Verdict.ACCEPTED
    }
    quiet = (
        await well_endpoints(session, concerned - failed, now - _ALIVE_EVERY)
        if concerned
        else set()
    )
    endpoints = await lock_endpoints(session, concerned - quiet) if concerned - quiet else []
    for endpoint in endpoints:
        health, news = health_of(endpoint), list[News]()
        for message, outcome in answers:
            if message.endpoint_id == endpoint.id:
                health, told = _after(health, outcome, now)
                news += [told] if told else []
        await keep(session, endpoint, health, CLOCKWORK, now)
        for one in dict.fromkeys(news):
            await _tell(session, channels, endpoint, one, now)
    return {one.id for one in endpoints if one.state not in OPEN_STATES}


async def tend(sitting: Sitting) -> None:
    """What time alone brings on: probes, warnings, the end of patience; what may go is let go."""
    session, now = sitting.session, sitting.now
    unwell = await unwell_endpoints(session)
    waiting = await held_for(session)
    for endpoint in await lock_endpoints(session, {one.id for one in unwell} | set(waiting)):
        held = waiting.get(endpoint.id, 0)
        health, news = tended(health_of(endpoint), now, held > 0)
        await keep(session, endpoint, health, CLOCKWORK, now)
        if news:
            await _tell(session, sitting.channels, endpoint, news, now)
        if health.probe_at is not None and health.probe_at <= now:
            await _probe(sitting, endpoint)
        elif held and endpoint.state in OPEN_STATES:
            await _let_go(session, endpoint, now)


async def enable(
    session: AsyncSession, channels: Channels, endpoint: Endpoint, actor: str, now: datetime
) -> str:
    """A test goes ahead of what was held; answers the id of its message."""
    event, webhooks = EventType.ENDPOINT_TEST, channels[ChannelKind.WEBHOOK]
    message = test_message(endpoint, webhooks, actor, now, TEST_TRIED_FOR, event)
    await add_messages(session, [message])
    was = endpoint.state
    await keep(session, endpoint, enabled(health_of(endpoint), now), actor, now)
    if was is not EndpointState.ACTIVE:
        await _tell_tools(session, channels, endpoint, News.ENABLED, now)
    return message.id


async def disable(
    session: AsyncSession, channels: Channels, endpoint: Endpoint, actor: str, now: datetime
) -> None:
    health = health_of(endpoint)
    if health.state is not EndpointState.DISABLED or health.reason != BY_HAND:
        await keep(session, endpoint, disabled(health, now), actor, now)
        await _tell_tools(session, channels, endpoint, News.DISABLED, now)


async def keep(
    session: AsyncSession,
    endpoint: Endpoint,
    health: Health,
    actor: str,
    now: datetime,
) -> None:
    """Every change of state is journalled; what was held goes when something is taken again."""
    was = endpoint.state
    endpoint.state, endpoint.state_at = health.state, health.state_at
    endpoint.alive_at = health.alive_at
    for name in _KEPT:
        setattr(endpoint, name, getattr(health, name))
    session.add(endpoint)
    await session.flush()
    if endpoint.state is was:
        return
    endpoint.revision += 1
    data = {"state": endpoint.state, "was": was, "reason": endpoint.reason}
    action = f"endpoint.{endpoint.state}"
    await record(
        session, [Happening(endpoint.team_id, actor, action, endpoint.id, None, data)], now
    )
    if was not in OPEN_STATES and endpoint.state in OPEN_STATES:
        await _let_go(session, endpoint, now)
    elif was in OPEN_STATES and endpoint.state not in OPEN_STATES:
        await hold_waiting(session, endpoint.id, now)


_KEPT = (
    "failures", "failing_since", "told_at", "reason", "probe_at", "probes", "slow_until", "spared_until",
)  # fmt: skip


def health_of(endpoint: Endpoint) -> Health:
    return Health(
        state=endpoint.state,
        state_at=endpoint.state_at or endpoint.created_at,
        alive_at=endpoint.alive_at or endpoint.created_at,
        **{name: getattr(endpoint, name) for name in _KEPT},
    )


def _after(health: Health, outcome: Outcome, now: datetime) -> tuple[Health, News | None]:
    if outcome.verdict is Verdict.ACCEPTED:
        return after_success(health, now)
    return after_failure(health, outcome, now)


async def _let_go(session: AsyncSession, endpoint: Endpoint, now: datetime) -> None:
    """At half the rate, so that what is new is not stuck behind it."""
    apart = 2 * interval(endpoint.per_second, endpoint.slow_until, now)
    await let_go(session, endpoint.id, now + apart, apart, _LET_GO)


async def _probe(sitting: Sitting, endpoint: Endpoint) -> None:
    """By the oldest event that is held, or by a test where none is. One at a time: until it has its answer
    the next is as far away as it would be after a failure."""
    session, now = sitting.session, sitting.now
    endpoint.probe_at = now + timedelta(minutes=15)
    session.add(endpoint)
    await session.flush()
    if not await probe_with_oldest(session, endpoint.id, now):
        message = test_message(
            endpoint, sitting.webhooks, None, now, _PROBE_TRIED_FOR, EventType.ENDPOINT_TEST
        )
        await add_messages(session, [message])


async def _tell(
    session: AsyncSession, channels: Channels, endpoint: Endpoint, news: News, now: datetime
) -> None:
    await _tell_tools(session, channels, endpoint, news, now)
    report = await _report(session, endpoint, news)
    mails, event = channels[ChannelKind.EMAIL], EventType.ENDPOINT_TROUBLE
    named = endpoint.user_id or endpoint.owner_id
    letters = [
        plain_letter(mails, user, endpoint.team_id, event, _NEWS_TRIED_FOR, now, report)
        for user in await caretakers(session, endpoint.team_id, named)
    ]
    await add_messages(session, letters)


async def _tell_tools(
    session: AsyncSession, channels: Channels, endpoint: Endpoint, news: News, now: datetime
) -> None:
    """Of one person's own endpoint nobody else's tool hears."""
    event = _EVENTS.get(news)
    if event is not None and endpoint.user_id is None:
        report = await _report(session, endpoint, news)
        webhooks = channels[ChannelKind.WEBHOOK]
        await tell_of_endpoint(session, webhooks, event, endpoint, report, now)


async def _report(session: AsyncSession, endpoint: Endpoint, news: News) -> Report:
    held = (await held_for(session, endpoint.id)).get(endpoint.id, 0)
    return Report(endpoint.id, endpoint.name, news, endpoint.reason, endpoint.failing_since, held)
