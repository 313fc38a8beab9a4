"""Enters the notices of a drill in bulk, and reads back what the tables say of them.

Each notice is a custody deadline of its own, with one person and one mark, so that the whole way is walked:
plan, release, claim, send, record. It starts nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, create_engine, func, or_
from sqlalchemy import select as select_columns
from sqlmodel import SQLModel, col

from service.domain.deadlines import DeadlineKind
from service.domain.escalation import Role
from service.domain.notifications import ChannelKind
from service.domain.retry import Verdict
from service.ids import new_id
from service.sealing import load_seal
from service.settings import Settings
from service.store.attempts import Attempt
from service.store.cases import CaseRole
from service.store.columns import as_rows, insert_rows
from service.store.database import make_engine, writers
from service.store.deadlines import Deadline
from service.store.endpoints import Endpoint
from service.store.messages import HELD, PENDING, Message
from service.store.teams import Team
from service.store.users import Membership, User
from tests.soak.oracle import Planned, Row, Try
from tests.store import factories

#: From the mark to the due instant: no whole days, and so an instant that no calendar moves.
_AHEAD = timedelta(hours=36)
#: The same of the most urgent, whose readers have an address that says so.
_SOON, URGENT = timedelta(hours=1), "urgent-"
_LONG_AGO = timedelta(days=10)
_SECRET = b"whsec_" + b"c29hayBkcmlsbCBvZiB0aGUgc2lua3M="


@dataclass(frozen=True)
class Wanted:
    """`notices` of so many teams, due evenly `over` some seconds from `start` on. `tools`: teams that have
    an endpoint at `sink`, which is told of each as well. `hostile`: endpoints by id, with their addresses,
    of the second half of the teams, whose notices are due in the second half of the time. `urgent`: of so
    many notices one, evenly spread, is of a deadline that is due much sooner."""

    notices: int
    start: datetime
    over: float
    teams: int = 20
    tools: int = 0
    sink: str = ""
    hostile: Mapping[str, str] = field(default_factory=dict)
    urgent: int = 0

    def besieged(self, team: int) -> bool:
        return bool(self.hostile) and team >= self.teams // 2

    def hostile_to(self, team: int) -> Iterable[tuple[str, str]]:
        if self.besieged(team):
            yield from list(self.hostile.items())[team % (self.teams // 2) :: self.teams // 2]


async def enter(settings: Settings, wanted: Wanted) -> list[Planned]:
    """Everything in one transaction; answers what is to arrive."""
    made = _Docket(settings, wanted)
    await write(settings, made.rows)
    return made.planned


async def write(settings: Settings, rows: Mapping[type[SQLModel], Sequence[SQLModel]]) -> None:
    engine = make_engine(settings.sqlalchemy_url)
    try:
        async with writers(engine)() as session, session.begin():
            for table, models in rows.items():
                await insert_rows(session, table, as_rows(models))
    finally:
        await engine.dispose()


def endpoint(
    settings: Settings, team: Team, endpoint_id: str, url: str, alive_at: datetime, **given: Any
) -> Endpoint:
    """One that hears of reminders where nothing else is given."""
    seal = load_seal(settings.secret_key.get_secret_value(), settings.home)
    own = {
        "id": endpoint_id,
        "url": url,
        "sealed_secret": seal.close(_SECRET, endpoint_id),
        "events": ["reminder.due"],
        "alive_at": alive_at,
        "created_at": alive_at - _LONG_AGO,
    }
    return factories.endpoint(team, **own | given)


class _Docket:
    """The rows by table, in an order in which they can be written."""

    def __init__(self, settings: Settings, wanted: Wanted) -> None:
        self._wanted = wanted
        self._settings = settings
        self._then = wanted.start - _LONG_AGO
        self.rows: dict[type[SQLModel], list[SQLModel]] = defaultdict(list)
        self.planned: list[Planned] = []
        per_team = [0] * wanted.teams
        for number in range(wanted.notices):
            per_team[number % wanted.teams] += 1
        step = wanted.over / max(wanted.notices, 1)
        for team_number, count in enumerate(per_team):
            passed = [step * (n * wanted.teams + team_number) for n in range(count)]
            if wanted.besieged(team_number):
                passed = [(wanted.over + seconds) / 2 for seconds in passed]
            self._team(team_number, [wanted.start + timedelta(seconds=one) for one in passed])

    def _put(self, *rows: SQLModel) -> None:
        for row in rows:
            self.rows[type(row)].append(row)

    def _team(self, number: int, dues: Sequence[datetime]) -> None:
        mark = f"MARK-T{number:02}"
        team = factories.team(name=mark, created_at=self._then)
        policies = {}
        for ahead in (_AHEAD, _SOON):
            step = {"trigger": "before_due", "seconds": ahead.total_seconds(), "targets": ["owner"]}
            policies[ahead] = factories.policy(team, steps=[step], created_at=self._then)
        self._put(team, *policies.values())
        tool = None
        if number < self._wanted.tools:
            tool = new_id("end", self._then)
            url, at_once = f"{self._wanted.sink}/{tool}", {"at_once": 20, "per_second": 1000.0}
            self._put(endpoint(self._settings, team, tool, url, self._wanted.start, **at_once))
        for endpoint_id, url in self._wanted.hostile_to(number):
            self._put(endpoint(self._settings, team, endpoint_id, url, self._wanted.start))
        for count, due_at in enumerate(dues):
            urgent = self._wanted.urgent and len(self.planned) % self._wanted.urgent == 0
            ahead = _SOON if urgent else _AHEAD
            self._notice(team, policies[ahead].id, f"{mark}-{count}", due_at, ahead)
            if tool:
                subject = self.planned[-1].subject
                self.planned.append(Planned(subject, tool, due_at.timestamp(), mark))

    def _notice(
        self, team: Any, policy_id: str, code: str, mark_at: datetime, ahead: timedelta
    ) -> None:
        then, due_at = self._then, mark_at + ahead
        user = factories.user(digest_at=None, exit_check_at=None, timezone="UTC", created_at=then)
        if ahead is _SOON:
            user.email = URGENT + user.email
        case = factories.case(
            team, code=code, timezone="UTC", escalation_policy_id=policy_id, created_at=then
        )
        deadline = factories.deadline(
            case,
            kind=DeadlineKind.CUSTODY,
            whole_day=False,
            due_on=due_at.date(),
            due_at=due_at,
            timezone="UTC",
            entered_at=then,
            wake_at=mark_at,
            neared_at=mark_at,
            created_at=then,
        )
        self._put(user, Membership(team_id=team.id, user_id=user.id), case)
        self._put(CaseRole(case_id=case.id, user_id=user.id, role=Role.OWNER), deadline)
        mark = str(team.name)
        self.planned.append(Planned(deadline.id, user.email, mark_at.timestamp(), mark))


@dataclass(frozen=True)
class Waiting:
    """One message that has not come to its end; `workers`: whose tries of it are open."""

    next_attempt_at: datetime
    leased: bool
    workers: frozenset[str]


class Tables:
    """What the database of an installation says, read beside its processes; of endpoints in `but` nothing.
    Each look may raise where the database is away."""

    def __init__(self, settings: Settings, but: Collection[str] = ()) -> None:
        self._counted = or_(
            col(Message.endpoint_id).is_(None), col(Message.endpoint_id).not_in(but)
        )
        url = settings.sqlalchemy_url.replace("+aiosqlite", "")
        self._engine: Engine = create_engine(url, pool_pre_ping=True)

    def close(self) -> None:
        self._engine.dispose()

    def left(self, until: datetime) -> bool:
        """Whether there are deadlines that should have been released by then, or messages that have not
        come to an end. Finds the first alone: to count them thrice a second took a tenth of two cores."""
        queries = (
            select_columns(col(Deadline.id)).where(col(Deadline.wake_at) <= until),
            select_columns(col(Message.id)).where(PENDING, self._counted),
            select_columns(col(Message.id)).where(HELD, self._counted),
        )
        with self._engine.connect() as connection:
            return any(connection.scalar(query.limit(1)) is not None for query in queries)

    def waiting(self) -> list[Waiting]:
        query = (
            select_columns(col(Message.id), col(Message.next_attempt_at), col(Message.lease))
            .add_columns(col(Attempt.worker))
            .outerjoin(
                Attempt,
                (col(Attempt.message_id) == col(Message.id)) & col(Attempt.closed_at).is_(None),
            )
            .where(PENDING, self._counted)
            .order_by(col(Message.id))
        )
        found: dict[str, Waiting] = {}
        with self._engine.connect() as connection:
            for message_id, at, lease, worker in connection.execute(query):
                before = found.get(message_id)
                workers = (before.workers if before else frozenset()) | ({worker} - {None})
                found[message_id] = Waiting(at, lease is not None, workers)
        return list(found.values())

    def owners(self) -> dict[str, tuple[str, str]]:
        """From each deadline to the ids of its case and of the person who answers for it."""
        query = select_columns(col(Deadline.id), col(Deadline.case_id), col(CaseRole.user_id))
        query = query.join(CaseRole, col(CaseRole.case_id) == col(Deadline.case_id))
        with self._engine.connect() as connection:
            return {row[0]: (row[1], row[2]) for row in connection.execute(query)}

    def rows(self) -> list[Row]:
        """Every message with its tries, in the words of the judge."""
        tries: dict[str, list[Try]] = defaultdict(list)
        attempts = select_columns(
            col(Attempt.message_id),
            col(Attempt.opened_at),
            col(Attempt.closed_at),
            col(Attempt.verdict),
            col(Attempt.code),
        ).order_by(col(Attempt.number))
        messages = select_columns(
            col(Message.id),
            col(Message.event_id),
            func.coalesce(Message.deadline_id, Message.alert_id, ""),
            col(Message.channel),
            col(Message.endpoint_id),
            col(User.email),
            col(Message.due_at),
            col(Message.state),
            col(Message.event),
            func.coalesce(Message.deadline_version, 1),
        ).outerjoin(User, col(User.id) == col(Message.user_id))
        messages = messages.where(self._counted)
        with self._engine.connect() as connection:
            for message_id, opened_at, closed_at, verdict, code in connection.execute(attempts):
                end = closed_at.timestamp() if closed_at else None
                word = verdict.value if verdict else None
                tries[message_id].append(Try(opened_at.timestamp(), end, word, code))
            return [_row(one, tries[one[0]]) for one in connection.execute(messages)]

    def tries_by_worker(self) -> Counter[str]:
        query = select_columns(col(Attempt.worker), func.count()).group_by(col(Attempt.worker))
        with self._engine.connect() as connection:
            return Counter(dict(map(tuple, connection.execute(query))))

    def attempts(self, *, failed: bool = False) -> int:
        query = select_columns(func.count()).select_from(Attempt)
        if failed:
            query = query.where(col(Attempt.verdict) == Verdict.TEMPORARY)
        with self._engine.connect() as connection:
            return int(connection.scalar(query) or 0)


def _row(columns: Iterable[Any], tries: list[Try]) -> Row:
    message_id, event_id, subject, channel, endpoint_id, email, due_at, state, event, version = (
        columns
    )
    mail = channel is ChannelKind.EMAIL
    key = message_id if mail else f"{event_id}@{endpoint_id}"
    address = email if mail else endpoint_id
    at = due_at.timestamp()
    return Row(key, subject, address, at, state.value, tries, event.value, version)
