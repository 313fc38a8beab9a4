"""J1, first half: detained, forty days; an owner who does not answer is followed by the next person."""

from datetime import UTC, datetime, timedelta

from icalendar import Calendar

from tests.harness.world import World
from tests.journeys.docket import check_nothing_lost, open_docket

#: The internal target is told a week before; silence is borne for four hours, twice.
LADDER = [
    {"before_due": "P7D", "targets": ["owner"]},
    {"no_response_for": "PT4H", "targets": ["deputy"]},
    {"no_response_for": "PT4H", "targets": ["supervisor"]},
    {"before_due": "P1D", "targets": ["owner", "deputy"]},
]
DETAINED_AT = datetime(2025, 5, 13, 10, 40, tzinfo=UTC)  # 15:40 in Almaty, UTC+5
FOUR_HOURS = timedelta(hours=4)


def told(world: World, count: int) -> list[str]:
    """To whom the mails about the asylum application went, in order, once there are `count`."""
    target = "29 May 2025"
    world.mails.wait_for(lambda _: sum(target in m.subject for m in world.mails.mails) >= count)
    return [m.recipients[0] for m in world.mails.mails if target in m.subject]


def reminded(world: World) -> list[str]:
    """Who was reminded, by name; what is said of calendars that nobody fetches is no reminder."""
    return sorted(m.recipients[0] for m in world.mails.mails if "K-17" in m.subject)


def test_the_arrest_is_counted_and_silence_climbs_from_owner_to_deputy_to_supervisor(
    world: World,
) -> None:
    world.clock.set(DETAINED_AT + timedelta(hours=2))
    docket = open_docket(world, LADDER)

    event = docket.post(
        f"/cases/{docket.case}/trigger-events",
        kind="detention.wanted-abroad",
        occurred_at="2025-05-13T15:40:00+05:00",
        note="detained by the record",
    )
    by_rule = {deadline["rule_id"]: deadline for deadline in event["deadlines"]}
    custody = by_rule["kz.cpc.588.temporary-custody"]
    assert custody["due_on"] == "2025-06-21"
    assert custody["due_at"] == "2025-06-21T19:00:00Z"  # 24:00 in Almaty
    assert custody["sources"][0]["citation"].endswith("art. 588(1)")
    assert [step["key"] for step in custody["derivation"]] == ["trigger", "counted", "ends"]
    assert by_rule["kz.cpc.587.identity-check"]["due_at"] == "2025-05-16T10:40:00Z"

    target = docket.post(
        "/deadlines",
        case_id=docket.case,
        title="File the asylum application",
        kind="internal",
        due_on="2025-05-29",
        critical=True,
        source="set by the case lead",
    )
    deadline = target["id"]
    seven_days_before = datetime(2025, 5, 22, 19, 0, tzinfo=UTC)
    plan = docket.get(f"/deadlines/{deadline}/plan")
    assert [(step["at"], step["roles"]) for step in plan["upcoming"]] == [
        ("2025-05-22T19:00:00Z", ["owner"]),
        ("2025-05-22T23:00:00Z", ["deputy"]),
        ("2025-05-23T03:00:00Z", ["supervisor"]),
        ("2025-05-28T19:00:00Z", ["owner", "deputy"]),
        ("2025-05-28T20:00:00Z", ["lead", "owner", "deputy", "supervisor"]),
    ]
    assert plan["upcoming"][-1]["why"] == "exhausted"

    docket.move(seven_days_before - timedelta(seconds=1))
    world.receiver.wait_for(lambda r: b"deadline.created" in r.body)
    assert not [m for m in docket.messages(deadline) if m["user_id"]], "told too early"

    docket.move(seven_days_before)
    assert told(world, 1) == ["owner@example.org"]
    docket.move(FOUR_HOURS)
    assert told(world, 2)[1:] == ["deputy@example.org"]
    docket.move(FOUR_HOURS)
    assert told(world, 3)[2:] == ["supervisor@example.org"]

    mail = next(m for m in world.mails.mails if m.recipients == ("deputy@example.org",))
    assert "K-17" in mail.subject
    assert "asylum" not in (mail.subject + mail.text).lower(), "a mail shows code and kind only"
    assert mail.message["Auto-Submitted"] == "auto-generated"

    def fired() -> list[dict[str, object]]:
        mine = [e for e in docket.events("escalation.step_fired") if e["subject"]["id"] == deadline]
        assert len(mine) == 2
        return mine

    steps = world.eventually(fired)
    assert [event["data"]["told"] for event in steps] == [["deputy"], ["supervisor"]]
    assert all("title" not in event["data"] for event in steps)

    docket.post(f"/deadlines/{deadline}/acknowledge", user_id=docket.people["deputy"])
    answered = docket.get(f"/deadlines/{deadline}/plan")
    assert answered["state"] == "acknowledged"
    assert [step["why"] for step in answered["upcoming"]] == ["mark", "exhausted"]

    custody_rule = by_rule["kz.cpc.587.identity-check"]["id"]
    waived = docket.post(
        f"/deadlines/{custody_rule}/waive",
        user_id=docket.people["owner"],
        reason="counsel decided not to appeal the ruling",
    )
    assert (waived["state"], waived["ended_by"]) == ("waived", docket.people["owner"])
    assert docket.get(f"/deadlines/{custody_rule}")["state"] == "waived", "it stays visible"

    events = {str(e["summary"]): e for e in Calendar.from_ical(docket.feed()).walk("VEVENT")}
    shown = events["[K-17] File the asylum application"]
    assert shown.start.isoformat() == "2025-05-29"
    assert shown["status"] == "TENTATIVE", "nobody has verified it yet"
    assert any(title.startswith("WAIVED") for title in events)
    world.eventually(lambda: check_nothing_lost(docket))


