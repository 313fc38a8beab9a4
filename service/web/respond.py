"""/r/TOKEN: the page behind the link in a mail. Looking changes nothing; only its form answers.

Server-rendered, without scripts; every sentence stands in templates/pages/respond*.html.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ValidationError

from service.channels.wording import Wording, worded_templates, wording
from service.dependencies import RuntimeNow, Sits
from service.domain.access import Level
from service.domain.answering import FORM_SECONDS, LinkState, Problem, offered_snoozes
from service.domain.escalation import ResponseKind
from service.domain.notifications import SubjectKind
from service.flows import answering
from service.flows.acknowledgement import Said
from service.flows.answering import Asked
from service.languages import preferred
from service.runtime import TEMPLATES, Runtime
from service.schemas.deadlines import DeclineIn, SnoozeIn
from service.sealing import Seal
from service.store.alerts import Alert
from service.store.deadlines import Deadline
from service.store.responses import Response as Answer
from service.web.alert_page import alert_facts

router = APIRouter(include_in_schema=False)
_pages = worded_templates(TEMPLATES / "pages")
_PAGES = {SubjectKind.DEADLINE: "respond.html", SubjectKind.ALERT: "respond_alert.html"}
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
}
_CLOSED = {LinkState.OVER: 410, LinkState.LEFT: 403}
#: Whatever is not here is 422.
_STATUS = {
    Problem.NO_FORM: 403,
    Problem.TOO_SOON: 403,
    Problem.TOO_OLD: 403,
    Problem.DATE_CHANGED: 409,
    Problem.ANSWERED: 409,
    Problem.ENDED: 409,
    Problem.TOO_LATE_TO_UNDO: 409,
    Problem.CODE_SPENT: 409,
}
_MOST_FIELDS = 20


async def _form(request: Request) -> dict[str, str]:
    """The fields that were posted; none where they cannot be read."""
    try:
        pairs = parse_qsl((await request.body()).decode(), max_num_fields=_MOST_FIELDS)
    except ValueError:
        return {}
    return dict(pairs)


#: Read before the transaction is opened: a slow sender must not hold it.
Posted = Annotated[dict[str, str], Depends(_form)]


@router.api_route("/r/{token}", methods=["GET", "HEAD"])
async def show(token: str, request: Request, sitting: Sits, runtime: RuntimeNow) -> Response:
    """What is asked, and the form; or what has become of it."""
    asked = await answering.look(sitting, runtime.seal, token)
    return _answer(request, asked, runtime, sitting.now)


@router.api_route("/r/{token}", methods=["OPTIONS"])
async def options() -> Response:
    """The same for every token."""
    return Response(status_code=204, headers=HEADERS | {"Allow": "GET, HEAD, OPTIONS, POST"})


@router.post("/r/{token}")
async def post(
    token: str, posted: Posted, request: Request, sitting: Sits, runtime: RuntimeNow
) -> Response:
    """Keeps the answer, or takes it back, and leads to the page; a refusal is said on the page."""
    asked = await answering.look(sitting, runtime.seal, token, lock=True)
    if asked is None or asked.state(sitting.now) in _CLOSED:
        return _answer(request, asked, runtime, sitting.now)
    cookie = request.cookies.get(_cookie_name(asked), "")
    message_id, nonce = asked.message.id, posted.get("nonce", "")
    problem = answering.fault_of_form(runtime.seal, message_id, nonce, cookie, sitting.now)
    if problem is None:
        address = request.client.host if request.client else ""
        client = answering.client_fingerprint(runtime.seal, address, sitting.now)
        problem = await _act(sitting, runtime.seal, asked, posted, client)
    if problem is not None:
        return _answer(request, asked, runtime, sitting.now, problem)
    return Response(status_code=303, headers=HEADERS | {"Location": f"/r/{token}"})


async def _act(
    sitting: Sits, seal: Seal, asked: Asked, posted: Mapping[str, str], client: str
) -> Problem | None:
    if posted.get("answer") == "undo":
        return await answering.undo(sitting, asked)
    said = _said(posted)
    if isinstance(said, Problem):
        return said
    code = "".join(posted.get("code", "").split())
    filled = answering.Filled(said, posted.get("version", ""), client, code)
    return await answering.answer(sitting, seal, asked, filled)


def _said(posted: Mapping[str, str]) -> Said | Problem:
    """The fields in the shapes that the API has for them."""
    try:
        match posted.get("answer"):
            case ResponseKind.ACKNOWLEDGE:
                return Said(ResponseKind.ACKNOWLEDGE)
            case ResponseKind.DECLINE:
                decline = DeclineIn.model_validate({"reason": posted.get("decline_reason")})
                return Said(ResponseKind.DECLINE, reason=decline.reason)
            case ResponseKind.SNOOZE:
                fields = {"until": posted.get("until"), "reason": posted.get("snooze_reason")}
                snooze = SnoozeIn.model_validate(fields)
                return Said(ResponseKind.SNOOZE, reason=snooze.reason, until=snooze.until)
            case _:
                return Problem.NOTHING_CHOSEN
    except ValidationError:
        return Problem.INCOMPLETE


def _answer(
    request: Request,
    asked: Asked | None,
    runtime: Runtime,
    now: datetime,
    problem: Problem | None = None,
) -> Response:
    """The page, with a fresh form and its cookie; or one that says why there is none."""
    state = asked.state(now) if asked else None
    words = _words(request, asked)
    if asked is None or asked.level is None or state in _CLOSED:
        page = _pages.get_template("respond_closed.html").render(words=words, state=state)
        return _html(page, words, _CLOSED[state] if state else 404)
    form = answering.new_form(runtime.seal, asked.message.id, now)
    facts = _facts(asked, asked.level, words, now) | {"nonce": form.nonce, "problem": problem}
    page = _pages.get_template(_PAGES[asked.subject.subject_kind]).render(facts)
    response = _html(page, words, _STATUS.get(problem, 422) if problem else 200)
    if state is LinkState.OPEN:
        _remember(response, asked, form.cookie, runtime)
    return response


def _remember(response: Response, asked: Asked, cookie: str, runtime: Runtime) -> None:
    """The half of the form that stays in the browser."""
    response.set_cookie(
        _cookie_name(asked),
        cookie,
        max_age=FORM_SECONDS,
        path="/r/",
        secure=runtime.settings.base_url.startswith("https://"),
        httponly=True,
        samesite="strict",
    )


def _words(request: Request, asked: Asked | None) -> Wording:
    """The reader's, who is known from the message; else what the browser asks for."""
    if asked is not None:
        return wording(asked.reader.language)
    return wording(preferred(request.headers.get("accept-language", "")))


