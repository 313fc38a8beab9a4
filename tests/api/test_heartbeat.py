"""The heartbeat: an outside switch is told while all is well, and its address is told to nobody."""

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from service.commands.doctor import check_heartbeat
from service.runtime import build_runtime
from service.settings import Settings
from tests.api.installation import Installation, installed
from tests.harness.receiver import Answer, Receiver
from workers import tasks

TOKEN = "c0ffee-5ec2e7-0a11"


@pytest.fixture
async def told(sqlite_url: str, tmp_path: Path, receiver: Receiver) -> AsyncIterator[Installation]:
    """An installation whose operator waits for a heartbeat."""
    address = receiver.url(f"/{TOKEN}")
    networks = ("127.0.0.0/8",)
    async with installed(
        sqlite_url, tmp_path, heartbeat_url=address, webhook_networks=networks
    ) as one:
        yield one


async def test_the_outside_is_told_when_all_is_well(told: Installation, receiver: Receiver) -> None:
    assert await tasks.watch(told.runtime)
    (request,) = receiver.requests
    assert (request.method, request.path, request.body) == ("GET", f"/{TOKEN}", b"")
    assert request.headers["user-agent"].startswith("adquem/")


async def test_the_outside_is_not_told_while_something_is_stuck_and_told_once_it_moves(
    told: Installation, receiver: Receiver
) -> None:
    team = await told.team()
    await team.deadline()
    told.clock.advance(timedelta(minutes=6))
    assert not await tasks.watch(told.runtime)
    assert receiver.requests == []
    await tasks.tick(told.runtime)
    await tasks.deliver(told.runtime)
    assert await tasks.watch(told.runtime)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(status=500, body=TOKEN.encode()), "500"),
        (Answer(status=302, headers={"location": f"/elsewhere/{TOKEN}"}), "302"),
        (Answer(hang_up=True), "RemoteProtocolError"),
    ],
)
async def test_a_ping_that_fails_is_counted_and_told_without_its_address_and_breaks_nothing(
    told: Installation, receiver: Receiver, answer: Answer, kind: str
) -> None:
    receiver.answers.append(answer)
    before = tasks._heartbeats.labels("failed")._value.get()
    with structlog.testing.capture_logs() as logs:
        assert await tasks.watch(told.runtime)
    assert [(one["log_level"], one["kind"]) for one in logs] == [("warning", kind)]
    assert TOKEN not in repr(logs)
    assert receiver.url() not in repr(logs)
    assert tasks._heartbeats.labels("failed")._value.get() == before + 1
    assert len(receiver.requests) == 1, "a redirect is not followed"
    assert (await told.outside.get("/readyz")).status_code == 200


async def test_a_switch_that_is_away_breaks_nothing(told: Installation, receiver: Receiver) -> None:
    receiver.stop()
    with structlog.testing.capture_logs() as logs:
        assert await tasks.watch(told.runtime)
    assert [one["kind"] for one in logs] == ["ConnectError"]
    assert TOKEN not in repr(logs)


@pytest.mark.parametrize(
    "address",
    [
        f"http://127.0.0.1:1/{TOKEN}",
        f"http://beat.example.org/{TOKEN}",
        f"https://10.0.0.1/{TOKEN}",
        f"ftp://beat.example.org/{TOKEN}",
        TOKEN,
    ],
)
def test_an_address_that_may_not_be_reached_stops_the_start_and_is_not_repeated(
    tmp_path: Path, address: str
) -> None:
    key = base64.b64encode(bytes(32)).decode()
    settings = Settings(home=tmp_path, secret_key=key, heartbeat_url=address)
    with pytest.raises(ValueError, match=r"^ADQUEM_HEARTBEAT_URL: ") as caught:
        build_runtime(settings)
    assert TOKEN not in str(caught.value)
    assert TOKEN not in repr(settings)


async def test_the_doctor_says_whether_anyone_outside_would_notice(
    told: Installation,
) -> None:
    finding = await check_heartbeat(told.runtime)
    assert (finding.mend, TOKEN in repr(finding)) == ("", False)
    finding = await check_heartbeat(replace(told.runtime, heartbeat=None))
    assert (finding.found, finding.grave) == ("not configured", False)
    assert "nobody outside would notice" in finding.mend
