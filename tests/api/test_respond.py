"""The page behind the link in a mail: looking changes nothing, and a machine's answer silences nobody."""

import re
from dataclasses import dataclass
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.sealing import answer_token
from tests.api.installation import Installation, Team, change, create, installed, read
from tests.api.test_answers import DAY, HOUR, LADDER, MARK, laddered, told
from tests.api.test_answers import tick as _tick

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


@dataclass
class Reader:
    """Somebody with a browser of their own, at one mail's page."""

    installation: Installation
    browser: httpx.AsyncClient
    path: str

    async def open(self) -> str:
        page = await self.browser.get(self.path)
        assert page.status_code == 200, page.text
        return page.text

    async def send(self, page: str, after: timedelta = 5 * SECOND, **fields: str) -> httpx.Response:
        """What a browser posts from that page."""
        self.installation.clock.advance(after)
        hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
        return await self.browser.post(self.path, data=hidden | fields)

    async def answer(self, **fields: str) -> str:
        """Opens, fills in, sends and looks at what comes of it."""
        sent = await self.send(await self.open(), **fields)
        assert (sent.status_code, sent.headers["location"]) == (303, self.path)
        return await self.open()


async def tick(installation: Installation, at: Any) -> None:
    """A round, and time enough that nobody looks like a machine."""
    await _tick(installation, at)
    installation.clock.advance(MINUTE)


async def reader(
    installation: Installation, team: Team, deadline: dict[str, Any], role: str
) -> Reader:
    """The one who was mailed last in that role."""
    items = (await read(team.admin, f"/deadlines/{deadline['id']}/messages", limit=200))["items"]
    mails = [one for one in items if one["user_id"] == team.people[role]]
    token = answer_token(installation.runtime.seal, mails[-1]["id"])
    return Reader(installation, installation.client(None, ""), f"/r/{token}")


async def asked(installation: Installation, team: Team, **given: Any) -> tuple[Any, Reader]:
    """A deadline of which the owner was told a minute ago."""
    policy = await create(team.admin, "/escalation-policies", {"name": "p", "steps": LADDER})
    deadline = await team.deadline(due_on="2026-06-10", escalation_policy_id=policy["id"], **given)
    await tick(installation, max(MARK, installation.clock.now))
    return deadline, await reader(installation, team, deadline, "owner")


async def plan_of(team: Team, deadline: dict[str, Any]) -> Any:
    return await read(team.admin, f"/deadlines/{deadline['id']}/plan")


async def journal(team: Team, action: str) -> list[dict[str, Any]]:
    items = (await read(team.admin, f"/cases/{team.case}/journal", limit=200))["items"]
    return [one for one in items if one["action"] == action]


async def test_the_link_in_the_mail_leads_to_the_page(
    installation: Installation, team: Team
) -> None:
    await asked(installation, team)
    outbox = installation.runtime.settings.home / "outbox"
    raw = next(outbox.glob("*.eml")).read_text().replace("=\n", "")
    link = re.search(r"^Answer: http://127.0.0.1:8000(/r/\S+)$", raw, re.MULTILINE)
    assert link is not None, raw
    page = await installation.outside.get(link[1])
    assert page.status_code == 200
    assert "K-17" in page.text


async def test_whoever_only_looks_changes_nothing_whatever_they_request(
    installation: Installation, team: Team
) -> None:
    _, owner = await asked(installation, team)
    before = await installation.rows()
    page = await owner.open()
    for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"):
        for query in ("", "?answer=acknowledge", "?answer=undo&confirm=1"):
            await owner.browser.request(method, owner.path + query)
    for link in re.findall(r'(?:href|src|action)="([^"]+)"', page):
        await owner.browser.get(link)
    assert await installation.rows() == before


@pytest.mark.parametrize("answer", ["", "acknowledge", "decline", "snooze", "undo"])
async def test_a_robot_that_presses_every_button_without_the_cookie_changes_nothing(
    installation: Installation, team: Team, answer: str
) -> None:
    _, owner = await asked(installation, team)
    page = await owner.open()
    owner.browser.cookies.clear()
    before = await installation.rows()
    sent = await owner.send(page, answer=answer, decline_reason="away", snooze_reason="busy")
    assert sent.status_code == 403
    assert "Nothing was changed" in sent.text
    assert await installation.rows() == before


