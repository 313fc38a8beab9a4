"""`adquem mails gallery FOLDER`: every mail in every language at every level, for people to look at. The
cases are invented; no database and no settings are read, and nothing is sent.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Annotated

import typer

from service.channels.email.content import MailContent
from service.channels.email.preview import read_mail
from service.channels.interface import Draft
from service.domain.access import Level
from service.domain.deadlines import DeadlineKind
from service.domain.digest import Entry, Line, Overview, Section, arranged, shown
from service.domain.endpoints import News, Report
from service.domain.escalation import Role
from service.domain.feeds import Family, FeedNews, FeedReport
from service.domain.inbound import SourceReport
from service.domain.notifications import (
    EventType,
    Notice,
    OtherDate,
    SubjectKind,
    redacted,
)
from service.languages import Language
from service.runtime import TEMPLATES

_NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
_DUE = datetime(2026, 3, 9, 13, 0, tzinfo=UTC)
_ZONE, _CASE, _CODE = "Asia/Almaty", "cas_gallery", "K-17"
_NOTICES = (
    EventType.REMINDER_DUE,
    EventType.STEP_FIRED,
    EventType.ESCALATION_EXHAUSTED,
    EventType.DATE_CHANGED,
    EventType.SECOND_PERSON_WANTED,
    EventType.DEADLINE_CANCELLED,
)
_OVERVIEWS = (EventType.DIGEST, EventType.EXIT_CHECK, EventType.GAPS_AHEAD)


def write_gallery(
    folder: Annotated[Path, typer.Argument(help="Made where it is not there; files are replaced.")],
) -> None:
    """Write every mail x language x level as .eml and .html; needs no database."""
    content = _content()
    folder.mkdir(parents=True, exist_ok=True)
    number = 0
    for name, draft in drafts():
        mail = content.compose(draft)
        (folder / f"{name}.eml").write_bytes(b"To: reader@example.org\r\n" + mail)
        (folder / f"{name}.html").write_text(read_mail(mail).html or "", encoding="utf-8")
        number += 1
    typer.echo(f"{number} mails in {folder}")


def drafts() -> Iterator[tuple[str, Draft]]:
    """Name of the file to what is composed."""
    for language, level in product(Language, Level):
        for name, notice in _notices():
            own = _draft(notice.event, language, notice=redacted(notice, level))
            yield f"{name}.{language}.{level:d}", own
        for event in _OVERVIEWS:
            own = _draft(event, language, overview=_overview(event, level))
            yield f"{event}.{language}.{level:d}", own
    for language in Language:
        for event in (EventType.ADDRESS_VERIFICATION, EventType.KEY_VERIFICATION):
            yield f"{event}.{language}", _draft(event, language)
        for news in News:
            report = Report("end_gallery", "Case system", news, "503", _NOW, 12)
            trouble = _draft(EventType.ENDPOINT_TROUBLE, language)
            yield f"endpoint.{news}.{language}", replace(trouble, report=report)
        for told in FeedNews:
            of_feed = FeedReport("fed_gallery", "Phone", told, Family.GOOGLE, _NOW)
            letter = _draft(EventType.FEED_NEWS, language)
            yield f"feed.{told}.{language}", replace(letter, report=of_feed)
        of_source = SourceReport("inb_gallery", "Intake form", _NOW, "missing_field", "case")
        refusing = _draft(EventType.INBOUND_TROUBLE, language)
        yield f"source.{language}", replace(refusing, report=of_source)


def _content() -> MailContent:
    base = "https://deadlines.example.org"
    return MailContent(
        str(TEMPLATES),
        "Deadlines <deadlines@example.org>",
        "example.org",
        f"{base}/r/{{}}".format,
        lambda _: "012345",
        f"{base}/v/{{}}".format,
        f"<{base}/u/{{}}>".format,
    )


def _draft(
    event: EventType,
    language: Language,
    notice: Notice | None = None,
    overview: Overview | None = None,
) -> Draft:
    return Draft(
        message_id="msg_gallery",
        event=event,
        event_id="evt_gallery",
        team_id="team_gallery",
        occurred_at=_NOW,
        notice=notice,
        reader_zone="Europe/Paris",
        reader_language=language,
        overview=overview,
    )


def _notices() -> Iterator[tuple[str, Notice]]:
    """Each event of a deadline, and an alert at its beginning and at its end."""
    for event in _NOTICES:
        yield event, replace(_notice(), event=event)
    overdue = replace(_notice(), due_on=date(2026, 3, 1), due_at=_NOW - timedelta(hours=9))
    yield "reminder.overdue", overdue
    yield "reminder.drill", replace(_notice(), drill=True)
    for event in (EventType.STEP_FIRED, EventType.ESCALATION_EXHAUSTED):
        alert = replace(_notice(), event=event, subject=SubjectKind.ALERT, title="Detained")
        yield f"alert.{event}", replace(alert, kind=None, basis=None, provisional=False)


def _notice() -> Notice:
    return Notice(
        event=EventType.REMINDER_DUE,
        level=Level.FULL,
        case_code=_CODE,
        subject_id="dln_gallery",
        version=3,
        kind=DeadlineKind.FILING,
        title="Appeal against extradition",
        forum="kz.criminal",
        basis="Criminal Procedure Code, art. 592(1)",
        notes="Bring the power of attorney",
        due_on=date(2026, 3, 9),
        due_at=_DUE,
        timezone=_ZONE,
        provisional=True,
        planned_at=_NOW,
        released_at=_NOW,
        others_told=(Role.DEPUTY,),
        next_at=_NOW + timedelta(hours=4),
        next_roles=(Role.SUPERVISOR, Role.LEAD),
        previous=OtherDate(date(2026, 3, 16), _DUE + timedelta(days=7)),
        because="The order was served earlier than was known",
        proposed_verb="complete",
        critical=True,
    )


def _overview(event: EventType, level: Level) -> Overview:
    found = [(section, shown(line, level, ())) for section, line in _entries(event)]
    sections, levels = arranged(found, frozenset({_CASE}))
    return Overview(
        event=event,
        reader_id="usr_gallery",
        on=_NOW.date(),
        timezone=_ZONE,
        planned_at=_NOW,
        as_of=_NOW,
        sections=sections,
        levels=levels,
    )


def _entries(event: EventType) -> Iterator[Entry]:
    line = Line(
        case_id=_CASE,
        case_code=_CODE,
        deadline_id="dln_gallery",
        version=3,
        kind=DeadlineKind.FILING,
        title="Appeal against extradition",
        due_on=date(2026, 3, 9),
        due_at=_DUE,
        timezone=_ZONE,
        days_left=7,
        who=(Role.OWNER,),
        at=_NOW,
    )
    if event is EventType.DIGEST:
        yield Section.WEEK, replace(line, who=())
        yield Section.UNANSWERED, line
        for what in ("disabled", "undeliverable", "mails_lost", "unverified", "complained"):
            person = Line(_CASE, _CODE, what=what, who=(Role.DEPUTY,), at=_NOW)
            yield Section.UNREACHABLE, person
    if event is EventType.EXIT_CHECK:
        yield Section.TICKED_OFF, replace(line, what="completed")
        yield Section.OPEN, replace(line, who=())
    else:
        for what in ("nobody", "away", "unverified", "only_one_person"):
            yield Section.GAPS, replace(line, what=what)
