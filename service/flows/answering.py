"""Answers by the link in a mail: who is asked, what stands, and what becomes of a posted form.

Looking writes nothing. Nothing is stored for a link or a form: both follow from the installation's key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Caller, Level, Reach, Scope
from service.domain.answering import (
    MOST_WRONG_CODES,
    ONE_CLIENT_ONE_PERSON,
    LinkState,
    Problem,
    Strength,
    fault_of_age,
    is_suspect,
    link_state,
    may_undo,
)
from service.domain.escalation import Role, longest_snooze
from service.domain.notifications import EventType, Mishap
from service.flows import acknowledgement
from service.flows.acknowledgement import Heard, Said, withdraw
from service.flows.announcing import mailed_level
from service.flows.mishaps import Trouble, tell_of_trouble, trouble_with
from service.flows.planning import roles_about
from service.flows.sitting import Sitting
from service.sealing import Seal, answer_code, answered_message, fingerprint, new_secret, same
from service.store.cases import Case
from service.store.journal import Happening, record
from service.store.messages import Message, get_message
from service.store.responses import Response, responses_from, responses_to
from service.store.subjects import Subject, get_subject, wake_subjects
from service.store.users import User, members_among

_EVERYWHERE = Reach(None)


@dataclass(frozen=True)
class Asked:
    """What stands behind a link: the message as it was, everything else as it is now. `roles`: user id
    to roles on the case (without one, all of the team have them), highest first. `level` None: the
    reader is not on the case any more.
    `answers`: to this version and not taken back, oldest first."""

    message: Message
    subject: Subject
    case: Case | None
    reader: User
    roles: dict[str, list[Role]]
    level: Level | None
    answers: Sequence[Response]

    def state(self, now: datetime) -> LinkState:
        on_case = self.level is not None
        asked_at = max(self.subject.due_at, self.message.created_at)
        return link_state(asked_at, self.subject.live, on_case, now)

    @property
    def own(self) -> Response | None:
        """The reader's newest answer since this mail was written."""
        since = self.message.created_at
        mine = [one for one in self.answers if one.user_id == self.reader.id and one.at >= since]
        return mine[-1] if mine else None

    @property
    def answered(self) -> bool:
        """So that it holds; one that does not, because a machine may have given it or because more than
        the link is wanted, can be given once more."""
        return self.own is not None and self.own.counts_for(self.subject.critical)

    def undoable(self, now: datetime) -> bool:
        own = self.own
        return own is not None and own.strength is not Strength.API and may_undo(own.at, now)


@dataclass(frozen=True)
class Form:
    """`nonce` travels in the page, `cookie` beside it: only the browser that was shown the page can
    send both."""

    nonce: str
    cookie: str


async def look(sitting: Sitting, seal: Seal, token: str, lock: bool = False) -> Asked | None:
    """None for every token that was not made here. `lock`: hold the subject, to answer."""
    session = sitting.session
    message_id = answered_message(seal, token)
    message = await get_message(session, message_id, _EVERYWHERE) if message_id else None
    if message is None or message.user_id is None:
        return None
    subject_id = message.deadline_id or message.alert_id or ""
    subject = await get_subject(session, subject_id, _EVERYWHERE, lock)
    if subject is None:
        return None
    case = await session.get_one(Case, subject.case_id) if subject.case_id else None
    roles = await roles_about(session, subject)
    return Asked(
        message=message,
        subject=subject,
        case=case,
        reader=await session.get_one(User, message.user_id),
        roles=roles,
        level=await _level(session, message, case, roles.get(message.user_id, [])),
        answers=[
            one
            for one in (await responses_to(session, [subject.id])).get(subject.id, [])
            if one.version == subject.version and one.withdrawn_at is None
        ],
    )


async def _level(
    session: AsyncSession, message: Message, case: Case | None, roles: list[Role]
) -> Level | None:
    """Never more than the mail showed, and never more than would be shown today."""
    user_id = message.user_id or ""
    if not roles or not await members_among(session, message.team_id, [user_id]):
        return None
    today = mailed_level(roles[0], case)
    return None if today is None else min(today, Level(message.level))


def new_form(seal: Seal, message_id: str, now: datetime) -> Form:
    """Good for this message, for a while, with its cookie."""
    random = new_secret()
    stem = f"{int(now.timestamp() * 1000)}.{random}"
    return Form(f"{stem}.{_form_mac(seal, message_id, stem)}", fingerprint(random))


def fault_of_form(
    seal: Seal, message_id: str, nonce: str, cookie: str, now: datetime
) -> Problem | None:
    """None where the form was made here for this message, comes with its cookie and has its age."""
    stem, _, mac = nonce.rpartition(".")
    issued, _, random = stem.partition(".")
    made = seal.made(lambda one: _form_mac(one, message_id, stem), mac)
    if not made or not same(fingerprint(random), cookie):
        return Problem.NO_FORM
    return fault_of_age(datetime.fromtimestamp(int(issued) / 1000, UTC), now)


