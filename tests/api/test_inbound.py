"""What forms and case systems report: once, loudly where it cannot be read, and never moving a date."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.errors import Code
from tests.api.installation import Installation, Team, change, create, read
from tests.api.test_refusals import ECHO, refused

DATA = Path(__file__).parents[1] / "data" / "inbound"
#: The form asks in a group and by answers of its own.
KOBO = {
    "kind": {
        "pointer": "/decision~1kind",
        "values": {"refusal_or_extradition": "decision.extradition"},
    },
    "occurred_on": {"pointer": "/decision~1occurred_on"},
    "served_on": {"pointer": "/decision~1served_on", "optional": True},
    "service_method": {"pointer": "/decision~1how", "values": {"by_hand": "in_person"}},
}
PRIMERO = {
    "kind": {"value": "decision.extradition"},
    "occurred_on": {"pointer": "/data/extradition_decision_date"},
    "served_on": {"pointer": "/data/extradition_decision_served_on", "optional": True},
}


def payload(name: str, **given: Any) -> dict[str, Any]:
    """A payload in the true shape of that sender; `given` over its outermost fields."""
    document: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text("utf-8"))
    return document | given


def record(**given: Any) -> dict[str, Any]:
    """Primero's envelope with other fields in the record."""
    return {"data": payload("primero")["data"] | given}


async def source(
    team: Team, recipe: str, makes: str = "trigger_event", **given: Any
) -> dict[str, Any]:
    body = {"name": f"{recipe} form", "recipe": recipe, "makes": makes}
    return await create(team.admin, "/inbound-sources", body | given)


async def kobo(team: Team) -> dict[str, Any]:
    return await source(team, "kobo", mapping=KOBO)


async def send(
    installation: Installation,
    source: dict[str, Any],
    body: Any,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    """As the sender does, a second later: without a key, to the address that was shown once."""
    installation.clock.advance(timedelta(seconds=1))
    path = "/api/v1" + source["url"].rpartition("/api/v1")[2]
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": "application/json"} | (headers or {})
    return await installation.outside.post(path, content=content, headers=headers)


async def receipts(team: Team, source: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (
        await read(team.admin, f"/inbound-sources/{source['id']}/receipts", **query)
    )["items"]
    return items


async def deadlines(team: Team) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await read(team.admin, "/deadlines", case=team.case))["items"]
    return items


async def happenings(team: Team, action: str) -> list[dict[str, Any]]:
    entries = (await read(team.admin, f"/cases/{team.case}/journal", limit=200))["items"]
    return [one for one in entries if one["action"] == action]


async def alerts(team: Team) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await read(team.admin, "/alerts"))["items"]
    return items


# --- recipes


async def test_a_kobo_submission_starts_the_clocks_of_its_case(
    installation: Installation, team: Team
) -> None:
    form = await kobo(team)
    response = await send(installation, form, payload("kobo"))
    assert response.status_code == 201, response.text
    (due,) = await deadlines(team)
    answer = response.json()
    assert answer["made"] == {
        "kind": "trigger_event",
        "id": due["trigger_event_id"],
        "deadlines": 1,
    }
    assert (due["rule_id"], due["due_on"]) == ("kz.cpc.592.extradition-appeal", "2026-03-11")
    assert (due["state"], due["entered_by"]) == ("provisional", form["id"])
    (event,) = (await read(team.admin, f"/cases/{team.case}/trigger-events"))["items"]
    assert (event["occurred_on"], event["served_on"]) == ("2026-02-26", "2026-03-01")
    assert (event["service_method"], event["created_by"]) == ("in_person", form["id"])
    (entry,) = await happenings(team, "inbound.received")
    assert entry["actor"] == form["id"]


async def test_the_sender_learns_ids_and_nothing_of_the_case(
    installation: Installation, team: Team
) -> None:
    response = await send(installation, await kobo(team), payload("kobo"))
    assert set(response.json()) == {"receipt_id", "made", "changed", "changed_fields"}
    for secret in ("K-17", team.case, "2026", "appeal"):
        assert secret not in response.text


