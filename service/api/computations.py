"""/computations: the calculator"""

from typing import Annotated

from fastapi import Body, Depends
from pydantic import Field

from service.api.routing import new_router
from service.dependencies import Reader, Sits, keep_answer
from service.errors import Refusal
from service.flows import computing
from service.schemas.computations import ComputationIn, ComputationOut, RefusedOut

router = new_router("computations", "/computations")

Batch = Annotated[list[ComputationIn], Field(min_length=1, max_length=1000)]


@router.post("", dependencies=[Depends(keep_answer)])
async def compute(body: ComputationIn, sitting: Sits, _: Reader) -> ComputationOut:
    """A date with its derivation; nothing is kept."""
    return await computing.answer(sitting, body)


@router.post("/batch", dependencies=[Depends(keep_answer)])
async def compute_batch(
    body: Annotated[Batch, Body()], sitting: Sits, _: Reader
) -> list[ComputationOut | RefusedOut]:
    """Up to 1,000 at once, answered in their order; one that gives no date does not spoil the others."""
    answers: list[ComputationOut | RefusedOut] = []
    for one in body:
        try:
            answers.append(await computing.answer(sitting, one))
        except Refusal as refusal:
            answers.append(RefusedOut.model_validate(refusal))
    return answers
