"""`POST /computations`: the contract, the published examples, and what is refused."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.installation import Installation

EXAMPLES = json.loads((Path(__file__).parents[1] / "data/worked-examples.json").read_text("utf-8"))
FORTY_DAYS = {
    "trigger": "2025-05-13",
    "timezone": "Asia/Almaty",
    "time_limit": {"amount": 40, "unit": "days", "first_day": "included", "roll": "none"},
    "calendar": {"weekend": ["saturday", "sunday"], "days_off": ["2025-06-06"]},
    "tolling": [],
}
REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("30 February", {"trigger": "2025-02-30"}, "invalid_date", "trigger"),
    ("year 0", {"trigger": "0000-01-01"}, "invalid_date", "trigger"),
    ("year 10000", {"trigger": "10000-01-01"}, "invalid_date", "trigger"),
    ("no year", {"trigger": "13.05"}, "invalid_date", "trigger"),
    ("no offset", {"trigger": "2025-05-13T10:00:00"}, "invalid_instant", "trigger"),
    ("unknown zone", {"timezone": "Mars/Olympus"}, "invalid_timezone", "timezone"),
    ("unknown calendar", {"calendar": "XX"}, "unknown_calendar", "calendar"),
    ("unknown field", {"colour": "red"}, "unknown_field", "colour"),
    ("no such state", {"respondent_state": "Russia"}, "invalid_input", "respondent_state"),
    ("no such service", {"service_method": "owl"}, "invalid_input", "service_method"),
    ("all week off", {"calendar": {"weekend": ["monday"] * 7}}, "invalid_input", "calendar"),
]
LIMITS: list[tuple[str, dict[str, Any], str, str]] = [
    ("negative", {"amount": -1}, "invalid_input", "time_limit.amount"),
    ("a thousand million", {"amount": 10**9}, "invalid_input", "time_limit.amount"),
    ("a truth for a number", {"amount": True}, "invalid_input", "time_limit.amount"),
    ("beyond all years", {"amount": 10_000, "unit": "years"}, "invalid_input", "time_limit.amount"),
    (
        "hours of a day",
        {"unit": "hours", "first_day": "excluded"},
        "invalid_instant",
        "occurred_at",
    ),
    ("clear and counted", {"clear_days": True}, "invalid_input", "time_limit.clear_days"),
    ("no such hour", {"cutoff": "25:00"}, "invalid_input", "time_limit.cutoff"),
    ("no such unit", {"unit": "fortnights"}, "invalid_input", "time_limit.unit"),
]


async def ask(installation: Installation, body: dict[str, Any]) -> httpx.Response:
    return await installation.operator.post("/computations", json=body)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["id"])
async def test_every_published_example_comes_out(
    installation: Installation, example: dict[str, Any]
) -> None:
    names = ("trigger", "time_limit", "calendar", "tolling")
    body = {name: example[name] for name in names if name in example}
    answer = await ask(installation, {"timezone": "UTC", **body})
    assert answer.status_code == httpx.codes.OK, answer.text
    assert answer.json()["due_on"] == example["expected"], example["source"]


async def test_the_answer_explains_itself(installation: Installation) -> None:
    result = (await ask(installation, FORTY_DAYS)).json()
    assert (result["due_on"], result["due_at"]) == ("2025-06-21", "2025-06-21T19:00:00Z")
    assert (result["earliest_on"], result["act_by_on"]) == ("2025-06-21", "2025-06-20")
    assert [step["key"] for step in result["derivation"]] == ["trigger", "counted", "ends"]
    assert result["derivation"][-1]["on"] == result["due_on"]
    assert [reading["due_on"] for reading in result["readings"]] == ["2025-06-21"]
    assert result["zone_data_version"]


async def test_a_rule_brings_its_source_and_no_day_to_act_by_for_custody(
    installation: Installation,
) -> None:
    body = {"trigger": "2025-05-13", "rule": "kz.cpc.588.temporary-custody", "calendar": "KZ"}
    result = (await ask(installation, body)).json()
    assert (result["due_on"], result["timezone"]) == ("2025-06-21", "Asia/Almaty")
    assert result["act_by_on"] is None
    assert result["sources"][0]["citation"].endswith("art. 588(1)")


async def test_a_stored_calendar_knows_moved_workdays(installation: Installation) -> None:
    """Sunday 5 January 2025 worked, Friday 3 January did not; 17 May + 10 is 30 May 2025."""
    limit = {"amount": 10, "unit": "court_days"}
    body = {"trigger": "2025-05-17", "timezone": "Asia/Almaty", "time_limit": limit}
    result = (await ask(installation, {**body, "calendar": "KZ"})).json()
    assert result["due_on"] == "2025-05-30"
    new_year = {**body, "trigger": "2025-01-02", "time_limit": {"amount": 1, "unit": "court_days"}}
    assert (await ask(installation, {**new_year, "calendar": "KZ"})).json()[
        "due_on"
    ] == "2025-01-05"
    far = await ask(installation, {**body, "trigger": "2090-01-01", "calendar": "KZ"})
    assert (far.status_code, far.json()["code"]) == (422, "outside_calendar")


async def test_open_tolling_says_what_would_hold_if_it_were_lifted(
    installation: Installation,
) -> None:
    body = {**FORTY_DAYS, "tolling": [["2025-05-23", None]], "as_of": "2025-06-02"}
    result = (await ask(installation, body)).json()
    assert (result["due_on"], result["tolled_since"]) == ("2025-07-01", "2025-05-23")
    assert "stands still since 2025-05-23" in result["warnings"][0]


async def test_a_batch_answers_each_in_its_place(installation: Installation) -> None:
    bad = {**FORTY_DAYS, "rule": "no.such-rule"}
    del bad["time_limit"]
    answer = await installation.operator.post(
        "/computations/batch", json=[FORTY_DAYS, bad, FORTY_DAYS]
    )
    first, refused, last = answer.json()
    assert first == last
    assert first["due_on"] == "2025-06-21"
    assert refused["code"] == "unknown_rule"
    many = await installation.operator.post("/computations/batch", json=[FORTY_DAYS] * 1001)
    assert many.status_code == httpx.codes.UNPROCESSABLE_ENTITY


async def test_strasbourg_goes_by_the_day_on_which_the_decision_was_given(
    installation: Installation,
) -> None:
    notified = {"trigger": "2022-02-10", "rule": "echr.art-35.application"}
    six = (await ask(installation, {**notified, "applies_on": "2022-01-20"})).json()
    four = (await ask(installation, {**notified, "applies_on": "2022-02-02"})).json()
    assert (six["due_on"], four["due_on"]) == ("2022-08-10", "2022-06-10")
    unsaid = (await ask(installation, notified)).json()
    assert unsaid["due_on"] == "2022-06-10", "the earlier, where the day is not given"
    assert any("give applies_on" in warning for warning in unsaid["warnings"])
    assert not any("applies_on" in warning for warning in six["warnings"])


async def test_a_last_day_on_a_sunday_does_not_move_in_strasbourg(
    installation: Installation,
) -> None:
    body = {"trigger": "2024-02-16", "rule": "echr.art-35.application", "calendar": "FR-6AE"}
    result = (await ask(installation, body)).json()
    assert (result["due_on"], result["act_by_on"]) == ("2024-06-16", "2024-06-14")


async def test_a_state_that_left_gets_a_reason_instead_of_a_date(
    installation: Installation,
) -> None:
    body = {"trigger": "2023-02-10", "rule": "echr.art-35.application", "respondent_state": "RU"}
    await check(installation, body, "rule_not_applicable", "facts_on")
    later = {**body, "facts_on": "2022-09-17"}
    await check(installation, later, "rule_not_applicable", "facts_on")
    detail = (await ask(installation, body)).json()["detail"]
    assert "16 September 2022" in detail
    assert detail.endswith("give facts_on.")
    answer = await ask(installation, {**body, "facts_on": "2022-09-16"})
    assert answer.json()["due_on"] == "2023-06-10"
    never = {**body, "respondent_state": "KZ", "facts_on": "2022-09-16"}
    await check(installation, never, "rule_not_applicable", "respondent_state")


async def test_a_request_to_hold_a_removal_must_arrive_before_the_court_closes(
    installation: Installation,
) -> None:
    """Removal on the Tuesday after Easter: Good Friday and Easter Monday are days off in Alsace."""
    body = {"trigger": "2025-04-22T10:00:00+02:00", "rule": "echr.rule-39.request"}
    result = (await ask(installation, body)).json()
    assert (result["due_on"], result["due_at"]) == ("2025-04-16", "2025-04-16T14:00:00Z")
    assert [reading["due_on"] for reading in result["readings"]] == ["2025-04-16", "2025-04-17"]
    monday = (await ask(installation, {**body, "trigger": "2025-06-16"})).json()
    assert [reading["due_on"] for reading in monday["readings"]] == ["2025-06-12", "2025-06-13"]


@pytest.mark.parametrize(
    ("rule", "trigger", "dates"),
    [
        ("kz.refugee.refusal-appeal", "2025-08-21", ["2025-09-21", "2025-11-21"]),
        ("kz.cpc.589.extradition-arrest", "2025-06-21", ["2026-05-11", "2026-06-20"]),
        ("kz.cao.831.complaint", "2025-06-02", ["2025-06-12", "2025-06-17"]),
        ("kz.cis.arrest-before-request", "2025-05-13", ["2025-06-12", "2025-06-21"]),
        ("kg.cis.arrest-before-request", "2025-05-13", ["2025-06-12", "2025-06-21"]),
        ("ru.cis.arrest-before-request", "2025-05-13", ["2025-06-12", "2025-06-21"]),
    ],
)
async def test_where_the_law_is_disputed_each_date_has_its_reason_and_the_earliest_is_safe(
    installation: Installation, rule: str, trigger: str, dates: list[str]
) -> None:
    result = (await ask(installation, {"trigger": trigger, "rule": rule})).json()
    assert [reading["due_on"] for reading in result["readings"]] == dates
    assert result["due_on"] == result["earliest_on"] == dates[0]
    assert len({reading["reason"] for reading in result["readings"]}) == len(dates)


async def test_the_manner_of_service_lengthens_the_limit_where_the_rule_says_so(
    installation: Installation,
) -> None:
    body = {"trigger": "2025-07-12", "rule": "generic.us.frcp-6.days-after"}
    plain = (await ask(installation, body)).json()
    posted = (await ask(installation, {**body, "service_method": "post"})).json()
    assert (plain["due_on"], posted["due_on"]) == ("2025-07-28", "2025-07-31")
    assert (plain["rule_status"], posted["rule_status"]) == ("verified", "unverified")
    assert [step["key"] for step in posted["derivation"]] == [
        "trigger", "counted", "rolled", "added", "ends",
    ]  # fmt: skip
    handed = (await ask(installation, {**body, "service_method": "in_person"})).json()
    assert handed["due_on"] == plain["due_on"]
    assert any("nothing was added" in warning for warning in handed["warnings"])


async def test_a_posted_paper_counts_as_served_on_a_day_of_business(
    installation: Installation,
) -> None:
    """Posted on a Thursday: the second day after is a Saturday, so Monday, and 14 days from there."""
    body = {"trigger": "2024-10-03", "rule": "generic.uk.cpr-2-8.within-days"}
    result = (await ask(installation, {**body, "service_method": "post"})).json()
    assert result["due_on"] == "2024-10-21"
    assert result["derivation"][1]["on"] == "2024-10-07"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("applies_on", "2022-01-20"),
        ("respondent_state", "RU"),
        ("facts_on", "2022-01-20"),
        ("service_method", "post"),
    ],
)
async def test_what_only_a_rule_can_use_is_refused_beside_a_bare_limit(
    installation: Installation, field: str, value: str
) -> None:
    await check(installation, {**FORTY_DAYS, field: value}, "invalid_input", field)


async def test_the_library_is_read_with_all_that_a_rule_says(installation: Installation) -> None:
    answer = await installation.operator.get("/rules/echr.art-35.application")
    rule = answer.json()
    assert (rule["applies_by"], rule["counted_from"]) == ("occurrence", "service")
    assert [left["state"] for left in rule["states_left"]] == ["RU", "KZ", "KG"]
    chain = (await installation.operator.get("/rules/kz.refugee.11.decision")).json()
    assert chain["starts"]["lapse"] == "authority.silent"
    served = (await installation.operator.get("/rules/generic.us.frcp-6.days-after")).json()
    assert served["service"]["post"]["added"]["amount"] == 3


@pytest.mark.parametrize(
    ("wrong", "code", "field"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED]
)
async def test_bad_input_is_refused_with_its_field(
    installation: Installation, wrong: dict[str, Any], code: str, field: str
) -> None:
    await check(installation, {**FORTY_DAYS, **wrong}, code, field)


@pytest.mark.parametrize(
    ("wrong", "code", "field"), [r[1:] for r in LIMITS], ids=[r[0] for r in LIMITS]
)
async def test_a_limit_that_makes_no_sense_is_refused_with_its_field(
    installation: Installation, wrong: dict[str, Any], code: str, field: str
) -> None:
    limit = {**FORTY_DAYS["time_limit"], **wrong}  # type: ignore[dict-item]
    await check(installation, {**FORTY_DAYS, "time_limit": limit}, code, field)


async def test_a_recess_that_covers_every_day_is_refused_and_ends(
    installation: Installation,
) -> None:
    calendar = {"closures": [["1990-01-01", "2099-12-31"]]}
    await check(installation, {**FORTY_DAYS, "calendar": calendar}, "outside_calendar", "calendar")


async def check(installation: Installation, body: dict[str, Any], code: str, field: str) -> None:
    answer = await ask(installation, body)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["code"], (problem["field"] or "")[: len(field)]) == (code, field), problem
