"""The portfolio of J3 as an import: 40 cases of a monitoring group, and the mass case of J5.

People are given by their addresses, role to address, as the group's table has them.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

Body = dict[str, Any]
_ZONE = "Asia/Almaty"
#: The end of each sentence as its judgment states it, from 15 days to seven years.
_SENTENCES = (
    "2026-03-12", "2026-04-30", "2026-09-01", "2027-02-28", "2027-08-15",
    "2028-02-29", "2029-01-10", "2030-06-30", "2031-05-31", "2033-02-14",
)  # fmt: skip


def portfolio(people: Mapping[str, str]) -> list[Body]:
    """Forty cases, M-01 to M-40; on 2 March 2026 all of it lies ahead."""
    kinds = (
        [_sentence(on) for on in _SENTENCES]
        + [_fifteen_days(date(2026, 2, 20) + timedelta(days=number)) for number in range(5)]
        + [_ten_days(date(2026, 2, 25) + timedelta(days=number)) for number in range(5)]
        + [_extradition_arrest("2025-06-21"), _extradition_arrest("2025-10-01")]
        + [_fine("2026-02-24"), _fine("2026-02-26")]
        + [_accreditation_refused(f"2026-02-{day}") for day in (10, 17, 24)]
        + [_views("2026-01-05"), _views("2026-02-02"), _opinion("2025-11-30")]
        + [_six_months(f"2025-{month:02}-15") for month in range(9, 13)]
        + [_sixty_days(f"2026-02-{day}") for day in (10, 11, 12, 13)]
        + [_law_in_force("2026-07-01"), _law_in_force("2027-01-01")]
    )
    return [
        {
            "code": f"M-{number:02}",
            "external_id": f"sheet/{number}",
            "timezone": _ZONE,
            "roles": [{"role": role, "email": email} for role, email in people.items()],
            **kind,
        }
        for number, kind in enumerate(kinds, start=1)
    ]


def mass_prosecution(people: Mapping[str, str], number: int = 313) -> list[Body]:
    """One case for each of the accused, each with the event that starts their clock."""
    return [
        {
            "code": f"Z-{one:03}",
            "timezone": _ZONE,
            "forum": "kz.criminal",
            "roles": [{"role": role, "email": email} for role, email in people.items()],
            "trigger_events": [_custody("custody.pre-trial", "2026-02-20")],
        }
        for one in range(1, number + 1)
    ]


def _custody(kind: str, on: str) -> Body:
    return {"kind": kind, "occurred_on": on}


def _stated(title: str, kind: str, due_on: str, source: str, **more: Any) -> Body:
    return {"title": title, "kind": kind, "due_on": due_on, "source": source} | more


def _sentence(ends_on: str) -> Body:
    paper = "Judgment, operative part"
    ordered = {"force": "ordered", "duty_holder": "authority", "critical": True}
    return {"deadlines": [_stated("End of the sentence", "custody", ends_on, paper, **ordered)]}


def _fifteen_days(placed_on: date) -> Body:
    event = _custody("arrest.administrative-offence", placed_on.isoformat())
    return {"forum": "kz.administrative-offence", "trigger_events": [event]}


def _ten_days(placed_on: date) -> Body:
    """The ruling names a shorter term than the ceiling of the law, which is watched beside it."""
    ends_on = (placed_on + timedelta(days=9)).isoformat()
    named = {"force": "ordered", "duty_holder": "authority"}
    stated = _stated("Ten days of arrest", "custody", ends_on, "Ruling", **named)
    return _fifteen_days(placed_on) | {"deadlines": [stated]}


def _extradition_arrest(arrested_on: str) -> Body:
    event = _custody("arrest.extradition", arrested_on)
    return {"forum": "kz.criminal", "trigger_events": [event]}


def _fine(served_on: str) -> Body:
    event = {
        "kind": "ruling.administrative-offence",
        "occurred_on": served_on,
        "served_on": served_on,
    }
    return {"forum": "kz.administrative-offence", "trigger_events": [event]}


def _accreditation_refused(learned_on: str) -> Body:
    event = {"kind": "act.learned-of", "occurred_on": learned_on, "served_on": learned_on}
    return {"forum": "kz.administrative", "trigger_events": [event]}


def _views(transmitted_on: str) -> Body:
    event = {"kind": "views.transmitted", "occurred_on": transmitted_on}
    return {"forum": "un.ccpr", "respondent_state": "KZ", "trigger_events": [event]}


def _opinion(transmitted_on: str) -> Body:
    event = {"kind": "opinion.transmitted", "occurred_on": transmitted_on}
    return {"forum": "un.wgad", "respondent_state": "KZ", "trigger_events": [event]}


def _six_months(received_on: str) -> Body:
    event = {"kind": "communication.received-by-state", "occurred_on": received_on}
    return {"forum": "un.ccpr", "respondent_state": "KZ", "trigger_events": [event]}


def _sixty_days(transmitted_on: str) -> Body:
    event = {"kind": "communication.transmitted-to-government", "occurred_on": transmitted_on}
    return {"forum": "un.wgad", "respondent_state": "KZ", "trigger_events": [event]}


def _law_in_force(on: str) -> Body:
    return {"deadlines": [_stated("The law enters into force", "watch", on, "Official gazette")]}
