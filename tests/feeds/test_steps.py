"""Whatever happens to a docket, in whatever order: no calendar misses a change, or hears of none."""

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from icalendar import Calendar

from tests.api.installation import Installation, Team, read
from tests.feeds.subscription import forget, modified_at, subscribe

HOUR = timedelta(hours=1)
Events = dict[str, tuple[int, datetime, bytes]]


def events_of(content: bytes) -> Events:
    calendar: Any = Calendar.from_ical(content)
    found = [one for one in calendar.subcomponents if one.name in ("VEVENT", "VTODO")]
    return {
        str(one["UID"]): (int(one["SEQUENCE"]), one["LAST-MODIFIED"].dt, one.to_ical())
        for one in found
    }


class Docket:
    """What may be done to a team, by chance; what the service refuses changes nothing."""

    def __init__(self, installation: Installation, team: Team, feed: str, seed: int) -> None:
        self.chance = random.Random(seed)
        self.installation, self.team, self.feed = installation, team, feed
        self.number = 0

    async def step(self) -> str:
        steps = [self.enter, self.edit, self.edit, self.move, self.move, self.end, self.verify]
        steps += [
            self.set_feed,
            self.set_feed,
            self.set_case,
            self.set_person,
            self.wait,
            self.wait,
        ]
        step = self.chance.choice(steps)
        await step()
        return step.__name__

    async def enter(self) -> None:
        due = self.installation.clock.now + self.chance.choice([2, 30, 500, 20_000]) * HOUR
        given = self.chance.choice([{"due_on": f"{due:%Y-%m-%d}"}, {"due_at": f"{due:%FT%TZ}"}])
        kind = self.chance.choice(["filing", "hearing"])
        await self.team.deadline(title=f"T{self.next()}", kind=kind, **given)

    async def edit(self) -> None:
        name = self.chance.choice(["title", "notes"])
        await self.patch(f"/deadlines/{await self.one()}", {name: f"N{self.next()}"})

    async def move(self) -> None:
        due = self.installation.clock.now + self.chance.choice([-40, 5, 300]) * HOUR
        await self.post("override", due_on=f"{due:%Y-%m-%d}", reason="moved")

    async def end(self) -> None:
        given = {"reason": "r"}
        verb = self.chance.choice(["complete", "cancel", "waive", "miss"])
        await self.post(verb, **({"proof": "7/26"} if verb == "complete" else given))

    async def verify(self) -> None:
        await self.post("verify", "deputy")

    async def set_feed(self) -> None:
        changes = [{"level": n} for n in range(4)] + [{"language": one} for one in ("ru", None)]
        changes += [{"alarms": True}, {"alarms": False}, {"scope": "mine"}, {"scope": "team"}]
        changes += [{"kinds": ["hearing"]}, {"kinds": []}, {"tasks": True}, {"tasks": False}]
        await self.patch(f"/feeds/{self.feed}", self.chance.choice(changes))

    async def set_case(self) -> None:
        who = self.team.people
        owner = self.chance.choice(["owner", "observer", None])
        roles = [{"role": "owner", "user_id": who["deputy"]}]
        roles += [{"role": owner, "user_id": who["owner"]}] if owner else []
        ceiling = {"ceiling": self.chance.choice([0, 1, 2, 3])}
        change = self.chance.choice([ceiling, {"forum": f"F{self.next()}"}, {"roles": roles}])
        await self.patch(f"/cases/{self.team.case}", change)

    async def set_person(self) -> None:
        language = self.chance.choice(["en", "ru", "kk"])
        await self.patch(f"/users/{self.team.people['owner']}", {"language": language})

    async def wait(self) -> None:
        self.installation.clock.advance(self.chance.choice([0.0001, 1, 30, 200]) * HOUR)

    async def one(self) -> str:
        return str(self.chance.choice((await read(self.team.admin, "/deadlines"))["items"])["id"])

    async def post(self, verb: str, who: str = "owner", **body: Any) -> None:
        path = f"/deadlines/{await self.one()}/{verb}"
        await self.team.admin.post(path, json={"user_id": self.team.people[who]} | body)

    async def patch(self, path: str, body: dict[str, Any]) -> None:
        await self.team.admin.patch(path, json=body, headers={"if-match": "*"})

    def next(self) -> int:
        self.number += 1
        return self.number


@pytest.mark.parametrize("seed", range(6))
async def test_every_change_is_noticed_by_each_way_of_asking_and_nothing_else_is(
    installation: Installation, team: Team, seed: int
) -> None:
    """Rows 9 to 12, 40, 41 and 62. What was kept of earlier steps is never stale."""
    feed = await subscribe(installation, team, "owner", 3)
    docket = Docket(installation, team, feed.id, seed)
    for _ in range(3):
        await docket.enter()
    before = await feed.fetch()
    known = events_of(before.content)
    done = []
    for _ in range(25):
        done.append(await docket.step())
        by_etag = await feed.fetch(if_none_match=before.headers["etag"])
        by_time = await feed.fetch(if_modified_since=before.headers["last-modified"])
        fresh = await feed.fetch()
        same = fresh.content == before.content
        assert (by_etag.status_code == 304) is same, done
        assert same or by_time.status_code == 200, done
        assert (fresh.headers["etag"] == before.headers["etag"]) is same, done
        assert modified_at(fresh) >= modified_at(before), done
        known = _counted_up(known, fresh.content, done)
        forget()
        assert await feed.content() == fresh.content, done
        before = fresh
    assert len(known) > 1
    assert await feed.content() == before.content


def _counted_up(known: Events, content: bytes, done: list[str]) -> Events:
    """Compared with the last that was ever seen of each: what left and came back counts on."""
    now = events_of(content)
    for uid, (sequence, changed_at, raw) in now.items():
        if uid in known and raw != known[uid][2]:
            assert sequence > known[uid][0], done
            assert changed_at >= known[uid][1] + timedelta(seconds=1), done
    return known | now
