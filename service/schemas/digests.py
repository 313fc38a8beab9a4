"""Shapes of the two mails of a person's day, as anyone who may ask is answered what they would say."""

from datetime import date, datetime

from service.schemas.fields import Answer


class LineOut(Answer):
    """What is above `level` is left out. `instead_of`: the roles of those who are away and for whom the
    person stands in. `what`: a proposed verb, `review`, the code of a gap, why a person cannot be
    reached, or how it was ticked off; `who`: roles; `at`: since or until when; `other_on`: the date that
    it had, or would have."""

    case_id: str
    case_code: str | None
    level: int
    deadline_id: str | None
    version: int | None
    kind: str | None
    title: str | None
    due_on: date | None
    due_at: datetime | None
    timezone: str | None
    days_left: int | None
    instead_of: list[str]
    what: str | None
    who: list[str]
    at: datetime | None
    because: str | None
    other_on: date | None


class SectionOut(Answer):
    section: str
    lines: list[LineOut]


class OverviewOut(Answer):
    """`on`: the person's own day; `mailed`: whether such a mail would go now. Sections that are empty are
    left out."""

    user_id: str
    on: date
    timezone: str
    as_of: datetime
    mailed: bool
    sections: list[SectionOut]
