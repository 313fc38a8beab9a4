"""Will every step that is still to come reach somebody? Facts in, gaps with a code and a sentence out.

It decides nothing about who stands in for whom: that is known before it is asked.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from service.domain.escalation import Role

#: How far ahead one looks.
HORIZON = timedelta(days=60)
#: In place of a step's number: the whole ladder, and the next repetition of one that is exhausted.
EVERY_STEP, REPETITION = "every", "repetition"


class GapCode(StrEnum):
    """What can be wrong; published names, never renamed."""

    NOBODY = "nobody"
    AWAY = "away"
    ONLY_ONE_PERSON = "only_one_person"
    UNVERIFIED = "unverified"


@dataclass(frozen=True)
class Turn:
    """One step that is to come. `step`: its number, or `REPETITION`. `holders`: how many enabled people
    of the case hold one of its roles and can be reached by any way; `told`: the ids of those of them who
    would be told at that instant, `unverified` of them those of whom nobody knows yet whether they read
    the only address that leads to them."""

    step: str
    at: datetime
    roles: tuple[Role, ...]
    holders: int
    told: frozenset[str]
    unverified: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Gap:
    """`step`: its number, `REPETITION`, or `EVERY_STEP`; `at`: when it would be felt first."""

    step: str
    at: datetime
    roles: tuple[Role, ...]
    code: GapCode
    sentence: str


def gaps(turns: Iterable[Turn], critical: bool, until: datetime) -> list[Gap]:
    """In order of time. Of a critical deadline the ladder as a whole must not hang on one person; the
    repetitions of an exhausted ladder, which go to all, do not make up for that."""
    near = sorted((one for one in turns if one.at <= until), key=lambda one: one.at)
    found = [_unreached(one) for one in near if not one.told - one.unverified]
    if critical:
        found += _one_person([one for one in near if one.step != REPETITION] or near, until)
    return sorted(found, key=lambda one: (one.at, one.step))


def _unreached(turn: Turn) -> Gap:
    code = GapCode.AWAY if turn.holders else GapCode.NOBODY
    code = GapCode.UNVERIFIED if turn.told else code
    sentence = _SENTENCES[code].format(step=_named(turn.step), roles=_listed(turn.roles))
    return Gap(turn.step, turn.at, turn.roles, code, sentence)


def _one_person(turns: list[Turn], until: datetime) -> list[Gap]:
    people = frozenset[str]().union(*(one.told for one in turns))
    if len(people) != 1:
        return []
    roles = tuple(dict.fromkeys(role for one in turns for role in one.roles))
    code = GapCode.ONLY_ONE_PERSON
    sentence = _SENTENCES[code].format(until=f"{until:%Y-%m-%d}")
    return [Gap(EVERY_STEP, turns[0].at, roles, code, sentence)]


_SENTENCES = {
    GapCode.NOBODY: "Nobody on the case who can be reached would be told at {step} ({roles}): give the "
    "role to somebody.",
    GapCode.AWAY: "All who would be told at {step} ({roles}) are away, and nobody stands in: name a "
    "deputy who is there.",
    GapCode.UNVERIFIED: "None of those who would be told at {step} ({roles}) has confirmed the address: "
    "ask them for the mail, or send it anew.",
    GapCode.ONLY_ONE_PERSON: "The deadline is critical, and until {until} every step rests on one single "
    "person: give a role to a second one.",
}


def _named(step: str) -> str:
    return "the next repetition" if step == REPETITION else f"step {step}"


def _listed(roles: Iterable[Role]) -> str:
    return ", ".join(roles)
