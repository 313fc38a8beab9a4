"""Many cases at once: tried first, then kept as single requests would have made them."""

from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.ids import new_id
from service.store.journal import chains, first_broken
from tests.api.imports_of_j3 import mass_prosecution, portfolio
from tests.api.installation import Installation, Team, case_body, create, read
from tests.api.test_refusals import refused
from tests.feeds.test_cost import statements
from tests.harness.world import START

Body = dict[str, Any]
DETAINED = {"kind": "detention.wanted-abroad", "occurred_on": "2026-02-27"}
SERVED = {
    "kind": "decision.extradition",
    "occurred_on": "2026-02-20",
    "served_on": "2026-02-24",
    "rules": ["kz.cpc.592.extradition-appeal"],
}
STATED = {"title": "Appeal", "kind": "filing", "due_on": "2026-06-10"}


def addresses(team: Team) -> dict[str, str]:
    """Role to address of the people of `Installation.team`."""
    return {role: f"{role}.{team.id}@example.org" for role in ("owner", "deputy", "supervisor")}


def one_case(team: Team, code: str = "N-1", **more: Any) -> Body:
    roles = [{"role": role, "email": email} for role, email in addresses(team).items()]
    return {"code": code, "timezone": "Asia/Almaty", "roles": roles, **more}


async def sent(team: Team, *cases: Any, **more: Any) -> httpx.Response:
    return await team.admin.post("/imports", json={"cases": list(cases), **more})


async def imported(team: Team, *cases: Body, **more: Any) -> Body:
    body = {"cases": list(cases), "dry_run": False} | more
    return await create(team.admin, "/imports", body)


def faults(response: httpx.Response) -> dict[str, str]:
    """Path to code of everything that was found wrong."""
    refused(response, 422, "import_refused")
    return {one["field"]: one["code"] for one in response.json()["errors"]}


def without_ids(answer: Body) -> Body:
    for case in answer["cases"]:
        del case["id"], case["trigger_event_ids"]
        for deadline in case["deadlines"]:
            del deadline["id"]
    return {name: answer[name] for name in ("counts", "cases")}


# --- what comes into being


async def test_the_portfolio_of_forty_cases_comes_in_with_its_dates(either: Installation) -> None:
    team = await either.team()
    made = await imported(team, *portfolio(addresses(team)))
    assert made["counts"] == {"cases": 40, "trigger_events": 28, "deadlines": 45, "not_started": 0}
    due = {
        case["code"]: [(one["rule_id"], one["due_on"]) for one in case["deadlines"]]
        for case in made["cases"]
    }
    assert due["M-01"] == [(None, "2026-03-12")]
    assert due["M-11"] == [("kz.cao.arrest", "2026-03-06")], "the first of 15 days is counted"
    assert due["M-16"] == [("kz.cao.arrest", "2026-03-11"), (None, "2026-03-06")]
    assert due["M-21"] == [("kz.cpc.589.extradition-arrest", "2026-05-11")]
    assert due["M-23"] == [("kz.cao.831.complaint", "2026-03-06")]
    assert due["M-25"] == [("kz.appc.92.complaint", "2026-05-10")]
    assert due["M-28"] == [("un.ccpr.follow-up", "2026-07-04")]
    assert due["M-30"] == [("un.wgad.follow-up", "2026-05-30")]
    assert due["M-31"] == [("un.ccpr.state-reply", "2026-03-15")]
    assert due["M-35"] == [("un.wgad.government-reply", "2026-04-11")]
    assert due["M-39"] == [(None, "2026-07-01")]
    kept = (await read(team.admin, "/deadlines", limit=200))["items"]
    assert {one["id"] for one in kept} == {
        one["id"] for case in made["cases"] for one in case["deadlines"]
    }


async def test_the_mass_case_of_313_fits_into_one_request(installation: Installation) -> None:
    """That it comes in whole, and how it is told, is lived through in J5."""
    people = {role: f"{role}@example.org" for role in ("owner", "deputy", "supervisor")}
    body = httpx.Request("POST", "/", json={"cases": mass_prosecution(people)}).content
    assert len(body) < installation.runtime.settings.max_body_bytes


