"""A real Radicale: a process on 127.0.0.1 with one user, and its storage in a folder.

What a test wants to see, it asks the server for, as any calendar program would.
"""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

import httpx

from tests.harness.polling import eventually
from tests.harness.processes import free_port
from tests.harness.tether import tethered

NAME, PASSWORD = "team", "correct horse: ключ"
_CALENDAR = """<?xml version="1.0" encoding="utf-8"?>
<create xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><set><prop>
<resourcetype><collection/><C:calendar/></resourcetype></prop></set></create>"""


class Radicale:
    """`with Radicale(folder) as server:`; `address` is the calendar, `elsewhere` is none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.top = f"http://127.0.0.1:{self._port}/{NAME}"
        self.address, self.elsewhere = f"{self.top}/deadlines/", f"{self.top}/"
        self.client = httpx.Client(auth=(NAME.encode(), PASSWORD.encode()), trust_env=False)

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        self.let_in(PASSWORD)
        self.start()
        made = self.client.request("MKCOL", self.address, content=_CALENDAR.encode())
        assert made.status_code == httpx.codes.CREATED, made.text
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.stop()

    def let_in(self, password: str) -> None:
        """From now on by this password."""
        (self._folder / "users").write_text(f"{NAME}:{password}\n")

    def start(self) -> None:
        folder = self._folder
        options = [
            f"--server-hosts=127.0.0.1:{self._port}",
            "--auth-type=htpasswd",
            f"--auth-htpasswd-filename={folder / 'users'}",
            "--auth-htpasswd-encryption=plain",
            "--auth-delay=0",
            f"--storage-filesystem-folder={folder / 'storage'}",
        ]
        with (folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                tethered([sys.executable, "-m", "radicale", "--config=", *options]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        eventually(lambda: self.client.get(f"{self.top}/").status_code)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(10)
            self._process = None

    def names(self) -> list[str]:
        """Of the objects that stand in the collection."""
        headers = {"depth": "1", "content-type": "application/xml"}
        answer = self.client.request("PROPFIND", self.address, headers=headers)
        assert answer.status_code == httpx.codes.MULTI_STATUS, answer.text
        return sorted(part.split("</href>")[0].rpartition("/")[2] for part in _hrefs(answer.text))

    def objects(self) -> list[str]:
        """What stands in the collection, unfolded."""
        found = [self.client.get(self.address + name) for name in self.names()]
        return [one.content.decode().replace("\r\n ", "") for one in found]


def _hrefs(text: str) -> list[str]:
    return [part for part in text.split("<href>")[1:] if part.split("</href>")[0].endswith(".ics")]
