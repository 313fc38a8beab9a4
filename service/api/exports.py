"""/exports: what a caller may see, as files to be taken along."""

from fastapi import Response

from service.api.routing import new_router
from service.dependencies import Now, Reader, RuntimeNow, Session
from service.flows.exporting import deadlines_file

router = new_router("exports", "/exports")


@router.get("/deadlines.ics", response_class=Response)
async def export_deadlines(
    session: Session, caller: Reader, runtime: RuntimeNow, now: Now
) -> Response:
    """Once, to be kept: it never changes by itself. No address of a feed is in it."""
    content = await deadlines_file(session, caller, runtime.settings.base_url, now)
    headers = {
        "Content-Disposition": 'attachment; filename="deadlines.ics"',
        "Cache-Control": "no-store",
    }
    return Response(content, headers=headers, media_type="text/calendar; charset=utf-8")
