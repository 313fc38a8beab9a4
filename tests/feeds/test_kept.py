"""What is kept of events that were rendered before is never stale: a calendar shows what a process that has
kept nothing would show, whatever became different, and whoever made it so."""

from datetime import date, timedelta
from typing import Any

from sqlalchemy import update

from service.store.cases import Case
from service.store.columns import core_table
from service.store.deadlines import Deadline
from tests.api.installation import Installation, change, on_both
from tests.feeds.subscription import Subscription, forget, subscribe
from tests.harness.world import START

DAY = timedelta(days=1)
#: A column of each table, and another value; whether a calendar at the highest level shows it.
OF_DEADLINE = [
    ("title", "Another title", True),
    ("notes", "Another note", True),
    ("notes", None, True),
    ("notes", "A third note", True),
    ("kind", "hearing", True),
    ("state", "open", True),
    ("state", "provisional", True),
    ("state", "open", True),
    ("due_on", date(2026, 4, 2), True),
    ("whole_day", False, True),
    ("due_at", START + 33 * DAY, True),
    ("timezone", "Europe/Berlin", True),
    ("rule_id", "another.rule", True),
    ("sources", [{"citation": "art. 7"}], True),
    ("sources", [], True),
    ("version", 2, True),
    ("entered_at", START - 3 * DAY, True),
    ("shown", 40, True),
    ("shown_at", START + timedelta(hours=1), True),
    ("state", "completed", True),
    ("ended_at", START - timedelta(hours=1), True),
    ("ended_at", START - 40 * DAY, True),
    ("ended_at", None, False),
    ("state", "open", True),
    ("drill", True, True),
    ("drill", False, True),
]
OF_CASE = [
    ("code", "K-2", True),
    ("forum", "Another court", True),
    ("forum", None, True),
    ("shown", 40, True),
    ("shown_at", START + timedelta(hours=2), True),
    ("ceiling", 2, True),
    ("ceiling", 1, True),
    ("ceiling", 0, True),
]


async def as_kept_and_anew(feed: Subscription) -> tuple[bytes, bytes]:
    kept = await feed.content()
    forget()
    return kept, await feed.content()


@on_both
async def test_what_is_shown_is_what_the_database_says_whatever_became_different(
    installation: Installation,
) -> None:
    team = await installation.team()
    await change(team.admin, f"/cases/{team.case}", {"ceiling": 3, "forum": "A court"})
    await team.deadline(notes="A note", due_on="2026-04-01")
    feed = await subscribe(installation, team, "owner", 3)
    installation.clock.advance(timedelta(hours=6))
    before, anew = await as_kept_and_anew(feed)
    assert before == anew
    changes = [(Deadline, *one) for one in OF_DEADLINE] + [(Case, *one) for one in OF_CASE]
    for table, name, value, visible in changes:
        await written(installation, table, name, value)
        kept, anew = await as_kept_and_anew(feed)
        assert kept == anew, (name, value)
        assert (kept != before) is visible, (name, value)
        before = kept


async def written(installation: Installation, table: Any, name: str, value: Any) -> None:
    """As the service does it: its counter rises. That it always does, `tests/counters.py` sees to."""
    columns = core_table(table).c
    async with installation.runtime.transaction() as session:
        raised = {"shown": columns.shown + 1} | {name: value}
        await session.exec(update(core_table(table)).values(raised))


@on_both
async def test_when_and_whether_are_what_the_database_says_even_behind_the_back_of_the_counter(
    installation: Installation,
) -> None:
    """A date that was mended by hand must not wait for a program to begin anew."""
    team = await installation.team()
    due = await team.deadline(due_at=(START + 30 * DAY).isoformat())
    feed = await subscribe(installation, team, "owner", 3)
    for value in ({"due_at": START + 33 * DAY}, {"state": "completed"}, {"state": "open"}):
        before = await feed.content()
        of_it = core_table(Deadline).c.id == due["id"]
        async with installation.runtime.transaction() as session:
            await session.exec(update(core_table(Deadline)).where(of_it).values(value))
        kept, anew = await as_kept_and_anew(feed)
        assert kept == anew != before, value


@on_both
async def test_time_alone_makes_nothing_stale_that_is_kept(installation: Installation) -> None:
    team = await installation.team()
    due = await team.deadline(due_on="2026-03-05")
    await change(team.admin, f"/deadlines/{due['id']}", {"title": "Another"})
    far = (START + 735 * DAY).date()
    await team.deadline(title="Far away", due_on=str(far))
    feed = await subscribe(installation, team, "owner", 2)
    seen = set()
    for _ in range(40):
        kept, anew = await as_kept_and_anew(feed)
        assert kept == anew
        seen.add(kept)
        installation.clock.advance(timedelta(hours=7))
    assert len(seen) >= 3


@on_both
async def test_values_of_every_shape_arrive_as_they_were_written(
    installation: Installation,
) -> None:
    """Quotes, commas and whatever else a text between the database and the calendar could trip over."""
    team = await installation.team()
    await change(team.admin, f"/cases/{team.case}", {"ceiling": 3})
    title = "\"Жалоба\", [null] \\ {'қ': 1} 😀 \\u0041"
    await team.deadline(title=title, notes=title + "\n" + title)
    feed = await subscribe(installation, team, "owner", 3)
    event = await feed.event()
    assert title in str(event["SUMMARY"])
    assert str(event["DESCRIPTION"]).count(title) == 2
