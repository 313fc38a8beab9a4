"""What a story brings into being, or a thousand of them: gathered as it happens, written at its end.

A story that is refused before that has written nothing. Knows no law, and asks nothing of its own accord.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from service.store.cases import Case, CaseRole, roles_of
from service.store.columns import as_rows, insert_rows
from service.store.deadlines import Deadline
from service.store.endpoints import Endpoint, team_endpoints
from service.store.journal import Happening, record
from service.store.messages import Message, add_messages
from service.store.touching import touch_cases
from service.store.trigger_events import TriggerEvent


@dataclass
class Docket:
    """Of one transaction, at one instant. `happenings` stand in the journal in their order."""

    session: AsyncSession
    now: datetime
    cases: list[Case] = field(default_factory=list)
    events: list[TriggerEvent] = field(default_factory=list)
    deadlines: list[Deadline] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    _roles: dict[str, list[CaseRole]] = field(default_factory=dict)
    _endpoints: dict[str, list[Endpoint]] = field(default_factory=dict)

    def open(self, case: Case, roles: list[CaseRole]) -> None:
        self.cases.append(case)
        self._roles[case.id] = roles

    async def roles(self, case_id: str) -> Sequence[CaseRole]:
        """Of a case that stands here, or that was there before."""
        if case_id not in self._roles:
            self._roles[case_id] = (await roles_of(self.session, [case_id])).get(case_id, [])
        return self._roles[case_id]

    async def endpoints(self, team_id: str) -> Sequence[Endpoint]:
        if team_id not in self._endpoints:
            found = await team_endpoints(self.session, [team_id])
            self._endpoints[team_id] = found.get(team_id, [])
        return self._endpoints[team_id]

    async def write(self) -> None:
        """In the order in which one row names another; what stood elsewhere goes out before it."""
        await self.session.flush()
        roles = [role for case in self.cases for role in self._roles[case.id]]
        for table, rows in (
            (Case, self.cases),
            (CaseRole, roles),
            (TriggerEvent, self.events),
            (Deadline, self.deadlines),
        ):
            await insert_rows(self.session, table, as_rows(rows))
        shown = {case.id for case in self.cases} | {one.case_id for one in self.deadlines}
        touch_cases(self.session, shown)
        await add_messages(self.session, self.messages)
        await record(self.session, self.happenings, self.now)
