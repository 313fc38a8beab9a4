"""Named points at which a drill kills, fails or delays this process; without ADQUEM_FAULTS they do nothing.

What a point is about to do is written down before it does it: a drill must know which faults it really had.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

_ONCE = "once"


class DrillFault(Exception):
    """What a point raises that was told to raise."""


@dataclass(frozen=True)
class _Order:
    """`when`: the share of the passages at which it fires, or once for all processes of one log."""

    point: str
    action: str
    when: str

    @property
    def line(self) -> str:
        return f"{self.point} {self.action}\n"

    def fires(self, log: Path) -> bool:
        if self.when != _ONCE:
            return random.random() < float(self.when)
        return not log.exists() or self.line not in log.read_text().splitlines(keepends=True)

    def act(self) -> None:
        match self.action.partition(":"):
            case "kill", _, _:
                os.kill(os.getpid(), signal.SIGKILL)
            case "sleep", _, seconds:
                # Blocks the whole process, as a slow look-up that forgot to be asynchronous does.
                time.sleep(float(seconds))
            case _:
                raise DrillFault(self.point)


def points(environment: Mapping[str, str]) -> Callable[[str], None]:
    """What to call at each point. ADQUEM_FAULTS: `point:action@share`, parted by commas; action kill, raise
    or sleep:SECONDS, share 0..1 or `once`; ADQUEM_FAULTS_LOG: where each firing is written."""
    orders = [_order(text) for text in environment.get("ADQUEM_FAULTS", "").split(",") if text]
    if not orders:
        return _nothing
    log = Path(environment["ADQUEM_FAULTS_LOG"])

    def fault(point: str) -> None:
        for order in orders:
            if order.point == point and order.fires(log):
                with log.open("a") as file:
                    file.write(order.line)
                order.act()

    return fault


def _order(text: str) -> _Order:
    what, _, when = text.partition("@")
    point, _, action = what.partition(":")
    if action not in ("kill", "raise") and not action.startswith("sleep:"):
        raise ValueError(f"ADQUEM_FAULTS: {text} is not point:kill|raise|sleep:SECONDS@share|once")
    return _Order(point, action, when or _ONCE)


def _nothing(_: str) -> None:
    """Outside drills: an empty call, some tens of nanoseconds."""


#: Bound once: an operator who sets nothing can never meet a fault by a later change of the environment.
fault = points(os.environ)
