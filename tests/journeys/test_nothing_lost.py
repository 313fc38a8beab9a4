"""Promise 1: whatever dies in between, every notice arrives; a repeat carries the same id and says so."""

from datetime import timedelta
from typing import Any

from tests.harness.receiver import Answer, ReceivedRequest
from tests.harness.world import Mode, World
from tests.journeys.docket import Docket, check_nothing_lost, open_docket

LADDER = [{"before_due": "P7D", "targets": ["owner"]}]
#: A lease is sixty seconds; whatever a dead worker held is anybody's after that.
AFTER_LEASE = timedelta(seconds=61)


def one_due_deadline(docket: Docket) -> str:
    """Its only mark is in the past already, so that the owner is told at once."""
    due_on = (docket.world.clock.now + timedelta(days=3)).date().isoformat()
    deadline = docket.post(
        "/deadlines", case_id=docket.case, title="Reply", kind="filing", due_on=due_on
    )
    return str(deadline["id"])


def the_mail(docket: Docket, deadline: str) -> Any:
    """The record of the one mail about the deadline, once it is accepted."""
    (message,) = [m for m in docket.messages(deadline) if m["user_id"]]
    assert message["state"] == "accepted", message
    return message


def rescue(world: World) -> None:
    """Another worker comes up after the lease of the dead one has passed."""
    world.clock.advance(AFTER_LEASE)
    world.restart_workers()


def test_a_worker_killed_between_sent_and_recorded_sends_again_under_the_same_message_id(
    world: World,
) -> None:
    docket = open_docket(world, LADDER)

    def taken_then_killed(_: object) -> None:
        world.mails.on_data = None
        world.kill_workers()

    world.mails.on_data = taken_then_killed
    quiet_post(docket)
    world.mails.wait_for(1)
    rescue(world)

    first, second = world.mails.wait_for(2)
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert first.message["X-Possible-Duplicate"] is None
    assert second.message["X-Possible-Duplicate"] == "yes"
    deadline = docket.deadlines[0]
    record = world.eventually(lambda: the_mail(docket, deadline))
    assert record["maybe_repeated"] is True
    assert [a["verdict"] for a in record["attempts"]] == ["unknown", "accepted"]
    copies = [one for one in world.mails.mails if one.message["X-Notification-Id"] == record["id"]]
    assert len(copies) == 2
    world.eventually(lambda: check_nothing_lost(docket))


def test_a_worker_killed_between_claimed_and_sent_loses_nothing(world: World) -> None:
    docket = open_docket(world, LADDER)

    def killed_before_the_body(_: object) -> str:
        world.mails.on_recipient = None
        world.kill_workers()
        return "451 4.3.0 too late"

    world.mails.on_recipient = killed_before_the_body
    quiet_post(docket)
    world.eventually(lambda: not any(worker.running for worker in world.workers))
    assert not world.mails.mails
    rescue(world)

    (only,) = world.mails.wait_for(1)
    assert only.recipients == ("owner@example.org",)
    deadline = docket.deadlines[0]
    record = world.eventually(lambda: the_mail(docket, deadline))
    # Nobody can tell from the outside whether it had left: the record says that it may be a repeat.
    assert [a["verdict"] for a in record["attempts"]] == ["unknown", "accepted"]
    assert record["maybe_repeated"] is True
    world.eventually(lambda: check_nothing_lost(docket))


def test_a_worker_killed_after_a_webhook_was_taken_repeats_it_under_the_same_id(
    world: World,
) -> None:
    docket = open_docket(world, LADDER)

    def taken_then_killed(request: ReceivedRequest) -> Answer:
        if b"reminder.due" in request.body:
            world.receiver.respond = lambda _: Answer()
            world.kill_workers()
        return Answer()

    world.receiver.respond = taken_then_killed
    quiet_post(docket)
    world.eventually(lambda: not any(worker.running for worker in world.workers))
    rescue(world)

    def copies() -> list[ReceivedRequest]:
        found = [r for r in world.receiver.requests if b"reminder.due" in r.body]
        assert len(found) >= 2
        return found

    first, second = world.eventually(copies)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body, "a repeat is the same to the byte"
    assert second.headers["x-possible-duplicate"] == "yes"
    assert docket.verified(second)["type"] == "reminder.due"
    world.eventually(lambda: check_nothing_lost(docket))


