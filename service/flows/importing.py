"""Many cases at once, each through the stories that single requests go through: all of them or none.

Knows no file format: whatever a table or a calendar holds comes here as the shapes of an import.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Caller, Reach
from service.errors import Code, Refusal, not_found
from service.flows import casework, docketing
from service.flows.docket import Docket
from service.flows.known import Known, known
from service.flows.sitting import Sitting
from service.flows.standing import entering
from service.flows.starting import Started
from service.ids import new_id
from service.schemas.cases import CaseIn, RoleIn
from service.schemas.fields import Shape
from service.schemas.imports import (
    CheckedCase,
    ImportedCase,
    ImportedDeadline,
    ImportedEvent,
    ImportIn,
)
from service.store.cases import Case
from service.store.deadlines import Deadline
from service.store.journal import Happening
from service.store.teams import existing_team_ids
from service.store.trigger_events import TriggerEvent
from service.store.users import list_users

#: Faults said in one answer; the number of all of them is said beside.
_MOST_FAULTS = 200
_PAGE = 200
#: What can be left out of a part that was refused for it, to see what else is wrong with it.
_CAN_BE_LEFT_OUT = ("external_id", "calendar", "escalation_policy_id")
#: Follow from a person who is missing, where that has been said already.
_OF_PEOPLE = (Code.OWNER_REQUIRED, Code.DEPUTY_REQUIRED)

Wanted = TypeVar("Wanted", bound=Shape)
Made = TypeVar("Made")


@dataclass
class _Import:
    """One import under way. `people`: id of each member of the team by id and by address; `seen`: where
    in the body a thing stands that must stand once."""

    sitting: Sitting
    caller: Caller
    team_id: str
    people: Mapping[str, str]
    known: Known
    docket: Docket
    seen: dict[tuple[str, str], str] = field(default_factory=dict)
    faults: list[Refusal] = field(default_factory=list)


@dataclass
class _Place:
    """Where in the body a case stands. `at_fault`: those of its fields of which that was said."""

    work: _Import
    path: str
    at_fault: set[str]
    faults: dict[tuple[str, Code], Refusal] = field(default_factory=dict)

    def note(self, refusal: Refusal, *part: str | int) -> None:
        """A fault, under its path in the body; said once, and not where it only follows from another."""
        if refusal.code in _OF_PEOPLE and "roles" in self.at_fault:
            return
        if refusal.code is Code.OWNER_REQUIRED:
            where = f"{self.path}.roles"
        else:
            where = ".".join(map(str, (self.path, *part, refusal.field))).removesuffix(".None")
        fault = Refusal(refusal.code, refusal.detail, where)
        self.faults.setdefault((where, refusal.code), fault)

    def stands_twice(self, name: str, value: str | None, *part: str | int) -> bool:
        """Whether the body has this already; then that is noted."""
        key = (f"{part[0] if part else 'cases'}.{name}", value or "")
        where = ".".join(map(str, (self.path, *part, name)))
        if value is None or self.work.seen.setdefault(key, where) == where:
            return False
        detail = f"The import has this already, at {self.work.seen[key]}."
        self.note(Refusal(Code.DUPLICATE, detail, name), *part)
        return True


@dataclass(frozen=True)
class Entered:
    """What has become of one case. `events` have their place in the case."""

    case: Case
    events: list[tuple[int, TriggerEvent, Started]]
    stated: list[Deadline]


def counts(entered: Sequence[Entered]) -> dict[str, int]:
    """How much came into being, as the journal and the answer say it."""
    started = [one for case in entered for _, _, one in case.events]
    stated = sum(len(case.stated) for case in entered)
    return {
        "cases": len(entered),
        "trigger_events": len(started),
        "deadlines": stated + sum(len(one.deadlines) for one in started),
        # An event that no rule starts from has started nothing either.
        "not_started": sum(len(one.not_started) or not one.deadlines for one in started),
    }


async def import_cases(sitting: Sitting, body: ImportIn, caller: Caller) -> list[Entered]:
    """The cases in the order of the body; after a dry run their rows are no longer in the database.

    Raises Refusal `import_refused` with every fault.
    """
    team_id = caller.team_for(body.team_id)
    if not await existing_team_ids(sitting.session, [team_id]):
        raise not_found("team")
    if body.user_id is not None:
        actor = await entering(sitting.session, caller, team_id, body.user_id)
        caller = replace(caller, user_id=actor)
    people = await _people(sitting.session, team_id)
    named = await _known(sitting.session, team_id, body.cases)
    docket = Docket(sitting.session, sitting.now)
    work = _Import(sitting, caller, team_id, people, named, docket)
    if not body.dry_run:
        return await _all(work, body.cases)
    savepoint = await sitting.session.begin_nested()
    entered = await _all(work, body.cases)
    await savepoint.rollback()
    return entered


async def _all(work: _Import, cases: Sequence[CheckedCase]) -> list[Entered]:
    """Goes on after a fault, to find them all."""
    tried = [await _one(work, checked, f"cases.{index}") for index, checked in enumerate(cases)]
    if work.faults:
        raise _refused(work.faults)
    entered = [one for one in tried if one is not None]
    actor, team_id = work.caller.actor, work.team_id
    happening = Happening(team_id, actor, "import.done", team_id, None, counts(entered))
    work.docket.happenings.append(happening)
    await work.docket.write()
    return entered


def _refused(faults: list[Refusal]) -> Refusal:
    number = "one fault" if len(faults) == 1 else f"{len(faults)} faults"
    detail = f"The import has {number}; nothing was kept."
    if len(faults) > _MOST_FAULTS:
        detail = f"{detail} The first {_MOST_FAULTS} are listed."
    return Refusal(Code.IMPORT_REFUSED, detail, faults=faults[:_MOST_FAULTS])


async def _one(work: _Import, checked: CheckedCase, path: str) -> Entered | None:
    """One case with all its parts. What a faulty one leaves on the docket is never written."""
    place = _Place(work, path, set(checked.at_fault))
    for fault in checked.faults:
        place.note(fault)
    entered = await _enter(place, checked.case, checked) if checked.case else None
    work.faults += place.faults.values()
    return entered


async def _enter(place: _Place, wanted: ImportedCase, checked: CheckedCase) -> Entered | None:
    work = place.work

    async def open_case(body: CaseIn) -> Case:
        work.known.check_case(body)
        return casework.opened(work.docket, work.team_id, body, work.caller)

    case = await _tried(place, open_case, _resolved(place, wanted))
    if case is None:
        return None
    events = []
    for index, event in checked.trigger_events.items():
        recorded = await _record(place, case, event, index)
        if recorded is not None:
            events.append((index, *recorded))
    stated = [
        await _state(place, case, deadline, index) for index, deadline in checked.deadlines.items()
    ]
    return Entered(case, events, [one for one in stated if one is not None])


def _resolved(place: _Place, wanted: ImportedCase) -> CaseIn:
    """The case as a single request would have it: its people by their ids."""
    known: dict[str, Any] = {name: getattr(wanted, name) for name in CaseIn.model_fields}
    for name in ("code", "external_id"):
        if name not in place.at_fault and place.stands_twice(name, known[name]):
            place.at_fault.add(name)
    if "external_id" in place.at_fault:
        known["external_id"] = None
    if "code" in place.at_fault:
        known["code"] = new_id("cas", place.work.sitting.now)
    known |= {"team_id": place.work.team_id, "roles": _roles(place, wanted)}
    return CaseIn.model_construct(**known)


def _roles(place: _Place, wanted: ImportedCase) -> list[RoleIn]:
    roles = []
    for index, one in enumerate(wanted.roles):
        user_id = place.work.people.get(one.user_id or (one.email or "").lower())
        if user_id is None:
            name = "email" if one.user_id is None else "user_id"
            detail = "That person is not in the team."
            place.note(Refusal(Code.UNKNOWN_REFERENCE, detail, f"roles.{index}.{name}"))
            place.at_fault.add("roles")
        else:
            roles.append(RoleIn(role=one.role, user_id=user_id))
    return roles


async def _record(
    place: _Place, case: Case, wanted: ImportedEvent, index: int
) -> tuple[TriggerEvent, Started] | None:
    """Every rule that does not exist is noted; the others are tried."""
    work, part = place.work, ("trigger_events", index)
    known = []
    for number, rule in enumerate(wanted.rules or ()):
        try:
            known.append(work.sitting.library.get(rule, f"rules.{number}").id)
        except Refusal as refusal:
            place.note(refusal, *part)
    if wanted.rules and not known:
        return None
    if wanted.rules:
        wanted = wanted.model_copy(update={"rules": known})

    async def record_trigger_event(body: ImportedEvent) -> tuple[TriggerEvent, Started]:
        return await docketing.enter_event(work.sitting, work.docket, case, body, work.caller.actor)

    return await _tried(place, record_trigger_event, wanted, *part)


async def _state(
    place: _Place, case: Case, wanted: ImportedDeadline, index: int
) -> Deadline | None:
    work, part = place.work, ("deadlines", index)
    twice = place.stands_twice("external_id", wanted.external_id, *part)
    if twice:
        wanted = wanted.model_copy(update={"external_id": None})

    async def state_deadline(body: ImportedDeadline) -> Deadline:
        work.known.check_deadline(body)
        return await docketing.enter_deadline(
            work.sitting, work.docket, case, body, work.caller.actor
        )

    return await _tried(place, state_deadline, wanted, *part)


async def _tried(
    place: _Place,
    story: Callable[[Wanted], Awaitable[Made]],
    wanted: Wanted,
    *part: str | int,
) -> Made | None:
    """Tells the story; where it is refused, tells it again without what it was refused for."""
    while True:
        try:
            return await story(wanted)
        except Refusal as refusal:
            place.note(refusal, *part)
            name = refusal.field or ""
            if name == "code":
                instead = new_id("cas", place.work.sitting.now)
            elif name in _CAN_BE_LEFT_OUT and getattr(wanted, name, None) is not None:
                instead = None
            else:
                return None
            wanted = wanted.model_copy(update={name: instead})


async def _known(session: AsyncSession, team_id: str, cases: Sequence[CheckedCase]) -> Known:
    deadlines = [deadline for one in cases for deadline in one.deadlines.values()]
    return await known(session, team_id, [one.case for one in cases if one.case], deadlines)


async def _people(session: AsyncSession, team_id: str) -> dict[str, str]:
    """The members of the team who are not disabled."""
    people: dict[str, str] = {}
    after: str | None = None
    while True:
        users = await list_users(session, Reach(frozenset({team_id})), after, _PAGE)
        for user in users:
            if user.disabled_at is None:
                people |= {user.id: user.id, user.email_key: user.id}
        if len(users) < _PAGE:
            return people
        after = users[-1].id
