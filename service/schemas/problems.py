"""The shape of every refusal: RFC 9457, with a stable code and the field at fault."""

from pydantic import BaseModel


class FieldProblem(BaseModel):
    """`field`: path of the input in dotted form, `header.X` or `query.X` outside the body."""

    field: str | None
    code: str
    message: str


class Problem(BaseModel):
    type: str
    title: str
    status: int
    code: str
    detail: str
    field: str | None = None
    errors: list[FieldProblem] = []
    request_id: str | None = None
