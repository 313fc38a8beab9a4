"""/inbound-sources, and /inbound, where they report: it asks for no key but the source's own token"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import structlog
from fastapi import Depends, Header, Request, Response
from fastapi.responses import JSONResponse
from sqlmodel.ext.asyncio.session import AsyncSession

from service.api.deadlines import deadline_answer
from service.api.routing import new_router, tag
from service.dependencies import (
    Admin,
    IfMatch,
    Now,
    Page,
    RuntimeNow,
    Session,
    Sits,
    keep_answer,
    knocks_too_often,
)
from service.domain.mapping import MOST_BYTES
from service.errors import Code, Refusal, not_found
from service.flows import inbound_sources, receiving
from service.flows.receiving import Received
from service.flows.sitting import Sitting
from service.runtime import Runtime
from service.schemas import fields
from service.schemas.alerts import AlertIn
from service.schemas.inbound import (
    FaultOut,
    InboundSourceIn,
    InboundSourceMade,
    InboundSourceOut,
    InboundSourcePatch,
    MadeOut,
    ReceiptOut,
    ReceivedOut,
    TriedOut,
)
from service.schemas.problems import FieldProblem, Problem
from service.schemas.trigger_events import TriggerEventIn
from service.sealing import fingerprint
from service.store.inbound import (
    InboundSource,
    ReceiptState,
    get_source,
    list_receipts,
    list_sources,
    refusing_sources,
    source_of_token,
)

router = new_router("inbound")

#: As the table in app.py has them. These are answered and not raised, for what is written of a payload
#: that was refused must be kept.
_STATUS = {
    Code.MALFORMED_JSON: 400,
    Code.BODY_TOO_LARGE: 413,
    Code.UNSUPPORTED_MEDIA_TYPE: 415,
    Code.DUPLICATE: 409,
}
_ANY_JSON: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": {}}}}
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"model": ReceivedOut, "description": "It came before, or the source passes it over"},
    429: {"model": Problem, "description": "Too many wrong tokens came from that address"},
}
_PATH = "/api/v1/inbound"


@dataclass(frozen=True)
class Posted:
    """A body, or why it is not looked at."""

    raw: bytes
    refusal: Refusal | None = None


async def _posted(request: Request) -> Posted:
    """Read before the transaction is opened: a slow sender must not hold it."""
    raw = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if len(raw) > MOST_BYTES:
        detail = f"The body may hold {MOST_BYTES} bytes."
        return Posted(raw, Refusal(Code.BODY_TOO_LARGE, detail))
    if kind != "application/json":
        detail = "Send JSON, as application/json."
        return Posted(raw, Refusal(Code.UNSUPPORTED_MEDIA_TYPE, detail, "header.Content-Type"))
    return Posted(raw)


Body = Annotated[Posted, Depends(_posted)]
#: Primero can send a key under the second name alone.
Token = Annotated[str | None, Header(alias="X-Adquem-Token", max_length=200)]
PrimerosKey = Annotated[str | None, Header(alias="X-Api-Key", max_length=200)]


@router.post("/inbound-sources", status_code=201, dependencies=[Depends(keep_answer)])
async def create_inbound_source(
    body: InboundSourceIn, sitting: Sits, caller: Admin, runtime: RuntimeNow, response: Response
) -> InboundSourceMade:
    """The token is shown this once; whoever has it can report in the name of this source."""
    source, token = await inbound_sources.create_source(sitting, body, caller)
    tag(response, source.id, source.revision)
    return _made(source, token, runtime)


@router.get("/inbound-sources")
async def read_inbound_sources(
    session: Session, caller: Admin, page: Page, now: Now
) -> fields.Page[InboundSourceOut]:
    rows = await list_sources(session, caller.reach, page.after_id, page.limit)
    items = await _shown(session, rows, now)
    return fields.Page(items=items, next_cursor=page.next_cursor(rows, lambda row: [row.id]))


@router.get("/inbound-sources/{source_id}")
async def read_inbound_source(
    source_id: str, session: Session, caller: Admin, response: Response, now: Now
) -> InboundSourceOut:
    source = await get_source(session, source_id, caller.reach)
    if source is None:
        raise not_found("inbound source")
    tag(response, source.id, source.revision)
    return (await _shown(session, [source], now))[0]


@router.patch("/inbound-sources/{source_id}")
async def change_inbound_source(
    source_id: str,
    body: InboundSourcePatch,
    sitting: Sits,
    caller: Admin,
    if_match: IfMatch,
    response: Response,
) -> InboundSourceOut:
    source = await inbound_sources.change_source(sitting, source_id, body, if_match, caller)
    tag(response, source.id, source.revision)
    return (await _shown(sitting.session, [source], sitting.now))[0]


@router.post("/inbound-sources/{source_id}/rotate", dependencies=[Depends(keep_answer)])
async def rotate_inbound_source(
    source_id: str, sitting: Sits, caller: Admin, runtime: RuntimeNow, response: Response
) -> InboundSourceMade:
    """A new token, shown this once; the old one opens nothing from now on."""
    source, token = await inbound_sources.rotate_source(sitting, source_id, caller)
    tag(response, source.id, source.revision)
    return _made(source, token, runtime)


@router.post(
    "/inbound-sources/{source_id}/try",
    dependencies=[Depends(keep_answer)],
    openapi_extra=_ANY_JSON,
)
async def try_inbound_payload(
    source_id: str, posted: Body, sitting: Sits, caller: Admin
) -> TriedOut:
    """What this payload would make, each deadline with its derivation, or why it would be refused. Changes
    nothing."""
    if posted.refusal is not None:
        raise posted.refusal
    tried = await receiving.attempt(sitting, source_id, posted.raw, caller)
    made, started = tried.made, tried.made.started if tried.made else None
    wanted = made.wanted if made else None
    return TriedOut(
        passed_over=tried.payload.passed_over,
        key=tried.payload.key,
        known=tried.known,
        facts=dict(tried.payload.facts),
        faults=[_fault(one) for one in tried.faults],
        trigger_event=wanted if isinstance(wanted, TriggerEventIn) else None,
        alert=wanted if isinstance(wanted, AlertIn) else None,
        case_id=made.case_id if made else None,
        deadlines=[deadline_answer(one, sitting.now) for one in started.deadlines]
        if started
        else [],
        not_started=started.not_started if started else {},
        warnings=list(made.warnings) if made else [],
    )


@router.get("/inbound-sources/{source_id}/receipts")
async def read_receipts(
    source_id: str,
    session: Session,
    caller: Admin,
    page: Page,
    state: ReceiptState | None = None,
) -> fields.Page[ReceiptOut]:
    """What came, newest first; `state=refused`: what made nothing, and for which field."""
    source = await get_source(session, source_id, caller.reach)
    if source is None:
        raise not_found("inbound source")
    rows = await list_receipts(session, source.id, state, page.after_id, page.limit)
    items = [ReceiptOut.model_validate(row) for row in rows]
    return fields.Page(items=items, next_cursor=page.next_cursor(rows, lambda row: [row.id]))


@router.post(
    "/inbound/{token}",
    status_code=201,
    response_model=ReceivedOut,
    responses=_RESPONSES,
    openapi_extra=_ANY_JSON,
)
async def receive_by_address(token: str, posted: Body, sitting: Sits, request: Request) -> Response:
    """An event of the sender's: 201 when it has made something, 200 when it comes again."""
    return await _received(request, sitting, token, posted)