async def test_an_import_makes_what_single_requests_make(team: Team) -> None:
    made = await imported(
        team, one_case(team, trigger_events=[DETAINED, SERVED], deadlines=[STATED])
    )
    single = (await create(team.admin, "/cases", case_body("N-2", team.people)))["id"]
    for event in (DETAINED, SERVED):
        await create(team.admin, f"/cases/{single}/trigger-events", event)
    await create(team.admin, "/deadlines", STATED | {"case_id": single})

    async def found(case_id: str) -> list[Body]:
        rows = (await read(team.admin, "/deadlines", case=case_id))["items"]
        own = {"id", "case_id", "trigger_event_id", "stated"}
        return [{k: v for k, v in row.items() if k not in own} for row in rows]

    def by_date(row: Body) -> tuple[str, str]:
        return row["due_at"], row["title"]

    one, other = await found(made["cases"][0]["id"]), await found(single)
    assert sorted(one, key=by_date) == sorted(other, key=by_date)
    journals = [
        (await read(team.admin, f"/cases/{case}/journal"))["items"]
        for case in (made["cases"][0]["id"], single)
    ]
    assert len({tuple(entry["action"] for entry in entries) for entries in journals}) == 1


async def test_an_import_of_many_costs_no_more_statements_than_one_of_few(
    either: Installation,
) -> None:
    """However many cases, events, deadlines and messages: each kind is read once and written once."""
    team = await either.team()
    await create(
        team.admin, "/endpoints", {"name": "Tool", "url": "https://a.example", "events": ["*"]}
    )
    counted = []
    for size in (1, 2, 40):
        cases = [
            one_case(
                team,
                f"{size}-{number}",
                external_id=f"{size}-{number}",
                calendar="KZ",
                trigger_events=[SERVED] * 2,
                deadlines=[STATED | {"external_id": f"{size}-{number}"}],
            )
            for number in range(size)
        ]
        with statements(either) as found:
            made = await imported(team, *cases)
        assert made["counts"]["deadlines"] == 3 * size
        counted.append(len(found))
    first, few, many = counted
    assert many == few <= first, "the first one seeds the calendar"
    assert many <= 25


async def test_a_deadline_names_the_event_that_started_it_and_an_event_that_started_none_says_why(
    team: Team,
) -> None:
    nothing = {"kind": "weather.rain", "occurred_on": "2026-02-27"}
    answer = (await sent(team, one_case(team, trigger_events=[nothing, DETAINED]))).json()
    (case,) = answer["cases"]
    assert {one["trigger_event"] for one in case["deadlines"]} == {1}
    assert case["deadlines"][0]["rule_id"] == "kz.cpc.588.temporary-custody"
    why = {(one["trigger_event"], one["rule_id"]): one["reason"] for one in case["not_started"]}
    assert set(why) == {(0, None), (1, "kz.cpc.587.identity-check")}
    assert answer["counts"]["not_started"] == 2


async def test_what_to_know_before_relying_on_a_date_is_said(team: Team) -> None:
    past = STATED | {"due_on": "2026-02-01"}
    answer = (await sent(team, one_case(team, trigger_events=[DETAINED], deadlines=[past]))).json()
    by_rule, *_, stated = answer["cases"][0]["deadlines"]
    assert "confirm before relying" in by_rule["warnings"][0]
    assert "overdue" in stated["warnings"][0]
    assert stated["state"] == "provisional"


async def test_who_enters_is_the_person_who_is_named(team: Team) -> None:
    owner = team.people["owner"]
    case = one_case(team, trigger_events=[DETAINED], deadlines=[STATED])
    made = await imported(team, case, user_id=owner)
    for one in made["cases"][0]["deadlines"]:
        assert (await read(team.admin, f"/deadlines/{one['id']}"))["entered_by"] == owner
    entries = (await read(team.admin, f"/cases/{made['cases'][0]['id']}/journal"))["items"]
    assert {entry["actor"] for entry in entries} == {owner}


async def test_an_address_is_found_whatever_its_capitals(team: Team) -> None:
    case = one_case(team) | {"roles": [{"role": "owner", "email": f"OWNER.{team.id}@Example.org"}]}
    made = await imported(team, case)
    (row,) = (await read(team.admin, f"/cases/{made['cases'][0]['id']}"))["roles"]
    assert row["user_id"] == team.people["owner"]


