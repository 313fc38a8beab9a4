"""What a poll costs: counted in statements that reach the database, never in seconds. Glances go past the
library that tells of statements, and are counted by themselves."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from service.store.deadlines import Deadline
from tests.api.installation import Installation, Team, change, installed
from tests.feeds.subscription import Subscription, subscribe

DAY = timedelta(days=1)


@contextmanager
def statements(installation: Installation) -> Iterator[list[str]]:
    """The statements of this span, but for those that bound transactions."""
    found: list[str] = []

    def heard(_: Any, __: Any, statement: str, *___: Any) -> None:
        if not statement.startswith("BEGIN"):
            found.append(statement)

    engine = installation.runtime.engine.sync_engine
    event.listen(engine, "before_cursor_execute", heard)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", heard)


async def test_a_poll_that_finds_nothing_new_is_one_read(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    await team.deadline()
    installation.clock.advance(DAY)
    fresh = await feed.fetch()
    installation.clock.advance(timedelta(minutes=14))
    for asked in (
        {"if_none_match": fresh.headers["etag"]},
        {"if_modified_since": fresh.headers["last-modified"]},
    ):
        glances = installation.runtime.glances.reads
        with statements(installation) as others:
            assert (await feed.fetch(**asked)).status_code == 304
        assert (installation.runtime.glances.reads - glances, others) == (1, [])


async def test_the_same_on_postgres(postgres_url: str, tmp_path: Any) -> None:
    async with installed(postgres_url, tmp_path) as installation:
        team = await installation.team()
        await team.deadline()
        feed = await subscribe(installation, team, "owner", 2)
        fresh = await feed.fetch()
        glances = installation.runtime.glances.reads
        with statements(installation) as others:
            same = await feed.fetch(if_none_match=fresh.headers["etag"])
        assert (same.status_code, others) == (304, [])
        assert installation.runtime.glances.reads == glances + 1
        await change(team.admin, f"/cases/{team.case}", {"ceiling": 1})
        assert (await feed.fetch(if_none_match=fresh.headers["etag"])).status_code == 200


@pytest.mark.parametrize("number", [1, 400])
async def test_a_calendar_rendered_anew_costs_the_same_reads_however_much_it_shows(
    installation: Installation, team: Team, feed: Subscription, number: int
) -> None:
    """Reads: of the feed, its person with their roles, the deadlines and what has left lately."""
    due = await team.deadline()
    await _fill(installation, due["id"], number)
    await feed.fetch()
    await change(team.admin, f"/deadlines/{due['id']}", {"title": "Another"})
    with statements(installation) as found:
        await feed.fetch()
    reads = [one for one in found if one.startswith("SELECT") and "feed_readers" not in one[:200]]
    assert len([one for one in found if one.startswith("UPDATE feeds")]) == 1
    assert len(reads) <= 8
    assert len(found) <= 12


async def test_too_many_events_are_cut_to_what_calendars_bear_and_that_is_said(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    """Row 21: the soonest stay."""
    due = await team.deadline()
    await _fill(installation, due["id"], 600)
    path = f"/feeds/{feed.id}"
    events = await feed.events()
    assert len(events) == 500
    latest = max(one["DTSTART"].dt for one in events)
    for told in (await team.admin.get(path), await team.admin.get(f"{path}/preview")):
        assert told.json()["shows_all"] is False
    async with installation.runtime.transaction() as session:
        row = await session.get(Deadline, due["id"])
        assert row is not None
        assert latest == row.due_on + 499 * DAY


async def test_a_calendar_is_never_larger_than_half_a_megabyte(
    installation: Installation, team: Team
) -> None:
    """Row 21."""
    feed = await subscribe(installation, team, "owner", 3)
    await change(team.admin, f"/cases/{team.case}", {"ceiling": 3})
    due = await team.deadline(notes="Жалоба " * 1000)
    await _fill(installation, due["id"], 120)
    content = await feed.content()
    assert 256 * 1024 < len(content) <= 512 * 1024
    assert (await team.admin.get(f"/feeds/{feed.id}")).json()["shows_all"] is False


async def _fill(installation: Installation, deadline_id: str, number: int) -> None:
    """As many like that one, each a day later than the one before."""
    async with installation.runtime.transaction() as session:
        first = await session.get(Deadline, deadline_id)
        assert first is not None
        own = first.model_dump()
        for days in range(1, number):
            later = {name: own[name] + days * DAY for name in ("due_on", "due_at")}
            copy = {"id": f"{first.id[:-6]}{days:06}", "external_id": None, "wake_at": None}
            session.add(Deadline(**own | later | copy))
