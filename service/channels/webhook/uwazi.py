"""Uwazi: one entity for each deadline, kept as it stands. It has no API keys: a session is opened by name
and password, kept in memory, and opened anew when it has ended.

What others have written into the entity stays: it is read, changed in our properties alone, and put back.
"""

import json
import re
from collections import OrderedDict
from datetime import UTC, datetime, time
from typing import Any
from urllib.parse import quote

from service.channels.interface import Draft, Parcel
from service.channels.webhook.answers import Answer, Ask, unclear, verdict
from service.channels.webhook.text import as_json, plain
from service.domain.notifications import EventType, SubjectKind
from service.domain.retry import Outcome, Verdict
from service.domain.webhooks import Detail, status_after
from service.errors import Code, Refusal

_MAP_KEYS = frozenset({"template", "due", "status", "sequence"})
_NAME = re.compile(r"[a-z0-9_-]{1,100}")
_TEMPLATE = re.compile(r"[0-9a-f]{24}")
#: A whole entity, with what others have attached to it.
_MOST = 1_000_000
_MOST_SESSIONS = 64


def check_map(text: str | None) -> None:
    """Which template an entity is made of, and which of its properties hold what: `template` (its id) and
    `due` (a date); if wanted `status` (text) and `sequence` (numeric). Raises Refusal `invalid_input`."""
    try:
        given = json.loads(text or "")
    except (ValueError, RecursionError):
        given = None
    if (
        not isinstance(given, dict)
        or not {"template", "due"} <= given.keys() <= _MAP_KEYS
        or not all(isinstance(one, str) and _NAME.fullmatch(one) for one in given.values())
        or not _TEMPLATE.fullmatch(given["template"])
    ):
        example = '{"template": "58ad7d240d44252fee4e6208", "due": "due_date"}'
        text = f"Say which template and property hold a deadline, as in {example}."
        raise Refusal(Code.INVALID_INPUT, text, "template")


def compose(draft: Draft) -> bytes:
    """What the entity is to hold. A test has nothing: it asks who we are."""
    notice = draft.notice
    if draft.event is EventType.ENDPOINT_TEST:
        return as_json({})
    if notice is None or notice.subject is not SubjectKind.DEADLINE:
        raise ValueError(f"Uwazi is not told of {draft.event}")
    names: dict[str, str] = json.loads(draft.form.template or "{}")
    # A date there is midnight by UTC of its day, in whichever zone the day ends.
    day = int(datetime.combine(notice.due_on, time(), UTC).timestamp())
    values: dict[str, Any] = {"status": str(status_after(notice)), "sequence": draft.sequence}
    if draft.form.detail is not Detail.THIN:
        values["due"] = day
    code = None if draft.form.detail is Detail.THIN else notice.case_code
    parts = ["DRILL" if notice.drill else "", "Legal deadline", plain(code or "", 100)]
    title = " ".join(part for part in parts if part)
    return as_json(
        {
            "id": notice.subject_id,
            "title": f"{title} ({notice.subject_id})",
            "template": names.get("template", ""),
            "sequence_in": names.get("sequence"),
            "metadata": {
                names[key]: [{"value": value}] for key, value in values.items() if key in names
            },
        }
    )


class Sessions:
    """The cookies of those who are signed in, by address, name and password; the newest few."""

    def __init__(self) -> None:
        self._cookies: OrderedDict[tuple[str, str, str], str] = OrderedDict()

    async def hand_over(self, ask: Ask, parcel: Parcel) -> Outcome:
        top = parcel.address.partition("/api/")[0].rstrip("/")
        who = (top, *(parcel.credentials or ("", "")))
        for _ in range(2):
            visit = _Visit(ask, parcel, top, self._cookies.get(who, ""))
            if not visit.cookie:
                if refused := await visit.sign_in(who[1], who[2]):
                    return refused
                self._cookies[who] = visit.cookie
                while len(self._cookies) > _MOST_SESSIONS:
                    self._cookies.popitem(last=False)
            outcome = await visit.enter()
            if outcome.code != "401":
                break
            self._cookies.pop(who, None)
        return outcome


