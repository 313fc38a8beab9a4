"""The points at which drills break things: written down first, once where asked, nothing outside drills."""

import time
from pathlib import Path

import pytest

from service import faults
from service.faults import DrillFault, points


def drill(log: Path, orders: str) -> dict[str, str]:
    return {"ADQUEM_FAULTS": orders, "ADQUEM_FAULTS_LOG": str(log)}


def test_outside_drills_a_point_does_nothing() -> None:
    faults.fault("claim.before_commit")
    points({})("claim.before_commit")
    points({"ADQUEM_FAULTS": ""})("claim.before_commit")


def test_what_is_ordered_once_happens_once_for_all_processes_and_is_written_down(
    tmp_path: Path,
) -> None:
    log = tmp_path / "fired"
    orders = drill(log, "claim.before_commit:raise@once")
    with pytest.raises(DrillFault, match="claim"):
        points(orders)("claim.before_commit")
    points(orders)("claim.before_commit")
    assert log.read_text() == "claim.before_commit raise\n"


def test_a_point_fires_at_its_share_of_the_passages_and_no_other_point_does(tmp_path: Path) -> None:
    fault = points(drill(tmp_path / "fired", "send.before:raise@1,smtp.after_reply:raise@0"))
    for _ in range(3):
        with pytest.raises(DrillFault):
            fault("send.before")
        fault("smtp.after_reply")
        fault("record.before_commit")


def test_a_point_can_hold_the_process_up(tmp_path: Path) -> None:
    log = tmp_path / "fired"
    began = time.monotonic()
    points(drill(log, "send.before:sleep:0.05"))("send.before")
    assert time.monotonic() - began >= 0.05
    assert log.read_text() == "send.before sleep:0.05\n"


def test_an_order_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"send\.before:explode@once"):
        points(drill(tmp_path / "fired", "send.before:explode@once"))
