"""One click ends the mails of every day, and no notice."""

import re
from datetime import timedelta

from tests.api.digest_mails import mails
from tests.api.installation import Installation, Team, read
from tests.harness.world import START
from workers import tasks


async def link(installation: Installation, team: Team) -> str:
    """That of the owner's digest."""
    await team.deadline()
    for days in (1, 2):
        installation.clock.set(START + timedelta(days=days))
        await tasks.digest(installation.runtime)
    owner = team.people["owner"]
    digest = next(one for one in await mails(installation) if one.user == owner)
    assert digest.parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    found = re.fullmatch(r"<http://[^/]+(/u/[^>]+)>", digest.parsed["List-Unsubscribe"])
    assert found is not None
    return found[1]


async def hours(team: Team) -> tuple[str | None, str | None]:
    owner = await read(team.admin, f"/users/{team.people['owner']}")
    return owner["digest_at"], owner["exit_check_at"]


async def test_one_click_ends_that_mail_alone_however_often_it_comes(
    installation: Installation, team: Team
) -> None:
    path = await link(installation, team)
    assert await hours(team) == ("08:00", "18:00")
    before = await installation.rows()
    for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE"):
        await installation.outside.request(method, path)
    assert "<form" in (await installation.outside.get(path)).text
    assert await installation.rows() == before
    one_click = {"List-Unsubscribe": "One-Click"}
    answer = await installation.outside.post(path, data=one_click)
    assert (answer.status_code, "set-cookie" in answer.headers) == (200, False)
    assert await hours(team) == (None, "18:00")
    after = await installation.rows()
    form = {"List-Unsubscribe": (None, "One-Click")}
    assert (await installation.outside.post(path, files=form)).status_code == 200
    assert await installation.rows() == after


async def test_what_says_nothing_or_has_a_wrong_token_changes_nothing(
    installation: Installation, team: Team
) -> None:
    path = await link(installation, team)
    before = await installation.rows()
    assert (await installation.outside.post(path)).status_code == 422
    wrong = path[:-1] + ("0" if path[-1] != "0" else "1")
    for other in (wrong, "/u/x", "/u/" + "-" * 100):
        one_click = {"List-Unsubscribe": "One-Click"}
        assert (await installation.outside.post(other, data=one_click)).status_code == 404
    assert await installation.rows() == before
