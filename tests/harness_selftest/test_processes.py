"""Processes and worlds start, stop, die and explain themselves; shown with a stand-in service.

The stand-in keeps these tests true while the service itself is broken.
"""

from pathlib import Path

import pytest

from tests.harness import processes
from tests.harness.polling import eventually
from tests.harness.processes import ServiceProcess, environment, free_port, run_command
from tests.harness.receiver import Receiver
from tests.harness.smtp import SmtpServer
from tests.harness.valkey import ValkeyServer
from tests.harness.world import START, Mode, World

STAND_IN = """
import http.server, os, signal, sys

class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        told = open(os.environ.get("ADQUEM_REHEARSAL_CLOCK", os.devnull)).read()
        said = f"{self.path} {self.headers.get('authorization')} {told}".encode()
        self.send_response(200)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

match sys.argv[1:]:
    case ["keys", "create", name, "--scope", scope]:
        print("made for", name)
        print(f"key-of-{scope}")
    case ["serve" | "api", "--port", port]:
        print("listening with", os.environ.get("ADQUEM_DATABASE_URL", "SQLite"))
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        http.server.HTTPServer(("127.0.0.1", int(port)), Answers).serve_forever()
    case ["worker"]:
        print("waiting at", os.environ["ADQUEM_REDIS_URL"])
        signal.pause()
    case ["deaf"]:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("deaf")
        while True:
            signal.pause()
    case other:
        sys.exit(f"cannot {other}")
"""


@pytest.fixture(autouse=True)
def _stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m workers` runs what lies in the working folder first."""
    package = tmp_path / "stand_in" / "workers"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(STAND_IN)
    monkeypatch.setattr(processes, "ROOT", package.parent)


def test_a_command_gives_its_output_or_its_complaint() -> None:
    assert run_command({}, "keys", "create", "me", "--scope", "x").splitlines()[-1] == "key-of-x"
    with pytest.raises(RuntimeError, match="cannot"):
        run_command({}, "unheard-of")


def test_a_developers_settings_stay_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADQUEM_SMTP_URL", "smtp://a.real.relay")
    assert environment({"ADQUEM_HOME": "here"})["ADQUEM_HOME"] == "here"
    assert "ADQUEM_SMTP_URL" not in environment({})


def test_a_server_starts_restarts_stops_and_dies(tmp_path: Path) -> None:
    port = free_port()
    process = ServiceProcess("serve", ["serve", "--port", str(port)], {}, tmp_path / "log", port)
    process.start()
    process.wait_ready()
    first = process.pid
    process.restart()
    assert process.running
    assert process.pid != first
    assert process.stop() == 0
    process.restart()
    process.kill()
    assert not process.running
    assert process.tail().count("listening with SQLite") == 3


def test_a_process_that_ends_or_will_not_end_shows_its_log(tmp_path: Path) -> None:
    broken = ServiceProcess("broken", ["unheard-of"], {}, tmp_path / "broken", free_port())
    broken.start()
    with pytest.raises(RuntimeError, match="cannot"):
        broken.wait_ready()
    deaf = ServiceProcess("deaf", ["deaf"], {}, tmp_path / "deaf")
    deaf.start()
    eventually(lambda: "deaf" in deaf.tail())
    with pytest.raises(RuntimeError, match="ignored SIGTERM\ndeaf"):
        deaf.stop(timeout=0.1)
    assert not deaf.running


@pytest.mark.parametrize("mode", list(Mode))
def test_a_world_has_processes_a_clock_and_a_client_with_a_key(
    mode: Mode, tmp_path: Path, smtp: SmtpServer, receiver: Receiver, valkey: ValkeyServer
) -> None:
    with World(mode, tmp_path, smtp, receiver, "postgresql://nowhere", valkey) as world:
        answer = world.api.get("/cases")
        assert answer.text == f"/api/v1/cases Bearer key-of-admin {START.isoformat()}"
        assert world.web.get("/healthz").text.startswith("/healthz None")
        assert len(world.processes) == {Mode.EMBEDDED: 1, Mode.DISTRIBUTED: 3}[mode]
        world.kill_workers()
        assert world.server.running == (mode is Mode.DISTRIBUTED)
        world.restart_workers()
        assert world.api.get("/").status_code == 200
    assert not any(process.running for process in world.processes)
