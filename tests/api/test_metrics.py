"""What the operator's figures tell, that they cost little, and that the dashboard and the alarms ask for
nothing that is not there."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import event

import workers.rounds  # noqa: F401  (what comes back is counted beside them)
from service.runtime import Runtime
from service.store.tallies import possible_duplicates, tally
from tests.api.installation import Installation, Team, create
from workers import tasks

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations"
LADDER = [
    {"before_due": "P7D", "targets": ["owner"]},
    {"no_response_for": "PT1H", "targets": ["deputy"]},
]


async def run(runtime: Runtime) -> None:
    await tasks.tick(runtime)
    await tasks.deliver(runtime)
    await tasks.watch(runtime, ticked=True)


async def text(installation: Installation) -> str:
    return (await installation.outside.get("/metrics")).text


async def value(installation: Installation, sample: str) -> float:
    """0 for what has never happened: a counter with labels begins with its first event."""
    lines = (await text(installation)).splitlines()
    found = [float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{sample} ")]
    assert len(found) <= 1
    return found[0] if found else 0.0


def asked_for(expression: str) -> set[str]:
    """The metrics named in an expression, a histogram under its own name."""
    names = re.findall(r"adquem_[a-z_]+", expression)
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}


def rules() -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load((OPERATIONS / "alerts.yml").read_text())["groups"]:
        yield from group["rules"]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((OPERATIONS / "grafana.json").read_text())["panels"]
    return found


async def test_alarms_and_dashboard_ask_for_figures_that_are_there(
    installation: Installation,
) -> None:
    there = set(re.findall(r"^# TYPE (adquem_[a-z_]+) ", await text(installation), re.MULTILINE))
    asked = {name for rule in rules() for name in asked_for(rule["expr"])}
    asked |= {n for one in panels() for t in one["targets"] for n in asked_for(t["expr"])}
    assert len(asked) > 15
    assert asked - there == set()


def test_each_alarm_says_what_is_wrong_and_whom_it_wakes() -> None:
    every = list(rules())
    assert len({rule["alert"] for rule in every}) == len(every)
    assert {rule["labels"]["severity"] for rule in every} == {"page", "ticket"}
    assert all(rule["annotations"]["summary"] and rule["expr"] for rule in every)


def test_the_dashboard_has_no_panel_over_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


async def test_a_ladder_is_counted_from_its_first_word_to_its_answer(either: Installation) -> None:
    team = await either.team()
    policy = await create(team.admin, "/escalation-policies", {"name": "l", "steps": LADDER})
    given = {"due_on": "2026-03-05", "escalation_policy_id": policy["id"]}
    deadline = await team.deadline(**given)
    sent = 'adquem_notifications_total{channel="email",reason="",state="accepted"}'
    seconds = 'adquem_ack_seconds_sum{urgency="normal"}'
    before, waited = await value(either, sent), await value(either, seconds)
    await run(either.runtime)
    assert await value(either, sent) == before + 1
    either.clock.advance(timedelta(minutes=1))
    assert await value(either, 'adquem_escalations_open{state="active"}') == 1
    either.clock.advance(timedelta(minutes=9))
    body = {"user_id": team.people["owner"]}
    await create(team.admin, f"/deadlines/{deadline['id']}/acknowledge", body)
    assert await value(either, 'adquem_escalations_open{state="acknowledged"}') == 1
    assert await value(either, seconds) == waited + 600
    either.clock.advance(timedelta(minutes=1))
    await create(team.admin, f"/deadlines/{deadline['id']}/cancel", body | {"reason": "settled"})
    for state in ("active", "acknowledged", "exhausted"):
        assert await value(either, f'adquem_escalations_open{{state="{state}"}}') == 0


async def test_what_is_held_for_an_endpoint_shows_with_its_state(either: Installation) -> None:
    team = await either.team()
    url = "https://hooks.example.com/in"
    endpoint = await create(team.admin, "/endpoints", {"name": "e", "url": url})
    await create(team.admin, f"/endpoints/{endpoint['id']}/disable", {})
    await team.deadline()
    either.clock.advance(timedelta(minutes=1))
    await run(either.runtime)
    assert await value(either, 'adquem_webhook_endpoints{state="disabled"}') == 1
    assert await value(either, "adquem_webhook_held_events") >= 1


async def test_a_drill_shows_in_no_count_of_notices(installation: Installation, team: Team) -> None:
    sent = 'adquem_notifications_total{channel="email",reason="",state="accepted"}'
    before = await value(installation, sent)
    await team.deadline(due_on="2026-03-05", drill=True)
    await run(installation.runtime)
    assert list((installation.runtime.settings.home / "outbox").glob("*.eml"))
    assert await value(installation, sent) == before


async def test_what_was_taken_back_is_not_counted(installation: Installation) -> None:
    before = await value(installation, "adquem_possible_duplicates_total")
    async with installation.runtime.reading() as session:
        tally(session, possible_duplicates.inc)
        async with session.begin_nested():
            pass
        await session.rollback()
    assert await value(installation, "adquem_possible_duplicates_total") == before
    async with installation.runtime.transaction() as session:
        tally(session, possible_duplicates.inc)
    assert await value(installation, "adquem_possible_duplicates_total") == before + 1


async def test_figures_of_the_database_are_kept_for_some_seconds(
    installation: Installation,
) -> None:
    statements: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        statements.append(statement)

    await text(installation)
    event.listen(installation.runtime.engine.sync_engine, "before_cursor_execute", note)
    await text(installation)
    assert not [one for one in statements if "escalations" in one]
    installation.clock.advance(timedelta(seconds=11))
    await text(installation)
    assert [one for one in statements if "FROM escalations" in one]
    assert all("LIMIT" in one for one in statements if "FROM escalations" in one)


async def test_no_label_holds_an_id(installation: Installation, team: Team) -> None:
    deadline = await team.deadline(due_on="2026-03-05")
    await run(installation.runtime)
    told = await text(installation)
    for one in (deadline["id"], team.id, team.case, "K-17", *team.people.values()):
        assert one not in told
