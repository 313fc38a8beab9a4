"""CalDAV (RFC 4791): one object for each deadline in a collection of the team's, named by its UID.

The object comes whole and frozen, and is put over whatever stands in its place: a mirror takes no edits. No
calendar is understood here, and none is read.
"""

import json
import re
from base64 import b64encode
from dataclasses import replace

import httpx

from service.channels.interface import Draft, Parcel
from service.channels.webhook.answers import Answer, Ask, verdict
from service.channels.webhook.text import as_json
from service.domain.notifications import EventType
from service.domain.retry import Outcome, Verdict

#: The first one is the event's own; alarms have theirs, further down.
_UID = re.compile(rb"^UID:([\w-]+)\r?$", re.MULTILINE)
_ASKED = b'<?xml version="1.0"?><propfind xmlns="DAV:"><prop><resourcetype/></prop></propfind>'
_CALENDAR = re.compile(rb"<([\w.-]+:)?calendar(\s[^>]*)?/?>")
#: Something stands there; which state of it, the server does not say.
_ANY = "*"
_GONE = (httpx.codes.NOT_FOUND, httpx.codes.GONE)


def compose(draft: Draft) -> bytes:
    """The object itself; JSON where there is none to put: an empty one asks, another withdraws."""
    if draft.event is EventType.ENDPOINT_TEST:
        return as_json({})
    found = _UID.search(draft.calendar or b"")
    if draft.calendar is None or found is None:
        raise ValueError(f"a calendar is not told of {draft.event}")
    if draft.event is EventType.ENTRY_WITHDRAWN:
        return as_json({"withdrawn": found[1].decode()})
    return draft.calendar


async def hand_over(ask: Ask, parcel: Parcel) -> Outcome:
    visit = _Visit(ask, parcel)
    if not parcel.content.startswith(b"{"):
        return await visit.write()
    uid = json.loads(parcel.content).get("withdrawn")
    return await (visit.withdraw(uid) if uid else visit.look())


class _Visit:
    """One try. `remote_id` of the parcel is the ETag of what we put there last."""

    def __init__(self, ask: Ask, parcel: Parcel) -> None:
        self._ask, self._parcel = ask, parcel
        self._collection = parcel.address.rstrip("/") + "/"
        account = ":".join(parcel.credentials or ()).encode()
        # What comes is read as it is: it must not come packed.
        self._headers = {
            "authorization": f"Basic {b64encode(account).decode()}",
            "accept-encoding": "identity",
        }

    async def write(self) -> Outcome:
        content = self._parcel.content
        found = _UID.search(content)
        url = self._url(found[1].decode() if found else "")
        answer = await self._upon_what_stands("PUT", url, content)
        outcome = self._verdict(answer)
        if outcome.verdict is not Verdict.ACCEPTED:
            return outcome
        # A server that has changed what it was given says no ETag (RFC 4791, 5.3.4).
        etag = _etag(answer) or await self._standing(url) or _ANY
        return replace(outcome, remote_id=etag)

    async def withdraw(self, uid: str) -> Outcome:
        answer = await self._upon_what_stands("DELETE", self._url(uid))
        if answer.status in _GONE:
            detail = "It is not there any more."
            return Outcome(Verdict.ACCEPTED, str(answer.status), detail, remote_id="")
        outcome = self._verdict(answer)
        accepted = outcome.verdict is Verdict.ACCEPTED
        return replace(outcome, remote_id="") if accepted else outcome

    async def look(self) -> Outcome:
        headers = {"depth": "0", "content-type": "application/xml; charset=utf-8"}
        url = self._collection
        answer = await self._ask("PROPFIND", url, self._headers | headers, _ASKED)
        outcome = self._verdict(answer)
        if outcome.verdict is Verdict.ACCEPTED and not _CALENDAR.search(answer.body):
            text = "There is something at this address, but no calendar collection."
            return Outcome(Verdict.TEMPORARY, "not_a_calendar", text)
        return outcome

    async def _upon_what_stands(self, method: str, url: str, content: bytes = b"") -> Answer:
        """Upon what we know of; where there is something else by now, or nothing, upon that."""
        answer = await self._send(method, url, self._parcel.remote_id, content)
        removed = answer.status == httpx.codes.NOT_FOUND and method == "PUT"
        if answer.status == httpx.codes.PRECONDITION_FAILED or removed:
            answer = await self._send(method, url, await self._standing(url), content)
        return answer

    async def _send(self, method: str, url: str, standing: str | None, content: bytes) -> Answer:
        headers = {"content-type": "text/calendar; charset=utf-8"} if content else {}
        if standing:
            headers["if-match"] = standing
        elif content:
            headers["if-none-match"] = _ANY
        return await self._ask(method, url, self._headers | headers, content)

    async def _standing(self, url: str) -> str | None:
        """The ETag of what stands there; None where nothing does."""
        answer = await self._ask("GET", url, self._headers)
        return (_etag(answer) or _ANY) if answer.status == httpx.codes.OK else None

    def _url(self, uid: str) -> str:
        return f"{self._collection}{uid}.ics"

    def _verdict(self, answer: Answer) -> Outcome:
        return verdict(answer, self._parcel.address, self._parcel.sent_at)


def _etag(answer: Answer) -> str | None:
    """A proxy that packs an answer weakens its ETag, and a weak one matches nothing (RFC 9110, 13.1.1)."""
    etag: str | None = answer.headers.get("etag")
    return etag.removeprefix("W/") if etag else None
