"""The watch in a running installation: an outage stills the heartbeat, and its end sets it going again."""

from datetime import timedelta
from typing import Any

from tests.harness.receiver import ReceivedRequest
from tests.harness.world import World
from tests.journeys.docket import Docket, check_nothing_lost, open_docket

BEAT = "/beat/0b5cu7e"
LADDER = [{"before_due": "P7D", "targets": ["owner"]}]


def tell_the_outside(world: World) -> None:
    """From here on the workers ping an address of the receiver."""
    world.spoiled = True
    for worker in world.workers:
        worker._settings = {**worker._settings, "ADQUEM_HEARTBEAT_URL": world.receiver.url(BEAT)}
    world.restart_workers()


def beats(world: World) -> int:
    return sum(request.path == BEAT for request in world.receiver.requests)


def readiness(world: World) -> tuple[int, dict[str, Any]]:
    answer = world.web.get("/readyz")
    return answer.status_code, answer.json()


def one_due_deadline(docket: Docket) -> str:
    """Its only mark is in the past already, so that the owner is to be told at once."""
    due_on = (docket.world.clock.now + timedelta(days=3)).date().isoformat()
    body = {"title": "Reply", "kind": "filing", "due_on": due_on}
    return str(docket.post("/deadlines", case_id=docket.case, **body)["id"])


def test_an_outage_stills_the_heartbeat_and_its_end_sets_it_going_again(world: World) -> None:
    tell_the_outside(world)
    world.receiver.wait_for(is_beat)
    docket = open_docket(world, LADDER)
    world.mails.stop()
    deadline = one_due_deadline(docket)

    def refused() -> bool:
        mails = [one for one in docket.messages(deadline) if one["user_id"]]
        return [a["verdict"] for one in mails for a in one["attempts"]] == ["temporary"]

    world.eventually(refused)
    world.clock.advance(timedelta(minutes=6))

    def noticed() -> bool:
        status, body = readiness(world)
        codes = [one["code"] for one in body["findings"]]
        watched = world.clock.now.isoformat().replace("+00:00", "Z")
        return status == 503 and "message_waits" in codes and body["watched_at"] == watched

    world.eventually(noticed)
    silent_at = beats(world)
    assert "adquem_watch_well 0" in world.web.get("/metrics").text.splitlines()
    assert beats(world) == silent_at

    world.mails.start()
    world.clock.advance(timedelta(minutes=6))
    world.mails.wait_for(1)
    world.eventually(lambda: readiness(world)[0] == 200)
    world.eventually(lambda: beats(world) > silent_at)
    assert "adquem_watch_well 1" in world.web.get("/metrics").text.splitlines()
    world.eventually(lambda: check_nothing_lost(docket))
    for process in world.processes:
        assert BEAT not in process.log.read_text(), "the switch's address was logged"


def is_beat(request: ReceivedRequest) -> bool:
    return request.method == "GET" and request.path == BEAT
