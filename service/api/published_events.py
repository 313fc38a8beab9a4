"""The events that webhooks carry, as the OpenAPI document publishes them. No request ever comes here."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter

from service.schemas.events import SHAPES

router = APIRouter(tags=["events"])

_ANSWERS: dict[int | str, dict[str, Any]] = {
    "3XX": {"description": "Counts as a failure; no redirect is followed."},
    "410": {"description": "Not wanted any more: the endpoint is disabled."},
    "4XX": {"description": "Tried again; `Retry-After` is respected."},
    "5XX": {"description": "Tried again; `Retry-After` is respected."},
}
_DESCRIPTION = (
    "Signed by the Standard Webhooks specification, in the headers `webhook-id`,"
    " `webhook-timestamp` and `webhook-signature`."
)


def _receiver(shape: type[Any]) -> Callable[..., None]:
    def receive(body: Any) -> None:
        del body

    receive.__annotations__["body"] = shape
    return receive


for _event, _shape in SHAPES.items():
    router.add_api_route(
        _event.value,
        _receiver(_shape),
        methods=["POST"],
        summary=_event.value,
        description=_DESCRIPTION,
        status_code=204,
        response_description="Taken. Every 2xx says the same, and the body is not looked at.",
        responses=_ANSWERS,
        operation_id=f"event_{_event.value.replace('.', '_')}",
    )
