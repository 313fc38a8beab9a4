"""A source that refuses what it is sent: nobody reads the sender's log, so its people are told by mail."""

from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from tests.api.installation import Installation, Team, change, create
from tests.api.test_inbound import KOBO, kobo, payload, send
from tests.api.test_languages import mails, speaking
from workers import tasks

MINUTE, HOUR, DAY = (timedelta(minutes=n) for n in (1, 60, 1440))
#: The name of the source must not stand where a locked screen shows it.
NAME = "Prison visits"


async def source_of(team: Team, client: Any = None) -> dict[str, Any]:
    body = {"name": NAME, "recipe": "kobo", "makes": "trigger_event", "mapping": KOBO}
    return await create(client or team.admin, "/inbound-sources", body)


async def made_by(installation: Installation, team: Team, role: str) -> dict[str, Any]:
    """By a person, with a key of their own."""
    key = await installation.key(scope="admin", team_id=team.id, user_id=team.people[role])
    return await source_of(team, installation.client(key))


async def refuse(installation: Installation, form: dict[str, Any], number: int = 1) -> None:
    """A submission that names no case."""
    body = payload("kobo", _uuid=f"bad-{number}", case=None, _notes="SAID IN THE FORM")
    assert (await send(installation, form, body)).status_code == 422


async def accept(installation: Installation, form: dict[str, Any], number: int = 1) -> None:
    body = payload("kobo", _uuid=f"good-{number}")
    assert (await send(installation, form, body)).status_code == 201


async def told(installation: Installation, after: timedelta = timedelta()) -> list[EmailMessage]:
    """The mails about the source that leave, so much later."""
    installation.clock.advance(after)
    outbox = installation.runtime.settings.home / "outbox"
    for file in outbox.glob("*.eml"):
        file.unlink()
    await tasks.tend_sources(installation.runtime)
    await tasks.deliver(installation.runtime)
    found = mails(installation).values()
    return [one for one in found if "inbound-sources" in text(one)]


def text(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


async def test_whoever_made_a_source_that_refuses_is_told_since_when_why_and_where_to_look(
    either: Installation,
) -> None:
    team = await either.team()
    form = await made_by(either, team, "deputy")
    await refuse(either, form)
    (mail,) = await told(either, 16 * MINUTE)
    assert mail["To"] == f"deputy.{team.id}@example.org"
    assert mail["Subject"] == "An inbound source refuses what it is sent"
    for said in (NAME, form["id"], "09:00", "missing_field (case)"):
        assert said in text(mail), text(mail)
    address = f"/inbound-sources/{form['id']}/receipts?state=refused"
    assert f"/api/v1{address}" in text(mail)
    (receipt,) = (await team.admin.get(address)).json()["items"]
    assert (receipt["code"], receipt["field"]) == ("missing_field", "case")
    assert "SAID IN THE FORM" not in mail.as_string()
    assert await told(either, MINUTE) == [], "each worker looks, and looks again"


async def test_of_a_source_that_nobody_in_the_team_made_each_of_them_is_told_in_their_language(
    installation: Installation, team: Team
) -> None:
    await speaking(team, deputy="ru", supervisor="kk")
    form = await kobo(team)
    await refuse(installation, form)
    heads = {
        str(one["To"]).partition(".")[0]: one["Subject"] for one in await told(installation, HOUR)
    }
    assert heads == {
        "owner": "An inbound source refuses what it is sent",
        "deputy": "Источник событий отклоняет то, что ему присылают",
        "supervisor": "Оқиғалар көзі өзіне жіберілгенді қабылдамайды",
        "observer": "An inbound source refuses what it is sent",
    }


async def test_who_made_it_and_has_left_is_not_told_and_everybody_else_is(
    installation: Installation, team: Team
) -> None:
    form = await made_by(installation, team, "observer")
    await change(team.admin, f"/users/{team.people['observer']}", {"disabled": True})
    await refuse(installation, form)
    names = {str(one["To"]).partition(".")[0] for one in await told(installation, HOUR)}
    assert names == {"owner", "deputy", "supervisor"}


async def test_whoever_is_still_trying_a_form_out_is_not_written_to(
    installation: Installation, team: Team
) -> None:
    form = await made_by(installation, team, "owner")
    await refuse(installation, form)
    assert await told(installation, 14 * MINUTE) == []
    await accept(installation, form)
    assert await told(installation, DAY) == []


async def test_a_run_of_refusals_is_told_once_however_long_it_lasts(
    installation: Installation, team: Team
) -> None:
    form = await made_by(installation, team, "owner")
    heard = 0
    for number in range(6):
        await refuse(installation, form, number)
        heard += len(await told(installation, 13 * HOUR))
    assert heard == 1


@pytest.mark.parametrize(("apart", "again"), [(20 * HOUR, 0), (25 * HOUR, 1)])
async def test_what_a_source_accepts_ends_the_run_and_the_next_is_told_but_not_within_a_day(
    installation: Installation, team: Team, apart: timedelta, again: int
) -> None:
    form = await made_by(installation, team, "owner")
    await refuse(installation, form)
    assert len(await told(installation, HOUR)) == 1
    await accept(installation, form)
    await refuse(installation, form, 2)
    assert len(await told(installation, apart)) == again
    # What was kept back for a day is told after it, while it lasts.
    assert len(await told(installation, 5 * HOUR)) == 1 - again


async def test_one_source_that_refuses_keeps_no_other_from_being_told_of(
    installation: Installation, team: Team
) -> None:
    first, second = [await made_by(installation, team, "owner") for _ in range(2)]
    await refuse(installation, first)
    assert len(await told(installation, HOUR)) == 1
    await refuse(installation, second)
    (mail,) = await told(installation, HOUR)
    assert second["id"] in text(mail)


async def test_a_source_that_was_switched_off_is_nobodys_trouble(
    installation: Installation, team: Team
) -> None:
    form = await made_by(installation, team, "owner")
    await refuse(installation, form)
    await change(team.admin, f"/inbound-sources/{form['id']}", {"disabled": True})
    assert await told(installation, HOUR) == []
