"""Leaves a relay alone that cannot be reached: an outage costs a few tries, not one for every mail.

Seconds are those of any clock that never goes back; it is given, never asked.
"""

#: So many failures in a row to reach it.
_PATIENCE = 3
#: Seconds of rest; each is longer than the one before as long as nothing answers.
_RESTS = (5.0, 10.0, 20.0, 40.0, 60.0)


class Breaker:
    def __init__(self) -> None:
        self._missed = self._rests = 0
        self._until = 0.0

    def resting(self, at: float) -> bool:
        return at < self._until

    @property
    def in_doubt(self) -> bool:
        """Nothing has answered since the last rest."""
        return self._rests > 0

    def answered(self) -> None:
        """Whatever it said: it is there."""
        self._missed = self._rests = 0
        self._until = 0.0

    def missed(self, at: float) -> None:
        """Those that were on their way when the rest began do not lengthen it."""
        self._missed += 1
        if self._missed >= _PATIENCE and not self.resting(at):
            self._until = at + _RESTS[min(self._rests, len(_RESTS) - 1)]
            self._rests += 1