async def test_the_page_is_kept_nowhere_leads_nowhere_and_runs_nothing(
    installation: Installation, team: Team
) -> None:
    _, owner = await asked(installation, team)
    page = await owner.browser.get(owner.path)
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "noindex" in page.headers["x-robots-tag"]
    policy = page.headers.get_list("content-security-policy")
    assert len(policy) == 1
    for part in ("default-src 'none'", "style-src 'self'", "form-action 'self'"):
        assert part in policy[0]
    assert "frame-ancestors 'none'" in policy[0]
    cookie = page.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/r/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie, "this installation's address is plain http"
    assert "<script" not in page.text
    assert " checked" not in page.text, "no answer is preselected"
    for answer in (await owner.browser.head(owner.path), await owner.browser.options(owner.path)):
        assert answer.is_success
        assert answer.headers["cache-control"] == "no-store"


async def test_the_page_says_what_the_mail_may_say_and_no_more(
    installation: Installation, team: Team
) -> None:
    await change(team.admin, f"/cases/{team.case}", {"mail_level": 0})
    _, owner = await asked(installation, team)
    page = await owner.open()
    assert "Wednesday, 10 June 2026" in page
    assert "owner" in page
    for word in ("K-17", "filing", "Appeal", "Team owner", "example.org"):
        assert word not in page, word


async def test_a_ceiling_lowered_after_the_mail_holds_for_the_page(
    installation: Installation, team: Team
) -> None:
    _, owner = await asked(installation, team)
    assert "K-17" in await owner.open()
    await change(team.admin, f"/cases/{team.case}", {"mail_level": 0, "ceiling": 0})
    assert "K-17" not in await owner.open()


async def test_i_have_it_stops_the_silence_and_is_shown_by_role(
    installation: Installation, team: Team
) -> None:
    deadline, owner = await asked(installation, team)
    page = await owner.answer(answer="acknowledge")
    assert "Answered already by you, as owner" in page
    assert 'value="acknowledge"' not in page
    assert (await plan_of(team, deadline))["state"] == "acknowledged"
    [entry] = await journal(team, "deadline.acknowledged")
    assert entry["actor"] == team.people["owner"]
    assert (entry["data"]["method"], entry["data"]["suspect"]) == ("link", False)


async def test_a_decline_by_link_tells_the_next_person_at_once(
    installation: Installation, team: Team
) -> None:
    deadline, owner = await asked(installation, team)
    await owner.answer(answer="decline", decline_reason="away")
    await tick(installation, installation.clock.now)
    assert await told(team, deadline) == ["owner", "deputy"]
    deputy = await reader(installation, team, deadline, "deputy")
    page = await deputy.open()
    assert "Owner declined" in page
    assert 'value="acknowledge"' in page, "who is asked next may still answer"


async def test_a_snooze_until_an_instant_that_was_offered_holds_until_then(
    installation: Installation, team: Team
) -> None:
    deadline, owner = await asked(installation, team)
    page = await owner.open()
    offered = re.findall(r'<option value="(2026[^"]+)">', page)
    assert len(offered) == 6
    sent = await owner.send(page, answer="snooze", until=offered[-1], snooze_reason="in court")
    assert sent.status_code == 303
    assert "Ask me again later" in await owner.open()
    assert (await plan_of(team, deadline))["state"] == "acknowledged"


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({}, 422, "not chosen"),
        ({"answer": "everything"}, 422, "not chosen"),
        ({"answer": "decline", "decline_reason": ""}, 422, "Something is missing"),
        ({"answer": "decline", "decline_reason": "lazy"}, 422, "Something is missing"),
        ({"answer": "snooze", "until": "", "snooze_reason": "x y"}, 422, "Something is missing"),
        ({"answer": "snooze", "until": "2026-06-09T00:00:00Z", "snooze_reason": "in court"}, 422,
         "for a day at the most"),
        ({"answer": "acknowledge", "version": "7"}, 409, "The date has changed"),
        ({"answer": "acknowledge", "nonce": ""}, 403, "could not be matched"),
        ({"answer": "acknowledge", "nonce": "1.x.y"}, 403, "could not be matched"),
        ({"answer": "undo"}, 409, "ten minutes"),
    ],
)  # fmt: skip
async def test_a_refusal_is_said_in_words_and_changes_nothing(
    installation: Installation, team: Team, fields: dict[str, str], status: int, words: str
) -> None:
    _, owner = await asked(installation, team)
    page = await owner.open()
    before = await installation.rows()
    sent = await owner.send(page, **fields)
    assert sent.status_code == status
    assert words in sent.text
    assert await installation.rows() == before
    again = await owner.send(sent.text, answer="acknowledge")
    assert again.status_code == 303, "the refusal's page has a form that works"


