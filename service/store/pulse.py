"""What the clockwork asks before all else, some times a second: may it move on this database, and when is
anything due. One read each, by the driver alone; nothing is claimed.
"""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, column, func, select, table, true
from sqlmodel import col

from service.store.alerts import Alert
from service.store.columns import UtcDateTime
from service.store.deadlines import Deadline
from service.store.glances import Glances
from service.store.installation import Installation
from service.store.migrations import Schema, schema_by


class Pulse(NamedTuple):
    """Of a database that has never been watched: no life, and no watches."""

    schema: Schema
    life: str | None
    watches: int
    quarantined_at: datetime | None


_VERSION = table("alembic_version", column("version_num"))
_PULSE: Select[Any] = select(
    _VERSION.c.version_num,
    col(Installation.oldest_code),
    col(Installation.life),
    col(Installation.watches),
    col(Installation.quarantined_at),
).select_from(_VERSION.outerjoin(Installation, true()))


async def pulse(glances: Glances) -> Pulse:
    """Raises SQLAlchemyError where the database is away, or has not got these tables."""
    row = await glances.first(_PULSE, {})
    version, oldest_code, life, watches, quarantined_at = row or (None,) * 5
    return Pulse(schema_by(version, oldest_code), life, watches or 0, quarantined_at)


def _first(wake_at: Any) -> Any:
    return select(func.min(wake_at)).where(wake_at.is_not(None)).scalar_subquery()


_WAKES: Select[Any] = select(
    func.current_timestamp(type_=UtcDateTime),
    _first(col(Alert.wake_at)),
    _first(col(Deadline.wake_at)),
)


async def is_due(glances: Glances, now: datetime | None) -> bool:
    """Whether an alert or a deadline is to be looked at. `now` None: by the database's clock."""
    at, *wakes = await glances.first(_WAKES, {}) or ()
    return any(wake is not None and wake <= (now or at) for wake in wakes)
