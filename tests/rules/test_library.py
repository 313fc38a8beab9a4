"""Every rule of the library names its source, says how far it can be relied on, and works."""

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from service.domain.deadlines import Fate
from service.errors import Code, Refusal
from service.rules.check import earliest
from service.rules.library import (
    BUILT_IN,
    CountedFrom,
    Example,
    Rule,
    RuleLibrary,
    Status,
    load_rules,
)

LIBRARY = load_rules()
RULES = LIBRARY.all()
EXAMPLES = [(rule, example) for rule in RULES for example in rule.examples]


@pytest.mark.parametrize(
    ("rule", "example"),
    EXAMPLES,
    ids=[f"{rule.id} {example.trigger}" for rule, example in EXAMPLES],
)
def test_the_worked_example_comes_out(rule: Rule, example: Example) -> None:
    due_on, due_at = earliest(rule, example)
    assert due_on == example.due_on
    assert example.due_at in (None, due_at)


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
        shown = {
            rule.versions.index(rule.version_for(example.moments(rule.counted_from)))
            for example in rule.examples
        }
        assert shown == set(range(len(rule.versions)))

    def test_a_rule_that_needs_a_calendar_names_one(self, rule: Rule) -> None:
        assert not rule.needs_calendar or rule.calendar is not None

    def test_what_can_be_argued_comes_with_its_argument(self, rule: Rule) -> None:
        for version in rule.versions:
            assert not version.readings or version.reason
            assert all(reading.reason.strip() for reading in version.readings)

    def test_what_a_fate_starts_starts_a_rule(self, rule: Rule) -> None:
        for fate, kind in rule.starts.items():
            assert LIBRARY.chained(rule, kind), f"{fate} starts nothing: {kind}"


def test_an_unknown_rule_is_refused_and_names_the_field() -> None:
    with pytest.raises(Refusal) as refused:
        LIBRARY.get("kz.cpc.0.no-such-rule", "time_limit.rule")
    assert (refused.value.code, refused.value.field) == (Code.UNKNOWN_RULE, "time_limit.rule")


def test_the_version_in_force_on_the_day_is_taken() -> None:
    rule = LIBRARY.get("echr.art-35.application")
    assert rule.version_on(date(2022, 1, 31)).time_limit.amount == 6
    assert rule.version_on(date(2022, 2, 1)).time_limit.amount == 4


@pytest.mark.parametrize(("given_on", "months"), [(date(2022, 1, 20), 6), (date(2022, 2, 2), 4)])
def test_strasbourg_goes_by_the_day_on_which_the_decision_was_given(
    given_on: date, months: int
) -> None:
    moments = {CountedFrom.OCCURRENCE: given_on, CountedFrom.SERVICE: date(2022, 2, 10)}
    version = LIBRARY.get("echr.art-35.application").version_for(moments)
    assert version.time_limit.amount == months


def test_a_version_cannot_be_picked_without_the_date_that_picks_it() -> None:
    with pytest.raises(Refusal) as refused:
        LIBRARY.get("echr.art-35.application").version_for({CountedFrom.SERVICE: date(2022, 2, 10)})
    assert (refused.value.code, refused.value.field) == (Code.MISSING_FIELD, "occurred_on")


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


def test_a_chain_ignores_the_forum_and_stays_in_its_jurisdiction() -> None:
    decision = LIBRARY.get("kz.refugee.11.decision")
    assert decision.forum == "kz.asylum"
    (complaint,) = LIBRARY.chained(decision, "authority.silent")
    assert (complaint.id, complaint.forum) == (
        "kz.appc.91.complaint-after-silence",
        "kz.administrative",
    )
    arrest = LIBRARY.chained(LIBRARY.get("kz.cpc.surrender"), "arrest.before-request-cis")
    assert [rule.id for rule in arrest] == ["kz.cis.arrest-before-request"]


@pytest.mark.parametrize(
    ("rule_id", "fate", "kind"),
    [
        ("kz.cpc.587.identity-check", Fate.DUE, "custody.72-hours-end"),
        ("kz.cpc.588.temporary-custody", Fate.DUE, "custody.40-days-end"),
        ("kz.refugee.11.decision", Fate.LAPSE, "authority.silent"),
        ("kz.refugee.11.decision", Fate.REFUSAL, "asylum.refused"),
        ("kz.refugee.certificate", Fate.COMPLETION, "certificate.asylum-seeker-issued"),
        ("kz.appc.99.complaint-decision", Fate.REFUSAL, "decision.administrative-complaint"),
    ],
)
def test_one_clock_starts_another(rule_id: str, fate: Fate, kind: str) -> None:
    assert LIBRARY.get(rule_id).starts[fate] == kind


def test_no_end_that_is_merely_known_starts_itself_again() -> None:
    """The other fates need an act or the passing of time: a certificate may start anew with each."""
    for rule in RULES:
        seen, kind = set[str](), rule.starts.get(Fate.DUE)
        while kind:
            assert kind not in seen, rule.id
            seen.add(kind)
            (started,) = LIBRARY.chained(rule, kind)
            kind = started.starts.get(Fate.DUE)


def test_the_edition_changes_with_any_rule() -> None:
    changed = RULES[0].model_copy(update={"status": Status.DISPUTED})
    assert len(LIBRARY.digest) == 16
    assert LIBRARY.digest == RuleLibrary(RULES[::-1]).digest
    assert LIBRARY.digest != RuleLibrary([changed, *RULES[1:]]).digest


def test_a_time_limit_is_built_once() -> None:
    for rule in RULES:
        count = rule.versions[0].time_limit
        assert count.time_limit() is count.time_limit()


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
    file = BUILT_IN / "kz/cpc.588.temporary-custody.yaml"
    text = (
        file.read_text(encoding="utf-8")
        .replace("counted_from", "counted")
        .replace("first_day: included", "firstday: included")
    )
    (tmp_path / "misspelt.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="firstday"):
        load_rules(tmp_path)