@pytest.mark.parametrize("after", [SECOND, HOUR + SECOND])
async def test_a_form_that_comes_back_at_once_or_after_an_hour_is_refused(
    installation: Installation, team: Team, after: timedelta
) -> None:
    _, owner = await asked(installation, team)
    page = await owner.open()
    before = await installation.rows()
    sent = await owner.send(page, after, answer="acknowledge")
    assert sent.status_code == 403
    assert await installation.rows() == before


async def test_another_mails_form_does_not_answer_this_one(
    installation: Installation, team: Team
) -> None:
    _, first = await asked(installation, team)
    _, second = await asked(installation, team)
    other = Reader(installation, first.browser, second.path)
    page = await first.open()
    await other.open()
    assert (await other.send(page, answer="acknowledge")).status_code == 403
    assert (await first.send(page, answer="acknowledge")).status_code == 303


async def test_answering_twice_shows_that_it_was_answered(
    installation: Installation, team: Team
) -> None:
    _, owner = await asked(installation, team)
    page = await owner.open()
    assert (await owner.send(page, answer="acknowledge")).status_code == 303
    before = await installation.rows()
    again = await owner.send(page, answer="decline", decline_reason="away")
    assert again.status_code == 409
    assert "answered already" in again.text
    assert "I have it" in again.text
    assert await installation.rows() == before


async def test_an_answer_within_seconds_of_the_mail_is_kept_and_stops_nobody(
    installation: Installation, team: Team
) -> None:
    deadline = await laddered(team)
    await _tick(installation, MARK)
    owner = await reader(installation, team, deadline, "owner")
    page = await owner.answer(answer="acknowledge")
    assert "a mail filter may have given it" in page
    assert (await plan_of(team, deadline))["state"] == "active"
    [entry] = await journal(team, "deadline.acknowledged")
    assert entry["data"]["suspect"] is True
    before = await installation.rows()
    assert (await owner.send(page, answer="acknowledge")).status_code == 409
    assert await installation.rows() == before, "a second one as soon adds nothing"
    installation.clock.advance(MINUTE)
    page = await owner.answer(answer="acknowledge")
    assert "Answered already by you" in page, "the person can still say it"
    assert (await plan_of(team, deadline))["state"] == "acknowledged"


async def test_a_suspect_answer_lets_the_next_person_be_told(
    installation: Installation, team: Team
) -> None:
    deadline = await laddered(team)
    await _tick(installation, MARK)
    owner = await reader(installation, team, deadline, "owner")
    await owner.answer(answer="acknowledge")
    await tick(installation, MARK + DAY)
    assert "deputy" in await told(team, deadline)


async def test_one_client_that_answers_for_several_people_is_believed_for_none(
    installation: Installation, team: Team
) -> None:
    steps = [{"targets": ["owner", "deputy"], "before_due": "P7D"}]
    deadline = await laddered(team, steps)
    await tick(installation, MARK)
    owner = await reader(installation, team, deadline, "owner")
    await owner.answer(answer="acknowledge")
    assert (await plan_of(team, deadline))["state"] == "acknowledged"
    deputy = await reader(installation, team, deadline, "deputy")
    page = await deputy.answer(answer="acknowledge")
    assert "a mail filter may have given it" in page
    assert (await plan_of(team, deadline))["state"] != "acknowledged"
    assert len(await journal(team, "deadline.answer_suspected")) == 1
    assert "a mail filter may have given it" in await owner.open()


async def test_no_address_of_a_client_is_kept(installation: Installation, team: Team) -> None:
    _, owner = await asked(installation, team)
    await owner.answer(answer="acknowledge")
    rows = await installation.rows()
    [answered] = rows["responses"]
    assert "127.0.0.1" not in repr(answered)
    assert "127.0.0.1" not in repr(rows["journal_entries"])


