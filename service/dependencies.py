"""What every request is handed: its one transaction, who is calling, now, the page asked for."""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, cast

from fastapi import Depends, Header, Query, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Caller, Reach, Scope
from service.errors import Code, Refusal
from service.flows.sitting import Sitting
from service.ids import new_id
from service.runtime import Runtime
from service.sealing import fingerprint
from service.store.api_keys import get_live_key
from service.store.columns import insert_missing
from service.store.idempotency import KeptAnswer, find_answer
from service.store.users import members_among

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_bearer = HTTPBearer(auto_error=False, description="An API key: Authorization: Bearer adq_...")


class Replay(Exception):
    """The request was answered before under the same Idempotency-Key: that answer again.

    Holds plain values: the row goes with the session that is rolled back on the way out.
    """

    def __init__(self, kept: KeptAnswer) -> None:
        super().__init__("replayed")
        self.kept_id, self.status = kept.id, kept.status
        self.headers, self.sealed_body = kept.headers, kept.body


def get_runtime(request: Request) -> Runtime:
    return cast(Runtime, request.app.state.runtime)


RuntimeNow = Annotated[Runtime, Depends(get_runtime)]


def knocks_too_often(request: Request) -> bool:
    """Counts a secret that was wrong; True where too many from that address were."""
    address = request.client.host if request.client else ""
    return get_runtime(request).knocks.too_many(address, asyncio.get_running_loop().time())


async def _session(request: Request, runtime: RuntimeNow) -> AsyncIterator[AsyncSession]:
    """One request, one transaction; kept when the answer is ready and before it leaves."""
    scope = runtime.reading if request.method in _SAFE_METHODS else runtime.transaction
    async with scope() as session:
        request.state.session = session
        yield session


Session = Annotated[AsyncSession, Depends(_session, scope="function")]


def _now(runtime: RuntimeNow) -> datetime:
    return runtime.clock()


Now = Annotated[datetime, Depends(_now)]


async def _caller(
    session: Session,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> Caller:
    """One wording for every key that does not open: unknown, revoked, malformed, missing."""
    token = credentials.credentials if credentials else ""
    key = await get_live_key(session, fingerprint(token)) if token else None
    if key is not None and key.user_id is not None:
        # A person's key goes with the person: disabled, or out of the team, it opens nothing.
        staying = key.team_id and await members_among(session, key.team_id, [key.user_id])
        key = key if staying else None
    if key is None:
        raise Refusal(
            Code.UNAUTHENTICATED,
            "Send a valid API key as Authorization: Bearer KEY.",
            "header.Authorization",
        )
    reach = Reach(None if key.team_id is None else frozenset({key.team_id}))
    return Caller(key.id, key.scope, reach, key.user_id)


def _sitting(session: Session, runtime: RuntimeNow, now: Now) -> Sitting:
    return Sitting(session, runtime.channels, runtime.rules, now)


#: For the stories about dates: the request's transaction, with the law and the channels at hand.
Sits = Annotated[Sitting, Depends(_sitting, scope="function")]


def _with_scope(scope: Scope) -> Callable[..., Caller]:
    def caller_with_scope(caller: Annotated[Caller, Depends(_caller, scope="function")]) -> Caller:
        if not caller.scope.contains(scope):
            raise Refusal(Code.FORBIDDEN, f"This key's scope is {caller.scope}; {scope} is needed.")
        return caller

    return caller_with_scope


Reader = Annotated[Caller, Depends(_with_scope(Scope.READ), scope="function")]
Writer = Annotated[Caller, Depends(_with_scope(Scope.WRITE), scope="function")]
Admin = Annotated[Caller, Depends(_with_scope(Scope.ADMIN), scope="function")]


def _if_match(if_match: Annotated[str | None, Header(max_length=500)] = None) -> str:
    if if_match is None:
        raise Refusal(
            Code.PRECONDITION_REQUIRED,
            "Send the ETag that you read as If-Match, so that nobody's change is lost.",
            "header.If-Match",
        )
    return if_match


IfMatch = Annotated[str, Depends(_if_match)]


@dataclass(frozen=True)
class Paging:
    """`after`: the key of the last row seen, None on the first page."""

    limit: int
    after: list[str] | None
    sign: Callable[[list[str]], str]

    @property
    def after_id(self) -> str | None:
        return self.after[-1] if self.after else None

    def next_cursor(self, rows: list[Any], key: Callable[[Any], list[str]]) -> str | None:
        """A cursor after the last of `rows`, None where the page is not full."""
        return self.sign(key(rows[-1])) if len(rows) == self.limit else None


def _paging(
    request: Request,
    runtime: RuntimeNow,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
) -> Paging:
    """Cursors are signed and bound to the path and the filters that they were made for."""
    filters = sorted(
        (k, v) for k, v in request.query_params.items() if k not in ("cursor", "limit")
    )
    bound = json.dumps([request.url.path, filters])

    def sign(key: list[str]) -> str:
        payload = json.dumps(key)
        return _packed([payload, runtime.seal.sign(bound + payload)])

    after = None
    if cursor is not None:
        payload, signature = _unpacked(cursor)
        if not runtime.seal.made(lambda one: one.sign(bound + payload), signature):
            raise _bad_cursor()
        after = json.loads(payload)
    return Paging(limit, after, sign)


Page = Annotated[Paging, Depends(_paging)]


async def keep_answer(
    request: Request,
    session: Session,
    now: Now,
    caller: Annotated[Caller, Depends(_caller, scope="function")],
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200)] = None,
) -> None:
    """For every POST: a repeated key replays the first answer; with another body it is refused.

    The row is written first, so that a twin that runs at the same time waits for it.
    """
    if idempotency_key is None:
        return
    body_hash = hashlib.sha256(await request.body()).hexdigest()
    route = f"{request.method} {request.url.path}"
    kept = KeptAnswer(
        id=new_id("ans", now),
        caller_id=caller.key_id,
        route=route,
        key=idempotency_key,
        body_hash=body_hash,
        created_at=now,
    )
    await insert_missing(session, KeptAnswer, [kept.model_dump()], "caller_id", "route", "key")
    found = await find_answer(session, caller.key_id, route, idempotency_key)
    if found is None or found.body_hash != body_hash:
        raise Refusal(
            Code.IDEMPOTENCY_KEY_REUSED,
            "This Idempotency-Key was used for another request.",
            "header.Idempotency-Key",
        )
    if found.id != kept.id:
        raise Replay(found)
    request.state.kept_answer = found


def _packed(parts: list[str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


def _unpacked(cursor: str) -> tuple[str, str]:
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor))
        payload, signature = (str(part) for part in parts)
        payload.encode()  # a lone surrogate is no cursor of ours
        signature.encode("ascii")
        return payload, signature
    except (ValueError, TypeError) as error:
        raise _bad_cursor() from error


def _bad_cursor() -> Refusal:
    return Refusal(
        Code.BAD_CURSOR,
        "This cursor is not of this list; start from the first page.",
        "query.cursor",
    )
