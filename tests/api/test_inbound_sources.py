"""Inbound sources: tokens that are shown once, mappings that are looked at first, and the dry run."""

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from service.store.inbound import forget_failures
from tests.api.installation import Installation, Team, change, create, read
from tests.api.test_inbound import KOBO, kobo, payload, receipts, send, source
from tests.api.test_refusals import refused
from workers import tasks

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
PAGE = Path(__file__).parents[2] / "docs" / "inbound.md"


async def test_every_token_that_opens_nothing_is_told_the_same_and_writes_nothing(
    installation: Installation, team: Team
) -> None:
    disabled, rotated = await kobo(team), await kobo(team)
    await change(team.admin, f"/inbound-sources/{disabled['id']}", {"disabled": True})
    fresh = await create(team.admin, f"/inbound-sources/{rotated['id']}/rotate", {})
    before = await installation.rows()
    told = []
    for token in (disabled["token"], rotated["token"], "adqin_" + "A" * 43, "x", "x" * 150):
        by_path = await installation.outside.post(f"/api/v1/inbound/{token}", json=payload("kobo"))
        headers = {"X-Adquem-Token": token}
        by_header = await installation.outside.post("/api/v1/inbound", json={}, headers=headers)
        for response in (by_path, by_header):
            refused(response, 404, "not_found")
            told.append({k: v for k, v in response.json().items() if k != "request_id"})
    told.append((await installation.outside.post("/api/v1/inbound", json={})).json())
    del told[-1]["request_id"]
    assert all(one == told[0] for one in told)
    assert await installation.rows() == before
    assert (await send(installation, fresh, payload("kobo"))).status_code == 201


async def test_a_token_is_shown_once_and_kept_nowhere_in_clear(
    installation: Installation, team: Team
) -> None:
    form = await kobo(team)
    await send(installation, form, payload("kobo"))
    rotated = await create(team.admin, f"/inbound-sources/{form['id']}/rotate", {})
    assert form["token"] != rotated["token"]
    assert form["url"].endswith(form["token"])
    path = f"/inbound-sources/{form['id']}"
    said = [(await team.admin.get(one)).text for one in ("/inbound-sources", path)]
    kept = repr(await installation.rows())
    for token in (form["token"], rotated["token"]):
        assert token.removeprefix("adqin_") not in kept + "".join(said)


async def test_a_source_reaches_no_case_of_another_team(
    installation: Installation, team: Team
) -> None:
    other = await installation.team("K-99", "Others")
    form = await kobo(team)
    response = await send(installation, form, payload("kobo", case="K-99"))
    refused(response, 422, "unknown_reference", "case")
    assert (await read(other.admin, f"/cases/{other.case}/trigger-events"))["items"] == []
    for path in ("", "/receipts"):
        response = await other.admin.get(f"/inbound-sources/{form['id']}{path}")
        refused(response, 404, "not_found")


async def test_a_try_shows_what_would_be_made_and_changes_nothing(
    installation: Installation, team: Team
) -> None:
    form = await kobo(team)
    path = f"/inbound-sources/{form['id']}/try"
    before = await installation.rows()
    tried = await create(team.admin, path, payload("kobo"))
    (due,) = tried["deadlines"]
    assert (due["due_on"], due["rule_id"]) == ("2026-03-11", "kz.cpc.592.extradition-appeal")
    assert due["derivation"]
    assert tried["trigger_event"]["served_on"] == "2026-03-01"
    assert (tried["case_id"], tried["key"]) == (team.case, payload("kobo")["_uuid"])
    assert (tried["faults"], tried["known"]) == ([], False)

    wrong = payload("kobo", case=None, **{"decision/occurred_on": "02/03/2026"})
    tried = await create(team.admin, path, wrong)
    assert {one["field"]: one["code"] for one in tried["faults"]} == {
        "case": "missing_field",
        "occurred_on": "invalid_date",
    }
    assert tried["deadlines"] == []
    tried = await create(team.admin, path, payload("kobo", case="K-99"))
    assert [one["code"] for one in tried["faults"]] == ["unknown_reference"]
    assert await installation.rows() == before

    await send(installation, form, payload("kobo"))
    assert (await create(team.admin, path, payload("kobo")))["known"] is True
    refused(await team.admin.post(path, content=b"{"), 415, "unsupported_media_type")