async def test_kobos_retries_make_nothing_more_whatever_else_the_form_says_by_then(
    installation: Installation, team: Team
) -> None:
    form = await kobo(team)
    first = await send(installation, form, payload("kobo"))
    # KoboToolbox reads the submission anew for each try: what we do not map may differ.
    status = {"uid": "validation_status_approved", "label": "Approved"}
    for again in (payload("kobo"), payload("kobo", _validation_status=status)):
        response = await send(installation, form, again)
        assert (response.status_code, response.json()) == (200, first.json())
    assert len(await deadlines(team)) == 1
    (receipt,) = await receipts(team, form)
    assert (receipt["state"], receipt["tries"], receipt["changed_fields"]) == ("made", 3, [])


async def test_a_primero_record_makes_one_event_however_often_it_is_saved(
    installation: Installation, team: Team
) -> None:
    record_id = payload("primero")["data"]["record_id"]
    body = {"code": "K-18", "external_id": record_id, "timezone": "Asia/Almaty"}
    roles = [{"role": role, "user_id": user} for role, user in team.people.items()]
    case = await create(team.admin, "/cases", body | {"roles": roles})
    system = await source(team, "primero", mapping=PRIMERO)
    assert system["key_by"] == "id_and_facts"
    first = await send(installation, system, payload("primero"))
    assert first.status_code == 201, first.text
    saved = record(flag_count=3, last_updated_at="2026-03-02T09:00:00.000Z")
    assert (await send(installation, system, saved)).json() == first.json()
    (due,) = (await read(team.admin, "/deadlines", case=case["id"]))["items"]
    assert due["due_on"] == "2026-03-11"
    # Another decision in the same record is another event: the first one's deadline stays beside it.
    decided = record(
        extradition_decision_date="2026/03/02", extradition_decision_served_on="2026-03-02"
    )
    assert (await send(installation, system, decided)).status_code == 201
    both = (await read(team.admin, "/deadlines", case=case["id"]))["items"]
    assert [one["due_on"] for one in both] == ["2026-03-11", "2026-03-12"]


@pytest.mark.parametrize("recipe", ["kobo", "primero"])
async def test_a_mapping_that_reads_more_by_now_makes_no_other_event_of_what_has_been_made(
    installation: Installation, team: Team, recipe: str
) -> None:
    own = {"kobo": KOBO, "primero": PRIMERO}[recipe] | {"case": {"value": "K-17"}}
    sender = await source(team, recipe, mapping=own | {"note": None})
    first = await send(installation, sender, payload(recipe))
    assert first.status_code == 201, first.text
    note = {"pointer": "/data/owned_by" if recipe == "primero" else "/_status"}
    path = f"/inbound-sources/{sender['id']}"
    await change(team.admin, path, {"mapping": own | {"note": note}})
    again = await send(installation, sender, payload(recipe))
    assert (again.status_code, again.json()) == (200, first.json())
    assert (await create(team.admin, f"{path}/try", payload(recipe)))["known"] is True
    assert len(await deadlines(team)) == 1


async def test_a_record_that_the_source_is_not_about_is_passed_over_and_seen(
    installation: Installation, team: Team
) -> None:
    condition = {"pointer": "/data/extradition_decision_date"}
    system = await source(team, "primero", mapping=PRIMERO, only_if=condition)
    response = await send(installation, system, record(extradition_decision_date=None))
    assert (response.status_code, response.json()["made"]) == (200, None)
    (receipt,) = await receipts(team, system)
    assert receipt["state"] == "passed_over"


@pytest.mark.parametrize("header", ["X-Adquem-Token", "X-Api-Key"])
async def test_an_n8n_workflow_raises_an_alert_by_a_token_in_a_header(
    installation: Installation, team: Team, header: str
) -> None:
    workflow = await source(team, "n8n", "alert")
    headers = {header: workflow["token"]}
    path = "/api/v1/inbound"
    response = await installation.outside.post(path, json=payload("n8n"), headers=headers)
    assert response.status_code == 201, response.text
    (alert,) = await alerts(team)
    assert response.json()["made"] == {"kind": "alert", "id": alert["id"], "deadlines": 0}
    assert (alert["case_id"], alert["raised_by"]) == (team.case, workflow["id"])
    assert alert["title"] == payload("n8n")["title"]
    again = await installation.outside.post(path, json=payload("n8n"), headers=headers)
    assert (again.status_code, again.json()) == (200, response.json())
    assert len(await alerts(team)) == 1


async def test_an_emergency_waits_for_no_case_code(installation: Installation, team: Team) -> None:
    hotline = await source(team, "n8n", "alert")
    response = await send(installation, hotline, payload("n8n", case="K-99"))
    assert response.status_code == 201, response.text
    (alert,) = await alerts(team)
    assert (alert["case_id"], alert["team_id"]) == (None, team.id)


