"""One sitting: one transaction, at one instant, under the law as it stands, with the ways out at hand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlmodel.ext.asyncio.session import AsyncSession

from service.channels.interface import Channel
from service.domain.court_calendars import CourtCalendar
from service.domain.deadlines import local_date
from service.domain.notifications import ChannelKind
from service.flows.calendars import court_calendar
from service.flows.readings import Basis, Found, calendar_code, read
from service.rules.library import Rule, RuleLibrary
from service.store.calendars import newest_calendar


@dataclass(frozen=True)
class Sitting:
    """What every story about dates works with; each court calendar is read once."""

    session: AsyncSession
    channels: Mapping[ChannelKind, Channel]
    library: RuleLibrary
    now: datetime
    _calendars: dict[str, CourtCalendar] = field(default_factory=dict)

    @property
    def webhooks(self) -> Channel:
        return self.channels[ChannelKind.WEBHOOK]

    def today(self, zone: str) -> date:
        """The calendar day in the zone of this IANA name."""
        return local_date(self.now, ZoneInfo(zone))

    async def calendar(self, code: str | None) -> CourtCalendar | None:
        """Raises Refusal `unknown_calendar`."""
        if code is None:
            return None
        if code not in self._calendars:
            self._calendars[code] = await court_calendar(self.session, code, self.now)
        return self._calendars[code]

    async def known_calendar(self, code: str | None) -> CourtCalendar | None:
        """As `calendar`, where it has been loaded; reads only."""
        if code is None or (
            code not in self._calendars and not await newest_calendar(self.session, code)
        ):
            return None
        return await self.calendar(code)

    async def read(self, rule: Rule, basis: Basis) -> Found:
        """The readings of a rule on its calendar; raises as `readings.read`."""
        return read(rule, basis, await self.calendar(calendar_code(rule, basis)))