async def test_a_try_of_an_alert_says_whom_it_would_not_find(
    installation: Installation, team: Team
) -> None:
    hotline = await source(team, "n8n", "alert")
    path = f"/inbound-sources/{hotline['id']}/try"
    before = await installation.rows()
    tried = await create(team.admin, path, payload("n8n", case="K-99"))
    assert (tried["alert"]["team_id"], tried["case_id"]) == (team.id, None)
    assert len(tried["warnings"]) == 1
    assert (await create(team.admin, path, payload("n8n")))["warnings"] == []
    assert await installation.rows() == before


ON = {"occurred_on": {"pointer": "/on"}}
WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "nothing is mapped": ({"mapping": {}}, "missing_field", "mapping.case"),
    "a case that may be missing": (
        {"mapping": ON | {"case": {"pointer": "/c", "optional": True}}},
        "missing_field",
        "mapping.case",
    ),
    "no kind": ({"mapping": ON | {"case": {"value": "K-17"}}}, "missing_field", "mapping.kind"),
    "no date": ({"mapping": {"occurred_on": None}}, "missing_field", "mapping.occurred_on"),
    "a date for ever": (
        {"mapping": {"occurred_on": {"value": "2026-01-01"}}},
        "invalid_input",
        "mapping.occurred_on",
    ),
    "no field of ours": ({"mapping": {"user_id": {"value": "x"}}}, "unknown_field", "mapping"),
    "rules by a stranger": ({"mapping": {"rules": {"pointer": "/r"}}}, "invalid_input", "mapping.rules"),
    "no such rule": ({"mapping": {"rules": {"value": ["kz.none"]}}}, "unknown_rule", "mapping.rules"),
    "no such kind": ({"mapping": {"kind": {"value": "No Kind"}}}, "invalid_input", "mapping.kind"),
    "seconds of no zone": (
        {"mapping": {"occurred_on": {"pointer": "/on", "as": "epoch_seconds"}}},
        "invalid_timezone",
        "mapping.occurred_on",
    ),
    "a zone for a text": (
        {"mapping": {"note": {"pointer": "/n", "timezone": "Asia/Almaty"}}},
        "invalid_input",
        "mapping.note",
    ),
    "no pointer": ({"id_pointer": "id"}, "invalid_input", "id_pointer"),
    "both": (
        {"mapping": {"kind": {"pointer": "/k", "value": "k.k"}}},
        "missing_field",
        "mapping.kind",
    ),
}  # fmt: skip


async def test_a_mapping_that_could_not_work_is_refused_before_the_first_payload(
    installation: Installation, team: Team
) -> None:
    before = await installation.rows()
    for name, (given, code, field) in WRONG.items():
        custom = name in ("nothing is mapped", "no kind")
        own = {"case": {"pointer": "/c"}, "kind": {"pointer": "/k"}, **ON}
        mapping = given.get("mapping", {}) if custom else own | given.get("mapping", {})
        body = {"name": "s", "recipe": "custom", "makes": "trigger_event"} | given
        response = await team.admin.post("/inbound-sources", json=body | {"mapping": mapping})
        refused(response, 422, code, field)
    assert await installation.rows() == before


async def test_a_source_is_changed_by_whoever_has_read_it_and_is_an_administrator(
    installation: Installation, team: Team
) -> None:
    form = await kobo(team)
    path = f"/inbound-sources/{form['id']}"
    changed = await change(team.admin, path, {"name": "Intake", "id_pointer": "/meta~1instanceID"})
    assert (changed["name"], changed["revision"]) == ("Intake", 2)
    assert changed["mapping"] == form["mapping"]
    refused(await team.admin.patch(path, json={"name": "x"}), 428, "precondition_required")
    stale = {"if-match": f'"{form["id"]}.1"'}
    response = await team.admin.patch(path, json={"name": "x"}, headers=stale)
    refused(response, 412, "precondition_failed")
    writer = installation.client(await installation.key(scope="write", team_id=team.id))
    for method, where in (("GET", path), ("POST", f"{path}/rotate"), ("GET", f"{path}/receipts")):
        refused(await writer.request(method, where), 403, "forbidden")
    first = payload("kobo")
    assert (await send(installation, form, first)).status_code == 201
    assert (await receipts(team, form))[0]["key"] == first["meta/instanceID"]


