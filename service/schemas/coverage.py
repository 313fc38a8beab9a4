"""Shapes of the coverage forecast."""

from datetime import datetime

from service.domain.coverage import GapCode
from service.schemas.fields import Answer


class GapOut(Answer):
    """`step`: its number on the ladder, `repetition` (the next of an exhausted ladder) or `every`; `at`:
    when the gap would be felt first."""

    deadline_id: str
    case_code: str
    step: str
    at: datetime
    roles: list[str]
    code: GapCode
    sentence: str
