"""The date alone is the date that the derivation explains: one engine, asked in two ways."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from service.domain.court_calendars import CourtCalendar
from service.domain.deadlines import Forum, compute, due
from service.domain.service_of_process import ServiceEffect
from service.domain.time_limits import Direction, FirstDay, HoursBy, MonthEnd, Roll, TimeLimit, Unit
from service.domain.tolling import TollingPeriod
from service.errors import Code, Refusal

YEARS = range(2018, 2027)
CALENDARS: list[CourtCalendar | None] = [
    None,
    CourtCalendar("EVERY", "1", 1, 9999, days_off={date(2022, 3, 9): "holiday"}),
    CourtCalendar(
        "LOADED",
        "2",
        YEARS[0],
        YEARS[-1],
        days_off={date(year, month, 8): "holiday" for year in YEARS for month in (1, 3, 12)},
        court_days=frozenset(date(year, 3, 8) + timedelta(days=4) for year in YEARS),
    ),
    CourtCalendar(
        "RECESS",
        "3",
        YEARS[0],
        YEARS[-1],
        closures=tuple((date(year, 7, 16), date(year, 8, 31)) for year in YEARS),
    ),
    CourtCalendar("NEVER", "4", 2000, 2060, weekend=frozenset(range(7))),
]
ZONES = [ZoneInfo(key) for key in ("Asia/Almaty", "Europe/Paris", "America/Sao_Paulo", "UTC")]
DAYS = st.dates(date(2018, 1, 1), date(2026, 12, 31))
ENDS_OF_TIME = st.sampled_from([date.min, date.max])
INSTANTS = st.datetimes(
    datetime(2018, 1, 1),  # noqa: DTZ001
    datetime(2026, 12, 31),  # noqa: DTZ001
    timezones=st.sampled_from(ZONES),
)
FEW = st.sampled_from([None, 6, 15])


@st.composite
def links(draw: st.DrawFn, then: TimeLimit | None = None) -> TimeLimit:
    first_day = draw(st.sampled_from(FirstDay))
    return TimeLimit(
        draw(st.integers(0, 40)),
        draw(st.sampled_from([unit for unit in Unit if unit is not Unit.HOURS])),
        draw(st.sampled_from(Direction)),
        first_day,
        clear_days=first_day is FirstDay.EXCLUDED and draw(st.booleans()),
        skip_non_court_days_under=draw(FEW),
        month_end=draw(st.sampled_from(MonthEnd)),
        roll=draw(st.sampled_from(Roll)),
        cutoff=draw(st.sampled_from(["24:00", "18:00", "02:30"])),
        then=then,
    )


HOURS = st.builds(
    TimeLimit,
    st.integers(0, 500),
    st.just(Unit.HOURS),
    st.sampled_from(Direction),
    skip_non_court_days_under=FEW,
    roll=st.sampled_from(Roll),
    hours_by=st.sampled_from(HoursBy),
)
LIMITS = st.one_of(links(), links().flatmap(links), HOURS)
TOLLING = st.builds(
    lambda begins, days: TollingPeriod(
        begins, None if days is None else begins + timedelta(days=days)
    ),
    DAYS,
    st.none() | st.integers(0, 90),
)
FORUMS = st.builds(
    Forum,
    st.sampled_from(ZONES),
    st.sampled_from(CALENDARS),
    st.lists(TOLLING, max_size=2).map(tuple),
    DAYS,
)
EFFECTS = st.none() | st.builds(
    ServiceEffect, st.none() | links(), st.none() | links() | HOURS, st.booleans()
)


def alone(
    trigger: date, limit: TimeLimit, forum: Forum, served: ServiceEffect | None
) -> tuple[date, datetime] | tuple[Code, str, str | None]:
    try:
        return due(trigger, limit, forum, served)
    except Refusal as refusal:
        return refusal.code, refusal.detail, refusal.field


def explained(
    trigger: date, limit: TimeLimit, forum: Forum, served: ServiceEffect | None
) -> tuple[date, datetime] | tuple[Code, str, str | None]:
    try:
        result = compute(trigger, limit, forum, "a source", served)
    except Refusal as refusal:
        return refusal.code, refusal.detail, refusal.field
    return result.due_on, result.due_at


#: The event itself is the first day that there is: no day lies before it.
_THAT_DAY = TimeLimit(1, Unit.DAYS, first_day=FirstDay.INCLUDED)
_TOLLED = Forum(ZONES[0], None, (TollingPeriod(date(2018, 1, 1)),), date(2018, 1, 2))


@example(date.min, _THAT_DAY, _TOLLED, None)
@given(DAYS | INSTANTS | ENDS_OF_TIME, LIMITS, FORUMS, EFFECTS)
def test_the_date_alone_is_the_date_that_is_explained(
    trigger: date, limit: TimeLimit, forum: Forum, served: ServiceEffect | None
) -> None:
    assert alone(trigger, limit, forum, served) == explained(trigger, limit, forum, served)


@given(DAYS, LIMITS.filter(lambda limit: limit.unit is not Unit.HOURS), FORUMS)
def test_no_service_is_service_without_effect(day: date, limit: TimeLimit, forum: Forum) -> None:
    assert alone(day, limit, forum, ServiceEffect()) == alone(day, limit, forum, None)


def test_ten_court_days_end_where_the_derivation_says() -> None:
    limit, forum = TimeLimit(10, Unit.COURT_DAYS), Forum(ZONES[0], CALENDARS[2])
    assert due(date(2026, 3, 6), limit, forum) == (
        date(2026, 3, 20),  # Sunday the 8th would be off anyway; Thursday the 12th is worked
        datetime(2026, 3, 20, 19, 0, tzinfo=UTC),
    )


def test_hours_end_at_their_instant() -> None:
    detained = datetime(2026, 3, 6, 15, 40, tzinfo=ZONES[0])
    found = due(detained, TimeLimit(72, Unit.HOURS), Forum(ZONES[0]))
    assert found == (date(2026, 3, 9), datetime(2026, 3, 9, 10, 40, tzinfo=UTC))
