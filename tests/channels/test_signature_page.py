"""The page that checks a signature: its script agrees with the specification, and talks to nobody."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from service.app import create_app
from service.channels.wording import wording
from service.languages import Language
from service.runtime import TEMPLATES
from service.settings import Settings
from tests.channels.drafts import NOW, SECRET
from tests.harness.browser import browsing, with_browser
from tests.harness.processes import ServiceProcess, free_port

SCRIPT = Path(TEMPLATES) / "pages" / "signature.js"
NODE = shutil.which("node")
with_node = pytest.mark.skipif(NODE is None, reason="node is not installed")
#: The vector of the project's own description of its webhooks.
ID, AT = "evt_01J8ZQ4T9V5W6X7Y8Z9ABCDEFG", 1767225600
BODY = (
    '{"id":"evt_01J8ZQ4T9V5W6X7Y8Z9ABCDEFG","type":"endpoint.test","timestamp":"2026-01-01T00:00:00Z",'
    '"schema_version":"1","test":true,"data":{"message":"ping"}}'
)
SIGNATURE = "v1,2ftWqplx9dkApNA5w6skg13XMa3bntNee9mnIc5E8CE="


def headers(at: object = AT, signature: str = SIGNATURE) -> str:
    return f"Webhook-Id: {ID}\nwebhook-timestamp:{at}\nwebhook-signature: {signature}"


def judged(pasted: str, body: str, secret: str, now: float) -> list[str]:
    """What the script finds, run as it is served."""
    call = "require(process.argv[1]).judge(...JSON.parse(process.argv[2]))"
    line = [str(NODE), "-e", f"{call}.then((found) => console.log(JSON.stringify(found)))"]
    given = json.dumps([pasted, body, secret, now])
    done = subprocess.run(
        [*line, str(SCRIPT), given], capture_output=True, text=True, timeout=30, check=True
    )
    found: list[str] = json.loads(done.stdout)
    return found


@with_node
@pytest.mark.parametrize(
    ("pasted", "body", "secret", "now", "found"),
    [
        (headers(), BODY, SECRET, AT + 10, ["holds"]),
        (headers(signature=f"v1,AAAA {SIGNATURE}"), BODY, f" {SECRET}\n", AT, ["holds"]),
        (headers(), BODY + "\n", SECRET, AT, ["line-ends"]),
        (headers(), BODY.replace("ping", "pong"), SECRET, AT, ["differs"]),
        (headers(at=AT + 1), BODY, SECRET, AT, ["differs"]),
        (headers(), BODY, SECRET, AT + 301, ["holds", "too-old"]),
        (headers(), BODY, SECRET, AT - 301, ["holds", "too-new"]),
        (headers(), BODY, "whsec_", AT, ["bad-secret"]),
        (headers(), BODY, SECRET[6:], AT, ["bad-secret"]),
        (headers(), BODY, SECRET[:-20], AT, ["bad-secret"]),
        (headers(at="yesterday"), BODY, SECRET, AT, ["no-time"]),
        ("webhook-id: evt_1", BODY, SECRET, AT, ["no-headers"]),
        ("", "", "", AT, ["no-headers"]),
    ],
)
def test_it_finds_what_is_wrong(
    pasted: str, body: str, secret: str, now: float, found: list[str]
) -> None:
    assert judged(pasted, body, secret, now) == found


@with_node
def test_it_agrees_with_the_library_that_signs() -> None:
    body = '{"title":"Апелляция — қазақ ☃"}'
    signature = Webhook(SECRET).sign(ID, NOW, body)
    at = int(NOW.timestamp())
    assert judged(headers(at, signature), body, SECRET, at) == ["holds"]


@pytest.mark.parametrize("language", Language)
async def test_the_page_loads_from_here_alone_and_has_an_answer_for_each_finding(
    tmp_path: Path, language: Language
) -> None:
    transport = httpx.ASGITransport(create_app(Settings(home=tmp_path)))
    async with httpx.AsyncClient(transport=transport, base_url="http://adquem") as client:
        page = await client.get("/tools/signature", headers={"accept-language": language})
        script = await client.get("/tools/signature.js")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'; form-action 'none'" in policy
    assert "connect-src" not in policy, "nothing to talk to"
    assert page.headers["content-language"] == language
    assert wording(language).gettext("Check a signature") in page.text
    assert set(re.findall(r'(?:src|href)="([^"]+)"', page.text)) == {
        "/style.css",
        "/tools/signature.js",
    }
    assert not re.search(
        r"<script(?! src)|\son\w+=|fetch\(|XMLHttp|sendBeacon", page.text + script.text
    )
    named = set(re.findall(r'\["([a-z-]+)"\]', script.text)) | {"holds", "line-ends", "differs"}
    assert set(re.findall(r'data-answer="([a-z-]+)"', page.text)) == named - {"sign"}


@pytest.fixture
def served(sqlite_url: str, tmp_path: Path) -> Iterator[str]:
    port = free_port()
    settings = {"ADQUEM_HOME": str(tmp_path), "ADQUEM_DATABASE_URL": sqlite_url}
    process = ServiceProcess(
        "serve", ["serve", "--port", str(port)], settings, tmp_path / "log", port
    )
    process.start()
    process.wait_ready()
    yield f"http://127.0.0.1:{port}"
    process.kill()


@with_browser
def test_a_person_pastes_and_reads_the_answer_in_a_browser(served: str) -> None:
    at = int(time.time())
    fresh = headers(at, Webhook(SECRET).sign(ID, datetime.fromtimestamp(at, UTC), BODY))
    shown = (
        "[...document.querySelectorAll('[data-answer]:not([hidden])')].map(p => p.dataset.answer)"
    )
    with browsing() as page:
        page.open(f"{served}/tools/signature")
        assert page.evaluate(shown) == []
        found = []
        for pasted, secret in ((fresh, SECRET), (fresh, SECRET[:-20]), (headers(), SECRET)):
            page.type("#headers", pasted)
            page.type("#body", BODY)
            page.type("#secret", secret)
            page.click("button")
            page.evaluate("new Promise((done) => setTimeout(done, 100))")
            found.append(page.evaluate(shown))
        assert found == [["holds"], ["bad-secret"], ["holds", "too-old"]]
        assert page.evaluate("location.href") == f"{served}/tools/signature"
        assert page.said == [], "nothing that the policy of contents had to stop"
