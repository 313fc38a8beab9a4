"""/users/{user_id}/digest and /exit-check: what the two mails of a person's day would say now"""

from dataclasses import asdict

from service.api.routing import new_router
from service.dependencies import Reader, Sits
from service.flows.digest import Asked, digest_now, exit_check_now
from service.schemas import fields
from service.schemas.digests import LineOut, OverviewOut, SectionOut

router = new_router("digests", "/users/{user_id}")


@router.get("/digest")
async def read_digest(user_id: str, sitting: Sits, caller: Reader) -> OverviewOut:
    """Of the cases that both the person's roles and the caller's key reach."""
    return _answer(await digest_now(sitting, user_id, caller))


@router.get("/exit-check")
async def read_exit_check(
    user_id: str, sitting: Sits, caller: Reader, on: fields.LocalDate | None = None
) -> OverviewOut:
    """Of today, or of another day on the person's own calendar: what was ticked off since the exit check of
    the day before, and what is due then or on the day after and still open."""
    return _answer(await exit_check_now(sitting, user_id, on, caller))


def _answer(asked: Asked) -> OverviewOut:
    overview = asked.overview
    return OverviewOut(
        user_id=overview.reader_id,
        on=overview.on,
        timezone=overview.timezone,
        as_of=overview.as_of,
        mailed=asked.mailed,
        sections=[
            SectionOut(section=section, lines=[LineOut(**asdict(line)) for line in lines])
            for section, lines in overview.sections
        ],
    )
