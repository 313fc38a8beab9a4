"""A relay that answers each try for an address by that address's script: greylists, refuses, falls silent.

What it says it says by the rules of the protocol; only when is the test's choice.
"""

from dataclasses import dataclass

from aiosmtpd.smtp import Envelope

from tests.harness.smtp import SmtpServer


@dataclass(frozen=True)
class Move:
    """What happens to one try; None: that step goes well. As the hooks of `SmtpServer` answer."""

    rcpt: str | None = None
    data: str | None = None


class ScriptedSmtp(SmtpServer):
    """`play("owner", Move(rcpt="451 4.7.1 greylisted"), Move())`: one move for each try of the addresses
    that begin so; the last one holds for all that follow. Addresses without a script are taken."""

    def __init__(self) -> None:
        super().__init__()
        self._scripts: dict[str, list[Move]] = {}
        self._now: dict[str, Move] = {}
        self.on_recipient = self._recipient
        self.on_data = self._data

    def play(self, beginning: str, *moves: Move) -> None:
        self._scripts[beginning] = list(moves)

    def _recipient(self, address: str) -> str | None:
        for beginning, moves in self._scripts.items():
            if address.startswith(beginning):
                self._now[address] = moves.pop(0) if len(moves) > 1 else moves[0]
                return self._now[address].rcpt
        return None

    def _data(self, envelope: Envelope) -> str | None:
        move = self._now.get(envelope.rcpt_tos[0])
        return move.data if move else None