def _html(page: str, words: Wording, status: int) -> Response:
    headers = HEADERS | {"Content-Language": words.language.value}
    return Response(page, status, headers, media_type="text/html; charset=utf-8")


def _cookie_name(asked: Asked) -> str:
    """One for each mail, so that two open pages do not spoil each other."""
    return f"form_{asked.message.id}"


def _facts(asked: Asked, level: Level, words: Wording, now: datetime) -> dict[str, Any]:
    """What the template may use, already on the reader's clock and in the reader's words; nothing above
    the level."""
    subject, zone, own = asked.subject, asked.reader.timezone, asked.own
    others = [one for one in asked.answers if one.user_id != asked.reader.id]
    if isinstance(subject, Alert):
        about = alert_facts(subject, level, words, zone)
    else:
        about = _deadline_facts(asked, subject, level, words, now)
    return about | {
        "words": words,
        "code": asked.case.code if asked.case and level >= Level.CODE else None,
        "drill": subject.drill,
        # Without a case nobody has a part in it that would say anything.
        "role": words.role(asked.roles[asked.reader.id][0]) if asked.case else None,
        "state": asked.state(now),
        "own": _told(asked, own, words) if own else None,
        "answered": asked.answered,
        "undoable": asked.undoable(now),
        "others": [_told(asked, one, words) for one in answering.newest_of_each(others)],
        "version": subject.version,
    }


def _deadline_facts(
    asked: Asked, deadline: Deadline, level: Level, words: Wording, now: datetime
) -> dict[str, Any]:
    zone = asked.reader.timezone
    return {
        "kind": words.kind(deadline.kind) if level >= Level.CODE else None,
        "due_day": words.long_day(deadline.due_on),
        "due_reader": words.wall_clock(deadline.due_at, zone),
        "due_forum": words.wall_clock(deadline.due_at, deadline.timezone),
        "same_zone": zone == deadline.timezone,
        "tolled": deadline.tolled_since is not None,
        "overdue": deadline.due_at <= now,
        "previous_day": _previous_day(deadline, asked.message.deadline_version, words),
        "critical": deadline.critical,
        "became": deadline.state,
        "ended": words.wall_clock(deadline.ended_at, zone) if deadline.ended_at else None,
        "snoozes": [
            (at.isoformat(), words.wall_clock(at, zone))
            for at in offered_snoozes(deadline.due_at, now)
        ],
    }


def _told(asked: Asked, answer: Answer, words: Wording) -> dict[str, Any]:
    """An answer by the role of who gave it, never the name."""
    zone, roles = asked.reader.timezone, asked.roles.get(answer.user_id, [])
    return {
        "role": words.role(roles[0]) if roles and asked.case else None,
        "kind": answer.kind,
        "at": words.wall_clock(answer.at, zone),
        "until": words.wall_clock(answer.until, zone) if answer.until else None,
        "suspect": answer.suspect,
        "counts": answer.counts_for(asked.subject.critical),
    }


def _previous_day(deadline: Deadline, mailed: int | None, words: Wording) -> str | None:
    """The day that stood in the mail, where the date has moved since; `mailed`: the version in it."""
    for earlier in deadline.earlier_dates:
        if earlier["version"] == mailed:
            return words.long_day(datetime.fromisoformat(earlier["due_on"]).date())
    return None
