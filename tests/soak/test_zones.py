"""What C3 holds the service against: instants that can be looked up."""

from datetime import UTC, datetime

import pytest

from tests.soak.zones import Moment, moments


@pytest.fixture(scope="module")
def found() -> list[Moment]:
    return moments()


@pytest.mark.parametrize(
    ("zone", "why", "at"),
    [
        # Half of an hour that came twice, on a leap day.
        ("Asia/Almaty", "fold", datetime(2024, 2, 29, 17, 30, tzinfo=UTC)),
        ("Asia/Almaty", "leap day", datetime(2024, 2, 29, 19, 0, tzinfo=UTC)),
        # Midnight is skipped: the day ends an hour before it would have come.
        ("America/Havana", "midnight", datetime(2016, 3, 13, 4, 0, tzinfo=UTC)),
        # Midnight comes twice: the first is meant.
        ("America/Havana", "midnight", datetime(2016, 11, 6, 4, 0, tzinfo=UTC)),
        # Half an hour that never was.
        ("Australia/LHI", "gap", datetime(2016, 10, 1, 15, 15, tzinfo=UTC)),
        # Venezuela went half an hour ahead, once.
        ("America/Caracas", "gap", datetime(2016, 5, 1, 6, 45, tzinfo=UTC)),
    ],
)
def test_what_is_said_about_a_change_of_a_clock(
    zone: str, why: str, at: datetime, found: list[Moment]
) -> None:
    assert (zone, why, at) in {(one.zone, one.why, one.at) for one in found}


def test_sixty_zones_and_every_kind_of_change_are_among_them(found: list[Moment]) -> None:
    assert len({one.zone for one in found}) >= 60
    assert {one.why for one in found} == {"gap", "fold", "leap day", "midnight"}
