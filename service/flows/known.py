"""What new cases and deadlines may name, and what others have already: asked once for all."""

from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass

from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from service.errors import Code, Refusal
from service.flows.calendars import check_calendar
from service.schemas.cases import CaseIn
from service.schemas.deadlines import DeadlineIn
from service.store.cases import Case
from service.store.deadlines import Deadline
from service.store.escalation_policies import EscalationPolicy
from service.store.paging import those_of_team


@dataclass(frozen=True)
class Known:
    """Of what was asked about, in one team: the `codes` and ids that are taken, its `policies`, and why a
    calendar cannot be had. True for the transaction that asked."""

    codes: Set[str]
    external_ids: Set[str]
    external_ids_of_deadlines: Set[str]
    policies: Set[str]
    no_calendars: Mapping[str, Refusal]

    def check_case(self, body: CaseIn) -> None:
        """Raises Refusal `duplicate`, `unknown_reference` or `unknown_calendar`."""
        if body.code in self.codes:
            raise Refusal(Code.DUPLICATE, "The team has a case of this code already.", "code")
        if body.external_id in self.external_ids:
            raise Refusal(Code.DUPLICATE, "A case has this external_id already.", "external_id")
        self._check_policy(body.escalation_policy_id)
        if body.calendar and body.calendar in self.no_calendars:
            raise self.no_calendars[body.calendar]

    def check_deadline(self, body: DeadlineIn) -> None:
        """Raises Refusal `duplicate` or `unknown_reference`."""
        if body.external_id in self.external_ids_of_deadlines:
            detail = "A deadline has this external_id already."
            raise Refusal(Code.DUPLICATE, detail, "external_id")
        self._check_policy(body.escalation_policy_id)

    def _check_policy(self, policy_id: str | None) -> None:
        if policy_id is not None and policy_id not in self.policies:
            raise no_such_policy()


def no_such_policy() -> Refusal:
    detail = "There is no such escalation policy."
    return Refusal(Code.UNKNOWN_REFERENCE, detail, "escalation_policy_id")


async def known(
    session: AsyncSession,
    team_id: str,
    cases: Collection[CaseIn] = (),
    deadlines: Collection[DeadlineIn] = (),
) -> Known:
    """Asks nothing about what nobody names."""

    async def taken(column: object, values: Collection[str | None]) -> Set[str]:
        return await those_of_team(session, team_id, col(column), filter(None, values))

    policies = {one.escalation_policy_id for one in cases}
    policies |= {one.escalation_policy_id for one in deadlines}
    return Known(
        await taken(Case.code, [one.code for one in cases]),
        await taken(Case.external_id, [one.external_id for one in cases]),
        await taken(Deadline.external_id, [one.external_id for one in deadlines]),
        await taken(EscalationPolicy.id, policies),
        await _missing(session, {one.calendar for one in cases if one.calendar}),
    )


async def _missing(session: AsyncSession, codes: Collection[str]) -> dict[str, Refusal]:
    """The calendars that cannot be had, and why not."""
    refused = {}
    for code in sorted(codes):
        try:
            await check_calendar(session, code)
        except Refusal as refusal:
            refused[code] = refusal
    return refused
