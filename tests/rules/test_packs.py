"""A rule pack of one's own is checked before it is trusted: each fault with its file and line."""

from pathlib import Path

import pytest

from service.rules.check import check_folder, load_with_packs
from service.rules.library import BUILT_IN
from service.runtime import build_runtime
from service.settings import Settings

GOOD = """\
id: own.reply
title: {en: Reply to the registry}
forum: own
timezone: Europe/Paris
kind: internal
force: internal
duty_holder: team
trigger: letter.received
status: unverified
sources:
  - {type: practice, citation: the team's own habit}
versions:
  - time_limit: {amount: 10, unit: days}
examples:
  - {trigger: "2026-03-02", due_on: 2026-03-12}
"""


def pack(folder: Path, text: str) -> Path:
    (folder / "own.yaml").write_text(text, encoding="utf-8")
    return folder


def test_a_pack_in_order_has_no_faults(tmp_path: Path) -> None:
    assert check_folder(pack(tmp_path, GOOD)) == []


def test_a_wrong_field_is_named_with_its_line(tmp_path: Path) -> None:
    fault, *_ = check_folder(pack(tmp_path, GOOD.replace("unit: days", "unit: fortnights")))
    assert fault.startswith(f"{tmp_path / 'own.yaml'}:13: versions.0.time_limit.unit:")


def test_an_example_that_does_not_come_out_is_named_with_its_line(tmp_path: Path) -> None:
    (fault,) = check_folder(pack(tmp_path, GOOD.replace("2026-03-12", "2026-03-13")))
    assert fault == f"{tmp_path / 'own.yaml'}:15: gives 2026-03-12, not 2026-03-13"


def test_broken_yaml_is_named_with_its_line(tmp_path: Path) -> None:
    (fault,) = check_folder(pack(tmp_path, GOOD.replace("kind: internal", "kind: [internal")))
    assert fault.startswith(f"{tmp_path / 'own.yaml'}:6:")


def test_a_rule_without_a_source_is_no_rule(tmp_path: Path) -> None:
    text = GOOD.replace("  - {type: practice, citation: the team's own habit}\n", "  []\n")
    (fault,) = check_folder(pack(tmp_path, text))
    assert "sources" in fault


def test_two_rules_of_one_id_and_an_empty_folder_are_faults(tmp_path: Path) -> None:
    assert check_folder(tmp_path) == [f"{tmp_path}: no .yaml file here"]
    pack(tmp_path, GOOD)
    (tmp_path / "again.yaml").write_text(GOOD, encoding="utf-8")
    (fault,) = check_folder(tmp_path)
    assert "the id own.reply stands in" in fault


def faults_of(folder: Path, old: str, new: str) -> list[str]:
    """What is found after a change of the pack that is in order, without the folder's name."""
    assert old in GOOD
    found = check_folder(pack(folder, GOOD.replace(old, new)))
    return [fault.removeprefix(f"{folder / 'own.yaml'}:") for fault in found]


def test_the_built_in_rules_are_in_order() -> None:
    assert check_folder(BUILT_IN) == []


def test_a_built_in_id_cannot_be_taken(tmp_path: Path) -> None:
    (fault,) = faults_of(tmp_path, "own.reply", "echr.art-35.application")
    assert fault == "1: the id echr.art-35.application stands in the built-in library already"


def test_a_fate_that_starts_nothing_is_named(tmp_path: Path) -> None:
    (fault,) = faults_of(tmp_path, "status:", "starts: {lapse: nobody.listens}\nstatus:")
    assert fault == "9: no rule of this jurisdiction is started by nobody.listens"


def test_a_clock_that_starts_itself_without_end_is_named(tmp_path: Path) -> None:
    (fault,) = faults_of(tmp_path, "status:", "starts: {due: letter.received}\nstatus:")
    assert fault == "9: its own end starts it again, without end"
    assert faults_of(tmp_path, "status:", "starts: {completion: letter.received}\nstatus:") == []


def test_a_limit_that_contradicts_itself_is_named(tmp_path: Path) -> None:
    fault, *_ = faults_of(tmp_path, "unit: days}", "unit: hours, clear_days: true}")
    assert fault == "13: versions.0.time_limit: Clear days are days; hours have none."


def test_a_reading_that_cannot_be_computed_is_named_though_no_example_shows_it(
    tmp_path: Path,
) -> None:
    reading = "{reason: r, counted_from: ruling, time_limit: {amount: 9999, unit: years}}"
    (fault,) = faults_of(tmp_path, "examples:", f"    readings:\n      - {reading}\nexamples:")
    assert fault == "15: The date lies beyond the calendar."


@pytest.mark.parametrize(
    ("effect", "complaint"),
    [
        ("{status: verified}", "give deemed or added"),
        (
            "{deemed: {amount: 2, unit: days}, added_after_roll: true, status: verified}",
            "needs added",
        ),
        ("{added: {amount: 2, unit: days, direction: before}, status: verified}", "earlier"),
        ("{added: {amount: 2, unit: days}}", "Field required"),
    ],
)
def test_an_effect_of_service_that_makes_no_sense_is_named(
    tmp_path: Path, effect: str, complaint: str
) -> None:
    (fault,) = faults_of(tmp_path, "status:", f"service: {{post: {effect}}}\nstatus:")
    assert fault.startswith("9: service.post")
    assert complaint in fault


def test_an_example_may_say_how_and_when_the_paper_was_served(tmp_path: Path) -> None:
    served = (
        "counted_from: service\nservice:\n"
        "  post: {deemed: {amount: 3, unit: days}, status: unverified}\nstatus:"
    )
    text = GOOD.replace("status:", served, 1)
    example = '  - {trigger: "2026-02-20", served_on: 2026-03-02, due_on: 2026-03-12}\n'
    deemed = '  - {trigger: "2026-03-02", service_method: post, due_on: 2026-03-15}\n'
    assert check_folder(pack(tmp_path, text + example + deemed)) == []


def test_an_example_without_an_offset_is_named(tmp_path: Path) -> None:
    (fault,) = faults_of(tmp_path, '"2026-03-02"', '"2026-03-02T09:00:00"')
    assert fault == "15: an instant needs its offset"


def test_a_pack_is_loaded_beside_the_built_in_rules(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", rule_packs=(pack(tmp_path, GOOD),))
    library = build_runtime(settings).rules
    assert library.get("own.reply").title["en"] == "Reply to the registry"
    assert library.get("echr.art-35.application")


def test_a_faulty_pack_stops_the_start_and_names_setting_file_and_line(tmp_path: Path) -> None:
    folder = pack(tmp_path, GOOD.replace("2026-03-12", "2026-03-13"))
    with pytest.raises(ValueError, match=r"ADQUEM_RULE_PACKS") as stopped:
        build_runtime(Settings(home=tmp_path / "home", rule_packs=(folder,)))
    assert f"{folder / 'own.yaml'}:15: gives 2026-03-12" in str(stopped.value)


def test_a_pack_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"gone: no \.yaml file here"):
        load_with_packs([tmp_path / "gone"])


def test_two_packs_cannot_hold_one_id(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        pack(folder, GOOD)
    (fault,) = check_folder(one, other)
    assert fault.startswith(f"{other / 'own.yaml'}:1: the id own.reply stands in {one}")
