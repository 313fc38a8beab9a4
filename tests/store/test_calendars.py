"""Calendars that were stored before their days had sources keep all that they said."""

import pytest
import sqlalchemy as sa

from service.store import migrations
from tests.store.opened import Opened

_BEFORE, _AFTER = "2026112201", "2026112202"


def _engine(url: str) -> sa.Engine:
    return sa.create_engine(url.replace("+aiosqlite", ""), poolclass=sa.pool.NullPool)


@pytest.fixture
def before(database: Opened) -> str:
    """Two versions of one calendar, in the tables as they were."""
    migrations.downgrade(database.url, _BEFORE)
    with _engine(database.url).begin() as connection:
        for number in (1, 2):
            connection.exec_driver_sql(
                "INSERT INTO calendars"
                " (id, code, version, first_year, last_year, weekend, source, created_at)"
                f" VALUES ('cal_{number}', 'KZ', 'v{number}', 2025, 2026, '[5, 6]',"
                f" 'holidays 0.{number}, KZ', '2026-01-01 00:00:00+00:00')"
            )
        connection.exec_driver_sql(
            'INSERT INTO calendar_days (calendar_id, "on", kind, name)'
            " VALUES ('cal_2', '2026-01-01', 'off', 'New Year')"
        )
    return database.url


def test_each_day_has_the_source_of_its_calendar_and_each_version_its_number(before: str) -> None:
    migrations.upgrade(before, _AFTER)
    with _engine(before).connect() as connection:
        calendars = connection.exec_driver_sql(
            "SELECT number, version, based_on, entered_by FROM calendars ORDER BY number"
        ).all()
        days = connection.exec_driver_sql("SELECT name, source, entered_by FROM calendar_days")
        assert [tuple(row) for row in calendars] == [(1, "v1", "KZ", None), (2, "v2", "KZ", None)]
        assert [tuple(row) for row in days] == [("New Year", "holidays 0.2, KZ", None)]


def test_on_the_way_back_a_closed_day_stays_no_court_day(before: str) -> None:
    migrations.upgrade(before, _AFTER)
    with _engine(before).begin() as connection:
        for on, kind in (("2026-07-06", "closure"), ("2026-03-09", "ordinary")):
            connection.exec_driver_sql(
                'INSERT INTO calendar_days (calendar_id, "on", kind, name, source)'
                f" VALUES ('cal_2', '{on}', '{kind}', 'n', 's')"
            )
    migrations.downgrade(before, _BEFORE)
    with _engine(before).connect() as connection:
        days = connection.exec_driver_sql('SELECT "on", kind FROM calendar_days ORDER BY "on"')
        assert [(str(row[0]), row[1]) for row in days] == [
            ("2026-01-01", "off"),
            ("2026-07-06", "off"),
        ]
