"""May this person see this case, and down to which level: the one function that decides.

The API, mails, webhooks and feeds all ask here; nobody reasons about rights anywhere else.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from service.domain.escalation import Role
from service.errors import Code, Refusal, not_found


class Level(IntEnum):
    """How much is shown: 0 that there is a date, 1 code and kind, 2 title and basis, 3 everything."""

    BARE = 0
    CODE = 1
    BASIS = 2
    FULL = 3


class Scope(StrEnum):
    """What an API key may do; each scope contains those before it."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"

    def contains(self, other: "Scope") -> bool:
        order = list(Scope)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True)
class Reach:
    """Whose cases a caller can see: the named teams, or every team (`None`: the operator)."""

    team_ids: frozenset[str] | None

    def contains(self, team_id: str) -> bool:
        return self.team_ids is None or team_id in self.team_ids


@dataclass(frozen=True)
class Caller:
    """Who is asking: a key, perhaps on behalf of a person, with a scope and a reach."""

    key_id: str
    scope: Scope
    reach: Reach
    user_id: str | None = None

    @property
    def actor(self) -> str:
        """The id that the journal names: the person where one is known, else the key."""
        return self.user_id or self.key_id

    def team_for(self, asked: str | None) -> str:
        """The team that something new belongs to: the one asked for, else the caller's only one.

        Raises Refusal `missing_field` where that leaves a choice, `not_found` beyond the reach.
        """
        if asked is None:
            if self.reach.team_ids is None or len(self.reach.team_ids) != 1:
                raise Refusal(Code.MISSING_FIELD, "Say which team this is for.", "team_id")
            return next(iter(self.reach.team_ids))
        if not self.reach.contains(asked):
            raise not_found("team")
        return asked


def level_for(role: Role | None, channel_level: Level, ceiling: Level) -> Level | None:
    """What a person with `role` in a case is shown on a channel; None: nothing at all.

    The case's ceiling wins over everything; an observer never sees more than code and kind.
    """
    if role is None:
        return None
    own = Level.CODE if role is Role.OBSERVER else Level.FULL
    return min(own, channel_level, ceiling)
