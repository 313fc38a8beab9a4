"""A mail has come back: what is known of its address changes, whoever it was meant for is told by another
way, and where there is none, somebody else. It sends nothing itself; a report that nobody vouches for
changes nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from sqlmodel.ext.asyncio.session import AsyncSession

from service.channels.interface import Channel
from service.domain.access import Reach
from service.domain.bounces import (
    AddressState,
    Arrived,
    BounceClass,
    Report,
    after_bounce,
    is_lost,
    refused,
    tries_again,
)
from service.domain.notifications import (
    OPTIONAL,
    PENDING_STATES,
    ChannelKind,
    EventType,
    MessageState,
)
from service.flows.mishaps import Trouble, tell_of_trouble, trouble_with
from service.flows.planning import gather
from service.flows.recipients import Lost, report_lost, tell_tools
from service.flows.sitting import Sitting
from service.flows.unsubscribing import MAILED, stop, unsubscribe
from service.rules.library import RuleLibrary
from service.sealing import RETURN_PATH_LIVES, Seal, is_return_path, returned_message
from service.store.deadlines import Deadline
from service.store.digests import cases_held, live_of
from service.store.journal import Happening, record
from service.store.messages import Message, lock_mail
from service.store.subjects import wake_subjects
from service.store.users import User, teams_of

_CLOCKWORK = "system"
_EVERYWHERE = Reach(None)
_ENDLESS = timedelta.max
#: To tell of a person no rule is asked.
_NO_RULES = RuleLibrary([])
#: A report about any other is about a try of the past.
_MAY_END = PENDING_STATES | {MessageState.ACCEPTED}
_log = structlog.get_logger()


async def take_in(sitting: Sitting, seal: Seal, arrived: Arrived) -> BounceClass | None:
    """What the mail reported of a mail of ours; None where it reports nothing that is believed."""
    for part in arrived.local_parts:
        if part.lower().startswith(MAILED):
            await unsubscribe(sitting, seal, part[len(MAILED) :])
            return None
    mails = await _mails(sitting, seal, arrived) if arrived.report else []
    if arrived.report is None or not mails:
        return None
    user = await sitting.session.get(User, mails[0].user_id, with_for_update=True)
    assert user is not None, "a mail to a person names one who is there"
    if arrived.report.bounce is BounceClass.COMPLAINT:
        return await _complained(sitting, user, mails[0], arrived.report)
    news = [mail for mail in mails if _is_news(mail, arrived.report.bounce)]
    if not news:
        return None
    known = {mail.id for mail in news if mail.bounced_at is not None}
    bounce = await _came_back(sitting, user, news, arrived.report)
    if bounce is BounceClass.DELAYED:
        news = [mail for mail in news if mail.id not in known]
    await _tell_of(sitting, news, bounce, arrived.report.status)
    return bounce


async def _tell_of(
    sitting: Sitting, mails: Sequence[Message], bounce: BounceClass, status: str
) -> None:
    """What is tried again once more has not failed yet."""
    troubles: list[Trouble] = []
    for mail in mails:
        if mail.state is MessageState.BOUNCED:
            troubles += trouble_with(mail, EventType.NOTIFICATION_BOUNCED, status)
        elif bounce is BounceClass.DELAYED and mail.state in _MAY_END:
            troubles += trouble_with(mail, EventType.NOTIFICATION_DELAYED, status)
    await tell_of_trouble(sitting.session, sitting.webhooks, troubles, sitting.now)


async def turned_away(
    session: AsyncSession,
    channels: Mapping[ChannelKind, Channel],
    said: Mapping[str, str],
    now: datetime,
) -> None:
    """A relay has refused the recipients of these mails for good, before it saw what they say. `said`:
    message id to its words. The mails have ended; what is known of the addresses changes as if they
    had come back."""
    sitting = Sitting(session, channels, _NO_RULES, now)
    by_reader: dict[str, list[Message]] = {}
    for message_id in sorted(said):
        mail = await session.get(Message, message_id, with_for_update=True, populate_existing=True)
        if mail is not None and mail.user_id is not None:
            by_reader.setdefault(mail.user_id, []).append(mail)
    for user_id, mails in sorted(by_reader.items()):
        user = await session.get(User, user_id, with_for_update=True, populate_existing=True)
        assert user is not None, "a mail to a person names one who is there"
        await _came_back(sitting, user, mails, refused(said[mails[0].id]))


async def _mails(sitting: Sitting, seal: Seal, arrived: Arrived) -> list[Message]:
    """By the signed return path; where none was used, by what the returned headers name, of late mails
    alone. A path that is forged or too old is not made up for by what stands beside it."""
    assert arrived.report is not None
    signed = [part for part in arrived.local_parts if is_return_path(part)]
    for part in signed:
        if message_id := returned_message(seal, part, sitting.now):
            return await lock_mail(sitting.session, message_id)
    if signed:
        _log.warning("return_path_not_ours", bounce=arrived.report.bounce)
        return []
    for message_id in arrived.report.message_ids:
        mails = await lock_mail(sitting.session, message_id)
        accepted_at = mails[0].accepted_at if mails else None
        if accepted_at and sitting.now - accepted_at <= RETURN_PATH_LIVES:
            return mails
    return []


def _is_news(mail: Message, bounce: BounceClass) -> bool:
    """The same may be reported twice, and of what has never left nothing can be."""
    waiting = mail.state is MessageState.DUE and mail.bounce is not None
    known = bounce is BounceClass.DELAYED and mail.bounce is BounceClass.DELAYED
    return bool(mail.attempts) and mail.state is not MessageState.BOUNCED and not waiting | known


async def _came_back(
    sitting: Sitting, user: User, mails: Sequence[Message], report: Report
) -> BounceClass:
    """All that left together: one report of one address."""
    session, now = sitting.session, sitting.now
    before, after = user.address_state, after_bounce(user.address, report.bounce, now)
    user.address_state, user.soft_bounces = after.state, after.soft_bounces
    user.rests_until = after.rests_until
    session.add(user)
    bounce = report.bounce
    if bounce is BounceClass.SOFT and after.state is AddressState.UNDELIVERABLE:
        bounce = BounceClass.HARD
    lost = [one for one in mails if is_lost(bounce, await _left(session, one, now))]
    for mail in mails:
        mail.bounced_at = now
        session.add(mail)
    for mail in lost:
        _ended(mail, bounce, report.status, now)
    await session.flush()
    subjects = {one.deadline_id or one.alert_id for one in lost}
    await wake_subjects(session, {one for one in subjects if one}, now)
    await record(session, [_happening(one, user, bounce, report.status) for one in mails], now)
    if bounce is BounceClass.BLOCKED:
        _log.error("mail_blocked", status=report.status, message_id=mails[0].id)
    gone = bounce is BounceClass.HARD and before is not AddressState.UNDELIVERABLE
    if gone and not mails[0].drill:
        await _report_unreachable(sitting, user, mails[0])
    return bounce


def _ended(mail: Message, bounce: BounceClass, status: str, now: datetime) -> None:
    """What hangs may yet arrive; what may arrive at a second try is tried; the rest is over."""
    mail.bounce, mail.bounce_status = bounce, status
    if bounce is BounceClass.DELAYED or mail.state not in _MAY_END:
        return
    mail.lease = None
    again_at = tries_again(bounce, mail.event in OPTIONAL, now, mail.useful_until)
    if again_at is not None:
        mail.state, mail.next_attempt_at, mail.accepted_at = MessageState.DUE, again_at, None
        return
    mail.state, mail.reason = MessageState.BOUNCED, f"{bounce}: {status}"
    # It has been accepted, or it could not have come back; who is still to record that finds it said.
    mail.accepted_at = mail.accepted_at or now


async def _left(session: AsyncSession, mail: Message, now: datetime) -> timedelta | None:
    """Until it is due; None for an alert, which never waits."""
    if mail.alert_id is not None:
        return None
    deadline = await session.get(Deadline, mail.deadline_id) if mail.deadline_id else None
    return deadline.due_at - now if deadline else _ENDLESS


async def _report_unreachable(sitting: Sitting, user: User, mail: Message) -> None:
    """At once, in each team where nothing but mail leads to the person; whoever still waits for that mail
    is looked for by the next release."""
    session = sitting.session
    if user.disabled_at is not None:
        return
    cases = {case.id for _, case in await cases_held(session, [user.id], _EVERYWHERE)}
    live = await live_of(session, cases)
    nearest: dict[str, Deadline] = {}
    for deadline in sorted(live, key=lambda one: one.id != mail.deadline_id):
        nearest.setdefault(deadline.team_id, deadline)
    lost = [
        Lost(situation, user, mail.id)
        for situation in await gather(sitting, list(nearest.values()))
        if user.id not in situation.endpoints
    ]
    await report_lost(sitting, lost)


async def _complained(
    sitting: Sitting, user: User, mail: Message, report: Report
) -> BounceClass | None:
    """What nobody has to have stops; notices go on, and those who lead hear of it."""
    session, now = sitting.session, sitting.now
    if not mail.attempts or mail.bounce is BounceClass.COMPLAINT:
        return None
    mail.bounce, mail.bounced_at = report.bounce, now
    user.complained_at = now
    session.add_all([mail, user])
    await session.flush()
    await stop(session, user, OPTIONAL, now, "complaint")
    data = {"message_id": mail.id}
    for team_id in (await teams_of(session, [user.id])).get(user.id, []):
        event = EventType.RECIPIENT_COMPLAINED
        await tell_tools(session, sitting.webhooks, event, (team_id, user.id), now, data)
    return report.bounce


def _happening(mail: Message, user: User, bounce: BounceClass, status: str) -> Happening:
    delayed = bounce is BounceClass.DELAYED
    return Happening(
        team_id=mail.team_id,
        actor=_CLOCKWORK,
        action="message.delayed" if delayed else "message.bounced",
        subject_id=mail.id,
        case_id=mail.case_id,
        data={
            "class": bounce,
            "status": status,
            "user_id": user.id,
            "address_state": user.address_state,
            "again_at": mail.next_attempt_at.isoformat()
            if mail.state is MessageState.DUE
            else None,
        },
    )
