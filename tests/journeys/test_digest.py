"""The digest of a real installation: each morning one mail, however many workers there are."""

from datetime import UTC, datetime, timedelta

from tests.harness.world import World
from tests.journeys.docket import ask, open_docket

#: Eight in the morning in Almaty.
EIGHT = datetime(2026, 3, 3, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def test_each_morning_brings_one_digest(world: World) -> None:
    docket = open_docket(world, [{"targets": ["owner"], "before_due": "P1D"}])
    owner = docket.people["owner"]
    body = {"case_id": docket.case, "title": "Appeal", "kind": "filing", "due_on": "2026-06-10"}
    docket.post("/deadlines", **body, user_id=owner)
    tag = {"if-match": world.api.get(f"/users/{owner}").headers["etag"]}
    ask(world.api, "PATCH", f"/users/{owner}", json={"digest_at": "08:00"}, headers=tag)
    for days in range(3):
        docket.move(EIGHT + days * DAY)
        mails = world.mails.wait_for(days + 1)
        assert [one.recipients for one in mails] == [("owner@example.org",)] * (days + 1)
    assert len({one.subject for one in mails}) == 1
