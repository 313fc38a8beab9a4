"""One digest a day, at eight on the reader's own clock: all that is theirs, and nothing that is not."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlmodel import col, select

from service.domain.notifications import EventType
from service.ids import new_id
from service.store.messages import Message
from service.store.reviews import Review, ReviewState
from tests.api.digest_mails import Mail, answer, at, mails, sections
from tests.api.installation import (
    Installation,
    Team,
    case_body,
    change,
    create,
    deadline_body,
    read,
)
from tests.api.test_refusals import refused
from tests.harness.world import START
from workers import tasks

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
#: Eight in the morning in Almaty; the team was made at nine the day before.
EIGHT = datetime(2026, 3, 3, 3, 0, tzinfo=UTC)
ACTING = ("owner", "deputy", "supervisor")


def readers(team: Team, written: list[Mail]) -> set[str]:
    roles = {user: role for role, user in team.people.items()}
    assert len({one.user for one in written}) == len(written), "two mails to one person"
    return {roles[one.user] for one in written}


def of(team: Team, role: str, written: list[Mail]) -> Mail:
    (found,) = [one for one in written if one.user == team.people[role]]
    return found


async def verified(team: Team, **given: Any) -> str:
    """A deadline that a second person has verified; its id."""
    made = str((await team.deadline(**given))["id"])
    await answer(team, made, "verify", "deputy")
    return made


async def other_person(team: Team, **given: Any) -> str:
    """Somebody new, who owns a case of their own; the id."""
    body = {"name": "Other", "email": "other@example.org", "timezone": "Asia/Almaty"}
    user = str((await create(team.admin, "/users", body | given))["id"])
    case = await create(team.admin, "/cases", case_body("K-99", {"owner": user}))
    due = deadline_body(case["id"], user_id=user, due_on="2026-06-10")
    await create(team.admin, "/deadlines", due)
    return user


async def set_roles(team: Team, **roles: str) -> None:
    wanted = [{"role": role, "user_id": user} for role, user in roles.items()]
    await change(team.admin, f"/cases/{team.case}", {"roles": wanted})


# --- when, and how often


async def test_everyone_on_a_case_is_told_at_eight_and_not_before(
    installation: Installation, team: Team
) -> None:
    await team.deadline()
    assert await at(installation, EIGHT - timedelta(seconds=1)) == []
    written = await at(installation, EIGHT)
    assert readers(team, written) == {"owner", "deputy", "supervisor", "observer"}
    assert {(one.on, one.due_at) for one in written} == {("2026-03-03", EIGHT)}


async def test_a_person_with_nothing_at_all_is_not_written_to(
    installation: Installation, team: Team
) -> None:
    assert await at(installation, EIGHT) == []
    await verified(team, due_on="2026-06-10")
    assert await at(installation, EIGHT + DAY) == []


async def test_each_day_has_its_own_and_no_day_two(installation: Installation, team: Team) -> None:
    await team.deadline()
    for days in range(4):
        for hours in (0, 1, 23):
            await at(installation, EIGHT + days * DAY + hours * HOUR)
    owner = [one.on for one in await mails(installation) if one.user == team.people["owner"]]
    assert owner == ["2026-03-03", "2026-03-04", "2026-03-05", "2026-03-06"]


async def test_a_machine_that_was_down_sends_late_and_says_so(
    installation: Installation, team: Team
) -> None:
    await team.deadline()
    mail = of(team, "owner", await at(installation, EIGHT + 3 * HOUR))
    assert (mail.on, mail.due_at) == ("2026-03-03", EIGHT)
    assert "late" in mail.text
    assert "3 March 2026, 08:00 (Asia/Almaty)" in mail.text


async def test_after_three_days_there_is_one_and_it_is_todays(
    installation: Installation, team: Team
) -> None:
    await team.deadline()
    mail = of(team, "owner", await at(installation, EIGHT + 3 * DAY + HOUR))
    assert mail.on == "2026-03-06"
    assert of(team, "owner", await at(installation, EIGHT + 4 * DAY)).on == "2026-03-07"


async def test_quiet_hours_do_not_hold_it_and_another_hour_moves_it(
    installation: Installation, team: Team
) -> None:
    await team.deadline()
    path = f"/users/{team.people['owner']}"
    changes = {"digest_at": "05:15", "quiet_hours": {"begin": "21:00", "end": "09:00"}}
    assert (await change(team.admin, path, changes))["digest_at"] == "05:15"
    early = EIGHT - timedelta(hours=2, minutes=45)
    assert readers(team, await at(installation, early)) == {"owner"}
    assert "owner" not in readers(team, await at(installation, EIGHT))


async def test_whoever_wants_none_gets_none_until_they_do(
    installation: Installation, team: Team
) -> None:
    await team.deadline()
    path = f"/users/{team.people['owner']}"
    await change(team.admin, path, {"digest_at": None})
    assert "owner" not in readers(team, await at(installation, EIGHT))
    await change(team.admin, path, {"digest_at": "08:00"})
    assert readers(team, await at(installation, EIGHT + 2 * HOUR)) == set()
    assert "owner" in readers(team, await at(installation, EIGHT + DAY))


async def test_a_disabled_person_gets_none_and_one_who_is_back_gets_the_next(
    installation: Installation, team: Team
) -> None:
    await team.deadline()
    path = f"/users/{team.people['observer']}"
    await change(team.admin, path, {"disabled": True})
    assert "observer" not in readers(team, await at(installation, EIGHT))
    await change(team.admin, path, {"disabled": False})
    assert "observer" in readers(team, await at(installation, EIGHT + DAY))


@pytest.mark.parametrize(
    ("zone", "days"),
    [
        ("Europe/Berlin", {"2026-03-28": (28, 7), "2026-03-29": (29, 6), "2026-03-30": (30, 6)}),
        ("America/Santiago", {"2026-04-04": (35, 11), "2026-04-05": (36, 12)}),
    ],
)
async def test_a_change_of_the_clock_moves_no_digest_by_an_hour(
    installation: Installation, team: Team, zone: str, days: dict[str, tuple[int, int]]
) -> None:
    await team.deadline()
    await change(team.admin, f"/users/{team.people['owner']}", {"timezone": zone})
    noon_before = datetime(2026, 3, 1, 12, tzinfo=UTC) + (min(days.values())[0] - 2) * DAY
    await at(installation, noon_before)
    for on, (day, hour) in days.items():
        due = datetime(2026, 3, 1, hour, tzinfo=UTC) + (day - 1) * DAY
        early = await at(installation, due - timedelta(seconds=1))
        assert team.people["owner"] not in {one.user for one in early}
        mail = of(team, "owner", await at(installation, due))
        assert (mail.on, mail.due_at) == (on, due)


async def test_another_zone_loses_no_day_and_doubles_none(
    installation: Installation, team: Team
) -> None:
    await team.deadline()
    path = f"/users/{team.people['owner']}"
    await change(team.admin, path, {"timezone": "Europe/Berlin"})
    # 05:30 in Berlin: today's is still to come. 09:30 in Almaty: its hour has passed.
    now = EIGHT + timedelta(hours=1, minutes=30)
    await at(installation, now)
    await change(team.admin, path, {"timezone": "Asia/Almaty"})
    assert of(team, "owner", await at(installation, now)).on == "2026-03-03"
    await change(team.admin, path, {"timezone": "Europe/Berlin"})
    assert await at(installation, datetime(2026, 3, 3, 7, tzinfo=UTC)) == []
    owner = of(team, "owner", await at(installation, datetime(2026, 3, 4, 7, tzinfo=UTC)))
    assert owner.on == "2026-03-04"


async def test_four_rounds_at_once_write_one_each(postgres_installation: Installation) -> None:
    team = await postgres_installation.team()
    await team.deadline()
    postgres_installation.clock.set(EIGHT)
    await asyncio.gather(*(tasks.digest(postgres_installation.runtime) for _ in range(4)))
    assert len(await mails(postgres_installation)) == 4


async def test_both_databases_write_the_same_and_deliver_it(either: Installation) -> None:
    team = await either.team()
    await team.deadline()
    assert len(await at(either, EIGHT)) == 4
    await tasks.deliver(either.runtime)
    assert {one.state for one in await mails(either)} == {"accepted"}


# --- what is in it


async def test_a_date_stands_in_its_section_with_code_days_and_level(
    installation: Installation, team: Team
) -> None:
    due = {"2026-03-01": "overdue", "2026-03-09": "due_within_7_days"}
    due |= {"2026-03-31": "due_within_30_days", "2026-06-10": None}
    ids = {on: await verified(team, due_on=on, title=f"Title {on}") for on in due}
    installation.clock.set(EIGHT)
    found = await sections(team, team.people["owner"])
    assert {name: [one["deadline_id"] for one in lines] for name, lines in found.items()} == {
        name: [ids[on]] for on, name in due.items() if name
    }
    (line,) = found["due_within_7_days"]
    assert (line["case_code"], line["due_on"], line["days_left"]) == ("K-17", "2026-03-09", 6)
    assert (line["level"], line["kind"], line["title"]) == (1, "filing", None)


async def test_what_is_overdue_is_told_every_day_however_old(
    installation: Installation, team: Team
) -> None:
    await verified(team, due_on="2026-02-01")
    for days in (0, 1, 400):
        mail = of(team, "owner", await at(installation, EIGHT + days * DAY))
        assert mail.subject == "1 overdue"


async def test_an_unverified_date_is_told_every_day_until_somebody_verifies_it(
    installation: Installation, team: Team
) -> None:
    deadline = (await team.deadline(due_on="2026-06-10"))["id"]
    for days in range(2):
        assert len(await at(installation, EIGHT + days * DAY)) == 4
    assert list(await sections(team, team.people["owner"])) == ["unverified"]
    await answer(team, deadline, "verify", "deputy")
    assert await at(installation, EIGHT + 2 * DAY) == []


async def test_silence_snoozes_and_acknowledgements_are_told_by_role(
    installation: Installation, team: Team
) -> None:
    deadline = await verified(team, due_on="2026-03-20")
    await tasks.tick(installation.runtime)
    owner = team.people["owner"]
    (line,) = (await sections(team, owner))["unanswered"]
    assert (line["deadline_id"], line["who"]) == (deadline, ["owner"])
    await answer(
        team, deadline, "snooze", "owner", until="2026-03-03T03:30:00Z", reason="at the court"
    )
    found = await sections(team, owner)
    assert "unanswered" not in found
    (line,) = found["snoozed"]
    assert (line["who"], line["at"], line["because"]) == (["owner"], "2026-03-03T03:30:00Z", None)
    await answer(team, deadline, "acknowledge", "deputy")
    found = await sections(team, owner)
    (line,) = found["acknowledged"]
    assert line["who"] == ["deputy"]
    installation.clock.set(EIGHT + 2 * DAY)
    found = await sections(team, owner)
    assert "acknowledged" not in found, "an answer that has run out"
    assert "unanswered" in found


async def test_what_waits_for_a_person_is_told_with_who_asked(
    installation: Installation, team: Team
) -> None:
    deadline = await verified(team, due_on="2026-06-10", critical=True)
    body = {"user_id": team.people["owner"], "reason": "moot"}
    await create(team.admin, f"/deadlines/{deadline}/waive", body)
    (line,) = (await sections(team, team.people["deputy"]))["to_decide"]
    assert (line["deadline_id"], line["what"], line["who"]) == (deadline, "waive", ["owner"])


async def test_a_date_that_the_law_would_move_waits_in_it_until_the_day_it_was_put_off_to(
    installation: Installation, team: Team
) -> None:
    deadline = await verified(team, due_on="2026-06-10")
    review = Review(
        id=new_id("rev", START),
        team_id=team.id,
        case_id=team.case,
        deadline_id=deadline,
        state=ReviewState.WAITING,
        edition="another",
        reason="a new calendar",
        old_on=date(2026, 6, 10),
        old_at=START,
        new_on=date(2026, 6, 12),
        new_at=START,
        ask_again_on=date(2026, 3, 4),
        created_at=START,
    )
    async with installation.runtime.transaction() as session:
        session.add(review)
    assert await at(installation, EIGHT) == []
    for one in await at(installation, EIGHT + DAY):
        assert "it would be 12 June 2026" in one.text
    (line,) = (await sections(team, team.people["owner"]))["to_decide"]
    assert (line["what"], line["other_on"], line["because"]) == ("review", "2026-06-12", None)


async def test_gaps_and_people_who_cannot_be_reached_are_told_to_who_can_act(
    installation: Installation, team: Team
) -> None:
    steps = [{"targets": ["lead"], "before_due": "P7D"}]
    policy = await create(team.admin, "/escalation-policies", {"name": "p", "steps": steps})
    await verified(team, due_on="2026-04-10", escalation_policy_id=policy["id"])
    await tasks.forecast(installation.runtime)
    await change(team.admin, f"/users/{team.people['deputy']}", {"disabled": True})
    installation.clock.set(EIGHT)
    found = await sections(team, team.people["owner"])
    assert [(one["what"], one["who"]) for one in found["gaps"]] == [("nobody", ["lead"])]
    assert [(one["what"], one["who"]) for one in found["unreachable"]] == [("disabled", ["deputy"])]
    assert await sections(team, team.people["observer"]) == {}


async def test_somebody_whose_newest_mail_was_lost_cannot_be_reached(
    installation: Installation, team: Team
) -> None:
    await team.deadline(due_on="2026-03-20")
    await tasks.tick(installation.runtime)
    async with installation.runtime.transaction() as session:
        await (await session.connection()).execute(text("UPDATE messages SET state = 'failed'"))
    (line,) = (await sections(team, team.people["supervisor"]))["unreachable"]
    assert (line["what"], line["who"], line["case_code"]) == ("mails_lost", ["owner"], "K-17")


async def test_the_mail_is_complete_in_both_parts_and_in_a_thread_of_its_own(
    installation: Installation, team: Team
) -> None:
    await change(team.admin, f"/cases/{team.case}", {"mail_level": 2})
    await verified(team, due_on="2026-03-01", title="Appeal <b>now</b>")
    await team.deadline(due_on="2026-03-09", title="Statement")
    mail = of(team, "owner", await at(installation, EIGHT))
    assert mail.subject == "1 overdue, 1 due this week"
    assert mail.parsed["auto-submitted"] == "auto-generated"
    assert team.people["owner"] in str(mail.parsed["references"])
    assert (
        mail.parsed["references"]
        != of(team, "deputy", await mails(installation)).parsed["references"]
    )
    assert "Appeal <b>now</b>" in mail.text
    assert "Appeal &lt;b&gt;now" in mail.html
    for part in (mail.text, mail.html):
        for words in ("Overdue and still open (1)", "K-17", "Statement", "1 March 2026, 24:00"):
            assert words in part
        assert part.index("Overdue") < part.index("7 days") < part.index("Not yet verified")


# --- whose it is


async def test_nobody_reads_of_a_case_on_which_they_have_no_role(
    installation: Installation, team: Team
) -> None:
    await team.deadline()
    other = await other_person(team)
    written = await at(installation, EIGHT)
    (theirs,) = [one for one in written if one.user == other]
    assert "K-99" in theirs.text
    assert "K-17" not in theirs.text
    assert all("K-99" not in one.text for one in written if one.user != other)


async def test_an_observer_reads_code_and_kind_and_the_ceiling_binds_everyone(
    installation: Installation, team: Team
) -> None:
    await change(team.admin, f"/cases/{team.case}", {"mail_level": 2})
    await team.deadline(title="Secret appeal")
    written = await at(installation, EIGHT)
    assert "Secret" in of(team, "owner", written).text
    observer = of(team, "observer", written)
    assert "Secret" not in observer.text + observer.html
    assert "K-17" in observer.text
    await change(team.admin, f"/cases/{team.case}", {"ceiling": 0})
    for one in await at(installation, EIGHT + DAY):
        assert "K-17" not in one.text + one.html + one.subject
        assert "Secret" not in one.text


async def test_a_role_in_a_team_that_one_has_left_shows_nothing(
    installation: Installation, team: Team
) -> None:
    await team.deadline()
    other = await create(installation.operator, "/teams", {"name": "Elsewhere"})
    path = f"/users/{team.people['supervisor']}"
    await change(installation.operator, path, {"team_ids": [other["id"]]})
    assert readers(team, await at(installation, EIGHT)) == {"owner", "deputy", "observer"}


async def test_a_case_that_is_lost_before_handover_is_not_handed_over(
    installation: Installation, team: Team
) -> None:
    await team.deadline()
    owner = team.people["owner"]
    second = await create(team.admin, "/cases", case_body("K-18", {"owner": owner}))
    body = deadline_body(second["id"], user_id=owner, due_on="2026-03-09")
    await create(team.admin, "/deadlines", body)
    mail = of(team, "owner", await at(installation, EIGHT))
    assert set(mail.listed) == {team.case, second["id"]}
    people = {role: user for role, user in team.people.items() if role != "owner"}
    await set_roles(team, **people | {"owner": team.people["deputy"]})
    await tasks.deliver(installation.runtime)
    await tasks.digest(installation.runtime)
    await tasks.deliver(installation.runtime)
    first, fresh = [one for one in await mails(installation) if one.user == owner]
    assert (first.state, first.occurrence) == ("superseded", 0)
    assert (fresh.state, fresh.occurrence, fresh.on) == ("accepted", 1, first.on)
    assert "K-18" in fresh.text
    assert "K-17" not in fresh.text + fresh.html
    assert "K-17" in first.text


async def test_a_date_that_moves_before_handover_is_told_as_it_now_is(
    installation: Installation, team: Team
) -> None:
    deadline = await verified(team, due_on="2026-03-09")
    await at(installation, EIGHT)
    await answer(team, deadline, "override", "owner", due_on="2026-03-06", reason="an order")
    for _ in range(2):
        await tasks.deliver(installation.runtime)
        await tasks.digest(installation.runtime)
    written = [one for one in await mails(installation) if one.user == team.people["owner"]]
    assert [(one.state, one.occurrence) for one in written] == [("superseded", 0), ("accepted", 1)]
    assert "9 March 2026" in written[0].text
    assert "6 March 2026" in written[1].text
    assert "9 March 2026" not in written[1].text


async def test_a_level_that_is_lowered_before_handover_holds(
    installation: Installation, team: Team
) -> None:
    await change(team.admin, f"/cases/{team.case}", {"mail_level": 2})
    await team.deadline(title="Secret appeal")
    await at(installation, EIGHT)
    await change(team.admin, f"/cases/{team.case}", {"ceiling": 1})
    for _ in range(2):
        await tasks.deliver(installation.runtime)
        await tasks.digest(installation.runtime)
    sent = [one for one in await mails(installation) if one.state == "accepted"]
    assert len(sent) == 4
    assert all("Secret" not in one.text for one in sent)


async def test_whoever_stands_in_reads_so_and_the_absent_read_nothing(
    installation: Installation, team: Team
) -> None:
    await team.deadline()
    leave = {"away": {"end": "2026-03-20T00:00:00Z"}}
    await change(team.admin, f"/users/{team.people['owner']}", leave)
    written = await at(installation, EIGHT)
    assert readers(team, written) == {"deputy", "supervisor", "observer"}
    assert "You stand in for: owner" in of(team, "deputy", written).text
    assert "You stand in" not in of(team, "supervisor", written).text


# --- what the API answers, and what it costs


async def test_the_api_answers_what_the_mail_would_say_behind_the_same_walls(
    installation: Installation, team: Team
) -> None:
    await team.deadline()
    owner = team.people["owner"]
    body = await read(team.admin, f"/users/{owner}/digest")
    assert (body["user_id"], body["on"], body["mailed"]) == (owner, "2026-03-02", True)
    other = await installation.team("K-18", "Other")
    refused(await other.admin.get(f"/users/{owner}/digest"), 404, "not_found")
    refused(await other.admin.get(f"/users/{owner}/exit-check"), 404, "not_found")
    await change(installation.operator, f"/users/{owner}", {"team_ids": [team.id, other.id]})
    seen = (await read(other.admin, f"/users/{owner}/digest"))["sections"]
    assert seen == [], "a team reads of its own cases only, whoever works for both"


async def test_no_endpoint_hears_of_it(installation: Installation, team: Team) -> None:
    endpoint = {"name": "e", "url": "https://hooks.example.com/in", "events": ["digest"]}
    refused(await team.admin.post("/endpoints", json=endpoint), 422, "invalid_input")
    await create(team.admin, "/endpoints", endpoint | {"events": ["*"]})
    await team.deadline()
    assert len(await at(installation, EIGHT)) == 4
    async with installation.runtime.reading() as session:
        query = select(Message.event).where(col(Message.endpoint_id).is_not(None))
        assert set(await session.exec(query)) == {EventType.DEADLINE_CREATED}


async def test_the_number_of_queries_grows_with_nothing(
    installation: Installation, team: Team
) -> None:
    async def queries(when: datetime) -> int:
        asked: list[str] = []

        def note(_: object, __: object, statement: str, *___: object) -> None:
            asked.append(statement)

        engine = installation.runtime.engine.sync_engine
        event.listen(engine, "before_cursor_execute", note)
        written = await at(installation, when)
        event.remove(engine, "before_cursor_execute", note)
        assert len(written) >= len(ACTING)
        return len(asked)

    await team.deadline()
    few = await queries(EIGHT)
    for number in range(6):
        await team.deadline(due_on=f"2026-03-1{number}")
    for number in range(4):
        person = {"name": "P", "email": f"p{number}@example.org", "timezone": "Asia/Almaty"}
        user = (await create(team.admin, "/users", person))["id"]
        case = await create(team.admin, "/cases", case_body(f"N-{number}", {"owner": user}))
        body = deadline_body(case["id"], user_id=user, due_on="2026-03-09")
        await create(team.admin, "/deadlines", body)
    assert await queries(EIGHT + DAY) == few


# --- gaps that are near


async def with_a_gap(team: Team, due_on: str) -> str:
    steps = [{"targets": ["lead"], "before_due": "P7D"}]
    policy = await create(team.admin, "/escalation-policies", {"name": due_on, "steps": steps})
    return await verified(team, due_on=due_on, escalation_policy_id=policy["id"])


async def test_a_gap_that_will_soon_be_felt_is_mailed_once_in_one_mail(
    installation: Installation, team: Team
) -> None:
    for due_on in ("2026-03-10", "2026-03-10", "2026-03-20"):
        await with_a_gap(team, due_on)
    for _ in range(2):
        await tasks.forecast(installation.runtime)
    (mail,) = await mails(installation, EventType.GAPS_AHEAD)
    assert mail.user == team.people["owner"]
    assert mail.subject == "Nobody would be told: 2 steps within 48 hours"
    assert mail.text.count("K-17") == 2
    assert "lead" in mail.text
    installation.clock.set(START + 10 * DAY)
    await tasks.forecast(installation.runtime)
    assert len(await mails(installation, EventType.GAPS_AHEAD)) == 2, "the third has come near"


async def test_the_first_who_is_there_is_told_of_a_gap(
    installation: Installation, team: Team
) -> None:
    leave = {"away": {"end": "2026-03-20T00:00:00Z"}}
    await change(team.admin, f"/users/{team.people['owner']}", leave)
    await with_a_gap(team, "2026-03-10")
    await tasks.forecast(installation.runtime)
    (mail,) = await mails(installation, EventType.GAPS_AHEAD)
    assert mail.user == team.people["supervisor"]


async def test_a_gap_whose_reader_has_left_is_told_to_the_next(
    installation: Installation, team: Team
) -> None:
    await with_a_gap(team, "2026-03-10")
    await tasks.forecast(installation.runtime)
    people = {role: user for role, user in team.people.items() if role != "owner"}
    await set_roles(team, **people | {"owner": team.people["deputy"]})
    await tasks.deliver(installation.runtime)
    await tasks.forecast(installation.runtime)
    await tasks.deliver(installation.runtime)
    told = {one.user: one.state for one in await mails(installation, EventType.GAPS_AHEAD)}
    assert told == {team.people["owner"]: "superseded", team.people["deputy"]: "accepted"}
