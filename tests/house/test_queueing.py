"""The simulation behind docs/scaling.md agrees with what is known of waiting lines, and the page with
it."""

import random
from pathlib import Path

import pytest

from benchmarks.queueing import Load, lateness, measured, passage, poisson, serve

PAGE = Path(__file__).parents[2] / "docs" / "scaling.md"


def test_one_server_waits_as_long_as_theory_says() -> None:
    """M/M/1 at 80 %: the median time in the system is ln 2 / (rate - load)."""
    chance = random.Random(7)
    due = list(poisson(80.0, 3000, chance))
    late = lateness(due, serve(due, 1, 100.0, chance))
    assert late.p50 == pytest.approx(0.693 / 20, rel=0.15)
    assert late.p99 == pytest.approx(4.605 / 20, rel=0.15)


def test_what_is_due_at_one_instant_takes_its_number_over_the_rate_of_all() -> None:
    due = [0.0] * 10_000
    late = lateness(due, serve(due, 10, 100.0, random.Random(7)))
    assert late.most == pytest.approx(10.0, rel=0.1)


def test_twice_the_workers_halve_the_wait() -> None:
    load, rates = Load(1_000_000), measured()
    two, four = (passage(load, rates, workers).p99 for workers in (2, 4))
    assert two / four == pytest.approx(2, rel=0.1)


def test_the_page_keeps_its_promise_at_ten_million() -> None:
    assert passage(Load(10_000_000), measured(), 16).p99 < 60
    assert "sixteen at ten million" in PAGE.read_text(encoding="utf-8")