class _Visit:
    """One try, with one cookie."""

    def __init__(self, ask: Ask, parcel: Parcel, top: str, cookie: str) -> None:
        self._ask, self._parcel, self._top = ask, parcel, top
        self.cookie = cookie

    async def sign_in(self, name: str, password: str) -> Outcome | None:
        body = as_json({"username": name, "password": password})
        answer = await self._call("POST", "/api/login", body)
        outcome = verdict(answer, self._parcel.address, self._parcel.sent_at)
        if outcome.verdict is not Verdict.ACCEPTED:
            detail = f"Uwazi refused the name or the password. {outcome.detail}"[:500]
            refused = outcome.code in ("401", "403")
            return Outcome(outcome.verdict, outcome.code, detail) if refused else outcome
        kept = [one.partition(";")[0] for one in answer.headers.get_list("set-cookie")]
        self.cookie = "; ".join(kept)
        return None if kept else unclear(answer, "Uwazi opened no session:")

    async def enter(self) -> Outcome:
        wanted = json.loads(self._parcel.content)
        if not wanted:
            return await self._known()
        standing = await self._standing(wanted)
        if isinstance(standing, Outcome):
            return standing
        if _sequence(standing, wanted) > _sequence(wanted, wanted):
            detail = "Something newer stands there already."
            return Outcome(Verdict.ACCEPTED, "200", detail, remote_id=str(standing["sharedId"]))
        answer = await self._call("POST", "/api/entities", as_json(_merged(standing, wanted)))
        if refused := self._refused(answer):
            return refused
        entity = answer.parsed.get("entity", answer.parsed)
        remote_id = entity.get("sharedId") if isinstance(entity, dict) else None
        if not remote_id:
            return unclear(answer, "Uwazi did not say under which id it keeps the entity:")
        return Outcome(Verdict.ACCEPTED, str(answer.status), remote_id=str(remote_id))

    async def _known(self) -> Outcome:
        """Who is asked there by nobody is answered with nobody, and 200."""
        answer = await self._call("GET", "/api/user")
        if refused := self._refused(answer):
            return refused
        if not answer.parsed.get("username"):
            return Outcome(Verdict.TEMPORARY, "401", "Uwazi does not know the session.")
        return verdict(answer, self._parcel.address, self._parcel.sent_at)

    async def _standing(self, wanted: dict[str, Any]) -> dict[str, Any] | Outcome:
        """The entity as it stands there; empty where there is none. Without its id it is found by ours,
        which its title holds."""
        remote_id = self._parcel.remote_id
        if not remote_id:
            query = f"searchTerm={quote(json.dumps(wanted['id']))}&includeUnpublished=true&limit=30"
            types = quote(json.dumps([wanted["template"]]))
            rows = await self._rows(f"/api/search?{query}&types={types}")
            if isinstance(rows, Outcome):
                return rows
            own = (one for one in rows if f"({wanted['id']})" in str(one.get("title")))
            remote_id = next((str(one.get("sharedId")) for one in own), None)
        if not remote_id:
            return {}
        found = f"/api/entities?sharedId={quote(remote_id)}&omitRelationships=true"
        rows = await self._rows(found)
        return rows if isinstance(rows, Outcome) else next(iter(rows), {})

    async def _rows(self, path: str) -> list[dict[str, Any]] | Outcome:
        answer = await self._call("GET", path)
        if answer.status == 404:
            return []
        if refused := self._refused(answer):
            return refused
        rows = answer.parsed.get("rows")
        if not isinstance(rows, list) or not all(isinstance(one, dict) for one in rows):
            return unclear(answer, "Uwazi did not answer with rows:")
        return rows

    async def _call(self, method: str, path: str, body: bytes = b"") -> Answer:
        headers = {"content-type": "application/json", "x-requested-with": "XMLHttpRequest"}
        headers |= {"cookie": self.cookie} if self.cookie else {}
        return await self._ask(method, self._top + path, headers, body, _MOST)

    def _refused(self, answer: Answer) -> Outcome | None:
        """Old versions put an error inside a 200."""
        outcome = verdict(answer, self._parcel.address, self._parcel.sent_at)
        if outcome.verdict is not Verdict.ACCEPTED:
            return outcome
        if not isinstance(answer.parsed, dict):
            return unclear(answer, "Uwazi did not answer in JSON: is this its address?")
        error = answer.parsed.get("error")
        text = json.dumps(error, ensure_ascii=False)[:500]
        return Outcome(Verdict.TEMPORARY, "error_in_200", text) if error else None


def _merged(standing: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    if not standing:
        return {key: wanted[key] for key in ("title", "template", "metadata")}
    return standing | {"metadata": (standing.get("metadata") or {}) | wanted["metadata"]}


def _sequence(entity: dict[str, Any], wanted: dict[str, Any]) -> float:
    """0 where the template has no place for it."""
    values = (entity.get("metadata") or {}).get(wanted["sequence_in"]) or [{}]
    value = values[0].get("value")
    return value if isinstance(value, int | float) else 0
