"""Gaps are found before they matter, told once, and told once more when they are closed."""

import asyncio
import json
from datetime import timedelta
from typing import Any

from sqlmodel import col, select

from service.domain.notifications import ChannelKind
from service.store.installation import take_forecast
from service.store.messages import Message
from tests.api.installation import Installation, Team, change, create, read
from tests.api.test_refusals import refused
from tests.harness.world import START
from workers import tasks
from workers.rounds import Beside

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
#: The marks lie within sixty days of the start; the second has a person of its own.
STEPS = [
    {"targets": ["owner"], "before_due": "P7D"},
    {"targets": ["supervisor"], "before_due": "P2D"},
]
DUE = "2026-04-10"
FIRST = "2026-04-03T19:00:00Z"


async def laddered(team: Team, steps: list[dict[str, Any]] | None = None, **given: Any) -> str:
    policy = await create(
        team.admin, "/escalation-policies", {"name": "p", "steps": steps or STEPS}
    )
    made = await team.deadline(**{"due_on": DUE, "escalation_policy_id": policy["id"]} | given)
    return str(made["id"])


async def away(team: Team, role: str, until: str | None) -> None:
    leave = {"end": until} if until else None
    await change(team.admin, f"/users/{team.people[role]}", {"away": leave})


async def gaps(team: Team, **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await read(team.admin, "/coverage", **query))["items"]
    return items


async def listening(team: Team) -> None:
    body = {
        "name": "e",
        "url": "https://hooks.example.com/in",
        "events": ["coverage.*"],
        "level": 2,
        "detail": "full",
        "full_confirmed": True,
    }
    await create(team.admin, "/endpoints", body)


async def heard(installation: Installation) -> list[tuple[str, dict[str, Any]]]:
    """Event and data of all that was written to endpoints, in the order of their sequence."""
    async with installation.runtime.reading() as session:
        query = select(Message).where(Message.channel == ChannelKind.WEBHOOK)
        rows = (await session.exec(query.order_by(col(Message.occurrence)))).all()
    return [(str(row.event), json.loads(row.content)["data"]) for row in rows]


async def test_everybody_at_work_leaves_no_gap(team: Team) -> None:
    await laddered(team)
    assert await gaps(team) == []


async def test_a_leave_makes_a_gap_before_it_matters(team: Team) -> None:
    deadline = await laddered(team)
    for role in ("owner", "deputy"):
        await away(team, role, "2026-04-20T00:00:00Z")
    (gap,) = await gaps(team)
    assert gap["deadline_id"] == deadline
    assert (gap["case_code"], gap["step"], gap["at"]) == ("K-17", "0", FIRST)
    assert (gap["roles"], gap["code"]) == (["owner"], "away")
    assert "nobody stands in" in gap["sentence"]


async def test_an_absence_that_ends_in_time_makes_no_gap(team: Team) -> None:
    await laddered(team)
    for role in ("owner", "deputy"):
        await away(team, role, FIRST)
    assert await gaps(team) == []


async def test_whoever_stands_in_covers_the_step(team: Team) -> None:
    await laddered(team)
    await away(team, "owner", "2026-04-20T00:00:00Z")
    assert await gaps(team) == []


async def test_a_role_that_nobody_holds_is_a_gap(team: Team) -> None:
    await laddered(team, [*STEPS, {"targets": ["lead"], "after_due": "PT0H"}])
    assert [(one["step"], one["code"]) for one in await gaps(team)] == [("2", "nobody")]


async def test_a_critical_ladder_of_one_person_is_a_gap_and_another_is_not(team: Team) -> None:
    await laddered(team, critical=True)
    alone = await laddered(team, STEPS[:1], critical=True)
    await laddered(team, STEPS[:1])
    assert [(one["deadline_id"], one["step"], one["code"]) for one in await gaps(team)] == [
        (alone, "every", "only_one_person")
    ]


