"""What all routers share: answers kept under an Idempotency-Key, ETags, and the list of refusals."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from service.errors import Code, Refusal
from service.flows.standing import entity_tag
from service.schemas.problems import Problem

_KEPT_HEADERS = ("etag", "location", "content-type")

#: Shown in OpenAPI beside every operation; all of one shape.
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": text}
    for status, text in {
        401: "No valid API key",
        403: "The key's scope does not reach that far",
        404: "There is no such thing, or it is behind the wall",
        409: "Duplicate, or not from this state",
        413: "Body too large",
        422: "The input is wrong; `field` says where",
    }.items()
}


class KeptRoute(APIRoute):
    """Refuses query parameters that nobody reads: a mistyped filter must not list everything.

    Puts the answer beside its Idempotency-Key, inside the transaction of the effect.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()
        known = _query_names(self.dependant)

        async def keep(request: Request) -> Response:
            if any("\0" in str(value) for value in request.path_params.values()):
                raise Refusal(Code.NOT_FOUND, "There is nothing at this address.")
            for name, value in request.query_params.items():
                if name not in known:
                    raise Refusal(Code.UNKNOWN_FIELD, "There is no such filter.", "query")
                if "\0" in value:
                    raise Refusal(Code.INVALID_TEXT, "A filter holds no NUL.", f"query.{name}")
            response = await handler(request)
            kept = getattr(request.state, "kept_answer", None)
            if kept is not None:
                headers = {k: response.headers[k] for k in _KEPT_HEADERS if k in response.headers}
                seal = request.app.state.runtime.seal
                kept.status = response.status_code
                kept.body = seal.close(bytes(response.body), kept.id)  # it may hold a new secret
                kept.headers = json.dumps(headers)
                request.state.session.add(kept)
            return response

        return keep


def _query_names(dependant: Dependant) -> set[str]:
    """The query parameters that a route and all it depends on read."""
    own = {field.alias for field in dependant.query_params}
    return own.union(*map(_query_names, dependant.dependencies))


def new_router(tag: str, prefix: str = "") -> APIRouter:
    return APIRouter(prefix=prefix, tags=[tag], route_class=KeptRoute, responses=PROBLEMS)


def tag(response: Response, row_id: str, revision: int) -> None:
    """The ETag that a later change must bring back as If-Match."""
    response.headers["ETag"] = entity_tag(row_id, revision)
