"""What a refusal becomes: the one table from code to status, and the answer in problem+json."""

import json
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from service.dependencies import Replay
from service.errors import Code, Refusal, shape_fault
from service.knocks import SECONDS
from service.schemas.problems import FieldProblem, Problem

#: The only place where a refusal becomes an HTTP status; whatever is not here is 422.
STATUS = {
    Code.UNAUTHENTICATED: 401,
    Code.FORBIDDEN: 403,
    Code.NOT_FOUND: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.DUPLICATE: 409,
    Code.ILLEGAL_STATE: 409,
    Code.IDEMPOTENCY_KEY_REUSED: 409,
    Code.PRECONDITION_FAILED: 412,
    Code.BODY_TOO_LARGE: 413,
    Code.UNSUPPORTED_MEDIA_TYPE: 415,
    Code.PRECONDITION_REQUIRED: 428,
    Code.TOO_MANY_REQUESTS: 429,
    Code.BAD_CURSOR: 400,
    Code.MALFORMED_JSON: 400,
    Code.INTERNAL: 500,
    Code.UNAVAILABLE: 503,
}

_HTTP_CODES = {status: code for code, status in STATUS.items()} | {409: Code.DUPLICATE}
#: Refusals of what may be tried again, with the seconds to wait.
_RETRY_AFTER = {Code.TOO_MANY_REQUESTS: SECONDS, Code.UNAVAILABLE: 5}
_log = structlog.get_logger()


def handle_refusals(app: FastAPI) -> None:
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(Replay, _replay)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(SQLAlchemyError, _database)
    app.add_exception_handler(Exception, _internal)


def document_refusals(app: FastAPI) -> None:
    """FastAPI would say application/json of every declared answer; refusals are problem+json."""
    plain = app.openapi

    def documented() -> dict[str, Any]:
        fresh = app.openapi_schema is None
        document = plain()
        operations = [one for path in document["paths"].values() for one in path.values()]
        for operation in operations if fresh else ():
            for status, response in operation["responses"].items():
                if status.startswith(("4", "5")) and "content" in response:
                    schema = response["content"].pop("application/json")
                    response["content"]["application/problem+json"] = schema
        return document

    app.openapi = documented  # type: ignore[method-assign]  # FastAPI's own way to change it


def answer(
    code: Code, detail: str, field: str | None = None, errors: list[FieldProblem] | None = None
) -> JSONResponse:
    status = STATUS.get(code, 422)
    problem = Problem(
        type="about:blank",
        title=code.replace("_", " ").capitalize(),
        status=status,
        code=code,
        detail=detail,
        field=field,
        errors=errors or [],
        request_id=structlog.contextvars.get_contextvars().get("request_id"),
    )
    headers = {"Retry-After": str(_RETRY_AFTER[code])} if code in _RETRY_AFTER else {}
    if code is Code.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = "Bearer"
    body = problem.model_dump(exclude_none=True)
    return JSONResponse(body, status, headers, media_type="application/problem+json")


async def _refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    problems = [_field_problem(one) for one in error.faults]
    return answer(error.code, error.detail, error.field, problems)


async def _replay(request: Request, error: Exception) -> Response:
    assert isinstance(error, Replay)
    headers = json.loads(error.headers or "{}") | {"Idempotent-Replayed": "true"}
    body = request.app.state.runtime.seal.open(error.sealed_body, error.kept_id)
    return Response(body, error.status, headers)


async def _invalid(_: Request, error: Exception) -> Response:
    """Each fault with its field; the offending value is never repeated."""
    assert isinstance(error, RequestValidationError)
    problems = [_field_problem(_shape_fault(one)) for one in error.errors()]
    first = problems[0]
    return answer(Code(first.code), first.message, first.field, problems)


def _shape_fault(error: dict[str, Any]) -> Refusal:
    where = list(error["loc"])
    if where and where[0] == "body":
        where = where[1:]
    return shape_fault(str(error["type"]), where, str(error["msg"]))


def _field_problem(fault: Refusal) -> FieldProblem:
    return FieldProblem(field=fault.field, code=fault.code, message=fault.detail)


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _HTTP_CODES.get(error.status_code, Code.INVALID_INPUT)
    detail = "There is nothing at this address." if error.status_code == 404 else error.detail
    return answer(code, str(detail))


async def _database(_: Request, error: Exception) -> Response:
    assert isinstance(error, SQLAlchemyError)
    return answer_of_database(error)


def answer_of_database(error: SQLAlchemyError) -> Response:
    if isinstance(error, IntegrityError):
        return answer(Code.DUPLICATE, "This exists already, or what it refers to does not.")
    away = isinstance(error, DBAPIError | PoolTimeoutError)
    _log.error("database_error", kind=type(error).__name__)
    if away:
        return answer(Code.UNAVAILABLE, "The database does not answer; nothing was changed.")
    return answer(Code.INTERNAL, "Something failed on our side; nothing was changed.")


async def _internal(_: Request, error: Exception) -> Response:
    return answer(Code.INTERNAL, "Something failed on our side; nothing was changed.")