async def test_where_people_come_by_https_the_cookie_travels_by_https_alone(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with installed(sqlite_url, tmp_path, public_url="https://adquem.test") as one:
        _, owner = await asked(one, await one.team())
        page = await owner.browser.get(owner.path)
        assert "Secure" in page.headers["set-cookie"].split("; ")


async def test_two_people_at_one_desk_a_minute_apart_are_both_believed(
    installation: Installation, team: Team
) -> None:
    deadline = await laddered(team, [{"targets": ["owner", "deputy"], "before_due": "P7D"}])
    await tick(installation, MARK)
    for role in ("owner", "deputy"):
        page = await (await reader(installation, team, deadline, role)).answer(answer="acknowledge")
        assert "mail filter" not in page
        installation.clock.advance(MINUTE)


async def test_on_a_critical_deadline_a_link_is_kept_and_does_not_stop_the_chain(
    installation: Installation, team: Team
) -> None:
    deadline, owner = await asked(installation, team, critical=True)
    page = await owner.answer(answer="acknowledge")
    assert "answer once more, with the code from the mail" in page
    assert (await plan_of(team, deadline))["state"] == "active"
    await tick(installation, MARK + DAY)
    assert "deputy" in await told(team, deadline)
    body = {"user_id": team.people["owner"]}
    await create(team.admin, f"/deadlines/{deadline['id']}/acknowledge", body)
    assert (await plan_of(team, deadline))["state"] == "acknowledged"


async def code_of(installation: Installation, owner: Reader) -> str:
    message_id = owner.path.removeprefix("/r/").partition(".")[0]
    [mail] = (installation.runtime.settings.home / "outbox").glob(f"{message_id}.eml")
    parsed = message_from_bytes(mail.read_bytes(), policy=default)
    found = re.search(r"Code for that page: (\d{6})", str(parsed.get_body(("plain",))))
    assert found
    return found.group(1)


async def test_on_a_critical_deadline_the_code_in_the_mail_makes_the_answer_count(
    installation: Installation, team: Team
) -> None:
    deadline, owner = await asked(installation, team, critical=True)
    code = await code_of(installation, owner)
    assert code not in await owner.open(), "whoever has the link alone does not see the code"
    await owner.answer(answer="acknowledge")
    assert (await plan_of(team, deadline))["why"] != "acknowledged"
    page = await owner.answer(answer="acknowledge", code=f"{code[:3]} {code[3:]}")
    assert "reminders go on" not in page
    assert (await plan_of(team, deadline))["why"] == "acknowledged"
    kept = await journal(team, "deadline.acknowledged")
    assert [one["data"]["method"] for one in kept] == ["link", "link_code"]


async def test_a_code_that_is_mistyped_changes_nothing_and_is_spent_after_five_tries(
    installation: Installation, team: Team
) -> None:
    deadline, owner = await asked(installation, team, critical=True)
    code = await code_of(installation, owner)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    for _ in range(5):
        refused = await owner.send(await owner.open(), answer="acknowledge", code=wrong)
        assert refused.status_code == 422
        assert "not the code" in refused.text
    spent = await owner.send(await owner.open(), answer="acknowledge", code=code)
    assert spent.status_code == 409
    assert await journal(team, "deadline.acknowledged") == []
    assert (await plan_of(team, deadline))["why"] != "acknowledged"


async def test_where_it_is_not_critical_no_code_is_asked_for(
    installation: Installation, team: Team
) -> None:
    _, owner = await asked(installation, team)
    assert 'name="code"' not in await owner.open()


async def test_undo_takes_the_answer_back_and_the_ladder_goes_on(either: Installation) -> None:
    team = await either.team()
    deadline, owner = await asked(either, team)
    page = await owner.answer(answer="acknowledge")
    assert "Undo" in page
    sent = await owner.send(page, 9 * MINUTE, answer="undo")
    assert sent.status_code == 303
    page = await owner.open()
    assert "Answered already" not in page
    assert 'value="acknowledge"' in page
    assert (await plan_of(team, deadline))["state"] == "active"
    [entry] = await journal(team, "deadline.answer_withdrawn")
    assert entry["actor"] == team.people["owner"]
    assert entry["data"]["method"] == "link"
    await tick(either, MARK + DAY)
    assert "deputy" in await told(team, deadline)


async def test_after_ten_minutes_nothing_is_undone(installation: Installation, team: Team) -> None:
    _, owner = await asked(installation, team)
    page = await owner.answer(answer="acknowledge")
    before = await installation.rows()
    sent = await owner.send(page, 10 * MINUTE, answer="undo")
    assert sent.status_code == 409
    assert "ten minutes" in sent.text
    assert ">Undo<" not in await owner.open()
    assert await installation.rows() == before


async def test_after_a_new_date_the_page_shows_it_and_asks_again(
    installation: Installation, team: Team
) -> None:
    deadline, owner = await asked(installation, team)
    stale = await owner.open()
    body = {"due_on": "2026-06-12", "reason": "the paper says so", "source": "ruling",
            "user_id": team.people["deputy"]}  # fmt: skip
    path = f"/deadlines/{deadline['id']}"
    etag = (await team.admin.get(path)).headers["etag"]
    moved = await team.admin.post(f"{path}/override", json=body, headers={"if-match": etag})
    assert moved.status_code in (200, 201), moved.text
    refused = await owner.send(stale, answer="acknowledge")
    assert refused.status_code == 409
    page = await owner.open()
    assert "Friday, 12 June 2026" in page
    assert "Your mail says <s>Wednesday, 10 June 2026</s>" in page
    assert "Answered already" in await owner.answer(answer="acknowledge")


async def test_a_deadline_that_has_ended_says_so_and_takes_no_answer(
    installation: Installation, team: Team
) -> None:
    deadline, owner = await asked(installation, team)
    stale = await owner.open()
    body = {"user_id": team.people["owner"], "proof": "receipt 81/2026"}
    await create(team.admin, f"/deadlines/{deadline['id']}/complete", body)
    page = await owner.open()
    assert "Done: " in page
    assert "<form" not in page
    assert "receipt" not in page
    assert (await owner.send(stale, answer="acknowledge")).status_code == 409


async def test_the_link_lapses_thirty_days_after_the_due_instant(
    installation: Installation, team: Team
) -> None:
    _, owner = await asked(installation, team)
    stale = await owner.open()
    installation.clock.set(MARK + 37 * DAY - SECOND)
    assert "The due date has passed" in await owner.open()
    installation.clock.set(MARK + 37 * DAY)
    gone = await owner.browser.get(owner.path)
    assert gone.status_code == 410
    assert "K-17" not in gone.text
    assert (await owner.send(stale, answer="acknowledge")).status_code == 410


async def test_who_has_left_the_case_sees_nothing_of_it(
    installation: Installation, team: Team
) -> None:
    _, owner = await asked(installation, team)
    stale = await owner.open()
    roles = [
        {"role": "owner", "user_id": team.people["deputy"]},
        {"role": "deputy", "user_id": team.people["supervisor"]},
    ]
    await change(team.admin, f"/cases/{team.case}", {"roles": roles})
    page = await owner.browser.get(owner.path)
    assert page.status_code == 403
    assert "K-17" not in page.text
    assert "2026" not in page.text
    assert (await owner.send(stale, answer="acknowledge")).status_code == 403


async def test_wrong_tokens_and_unknown_messages_answer_alike(
    installation: Installation, team: Team
) -> None:
    _, owner = await asked(installation, team)
    message, _, mac = owner.path.removeprefix("/r/").partition(".")
    unknown = "msg_" + "0" * 26
    seal = installation.runtime.seal
    pages = set()
    for token in (
        f"{message}.{mac[:-1]}",
        f"{message}.{'A' * 43}",
        f"{message}.{mac}.{mac}",
        message,
        f"{message}.",
        f"{unknown}.{mac}",
        answer_token(seal, unknown),
        "ж.%F0%9F",
    ):
        for method in ("GET", "POST"):
            page = await owner.browser.request(method, f"/r/{token}")
            assert page.status_code == 404, token
            assert page.headers["cache-control"] == "no-store"
            pages.add(page.text)
    assert len(pages) == 1


async def test_an_answer_by_api_is_seen_on_the_page(installation: Installation, team: Team) -> None:
    deadline, owner = await asked(installation, team)
    body = {"user_id": team.people["deputy"]}
    await create(team.admin, f"/deadlines/{deadline['id']}/acknowledge", body)
    assert "Deputy has it" in await owner.open()
    body = {"user_id": team.people["owner"]}
    await create(team.admin, f"/deadlines/{deadline['id']}/acknowledge", body)
    page = await owner.open()
    assert "Answered already by you" in page
    assert ">Undo<" not in page, "what was said by API is not undone by whoever has the mail"
