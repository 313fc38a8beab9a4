"""Against which States a rule can be used, and for facts of which time; nothing here counts."""

from datetime import date
from typing import Annotated

from pydantic import Field

from service.errors import Code, Refusal
from service.rules.counting import Part


class StateLeft(Part):
    """A State (ISO 3166, two letters) that the rule does not reach any more, and why. `facts_until`:
    facts up to this day, the day included, can still be brought; None: the rule never reached it."""

    state: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    facts_until: date | None = None
    reason: str

    def check(self, rule_id: str, facts_on: date | None, occurred_on: date) -> None:
        """Raises Refusal `rule_not_applicable`. Where the day of the facts is not known, the day of
        the decision stands for it: facts cannot be younger than the decision on them."""
        why = f"Rule {rule_id} does not apply against {self.state}: {self.reason}"
        if self.facts_until is None:
            raise Refusal(Code.RULE_NOT_APPLICABLE, why, "respondent_state")
        if (facts_on or occurred_on) <= self.facts_until:
            return
        if facts_on is None:
            why += f" Facts up to {self.facts_until} can still be brought: give facts_on."
        raise Refusal(Code.RULE_NOT_APPLICABLE, why, "facts_on")
