"""A rule pack of one's own is checked before it is trusted: each fault with its file and line."""

from pathlib import Path

from typer.testing import CliRunner

from service.rules.check import check_folder
from workers.__main__ import line

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


def test_the_command_line_says_what_is_wrong_and_fails(tmp_path: Path) -> None:
    told = CliRunner().invoke(line, ["rules", "check", str(pack(tmp_path, GOOD + "colour: red\n"))])
    assert told.exit_code == 1
    assert "own.yaml:16: colour" in told.output


def test_the_command_line_computes_and_explains() -> None:
    arguments = ["compute", "2025-05-13", "40", "days", "--first-day", "included"]
    told = CliRunner().invoke(line, [*arguments, "--timezone", "Asia/Almaty", "--calendar", "KZ"])
    assert told.exit_code == 0, told.output
    assert told.output.startswith("Due 2025-06-21 (2025-06-21 19:00 UTC, Asia/Almaty)")
    assert "Act by 2025-06-20" in told.output
    by_rule = CliRunner().invoke(
        line, ["compute", "2025-05-21", "--rule", "kz.refugee.11.decision"]
    )
    assert "Refugee Law of Kazakhstan" in by_rule.output
    wrong = CliRunner().invoke(line, ["compute", "2025-02-30", "1", "days"])
    assert wrong.exit_code == 1
    assert "no such day" in wrong.output
