"""Processes of the service, started as an operator starts them: `python -m workers ...`."""

import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from tests.harness.polling import eventually
from tests.harness.tether import tethered

ROOT = Path(__file__).resolve().parents[2]

#: Below the range from which systems hand out ports to outgoing connections.
_PORTS = range(18_000, 30_000)


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on; chance keeps parallel runs apart."""
    for port in random.sample(_PORTS, 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port in 100 tries")


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with these ADQUEM_* variables and no other ones."""
    inherited = {k: v for k, v in os.environ.items() if not k.upper().startswith("ADQUEM_")}
    # Unbuffered, or a killed process takes its last words with it.
    return inherited | {"PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"} | dict(settings)


def run_command(
    settings: Mapping[str, str], *arguments: str, timeout: float = 60, code: Path | None = None
) -> str:
    """What `adquem ARGUMENTS` prints; RuntimeError with both its outputs where it fails. `code`: the folder
    of another release, run by this one's interpreter."""
    done = subprocess.run(
        tethered([sys.executable, "-m", "workers", *arguments]),
        cwd=code or ROOT,
        env=environment(settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if done.returncode:
        said = f"{done.stdout}{done.stderr}"
        raise RuntimeError(f"adquem {' '.join(arguments)}: status {done.returncode}\n{said}")
    return done.stdout


def migrate(database_url: str, home: Path) -> None:
    """Bring the database to the newest schema."""
    run_command({"ADQUEM_HOME": str(home), "ADQUEM_DATABASE_URL": database_url}, "migrate")


class ServiceProcess:
    """One process; its output goes to `log`, over all its restarts.

    `port`: where it answers `/readyz`; None for a process that serves nothing. `code`: see `run_command`.
    """

    def __init__(
        self,
        name: str,
        arguments: list[str],
        settings: Mapping[str, str],
        log: Path,
        port: int | None = None,
        code: Path | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self.port = port
        self._arguments = arguments
        self._settings = settings
        self._code = code
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Does not wait; see `wait_ready`."""
        if self.running:
            raise RuntimeError(f"{self.name} runs already")
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                tethered([sys.executable, "-m", "workers", *self._arguments]),
                cwd=self._code or ROOT,
                env=environment(self._settings),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def wait_ready(self, timeout: float = 60) -> None:
        """Until `/readyz` answers 200; RuntimeError with the log's end where it never does."""
        if self.port is None:
            return
        with httpx.Client(base_url=f"http://127.0.0.1:{self.port}", trust_env=False) as client:

            def ready() -> bool:
                if not self.running:
                    raise RuntimeError(f"{self.name} ended\n{self.tail()}")
                answer = client.get("/readyz", timeout=5)
                assert answer.status_code == httpx.codes.OK, answer.text
                return True

            try:
                eventually(ready, timeout)
            except AssertionError as error:
                raise RuntimeError(f"{self.name} is not ready\n{self.tail()}") from error

    def kill(self) -> None:
        """SIGKILL: no last words, no clean-up. Returns when it is gone."""
        self._end(signal.SIGKILL, 10)

    def stop(self, timeout: float = 15) -> int:
        """SIGTERM, then the exit status; RuntimeError (and SIGKILL) where it will not go."""
        return self._end(signal.SIGTERM, timeout)

    def dismiss(self) -> None:
        """SIGTERM, and does not wait; `stop` tells its exit status once it has gone."""
        os.kill(self.pid, signal.SIGTERM)

    def rest(self) -> None:
        """Stands still until `wake`: an idle process asks its database ten times a second."""
        os.kill(self.pid, signal.SIGSTOP)

    def wake(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def restart(self) -> None:
        """Start again (after `kill`), or stop and start; waits until ready."""
        if self.running:
            self.stop()
        self.start()
        self.wait_ready()

    def tail(self, lines: int = 80) -> str:
        """The last lines of what it said."""
        said = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(said.splitlines()[-lines:])

    def _end(self, how: signal.Signals, timeout: float) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(how)
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            self._process.kill()
            self._process.wait()
            raise RuntimeError(f"{self.name} ignored {how.name}\n{self.tail()}") from error
