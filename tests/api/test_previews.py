"""What somebody was told can be read by whoever may see the case so far, and by nobody else."""

import re
from pathlib import Path
from typing import Any

from service.commands.gallery import drafts, write_gallery
from service.domain.notifications import FOR_PEOPLE
from service.sealing import answer_code, answer_token
from tests.api.digest_mails import at, mails
from tests.api.installation import Installation, Team, change, read
from tests.api.test_answers import DAY, MARK, laddered, tick
from tests.api.test_refusals import refused


async def person(installation: Installation, team: Team, role: str) -> Any:
    key = {"scope": "read", "team_id": team.id, "user_id": team.people[role]}
    return installation.client(await installation.key(**key))


async def reminder(installation: Installation, team: Team) -> str:
    deadline = await laddered(team)
    await tick(installation, MARK)
    items = (await read(team.admin, f"/deadlines/{deadline['id']}/messages"))["items"]
    return next(str(one["id"]) for one in items if one["user_id"] == team.people["owner"])


async def test_it_shows_what_the_reader_saw_without_the_keys_to_answer(
    installation: Installation, team: Team
) -> None:
    message_id = await reminder(installation, team)
    shown = await read(team.admin, f"/messages/{message_id}/preview")
    assert "K-17" in shown["subject"]
    assert "K-17" in shown["text"]
    assert shown["html"].startswith("<!doctype html>")
    seal, everything = installation.runtime.seal, repr(shown)
    assert "/r/[...]" in shown["text"]
    assert answer_token(seal, message_id) not in everything
    assert answer_code(seal, message_id) not in everything


async def test_a_person_reads_it_as_far_as_that_person_may_see_the_case(
    installation: Installation, team: Team
) -> None:
    await change(team.admin, f"/cases/{team.case}", {"mail_level": 2, "ceiling": 2})
    message_id = await reminder(installation, team)
    path = f"/messages/{message_id}/preview"
    deputy = await person(installation, team, "deputy")
    observer = await person(installation, team, "observer")
    assert (await deputy.get(path)).status_code == 200
    refused(await observer.get(path), 404, "not_found")
    others = await installation.team("K-18", "Others")
    refused(await others.admin.get(path), 404, "not_found")
    roles = [{"role": "owner", "user_id": team.people["owner"]}]
    await change(team.admin, f"/cases/{team.case}", {"roles": roles})
    refused(await deputy.get(path), 404, "not_found")


async def test_a_digest_is_read_by_its_own_reader_alone(
    installation: Installation, team: Team
) -> None:
    await team.deadline()
    await at(installation, installation.clock.now + DAY)
    await at(installation, installation.clock.now + DAY)
    owner = team.people["owner"]
    digest = next(one for one in await mails(installation) if one.user == owner)
    path = f"/messages/{digest.id}/preview"
    for who in (team.admin, installation.operator, await person(installation, team, "deputy")):
        refused(await who.get(path), 404, "not_found")
    shown = await read(await person(installation, team, "owner"), path)
    assert shown["subject"] == digest.subject


def test_the_gallery_shows_every_template_in_every_language(tmp_path: Path) -> None:
    write_gallery(tmp_path / "gallery")
    written = {file.name for file in (tmp_path / "gallery").iterdir()}
    assert written == {f"{name}.{kind}" for name, _ in drafts() for kind in ("eml", "html")}
    shown = {draft.event for _, draft in drafts()}
    assert shown >= FOR_PEOPLE
    folders = {re.split(r"[.]", name)[0] for name in written}
    assert folders >= {"reminder", "escalation", "deadline", "alert", "digest", "exit_check"}
