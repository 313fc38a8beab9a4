"""A real browser without a screen, driven by its debugging protocol through a pipe. Skips where none is
installed."""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.harness.tether import tethered

PROGRAM = shutil.which("chromium")
with_browser = pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed")
_ALONE = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--remote-debugging-pipe",
]
#: It speaks through descriptors 3 and 4, whatever ours were called.
_MOVED = "import os, sys; r, w = map(int, sys.argv[1:3]); os.dup2(r, 20); os.dup2(w, 21); "
_MOVED += "os.dup2(20, 3); os.dup2(21, 4); os.execv(sys.argv[3], sys.argv[3:])"


class Page:
    """One open page. `said`: its complaints, of script and of content policy, in its own words."""

    def __init__(self, orders: int, answers: int) -> None:
        self._orders, self._answers = os.fdopen(orders, "wb"), os.fdopen(answers, "rb")
        self._number, self._session, self._unread = 0, "", b""
        self.said: list[str] = []
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self._ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._ask(f"{domain}.enable")

    def open(self, url: str, width: int = 1000, height: int = 900) -> None:
        """Returns when it has loaded."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._ask("Emulation.setDeviceMetricsOverride", **metrics)
        self._ask("Page.navigate", url=url)
        while self._heard().get("method") != "Page.loadEventFired":
            pass

    def evaluate(self, script: str) -> Any:
        """The value of an expression, awaited where it is a promise."""
        asked = {"expression": script, "awaitPromise": True, "returnByValue": True}
        answer = self._ask("Runtime.evaluate", **asked)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def type(self, selector: str, text: str) -> None:
        """In place of what stands there, as a person pastes it."""
        self.evaluate(f"document.querySelector({json.dumps(selector)}).select()")
        self.evaluate(f"document.querySelector({json.dumps(selector)}).focus()")
        self._ask("Input.insertText", text=text)

    def click(self, selector: str) -> None:
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    def screenshot(self, file: Path) -> None:
        """Of the whole page, as PNG."""
        picture = self._ask("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(picture["data"]))

    def close(self) -> None:
        self._orders.close()
        self._answers.close()

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        order = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            order["sessionId"] = self._session
        self._orders.write(json.dumps(order).encode() + b"\0")
        self._orders.flush()
        while (heard := self._heard()).get("id") != self._number:
            pass
        assert "error" not in heard, heard
        result: dict[str, Any] = heard["result"]
        return result

    def _heard(self) -> dict[str, Any]:
        while b"\0" not in self._unread:
            more = self._answers.read1()
            assert more, "the browser has gone"
            self._unread += more
        line, _, self._unread = self._unread.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        if message.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown"):
            self.said.append(json.dumps(message["params"]))
        return message


@contextmanager
def browsing() -> Iterator[Page]:
    """A page of a browser of its own, with nothing kept from any other."""
    assert PROGRAM is not None
    orders_out, orders_in = os.pipe()
    answers_out, answers_in = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        moved = [sys.executable, "-I", "-S", "-c", _MOVED, str(orders_out), str(answers_in)]
        browser = subprocess.Popen(
            tethered([*moved, PROGRAM, *_ALONE, f"--user-data-dir={profile}"]),
            pass_fds=(orders_out, answers_in),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(orders_out)
        os.close(answers_in)
        page = Page(orders_in, answers_out)
        try:
            yield page
        finally:
            page.close()
            browser.kill()
            browser.wait()
