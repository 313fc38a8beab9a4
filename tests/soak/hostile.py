"""C8: endpoints that wish us ill, beside teams that must notice nothing of it."""

import socket
import subprocess
import sys
from datetime import UTC, datetime
from functools import partial

from service.ids import new_id
from tests.harness.polling import eventually
from tests.harness.processes import ROOT, environment, free_port
from tests.harness.tether import tethered
from tests.soak.chaos import Gate, Result, Scenario
from tests.soak.gates import had
from tests.soak.installation import Installation
from tests.soak.malice import FORBIDDEN, MALICES
from tests.soak.oracle import lateness_of, quantile

_TEAMS, _OVER, _ENDPOINTS = 40, 60.0, 100
#: A worker looks again after a second at the latest: what is below that says nothing.
_TICK = 1.0
#: Addresses that lead nowhere good by themselves; port of the receiver.
_ADDRESSES = (
    "http://{forbidden}:{port}/direct",
    "https://nowhere.invalid/",
    "http://[::1]:{port}/",
)


def _urls(port: int) -> list[str]:
    served = [f"http://127.0.0.1:{port}/{malice}" for malice in MALICES]
    return served + [one.format(forbidden=FORBIDDEN, port=port) for one in _ADDRESSES]


def _prepare(port: int, one: Installation) -> None:
    urls, now = _urls(port), datetime.now(UTC)
    for number in range(_ENDPOINTS):
        one.minutes.hostile[new_id("end", now)] = urls[number % len(urls)]
    process = subprocess.Popen(
        tethered([sys.executable, "-m", "tests.soak.malice", str(port), str(one.fired_log)]),
        cwd=ROOT,
        env=environment({}),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    one.cleanup.callback(process.wait)
    one.cleanup.callback(process.kill)
    eventually(lambda: _listens(port), 60)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _besieged_no_later(result: Result) -> bool:
    """Mails of the second half, in which the malice is met, against those of the first."""
    planned = result.drill.planned
    start = min(one.due_at for one in planned)
    calm = lateness_of(result.drill, lambda one: one.due_at < start + _OVER / 2)
    besieged = lateness_of(result.drill, lambda one: one.due_at >= start + _OVER / 2)
    return quantile(besieged, 0.99) <= 2 * max(quantile(calm, 0.99), _TICK)


def scenario() -> Scenario:
    port = free_port()
    gates: dict[str, Gate] = {"p99 at most twice that of the calm half": _besieged_no_later}
    return Scenario(
        "C8",
        f"{_ENDPOINTS} hostile endpoints: {', '.join(MALICES)}, forbidden and false addresses",
        notices=1_200,
        over=_OVER,
        variables={"ADQUEM_WEBHOOK_NETWORKS": '["127.0.0.1/32"]'},
        wanted=dict.fromkeys(MALICES, 1),
        gates=gates | had("forbidden", 0),
        teams=_TEAMS,
        tools=_TEAMS // 4,
        patience=180,
        prepare=partial(_prepare, port),
    )
