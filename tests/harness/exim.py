"""Debian's exim in a folder of its own: takes mails, hands them to one server, reports what that refuses.

It needs neither the machine's configuration nor its spool, and delivers to nobody else.
"""

import shutil
import smtplib
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from tests.harness.polling import eventually

#: None where it is not installed.
PROGRAM = shutil.which("exim4", path="/usr/sbin:/usr/bin:/sbin:/bin")

_CONFIGURATION = """\
primary_hostname = relay.example.org
spool_directory = {folder}/spool
log_file_path = {folder}/%slog
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
pid_file_path = {folder}/pid
acl_smtp_rcpt = everybody
dsn_advertise_hosts = *
tls_advertise_hosts =
never_users =
keep_environment =
begin acl
everybody:
  accept
begin routers
back:
  driver = manualroute
  domains = {bounce_domain}
  transport = to_us
  route_list = * 127.0.0.1 byname
  self = send
onward:
  driver = manualroute
  transport = to_them
  route_list = * 127.0.0.1 byname
  self = send
begin transports
to_us:
  driver = smtp
  port = {bounce_port}
  allow_localhost
to_them:
  driver = smtp
  port = {their_port}
  allow_localhost
begin retry
"""


class Exim:
    """`with Exim(their_port, domain, bounce_port) as relay:`; what is for `domain` goes to `bounce_port`,
    all else to `their_port`."""

    def __init__(self, their_port: int, bounce_domain: str, bounce_port: int) -> None:
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="exim"))
        places = {"their_port": their_port, "bounce_port": bounce_port, "port": self.port}
        text = _CONFIGURATION.format(folder=self._folder, bounce_domain=bounce_domain, **places)
        self._file = self._folder / "exim.conf"
        self._file.write_text(text)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What became of each mail, for who wonders."""
        file = self._folder / "mainlog"
        return file.read_text() if file.exists() else ""

    def __enter__(self) -> Self:
        # It gives up the rights of whoever starts it, and must still write here.
        (self._folder / "spool").mkdir()
        for folder in (self._folder, self._folder / "spool"):
            folder.chmod(0o777)
        assert PROGRAM is not None
        command = [PROGRAM, "-C", str(self._file), "-bdf"]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        eventually(self._answers)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            with smtplib.SMTP("127.0.0.1", self.port, timeout=2) as smtp:
                return smtp.noop()[0] == 250
        except OSError:
            return False


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