async def test_what_lies_beyond_sixty_days_or_the_asked_instant_is_left_out(team: Team) -> None:
    lead = [{"targets": ["lead"], "before_due": "P7D"}]
    near = await laddered(team, lead)
    await laddered(team, lead, due_on="2026-06-10")
    assert {one["deadline_id"] for one in await gaps(team)} == {near}
    assert await gaps(team, until="2026-04-03T00:00:00Z") == []
    assert {one["deadline_id"] for one in await gaps(team, until="2030-01-01T00:00:00Z")} == {near}


async def test_pages_look_at_every_deadline_once(installation: Installation, team: Team) -> None:
    lead = [{"targets": ["lead"], "before_due": "P7D"}]
    made = {await laddered(team, lead if number % 2 else None) for number in range(5)}
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        page = await read(team.admin, "/coverage", limit=2, **cursor)
        seen += [one["deadline_id"] for one in page["items"] if one["step"] == "0"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert len(seen) == len(set(seen)) == 2
    assert set(seen) < made


async def test_the_operator_asks_of_one_team_and_a_team_only_of_itself(
    installation: Installation, team: Team
) -> None:
    other = await installation.team("K-18", "Other")
    lead = [{"targets": ["lead"], "before_due": "P7D"}]
    ours, theirs = await laddered(team, lead), await laddered(other, lead)
    everything = (await read(installation.operator, "/coverage"))["items"]
    assert {one["deadline_id"] for one in everything} == {ours, theirs}
    chosen = (await read(installation.operator, "/coverage", team=other.id))["items"]
    assert {one["deadline_id"] for one in chosen} == {theirs}
    assert {one["deadline_id"] for one in await gaps(team)} == {ours}
    refused(await team.admin.get("/coverage", params={"team": other.id}), 404, "not_found")


async def test_a_gap_is_told_once_and_its_end_once(installation: Installation, team: Team) -> None:
    await listening(team)
    deadline = await laddered(team)
    await tasks.forecast(installation.runtime)
    assert await heard(installation) == []
    await away(team, "owner", "2026-04-20T00:00:00Z")
    await away(team, "deputy", "2026-04-20T00:00:00Z")
    for days in range(3):
        installation.clock.set(START + days * DAY)
        await tasks.forecast(installation.runtime)
    ((event, data),) = await heard(installation)
    assert (event, data["deadline_id"], data["step"]) == ("coverage.gap_found", deadline, 0)
    assert (data["next_at"], data["next_roles"]) == (FIRST, ["owner"])
    assert "away" in data["reason"]
    await away(team, "deputy", None)
    for days in range(3, 6):
        installation.clock.set(START + days * DAY)
        await tasks.forecast(installation.runtime)
    assert [event for event, _ in await heard(installation)] == [
        "coverage.gap_found",
        "coverage.gap_closed",
    ]


async def test_a_gap_that_opens_again_is_told_again(installation: Installation, team: Team) -> None:
    await listening(team)
    await laddered(team)
    for until in ("2026-04-20T00:00:00Z", None, "2026-04-20T00:00:00Z"):
        for role in ("owner", "deputy"):
            await away(team, role, until)
        await tasks.forecast(installation.runtime)
    events = [event.removeprefix("coverage.") for event, _ in await heard(installation)]
    assert events == ["gap_found", "gap_closed", "gap_found"]


async def test_the_end_of_the_deadline_ends_its_gaps(
    installation: Installation, team: Team
) -> None:
    await listening(team)
    deadline = await laddered(team, [{"targets": ["lead"], "before_due": "P7D"}])
    await tasks.forecast(installation.runtime)
    said = {"user_id": team.people["owner"], "reason": "entered twice"}
    await create(team.admin, f"/deadlines/{deadline}/cancel", said)
    for _ in range(2):
        await tasks.forecast(installation.runtime)
    assert [event for event, _ in await heard(installation)] == [
        "coverage.gap_found",
        "coverage.gap_closed",
    ]
    assert await gaps(team) == []


async def test_a_date_that_moves_has_gaps_of_its_own(
    installation: Installation, team: Team
) -> None:
    await listening(team)
    deadline = await laddered(team, [{"targets": ["lead"], "before_due": "P7D"}])
    await tasks.forecast(installation.runtime)
    said = {"user_id": team.people["owner"], "reason": "an order", "due_on": "2026-04-12"}
    await create(team.admin, f"/deadlines/{deadline}/override", said)
    await tasks.forecast(installation.runtime)
    told = [(event, data["next_at"]) for event, data in await heard(installation)]
    assert told == [
        ("coverage.gap_found", FIRST),
        ("coverage.gap_found", "2026-04-05T19:00:00Z"),
        ("coverage.gap_closed", FIRST),
    ]


async def test_both_databases_find_the_same_once(either: Installation) -> None:
    team = await either.team()
    await listening(team)
    await laddered(team, [{"targets": ["lead"], "before_due": "P7D"}])
    for _ in range(2):
        await tasks.forecast(either.runtime)
    assert [event for event, _ in await heard(either)] == ["coverage.gap_found"]
    assert len(await gaps(team)) == 1


async def test_two_that_forecast_at_once_tell_a_gap_once(
    postgres_installation: Installation,
) -> None:
    team = await postgres_installation.team()
    await listening(team)
    await laddered(team, [{"targets": ["lead"], "before_due": "P7D"}])
    runtime = postgres_installation.runtime
    await asyncio.gather(*(tasks.forecast(runtime) for _ in range(4)))
    assert [event for event, _ in await heard(postgres_installation)] == ["coverage.gap_found"]


async def test_a_process_forecasts_after_its_first_round_and_once_a_day_by_the_clock(
    installation: Installation, team: Team
) -> None:
    await listening(team)
    runtime = installation.runtime
    lookout = Beside(runtime, "forecast", lambda: tasks.forecast(runtime), DAY)
    told = []
    for hours in (0, 1, 23, 24, 25):
        await laddered(team, [{"targets": ["lead"], "before_due": "P7D"}])
        installation.clock.set(START + timedelta(hours=hours))
        lookout.round_ended()
        assert lookout.under_way is not None
        assert await lookout.under_way
        told.append(len(await heard(installation)))
    assert told == [1, 1, 1, 4, 4]


async def test_what_did_not_go_well_is_done_again_after_some_rounds(
    installation: Installation,
) -> None:
    well, done = iter([False, False, True, True]), []

    async def work() -> bool:
        done.append(rounds)
        return next(well)

    beside = Beside(installation.runtime, "work", work, DAY, again=3)
    for rounds in range(12):  # noqa: B007  (work notes it)
        beside.round_ended()
        assert beside.under_way is not None
        await beside.under_way
    assert done == [0, 3, 6]
    installation.clock.set(START - DAY)
    rounds = 12
    beside.round_ended()
    await beside.under_way
    assert done == [0, 3, 6, 12], "the clock has leapt"
    await beside.end()


async def test_the_forecast_is_made_once_a_day_whoever_looks_and_however_often(
    either: Installation,
) -> None:
    team = await either.team()
    await listening(team)
    await laddered(team)
    await tasks.forecast_of_the_day(either.runtime)
    for role in ("owner", "deputy"):
        await away(team, role, "2026-04-20T00:00:00Z")
    either.clock.set(START + DAY - MINUTE)
    await tasks.forecast_of_the_day(either.runtime)
    assert await heard(either) == []
    either.clock.set(START + DAY)
    await asyncio.gather(*(tasks.forecast_of_the_day(either.runtime) for _ in range(3)))
    assert [event for event, _ in await heard(either)] == ["coverage.gap_found"]


async def test_a_forecast_whose_worker_died_is_made_by_another(
    installation: Installation, team: Team
) -> None:
    await listening(team)
    await laddered(team)
    for role in ("owner", "deputy"):
        await away(team, role, "2026-04-20T00:00:00Z")
    async with installation.runtime.transaction() as session:
        assert await take_forecast(session, START, START + 10 * MINUTE)
    await tasks.forecast_of_the_day(installation.runtime)
    assert await heard(installation) == []
    installation.clock.set(START + 10 * MINUTE)
    await tasks.forecast_of_the_day(installation.runtime)
    assert [event for event, _ in await heard(installation)] == ["coverage.gap_found"]