async def test_an_import_is_one_entry_of_the_journal_beside_those_of_its_cases(
    either: Installation,
) -> None:
    team = await either.team()
    await sent(team, one_case(team), one_case(team, "N-2", timezone="x"))
    await sent(team, one_case(team, deadlines=[STATED]))
    made = await imported(team, one_case(team, deadlines=[STATED]))
    rows = (await either.rows())["journal_entries"]
    done = [row for row in rows if "import.done" in row]
    assert len(done) == 1
    assert made["counts"] in done[0]
    async with either.runtime.reading() as session:
        for head in await chains(session):
            assert await first_broken(session, head) is None


# --- trying first


async def test_an_import_is_a_dry_run_unless_it_says_otherwise_and_keeps_nothing(
    either: Installation,
) -> None:
    """Not a row: no message to an endpoint, no entry in the journal, no calendar."""
    team = await either.team()
    endpoint = {"name": "e", "url": "https://hooks.example.com/in", "events": ["*"]}
    await create(team.admin, "/endpoints", endpoint)
    before = await either.rows()
    answer = await sent(team, *portfolio(addresses(team)))
    assert (answer.status_code, answer.json()["dry_run"]) == (200, True)
    assert {case["id"] for case in answer.json()["cases"]} == {None}
    assert new_id("cas", START)[:4] not in answer.text
    assert "dln_" not in answer.text
    assert await either.rows() == before


_EVENTS = st.fixed_dictionaries(
    {"kind": st.sampled_from(["detention.wanted-abroad", "custody.pre-trial", "weather.rain"])},
    optional={"note": st.just("as the table has it"), "ruled_on": st.just("2026-02-28")},
) | st.just(SERVED)
_DEADLINES = st.fixed_dictionaries(
    {
        "title": st.sampled_from(["Appeal", "Слушание"]),
        "kind": st.sampled_from(["filing", "watch"]),
    },
    optional={"critical": st.booleans(), "notes": st.just("two\nlines")},
)
_DAYS = st.dates(START.date().replace(month=1), START.date().replace(year=2027)).map(str)
_CASES = st.lists(
    st.fixed_dictionaries(
        {
            "forum": st.sampled_from([None, "kz.criminal", "un.wgad"]),
            "calendar": st.sampled_from([None, "KZ", "KG"]),
            "trigger_events": st.lists(
                st.builds(lambda event, on: {"occurred_on": on} | event, _EVENTS, _DAYS), max_size=3
            ),
            "deadlines": st.lists(
                st.builds(lambda deadline, on: deadline | {"due_on": on}, _DEADLINES, _DAYS),
                max_size=3,
            ),
        }
    ),
    min_size=1,
    max_size=4,
)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cases=_CASES)
async def test_a_dry_run_answers_what_the_import_then_makes(
    installation: Installation, cases: list[Body]
) -> None:
    team = await installation.team()
    body = [one_case(team, f"N-{number}", **case) for number, case in enumerate(cases)]
    dry = await sent(team, *body)
    real = await sent(team, *body, dry_run=False)
    if dry.status_code == 422:
        assert faults(dry) == faults(real)
    else:
        assert (dry.status_code, real.status_code) == (200, 201)
        assert without_ids(dry.json()) == without_ids(real.json())


async def test_an_import_repeated_under_its_key_is_made_once(either: Installation) -> None:
    team = await either.team()
    for dry_run, status in ((True, 200), (False, 201)):
        body = {"cases": [one_case(team, deadlines=[STATED])], "dry_run": dry_run}
        headers = {"idempotency-key": f"sheet-{dry_run}"}
        first = await team.admin.post("/imports", json=body, headers=headers)
        before = await either.rows()
        again = await team.admin.post("/imports", json=body, headers=headers)
        assert (first.status_code, again.status_code) == (status, status)
        assert again.json() == first.json()
        assert again.headers["idempotent-replayed"] == "true"
        assert await either.rows() == before
    assert len((await read(team.admin, "/cases"))["items"]) == 2