@router.post(
    "/inbound",
    status_code=201,
    response_model=ReceivedOut,
    responses=_RESPONSES,
    openapi_extra=_ANY_JSON,
)
async def receive_by_header(
    posted: Body,
    sitting: Sits,
    request: Request,
    token: Token = None,
    key: PrimerosKey = None,
) -> Response:
    """The same for senders that keep addresses in their logs."""
    return await _received(request, sitting, token or key or "", posted)


async def _received(request: Request, sitting: Sitting, token: str, posted: Posted) -> Response:
    source = await source_of_token(sitting.session, fingerprint(token))
    if source is None:
        if knocks_too_often(request):
            detail = "Too many wrong tokens came from your address. Wait, or send the right one."
            raise Refusal(Code.TOO_MANY_REQUESTS, detail)
        raise not_found("address")
    return _told(await receiving.receive(sitting, source, posted.raw, posted.refusal))


async def _shown(
    session: AsyncSession, rows: Sequence[InboundSource], now: datetime
) -> list[InboundSourceOut]:
    since = await refusing_sources(session, now, [row.id for row in rows])
    items = [InboundSourceOut.model_validate(row) for row in rows]
    return [one.model_copy(update={"refusing_since": since.get(one.id)}) for one in items]


def _made(source: InboundSource, token: str, runtime: Runtime) -> InboundSourceMade:
    known = InboundSourceOut.model_validate(source).model_dump()
    url = f"{runtime.settings.base_url}{_PATH}/{token}"
    return InboundSourceMade(**known, token=token, url=url)


def _told(received: Received) -> Response:
    """Senders keep answers in logs of their own: ids, and nothing of the case."""
    if received.refusal is not None:
        return _problem(received.refusal)
    receipt = received.receipt
    made = None
    if receipt.made_id is not None:
        made = MadeOut(kind=received.source.makes, id=receipt.made_id, deadlines=receipt.deadlines)
    told = ReceivedOut(
        receipt_id=receipt.id,
        made=made,
        changed=received.changed,
        changed_fields=receipt.changed_fields if received.changed else [],
    )
    return JSONResponse(told.model_dump(mode="json"), 201 if received.first else 200)


def _problem(refusal: Refusal) -> Response:
    status = _STATUS.get(refusal.code, 422)
    problem = Problem(
        type="about:blank",
        title=refusal.code.replace("_", " ").capitalize(),
        status=status,
        code=refusal.code,
        detail=refusal.detail,
        field=refusal.field,
        errors=[
            FieldProblem(field=one.field, code=one.code, message=one.detail)
            for one in refusal.faults
        ],
        request_id=structlog.contextvars.get_contextvars().get("request_id"),
    )
    body = problem.model_dump(exclude_none=True)
    return JSONResponse(body, status, media_type="application/problem+json")


def _fault(refusal: Refusal) -> FaultOut:
    return FaultOut(field=refusal.field, code=refusal.code, message=refusal.detail)
