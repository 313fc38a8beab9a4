"""/calendars: court calendars, the same for every team; there is no delete, for dates rest on them"""

from typing import Annotated

from fastapi import Depends, Query
from sqlmodel.ext.asyncio.session import AsyncSession

from service.api.routing import new_router
from service.dependencies import Admin, Now, Page, Reader, Session, Sits, keep_answer
from service.errors import Code, Refusal, not_found
from service.flows import calendars, reviewing
from service.schemas import fields
from service.schemas.calendars import (
    WEEKDAYS,
    AmendmentIn,
    CourtCalendarDaysOut,
    CourtCalendarIn,
    CourtCalendarOut,
    CourtDayOut,
)
from service.schemas.reviews import AmendmentPreview, MoveOut
from service.store.calendars import (
    Calendar,
    days_of,
    get_calendar,
    list_calendars,
    list_versions,
    newest_calendar,
)

router = new_router("calendars", "/calendars")

Version = Annotated[str | None, Query(max_length=100)]
Year = Annotated[int | None, Query(ge=1900, le=2099)]


def _answer(row: Calendar) -> CourtCalendarOut:
    weekend = [WEEKDAYS[day] for day in row.weekend]
    return CourtCalendarOut.model_validate(row.model_dump() | {"weekend": weekend})


@router.post("", status_code=201, dependencies=[Depends(keep_answer)])
async def create_calendar(
    body: CourtCalendarIn, session: Session, caller: Admin, now: Now
) -> CourtCalendarOut:
    """For the operator alone."""
    return _answer(await calendars.new_calendar(session, body, caller, now))


@router.get("")
async def read_calendars(session: Session, _: Reader, page: Page) -> fields.Page[CourtCalendarOut]:
    """The newest version of each code."""
    rows = await list_calendars(session, page.after_id, page.limit)
    cursor = page.next_cursor(rows, lambda row: [row.code])
    return fields.Page(items=[_answer(row) for row in rows], next_cursor=cursor)


@router.get("/{code}")
async def read_calendar(
    code: str, session: Session, _: Reader, version: Version = None, year: Year = None
) -> CourtCalendarDaysOut:
    """With its days, or those of one year: the newest version, or the one that a date rests on."""
    row = await _version(session, code, version)
    if year is not None and not row.first_year <= year <= row.last_year:
        raise Refusal(
            Code.OUTSIDE_CALENDAR,
            f"This version knows the years {row.first_year} to {row.last_year}.",
            "query.year",
        )
    days = [CourtDayOut.model_validate(day) for day in await days_of(session, row.id, year)]
    return CourtCalendarDaysOut(**_answer(row).model_dump(), days=days)


@router.get("/{code}/versions")
async def read_versions(
    code: str, session: Session, _: Reader, page: Page
) -> fields.Page[CourtCalendarOut]:
    """Newest first."""
    await _version(session, code, None)
    before = int(page.after_id) if page.after_id else None
    rows = await list_versions(session, code, before, page.limit)
    cursor = page.next_cursor(rows, lambda row: [str(row.number)])
    return fields.Page(items=[_answer(row) for row in rows], next_cursor=cursor)


@router.post("/{code}/versions", status_code=201, dependencies=[Depends(keep_answer)])
async def amend_calendar(
    code: str, body: AmendmentIn, session: Session, caller: Admin, now: Now
) -> CourtCalendarOut:
    """For the operator alone: the newest version with changes, as a version of its own."""
    return _answer(await calendars.amend_calendar(session, code, body, caller, now))


@router.post("/{code}/preview", dependencies=[Depends(keep_answer)])
async def preview_amendment(
    code: str, body: AmendmentIn, sitting: Sits, caller: Admin
) -> AmendmentPreview:
    """For the operator alone: which open deadlines the changes would move, old date beside new. Nothing
    is kept. Once it is a version, earlier dates move by themselves and later ones wait in /reviews."""
    version, looked_at, moves = await reviewing.preview(sitting, code, body, caller)
    return AmendmentPreview(
        version=version,
        looked_at=looked_at,
        moves=[
            MoveOut(
                deadline_id=one.id,
                old_on=one.due_on,
                new_on=drift.would[0] if drift.would else None,
                earlier=drift.earlier,
                reason=drift.reason,
            )
            for one, drift in moves
        ],
    )


async def _version(session: AsyncSession, code: str, version: str | None) -> Calendar:
    if version is None:
        row = await newest_calendar(session, code)
    else:
        # A plus that nobody encoded arrives as a space, and no version holds one.
        row = await get_calendar(session, code, version.replace(" ", "+"))
    if row is None:
        raise not_found("calendar" if version is None else "version of this calendar")
    return row