async def test_an_emergency_of_a_case_with_nobody_on_it_reaches_the_team(
    installation: Installation, team: Team
) -> None:
    await create(team.admin, "/cases", {"code": "K-18", "timezone": "Asia/Almaty"})
    hotline = await source(team, "n8n", "alert")
    assert (await send(installation, hotline, payload("n8n", case="K-18"))).status_code == 201
    (alert,) = await alerts(team)
    assert alert["case_id"] is None


async def test_a_sender_without_ids_is_known_again_by_every_byte(
    installation: Installation, team: Team
) -> None:
    mapping = {"title": {"value": "The night line rang"}}
    line = await source(team, "custom", "alert", mapping=mapping)
    for body, status in ((b'{"n": 1}', 201), (b'{"n": 1}', 200), (b'{"n": 2}', 201)):
        assert (await send(installation, line, body)).status_code == status
    assert len(await alerts(team)) == 2


async def test_twins_that_come_at_once_make_one_event(either: Installation) -> None:
    team = await either.team()
    form = await kobo(team)
    twins = await asyncio.gather(*(send(either, form, payload("kobo")) for _ in range(4)))
    assert sorted(one.status_code for one in twins) == [200, 200, 200, 201]
    assert len({one.json()["made"]["id"] for one in twins}) == 1
    assert len(await deadlines(team)) == 1
    nothing = KOBO | {"kind": {"value": "arest.extradition"}}
    await change(team.admin, f"/inbound-sources/{form['id']}", {"mapping": nothing})
    other = payload("kobo", _uuid="another")
    refused(await send(either, form, other), 422, "rule_not_applicable", "kind")
    await change(team.admin, f"/inbound-sources/{form['id']}", {"mapping": KOBO})
    tried = await create(team.admin, f"/inbound-sources/{form['id']}/try", other)
    assert (len(tried["deadlines"]), tried["known"]) == (1, False)
    assert [one["state"] for one in await receipts(team, form)] == ["refused", "made"]
    assert len(await deadlines(team)) == 1


# --- the same event with other facts


async def test_another_date_under_the_same_id_moves_nothing_and_is_told(
    installation: Installation, team: Team
) -> None:
    form = await kobo(team)
    first = await send(installation, form, payload("kobo"))
    before = await deadlines(team)
    other = payload("kobo", **{"decision/served_on": "2026-02-27"})
    for _ in range(2):
        response = await send(installation, form, other)
        assert response.status_code == 200
        assert response.json() == first.json() | {"changed": True, "changed_fields": ["served_on"]}
    assert await deadlines(team) == before
    (entry,) = await happenings(team, "inbound.changed")
    assert entry["data"]["fields"] == ["served_on"]
    (alert,) = await alerts(team)
    assert (alert["case_id"], alert["raised_by"]) == (team.case, form["id"])
    assert "served_on" in alert["notes"]
    assert "2026" not in alert["notes"]
    (receipt,) = await receipts(team, form)
    assert receipt["changed_fields"] == ["served_on"]
    assert receipt["made_id"] == first.json()["made"]["id"]


async def test_a_change_that_is_taken_back_and_made_again_is_told_again(
    installation: Installation, team: Team
) -> None:
    form = await kobo(team)
    other = payload("kobo", **{"decision/served_on": "2026-02-27"})
    for body, changed in ((payload("kobo"), False), (other, True)) * 2:
        assert (await send(installation, form, body)).json()["changed"] is changed
    assert len(await alerts(team)) == 2


async def test_other_words_under_the_same_id_wake_nobody(
    installation: Installation, team: Team
) -> None:
    form = await source(team, "kobo", mapping=KOBO)
    await send(installation, form, payload("kobo", note="By post, it seems"))
    response = await send(installation, form, payload("kobo", note="By hand after all"))
    assert response.json()["changed_fields"] == ["note"]
    assert await alerts(team) == []
    assert len(await happenings(team, "inbound.changed")) == 1


# --- what cannot be mapped

