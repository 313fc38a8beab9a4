"""`adquem listen`: what comes is printed, with whether its signature holds."""

import sys
import threading
from collections.abc import Iterator
from subprocess import PIPE, STDOUT, Popen

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from service.clock import system_clock
from tests.channels.drafts import SECRET

BODY = '{"type":"endpoint.test","data":{"message":"ping \\u202e"}}'
LINE = [sys.executable, "-m", "workers", "listen", "--port", "0"]


@pytest.fixture
def listening() -> Iterator[tuple[str, Popen[str]]]:
    """Its address, and the process; it answers 503."""
    with Popen(
        [*LINE, "--secret", SECRET, "--answer", "503"], stdout=PIPE, stderr=STDOUT, text=True
    ) as process:
        end = threading.Timer(60, process.kill)
        end.start()
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1], process
        end.cancel()
        process.terminate()


def said(process: Popen[str]) -> str:
    """Until the empty line that ends what is printed of one webhook."""
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "\n")
    return "".join(lines)


def headers(body: str) -> dict[str, str]:
    now = system_clock()
    at = str(int(now.timestamp()))
    sign = Webhook(SECRET).sign("evt_1", now, body)
    return {"webhook-id": "evt_1", "webhook-timestamp": at, "webhook-signature": sign}


def test_it_prints_what_comes_and_says_whether_the_signature_holds(
    listening: tuple[str, Popen[str]],
) -> None:
    address, process = listening
    for sent, verdict in ((BODY, "signature: holds"), (f"{BODY} ", "DOES NOT HOLD")):
        answer = httpx.post(f"{address}hook", content=sent, headers=headers(BODY), timeout=20)
        assert answer.status_code == 503
        printed = said(process)
        assert "/hook  evt_1" in printed
        assert verdict in printed
        assert '"message": "ping \\u202e"' in printed, "nothing that turns a terminal around"


def test_a_secret_that_is_none_is_refused() -> None:
    with Popen([*LINE, "--secret", "whsec_"], stdout=PIPE, stderr=STDOUT, text=True) as process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Traceback" not in output
