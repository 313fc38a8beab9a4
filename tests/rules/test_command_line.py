"""The calculator and the library on the command line: what a lawyer reads there."""

import json
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.commands.derivations import why_not_counted
from service.domain.court_calendars import CourtCalendar
from tests.rules.test_packs import GOOD, pack
from workers.line import line


def run(*arguments: str, exit_code: int = 0, **environment: str) -> str:
    told = CliRunner().invoke(line, arguments, env=environment)
    assert told.exit_code == exit_code, told.output
    return told.output


def test_a_faulty_pack_is_told_and_the_command_fails(tmp_path: Path) -> None:
    told = run("rules", "check", str(pack(tmp_path, GOOD + "colour: red\n")), exit_code=1)
    assert "own.yaml:16: colour" in told


def test_a_limit_is_computed_and_explained() -> None:
    limit = ["compute", "2025-05-13", "40", "days", "--first-day", "included"]
    told = run(*limit, "--timezone", "Asia/Almaty", "--calendar", "KZ")
    assert told.startswith("Due 2025-06-21 (2025-06-21 19:00 UTC, Asia/Almaty)")
    assert "Act by 2025-06-20" in told
    assert "2025-06-21 24:00" in told


def test_a_day_that_does_not_exist_is_refused() -> None:
    assert "no such day" in run("compute", "2025-02-30", "1", "days", exit_code=1)


def test_a_rule_says_what_it_rests_on_and_how_far_it_can_be_relied_on() -> None:
    told = run("compute", "2025-05-21", "--rule", "kz.refugee.11.decision")
    assert "Refugee Law of Kazakhstan" in told
    assert "This rule is unverified: confirm before relying on this.\n" in told
    assert told.count("confirm before relying") == 1
    sure = run("compute", "2022-02-02", "--rule", "echr.art-35.application")
    assert "This rule is verified.\n" in sure


def test_every_reading_is_shown_with_its_hour_the_earliest_first() -> None:
    custody = "kz.cpc.588.temporary-custody"
    told = run("compute", "2025-05-13T15:40:00+05:00", "--rule", custody).splitlines()
    readings = told[told.index("") :]
    day = next(number for number, row in enumerate(readings) if "Custody counts" in row)
    assert readings[day].startswith("  2025-06-21 24:00  ")
    assert readings[day + 1].startswith("  2025-06-22 15:40  Forty full days")


def test_the_days_that_did_not_count_are_told_with_their_reason() -> None:
    told = run("compute", "2025-05-01", "--rule", "kz.appc.168.private-complaint")
    assert "6 weekend days, 2025-05-07" in told
    assert "2025-05-09" in told
    assert "Victory Day" in told
    rolled = run("compute", "2026-01-29", "10", "days", "--roll", "forward", "--calendar", "KZ")
    assert "because of 1 weekend day" in rolled


def test_calendar_and_zone_data_are_named_by_version() -> None:
    told = run("compute", "2025-05-01", "3", "days", "--roll", "forward", "--calendar", "KZ")
    assert "Calendar holidays-" in told
    assert ", zone data 20" in told


@pytest.mark.parametrize(
    "arguments",
    [
        ["2025-05-13T15:40:00+05:00", "--rule", "kz.cpc.588.temporary-custody"],
        ["2025-05-01", "--rule", "kz.appc.168.private-complaint"],
        ["2025-04-22", "--rule", "echr.rule-39.request", "--respondent-state", "FR"],
        ["2025-07-12", "--rule", "generic.us.frcp-6.days-after", "--service-method", "post"],
    ],
    ids=lambda arguments: arguments[2],
)
def test_it_can_be_read_in_a_hundred_columns(arguments: list[str]) -> None:
    """Addresses of sources alone are left whole, so that they can be copied."""
    rows = run("compute", *arguments).splitlines()
    assert [row for row in rows if len(row) > 100 and "://" not in row] == []


def test_the_law_of_another_day_is_applied_where_it_is_named() -> None:
    strasbourg = ["compute", "2022-02-10", "--rule", "echr.art-35.application"]
    assert run(*strasbourg, "--applies-on", "2022-01-20").startswith("Due 2022-08-10")
    assert run(*strasbourg, "--applies-on", "2022-02-02").startswith("Due 2022-06-10")
    assert "give applies_on" in run(*strasbourg)


def test_a_rule_that_does_not_apply_says_so_instead_of_a_date() -> None:
    strasbourg = ["compute", "2023-02-10", "--rule", "echr.art-35.application"]
    told = run(*strasbourg, "--respondent-state", "RU", exit_code=1)
    assert told.startswith("rule_not_applicable: ")
    assert "16 September 2022" in told
    unknown = run("compute", "2023-02-10", "--rule", "no.such-rule", exit_code=1)
    assert unknown.startswith("unknown_rule: ")


def test_what_a_rule_starts_and_where_it_ends_can_be_read() -> None:
    chain = run("rules", "show", "kz.refugee.11.decision")
    assert "its lapse starts authority.silent" in chain
    assert "not against RU" in run("rules", "show", "echr.art-35.application")
    assert "served by post" in run("rules", "show", "generic.us.frcp-6.days-after")
    assert "unknown_rule" in run("rules", "show", "no.such-rule", exit_code=1)


def test_the_list_ends_with_the_edition_of_the_law() -> None:
    told = run("rules", "list")
    assert "kz.cpc.588.temporary-custody" in told
    assert " rules, edition " in told.splitlines()[-1]


def test_packs_are_listed_shown_and_used(tmp_path: Path) -> None:
    packs = json.dumps([str(pack(tmp_path, GOOD))])
    assert "own.reply" in run("rules", "list", ADQUEM_RULE_PACKS=packs)
    assert "Reply to the registry" in run("rules", "show", "own.reply", ADQUEM_RULE_PACKS=packs)
    told = run("compute", "2026-03-02", "--rule", "own.reply", ADQUEM_RULE_PACKS=packs)
    assert told.startswith("Due 2026-03-12")


def test_reasons_are_told_apart() -> None:
    calendar = CourtCalendar(
        "X", "1", 2025, 2025, days_off={date(2025, 5, 9): "Victory Day"},
        closures=((date(2025, 8, 4), date(2025, 8, 5)),),
    )  # fmt: skip
    days = [date(2025, 5, 9), date(2025, 5, 10), date(2025, 5, 12), date(2025, 8, 4)]
    assert why_not_counted(days, calendar) == [
        "1 weekend day",
        "2025-05-09 Victory Day",
        "1 day of court recess (2025-08-04 to 2025-08-04)",
        "1 day on which the clock stood still (2025-05-12 to 2025-05-12)",
    ]
    assert why_not_counted(days[:1], None) == [
        "1 day on which the clock stood still (2025-05-09 to 2025-05-09)"
    ]
