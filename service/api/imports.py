"""/imports: many cases at once, tried before they are kept"""

from datetime import datetime

from fastapi import Depends, Response

from service.api.routing import new_router
from service.dependencies import Sits, Writer, keep_answer
from service.flows import importing
from service.flows.computing import unconfirmed
from service.flows.importing import Entered
from service.rules.library import Status
from service.schemas.imports import (
    ImportCounts,
    ImportedCaseOut,
    ImportedDeadlineOut,
    ImportIn,
    ImportOut,
    NotStartedOut,
)
from service.store.deadlines import Deadline

router = new_router("imports", "/imports")

_DRY_RUN = {"model": ImportOut, "description": "Dry run: what would come into being"}


@router.post("", status_code=201, responses={200: _DRY_RUN}, dependencies=[Depends(keep_answer)])
async def import_cases(
    body: ImportIn, sitting: Sits, caller: Writer, response: Response
) -> ImportOut:
    """Up to 1,000 cases with their trigger events and stated deadlines: all of them or none.

    A dry run unless `dry_run` is false. Refused with every fault in `errors`, each with its path."""
    entered = await importing.import_cases(sitting, body, caller)
    response.status_code = 200 if body.dry_run else 201
    return ImportOut(
        dry_run=body.dry_run,
        counts=ImportCounts(**importing.counts(entered)),
        cases=[_case_answer(one, body.dry_run, sitting.now) for one in entered],
    )


def _case_answer(entered: Entered, dry_run: bool, now: datetime) -> ImportedCaseOut:
    deadlines: list[ImportedDeadlineOut] = []
    not_started: list[NotStartedOut] = []
    for index, event, started in entered.events:
        deadlines += [_deadline_answer(one, index, dry_run, now) for one in started.deadlines]
        for rule_id, reason in started.not_started.items():
            not_started.append(NotStartedOut(trigger_event=index, rule_id=rule_id, reason=reason))
        if not started.deadlines and not started.not_started:
            reason = f"No rule of the library starts from {event.kind!r} in this forum."
            not_started.append(NotStartedOut(trigger_event=index, rule_id=None, reason=reason))
    deadlines += [_deadline_answer(one, None, dry_run, now) for one in entered.stated]
    return ImportedCaseOut(
        id=None if dry_run else entered.case.id,
        code=entered.case.code,
        external_id=entered.case.external_id,
        trigger_event_ids=[] if dry_run else [event.id for _, event, _ in entered.events],
        deadlines=deadlines,
        not_started=not_started,
    )


def _deadline_answer(
    deadline: Deadline, index: int | None, dry_run: bool, now: datetime
) -> ImportedDeadlineOut:
    warnings = []
    if deadline.rule_status and (unsure := unconfirmed(Status(deadline.rule_status))):
        warnings.append(unsure)
    if deadline.due_at <= now:
        warnings.append("This date has passed: it is overdue from the start.")
    known = deadline.model_dump(include=set(ImportedDeadlineOut.model_fields))
    known |= {"id": None if dry_run else deadline.id, "trigger_event": index, "warnings": warnings}
    return ImportedDeadlineOut(**known)