async def test_failures_are_forgotten_and_what_was_made_is_not_made_again(
    installation: Installation, team: Team
) -> None:
    form = await kobo(team)
    first = await send(installation, form, payload("kobo"))
    await send(installation, form, payload("kobo", _uuid="other", case=None))
    later = installation.clock.now + timedelta(days=91)
    async with installation.runtime.transaction() as session:
        await forget_failures(session, later - timedelta(days=90))
    assert [one["state"] for one in await receipts(team, form)] == ["made"]
    assert (await send(installation, form, payload("kobo"))).json() == first.json()


async def test_every_recipe_of_the_page_is_one_that_can_be_pasted(
    installation: Installation, team: Team
) -> None:
    blocks = re.findall(r"```json\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    recipes = [one for block in blocks if "recipe" in (one := json.loads(block))]
    assert {one["recipe"] for one in recipes} == {"kobo", "primero", "n8n", "custom"}
    for recipe in recipes:
        made = await create(team.admin, "/inbound-sources", recipe)
        assert made["url"].endswith(f"/api/v1/inbound/{made['token']}")


async def refusing(installation: Installation, team: Team, source: dict[str, Any]) -> str | None:
    """As its administrator sees it; the metric of the installation counts it alike."""
    (shown,) = (await read(team.admin, "/inbound-sources"))["items"]
    since: str | None = shown["refusing_since"]
    one = await read(team.admin, f"/inbound-sources/{source['id']}")
    assert one["refusing_since"] == since
    lines = (await installation.outside.get("/metrics")).text.splitlines()
    assert f"adquem_inbound_refusing_sources {int(since is not None)}" in lines
    return since


async def test_a_source_that_refuses_shows_since_when_until_it_makes_something(
    either: Installation,
) -> None:
    """And makes nothing of ours unwell by it."""
    team = await either.team()
    form = await source(team, "kobo", mapping=KOBO, only_if={"pointer": "/decision~1kind"})
    assert (await send(either, form, payload("kobo"))).status_code == 201
    either.clock.advance(HOUR)
    wrong = payload("kobo", _uuid="other", case=None)
    assert (await send(either, form, wrong)).status_code == 422
    since = either.clock.now
    either.clock.advance(15 * MINUTE)
    assert await refusing(either, team, form) is None, "somebody may be trying it out"
    # The sender's further tries begin nothing anew, and what is passed over mends nothing.
    await send(either, form, wrong)
    await send(either, form, {"_uuid": "third"})
    seen = await refusing(either, team, form)
    assert seen is not None
    assert datetime.fromisoformat(seen) == since
    await tasks.tick(either.runtime)
    await tasks.deliver(either.runtime)
    ready = await either.outside.get("/readyz")
    assert ready.status_code == 200, ready.text
    path = f"/inbound-sources/{form['id']}"
    assert (await change(team.admin, path, {"disabled": True}))["refusing_since"] is None
    assert await refusing(either, team, form) is None, "it takes nothing, as somebody wanted"
    assert (await change(team.admin, path, {"disabled": False}))["refusing_since"] == seen
    assert (await send(either, form, payload("kobo", _uuid="other"))).status_code == 201
    assert await refusing(either, team, form) is None


async def test_what_was_refused_before_something_was_made_is_over(
    installation: Installation, team: Team
) -> None:
    form = await kobo(team)
    wrong = payload("kobo", _uuid="other", case=None)
    await send(installation, form, wrong)
    installation.clock.advance(HOUR)
    assert await refusing(installation, team, form) is not None
    await send(installation, form, payload("kobo"))
    made = installation.clock.now
    assert await refusing(installation, team, form) is None
    # The old one comes again: nothing was made since then, and not since it first came.
    installation.clock.advance(HOUR)
    await send(installation, form, wrong)
    seen = await refusing(installation, team, form)
    assert seen is not None
    assert datetime.fromisoformat(seen) == made
