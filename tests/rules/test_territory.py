"""Where a rule does not reach a State, it says so, and why, instead of a date."""

from datetime import date

import pytest

from service.errors import Code, Refusal
from service.rules.library import load_rules

STRASBOURG = load_rules().get("echr.art-35.application")
LAST, NEXT = date(2022, 9, 16), date(2022, 9, 17)


@pytest.mark.parametrize(
    ("state", "facts_on", "decided_on"),
    [
        (None, None, date(2023, 5, 1)),
        ("FR", None, date(2023, 5, 1)),
        ("RU", LAST, date(2023, 5, 1)),
        ("RU", None, LAST),
    ],
)
def test_facts_of_the_time_of_membership_can_be_brought(
    state: str | None, facts_on: date | None, decided_on: date
) -> None:
    STRASBOURG.check_applies(state, facts_on, decided_on)


def test_facts_after_the_membership_are_refused_with_the_reason() -> None:
    with pytest.raises(Refusal) as refused:
        STRASBOURG.check_applies("RU", NEXT, date(2023, 5, 1))
    assert (refused.value.code, refused.value.field) == (Code.RULE_NOT_APPLICABLE, "facts_on")
    assert "16 September 2022" in refused.value.detail
    assert "to be confirmed" in refused.value.detail
    assert "can still be brought" not in refused.value.detail


def test_where_the_day_of_the_facts_is_not_known_it_is_asked_for() -> None:
    with pytest.raises(Refusal) as refused:
        STRASBOURG.check_applies("RU", None, NEXT)
    assert refused.value.detail.endswith(
        "Facts up to 2022-09-16 can still be brought: give facts_on."
    )
    assert refused.value.field == "facts_on"


@pytest.mark.parametrize("state", ["KZ", "KG"])
@pytest.mark.parametrize("facts_on", [None, date(2010, 1, 1)])
def test_a_state_that_never_belonged_is_out_of_reach(state: str, facts_on: date | None) -> None:
    with pytest.raises(Refusal) as refused:
        STRASBOURG.check_applies(state, facts_on, date(2010, 6, 1))
    assert refused.value.field == "respondent_state"