UNMAPPED: dict[str, tuple[dict[str, Any], str, str]] = {
    "no case": ({"case": None}, "missing_field", "case"),
    "a case that is none": ({"case": "K-99"}, "unknown_reference", "case"),
    "a case by name": ({"case": f"{ECHO} the client"}, "invalid_input", "case"),
    "no date": ({"decision/occurred_on": ""}, "missing_field", "occurred_on"),
    "a date to guess at": ({"decision/occurred_on": "02/03/2026"}, "invalid_date", "occurred_on"),
    "a date out of use": ({"decision/occurred_on": "1026-02-26"}, "invalid_date", "occurred_on"),
    "served before it was": ({"decision/served_on": "2026-02-01"}, "invalid_date", ""),
    "an answer of no meaning": ({"decision/kind": ECHO}, "invalid_input", "kind"),
    "no id": ({"_uuid": None}, "missing_field", "id"),
    "control characters": ({"note": f"{ECHO}\0"}, "invalid_text", "note"),
    "broken Unicode": ({"note": f"{ECHO}\ud800"}, "invalid_input", "note"),
}


async def test_what_cannot_be_mapped_is_loud_and_makes_nothing(
    installation: Installation, team: Team
) -> None:
    form = await kobo(team)
    for number, (given, code, field) in enumerate(UNMAPPED.values()):
        body = payload("kobo") | {"_uuid": f"u-{number}"} | given
        response = await send(installation, form, body)
        refused(response, 422, code, field or None)
        newest = (await receipts(team, form, state="refused"))[0]
        assert newest["code"] == code
        assert (newest["field"] or "") == field
    assert await deadlines(team) == []
    kept = await installation.rows()
    assert kept["trigger_events"] == []
    refusals = [row for row in kept["journal_entries"] if "inbound.refused" in row]
    assert len(refusals) == len(UNMAPPED)
    assert ECHO not in repr(kept)


async def test_an_event_that_would_start_nothing_is_refused(
    installation: Installation, team: Team
) -> None:
    mapping = KOBO | {"kind": {"value": "arest.extradition"}}
    form = await source(team, "kobo", mapping=mapping)
    response = await send(installation, form, payload("kobo"))
    refused(response, 422, "rule_not_applicable", "kind")
    # An hour is wanted, and the form asks for a day alone.
    hours = KOBO | {"kind": {"value": "detention.administrative-offence"}}
    form = await source(team, "kobo", mapping=hours)
    response = await send(installation, form, payload("kobo"))
    refused(response, 422, "rule_not_applicable", "kind")
    assert (await installation.rows())["trigger_events"] == []


async def test_a_refused_event_is_made_when_it_comes_again_after_the_mapping_was_mended(
    installation: Installation, team: Team
) -> None:
    form = await kobo(team)
    path = f"/inbound-sources/{form['id']}"
    body = payload("kobo", **{"decision/kind": "extradition"})
    for _ in range(3):
        refused(await send(installation, form, body), 422, "invalid_input", "kind")
    (receipt,) = await receipts(team, form, state="refused")
    assert receipt["tries"] == 3
    rows = (await installation.rows())["journal_entries"]
    assert len([row for row in rows if "inbound.refused" in row]) == 1
    values = {"extradition": "decision.extradition"}
    mended = KOBO | {"kind": {"pointer": "/decision~1kind", "values": values}}
    await change(team.admin, path, {"mapping": mended})
    assert (await send(installation, form, body)).status_code == 201
    (receipt,) = await receipts(team, form)
    assert (receipt["state"], receipt["code"], receipt["tries"]) == ("made", None, 4)


async def test_a_body_that_is_not_plain_json_is_refused_and_seen(
    installation: Installation, team: Team
) -> None:
    form = await kobo(team)
    wrong: list[tuple[bytes, dict[str, str], int, Code]] = [
        (b"<xml/>", {}, 400, Code.MALFORMED_JSON),
        (b'{"case": "K-17", "case": "K-18"}', {}, 400, Code.MALFORMED_JSON),
        (b'{"case": NaN}', {}, 400, Code.MALFORMED_JSON),
        (b"[" * 60_000, {}, 400, Code.MALFORMED_JSON),
        (b'{"x": "' + b"x" * 65_536 + b'"}', {}, 413, Code.BODY_TOO_LARGE),
        (b"case=K-17", {"content-type": "text/plain"}, 415, Code.UNSUPPORTED_MEDIA_TYPE),
    ]
    for body, headers, status, code in wrong:
        response = await send(installation, form, body, headers)
        refused(response, status, code)
        assert (await receipts(team, form))[0]["code"] == code
    assert len(await receipts(team, form, state="refused")) == len(wrong)