def test_an_answer_before_the_deputys_turn_keeps_the_deputy_asleep(world: World) -> None:
    docket = open_docket(world, LADDER)
    due_on = (world.clock.now + timedelta(days=3)).date().isoformat()
    deadline = docket.post(
        "/deadlines", case_id=docket.case, title="Reply", kind="filing", due_on=due_on
    )["id"]
    world.mails.wait_for(1)
    docket.post(f"/deadlines/{deadline}/acknowledge", user_id=docket.people["owner"])
    docket.move(FOUR_HOURS * 3)
    # The next mark fires all the same; that it does shows that the clockwork has looked.
    docket.move(datetime.fromisoformat(f"{due_on}T19:00:00+00:00") - timedelta(days=1))
    told = ["deputy@example.org", "owner@example.org", "owner@example.org"]
    world.eventually(lambda: reminded(world) == told)
    steps = {m["step"] for m in docket.messages(deadline) if m["user_id"]}
    assert steps == {"0", "3"}
    world.eventually(lambda: check_nothing_lost(docket))


def test_a_completed_deadline_reminds_nobody_any_more(world: World) -> None:
    docket = open_docket(world, LADDER)
    due_on = (world.clock.now + timedelta(days=3)).date().isoformat()
    deadline = docket.post(
        "/deadlines", case_id=docket.case, title="Reply", kind="filing", due_on=due_on
    )["id"]
    world.mails.wait_for(1)
    done = docket.post(
        f"/deadlines/{deadline}/complete", user_id=docket.people["owner"], proof="receipt 81/2026"
    )
    assert (done["state"], done["ended_because"]) == ("completed", "receipt 81/2026")
    docket.move(timedelta(days=30))
    other = docket.post(
        "/deadlines",
        case_id=docket.case,
        title="Later",
        kind="filing",
        due_on=(world.clock.now + timedelta(days=2)).date().isoformat(),
    )["id"]
    world.eventually(lambda: _told(docket.messages(other)))
    assert {m["step"] for m in docket.messages(deadline) if m["user_id"]} == {"0"}
    assert docket.get(f"/deadlines/{deadline}/plan")["why"] == "deadline_ended"
    world.eventually(lambda: check_nothing_lost(docket))


def _told(messages: list[dict[str, object]]) -> bool:
    return any(m["user_id"] and m["state"] == "accepted" for m in messages)
