"""Every rule of the library names its source, says how far it can be relied on, and works."""

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from service.domain.court_calendars import CourtCalendar
from service.domain.deadlines import Forum, compute, local_date
from service.errors import Code, Refusal
from service.rules.library import Example, Rule, RuleLibrary, Status, load_rules

LIBRARY = load_rules()
RULES = LIBRARY.all()
EXAMPLES = [(rule, example) for rule in RULES for example in rule.examples]
#: Weekends and nothing else: the examples are chosen so that no holiday touches them.
WEEKENDS = CourtCalendar("weekends", "1", 2015, 2030)


def moment(text: str) -> date | datetime:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


@pytest.mark.parametrize(
    ("rule", "example"),
    EXAMPLES,
    ids=[f"{rule.id} {example.trigger}" for rule, example in EXAMPLES],
)
def test_the_worked_example_comes_out(rule: Rule, example: Example) -> None:
    zone = ZoneInfo(rule.timezone)
    trigger = moment(example.trigger)
    version = rule.version_on(local_date(trigger, zone))
    result = compute(trigger, version.time_limit.time_limit(), Forum(zone, WEEKENDS), rule.citation)
    assert result.due_on == example.due_on
    if example.due_at is not None:
        assert result.due_at == datetime.fromisoformat(example.due_at)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
class TestEveryRule:
    def test_it_names_its_source_and_how_far_it_can_be_relied_on(self, rule: Rule) -> None:
        assert rule.citation.strip()
        assert all(source.citation.strip() for source in rule.sources)
        assert rule.status in Status

    def test_its_title_can_be_read_in_english_and_russian(self, rule: Rule) -> None:
        assert {"en", "ru"} <= set(rule.title)
        assert all(title.strip() for title in rule.title.values())

    def test_its_zone_exists(self, rule: Rule) -> None:
        assert ZoneInfo(rule.timezone).key == rule.timezone

    def test_its_versions_follow_each_other_without_gap_or_overlap(self, rule: Rule) -> None:
        for earlier, later in zip(rule.versions, rule.versions[1:], strict=False):
            assert earlier.in_force_until is not None
            assert earlier.in_force_until == later.in_force_from

    def test_every_version_has_an_example(self, rule: Rule) -> None:
        zone = ZoneInfo(rule.timezone)
        shown = {
            rule.versions.index(rule.version_on(local_date(moment(example.trigger), zone)))
            for example in rule.examples
        }
        assert shown == set(range(len(rule.versions)))

    def test_a_rule_that_needs_a_calendar_names_one(self, rule: Rule) -> None:
        needs = any(version.time_limit.time_limit().needs_calendar for version in rule.versions)
        assert not needs or rule.calendar is not None


def test_an_unknown_rule_is_refused_and_names_the_field() -> None:
    with pytest.raises(Refusal) as refused:
        LIBRARY.get("kz.cpc.0.no-such-rule", "time_limit.rule")
    assert (refused.value.code, refused.value.field) == (Code.UNKNOWN_RULE, "time_limit.rule")


def test_the_version_in_force_on_the_day_is_taken() -> None:
    rule = LIBRARY.get("echr.art-35.application")
    assert rule.version_on(date(2022, 1, 31)).time_limit.amount == 6
    assert rule.version_on(date(2022, 2, 1)).time_limit.amount == 4


def test_a_day_without_a_version_in_force_is_refused() -> None:
    rule = LIBRARY.get("echr.art-35.application")
    later_only = rule.model_copy(update={"versions": rule.versions[1:]})
    with pytest.raises(Refusal) as refused:
        later_only.version_on(date(2022, 1, 31))
    assert refused.value.code is Code.RULE_NOT_IN_FORCE


def test_a_trigger_event_starts_the_rules_of_its_forum_alone() -> None:
    arrest = "detention.wanted-abroad"
    started = {rule.id for rule in LIBRARY.started_by(arrest, "kz.criminal")}
    assert started == {"kz.cpc.587.identity-check", "kz.cpc.588.temporary-custody"}
    assert LIBRARY.started_by(arrest, "echr") == []
    assert {rule.id for rule in LIBRARY.started_by(arrest, None)} == started


def test_two_rules_with_one_id_are_refused() -> None:
    with pytest.raises(ValueError, match="same id"):
        RuleLibrary([RULES[0], RULES[0]])


@pytest.mark.parametrize(
    "text",
    [
        "id: no.fields-but-this",
        "- a list\n- not a rule",
        "id: [broken",
    ],
)
def test_a_faulty_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "faulty.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"faulty\.yaml"):
        load_rules(tmp_path)


def test_a_rule_with_a_misspelt_field_is_refused(tmp_path: Path) -> None:
    file = next(Path(load_rules.__code__.co_filename).parent.rglob("cpc.588*.yaml"))
    text = (
        file.read_text(encoding="utf-8")
        .replace("counted_from", "counted")
        .replace("first_day: included", "firstday: included")
    )
    (tmp_path / "misspelt.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="firstday"):
        load_rules(tmp_path)