def _form_mac(seal: Seal, message_id: str, stem: str) -> str:
    return seal.mac("answer form", f"{message_id}.{stem}")


def client_fingerprint(seal: Seal, address: str, now: datetime) -> str:
    """Tells whether two answers of one day came from one place, and not from which."""
    return seal.mac("client address", f"{now:%Y-%m-%d} {address}")


@dataclass(frozen=True)
class Filled:
    """A form that came back. `version`: of the date on the page that was filled in; `client`: fingerprint
    of the address that it came from; `code`: what was typed in, empty for nothing."""

    said: Said
    version: str
    client: str
    code: str = ""


async def answer(sitting: Sitting, seal: Seal, asked: Asked, filled: Filled) -> Problem | None:
    """Keeps the answer; a Problem where it changes nothing. `asked` must have been looked up with the
    subject locked."""
    subject, own, now = asked.subject, asked.own, sitting.now
    said, client = filled.said, filled.client
    if problem := _refused(asked, said, filled.version, now) or _mistyped(
        sitting, seal, asked, filled
    ):
        return problem
    same_client = await responses_from(sitting.session, client, now - ONE_CLIENT_ONE_PERSON)
    others = [one for one in same_client if one.user_id != asked.reader.id]
    suspect = is_suspect(asked.message.accepted_at, bool(others), now)
    strength = Strength.LINK_CODE if filled.code else Strength.LINK
    if own is not None and (suspect or (strength is Strength.LINK and not own.suspect)):
        return Problem.ANSWERED
    heard = Heard(strength, asked.message.id, client, suspect)
    reach = Reach(frozenset({subject.team_id}))
    caller = Caller(asked.message.id, Scope.WRITE, reach, asked.reader.id)
    await acknowledgement.answer(sitting, subject, asked.case, asked.reader.id, said, caller, heard)
    alike = [one for one in others if not one.suspect]
    await _suspect(sitting, alike)
    reason = "one_client" if others else "too_soon"
    troubles = trouble_with(asked.message, EventType.ACK_SUSPECT, reason) if suspect else []
    troubles += [_trouble_with_answer(one) for one in alike]
    await tell_of_trouble(sitting.session, sitting.webhooks, troubles, now)
    return None


def _trouble_with_answer(answer: Response) -> Trouble:
    """Which message it was that was answered, nobody knows any more."""
    mishap = Mishap("one_client", answer.user_id)
    return Trouble(EventType.ACK_SUSPECT, answer.team_id, answer.subject_id, mishap)


def _refused(asked: Asked, said: Said, version: str, now: datetime) -> Problem | None:
    if asked.state(now) is not LinkState.OPEN:
        return Problem.ENDED
    if version != str(asked.subject.version):
        return Problem.DATE_CHANGED
    if asked.answered:
        return Problem.ANSWERED
    longest = longest_snooze(asked.subject.due_at, now)
    if said.until is not None and not now < said.until <= longest:
        return Problem.SNOOZE_TOO_LONG
    return None


def _mistyped(sitting: Sitting, seal: Seal, asked: Asked, filled: Filled) -> Problem | None:
    """A code that is typed in has to be that of the mail; tries are counted."""
    message = asked.message
    if not filled.code:
        return None
    if message.wrong_codes >= MOST_WRONG_CODES:
        return Problem.CODE_SPENT
    if seal.made(lambda one: answer_code(one, message.id), filled.code):
        return None
    message.wrong_codes += 1
    sitting.session.add(message)
    return Problem.WRONG_CODE


async def _suspect(sitting: Sitting, answers: Sequence[Response]) -> None:
    """Who answered for several people from one place was a machine the first time, too."""
    for one in answers:
        one.suspect = True
        sitting.session.add(one)
    await wake_subjects(sitting.session, {one.subject_id for one in answers}, sitting.now)
    happenings = []
    for one in answers:
        subject = await get_subject(sitting.session, one.subject_id, _EVERYWHERE)
        assert subject is not None
        action = f"{subject.subject_kind}.answer_suspected"
        data = {"response_id": one.id}
        happenings.append(
            Happening(one.team_id, "system", action, subject.id, subject.case_id, data)
        )
    await record(sitting.session, happenings, sitting.now)


async def undo(sitting: Sitting, asked: Asked) -> Problem | None:
    """Takes the reader's answer back, for as long as that may be done."""
    if asked.state(sitting.now) is not LinkState.OPEN:
        return Problem.ENDED
    if asked.own is None or not asked.undoable(sitting.now):
        return Problem.TOO_LATE_TO_UNDO
    await withdraw(sitting, asked.subject, asked.own)
    return None


def newest_of_each(answers: Sequence[Response]) -> list[Response]:
    """The last word of each person, in the order in which they were said."""
    return sorted({one.user_id: one for one in answers}.values(), key=lambda one: one.at)
