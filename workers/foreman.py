"""Keeps a number of workers at work: forked from what has been read in once, and anew whenever one ends.
Does no work itself.

Read in anew, a successor would cost a second and more of processor time; forked, a tenth of one.
"""

import contextlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable

import structlog

#: Its place among the workers, from 0, and a descriptor that can be read once the foreman is gone.
Work = Callable[[int, int], None]

#: Whoever ends sooner is followed later: a fault at the start must not keep a processor busy.
_LEAST_LIFE_SECONDS = 1.0
_FAREWELLS = (signal.SIGTERM, signal.SIGINT)

_log = structlog.get_logger()


def keep_at_work(number: int, work: Work) -> None:
    """Until SIGTERM or SIGINT, which the workers are told as well; ends after the last of them."""
    _Foreman(number, work).run()


class _Foreman:
    def __init__(self, number: int, work: Work) -> None:
        self._work = work
        self._vacant = list(range(number))
        #: Process id to its place, and since when.
        self._at_work: dict[int, tuple[int, float]] = {}
        self._stopping = False
        # The kernel closes the end that is held, however this process goes.
        self._lifeline, self._held = os.pipe()

    def run(self) -> None:
        for farewell in _FAREWELLS:
            signal.signal(farewell, self._stop)
        while self._all_at_work():
            pid, status = os.wait()
            place, since = self._at_work.pop(pid)
            self._vacant.append(place)
            if not self._stopping:
                _log.warning("worker_ended", pid=pid, status=os.waitstatus_to_exitcode(status))
                time.sleep(max(since + _LEAST_LIFE_SECONDS - time.monotonic(), 0))

    def _all_at_work(self) -> bool:
        """Or, when it stops, those who still are. A farewell waits until it is known whom to tell."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _FAREWELLS)
        while self._vacant and not self._stopping:
            self._fork(self._vacant.pop())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _FAREWELLS)
        return bool(self._at_work)

    def _fork(self, place: int) -> None:
        pid = os.fork()
        if pid:
            self._at_work[pid] = place, time.monotonic()
            return
        status = 1
        try:
            for farewell in _FAREWELLS:
                signal.signal(farewell, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _FAREWELLS)
            os.close(self._held)
            self._work(place, self._lifeline)
            status = 0
        except Exception:
            traceback.print_exc()
        finally:
            # Never back into what the foreman was doing.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _stop(self, *_: object) -> None:
        self._stopping = True
        for pid in self._at_work:
            # One that has ended this moment may still be counted.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
