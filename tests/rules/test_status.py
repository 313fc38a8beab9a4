"""A rule is no more certain than the weakest part that decides its date."""

import pytest

from service.domain.service_of_process import ServiceMethod
from service.rules.library import Status, load_rules

LIBRARY = load_rules()
#: Laws whose way of counting is known from a summary, or from memory; see the notes in their rules.
WEAKEST = [
    ("kz.cpc.", {Status.SECONDARY, Status.UNVERIFIED}),
    ("kz.appc.", {Status.UNVERIFIED}),
    ("kz.cao.", {Status.UNVERIFIED}),
    ("kz.refugee.", {Status.UNVERIFIED, Status.DISPUTED}),
]


@pytest.mark.parametrize(("law", "possible"), WEAKEST, ids=[law for law, _ in WEAKEST])
def test_no_rule_is_surer_than_the_way_its_law_counts(law: str, possible: set[Status]) -> None:
    rules = [rule for rule in LIBRARY.all() if rule.id.startswith(law)]
    assert rules
    assert {rule.id: rule.status for rule in rules if rule.status not in possible} == {}


@pytest.mark.parametrize(
    ("rule_id", "article"),
    [
        ("kz.cpc.587.identity-check", "art. 587(2)"),
        ("kz.cpc.588.temporary-custody", "art. 588(1)"),
        ("kz.cpc.592.extradition-appeal", "art. 592(1)"),
        ("kz.refugee.11.decision", "art. 11(1)"),
    ],
)
def test_the_note_says_which_part_is_verified(rule_id: str, article: str) -> None:
    note = LIBRARY.get(rule_id).versions[0].note or ""
    assert f"verified ({article})" in " ".join(note.split())


def test_what_is_said_of_service_may_be_weaker_than_the_rule() -> None:
    rule = LIBRARY.get("generic.us.frcp-6.days-after")
    assert rule.status_with(None) is Status.VERIFIED
    assert rule.status_with(ServiceMethod.IN_PERSON) is Status.VERIFIED
    assert rule.status_with(ServiceMethod.POST) is Status.UNVERIFIED