def test_a_receiver_that_fails_is_tried_again_and_delays_nobody_else(world: World) -> None:
    docket = open_docket(world, LADDER)
    world.receiver.answers.extend([Answer(status=503), Answer(status=500)])
    quiet_post(docket)
    world.mails.wait_for(1)
    # Only once the failures are written down: the pause runs from there.
    world.eventually(lambda: failed_attempts(docket) == ["503", "500"])
    world.clock.advance(timedelta(seconds=6))
    world.eventually(lambda: check_nothing_lost(docket))
    ids = [request.headers["webhook-id"] for request in world.receiver.requests]
    assert len(ids) == len(set(ids)) + 2, "what had failed came again, and nothing else twice"


def test_a_relay_that_is_away_costs_time_and_no_notice(world: World) -> None:
    docket = open_docket(world, LADDER)
    world.mails.stop()
    quiet_post(docket)

    def tried() -> bool:
        mails = [m for m in docket.messages(docket.deadlines[0]) if m["user_id"]]
        return [a["verdict"] for m in mails for a in m["attempts"]] == ["temporary"]

    world.eventually(tried)
    world.mails.start()
    world.clock.advance(timedelta(minutes=2))
    (mail,) = world.mails.wait_for(1)
    assert mail.message["X-Possible-Duplicate"] is None, "the relay never had it"
    world.eventually(lambda: check_nothing_lost(docket))


def test_an_address_that_is_refused_for_good_passes_the_turn_to_the_next_person_at_once(
    world: World,
) -> None:
    ladder = [*LADDER, {"no_response_for": "PT24H", "targets": ["deputy"]}]
    docket = open_docket(world, ladder)

    def unknown_owner(address: str) -> str | None:
        return "550 5.1.1 no such user" if address.startswith("owner") else None

    world.mails.on_recipient = unknown_owner
    quiet_post(docket)
    # Beside it an alert says that the owner cannot be reached.
    (mail,) = world.mails.wait_for(lambda one: docket.deadlines[0] in one.message["In-Reply-To"])
    assert mail.recipients == ("deputy@example.org",)
    world.mails.wait_for(lambda one: "<alr_" in one.message["In-Reply-To"])
    owner = docket.people["owner"]
    (refused,) = [m for m in docket.messages(docket.deadlines[0]) if m["user_id"] == owner]
    assert (refused["state"], refused["reason"]) == ("failed", "refused: 550")
    world.eventually(lambda: check_nothing_lost(docket))


def test_a_queue_that_is_lost_costs_seconds_and_no_notice(world: World) -> None:
    docket = open_docket(world, LADDER)
    with world.without_queue():
        quiet_post(docket)
        world.mails.wait_for(1)
    assert all(worker.running for worker in world.workers), "a worker outlives its Redis"
    if world.mode is Mode.DISTRIBUTED:
        quiet_post(docket)
        world.mails.wait_for(2)
    world.eventually(lambda: check_nothing_lost(docket))


def failed_attempts(docket: Docket) -> list[str]:
    """The codes of the endpoint's failed attempts, in the order of their messages."""
    messages = docket.get(f"/endpoints/{docket.endpoint}/messages")["items"]
    attempts = [attempt for message in messages for attempt in message["attempts"]]
    return sorted((a["code"] for a in attempts if a["verdict"] == "temporary"), reverse=True)


def quiet_post(docket: Docket) -> None:
    """Enter a deadline that is due at once; the process that answers may be killed right after."""
    docket.deadlines.append(one_due_deadline(docket))
