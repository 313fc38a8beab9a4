"""Whatever is due is claimed by one worker, once, never early; what a dead worker held comes back."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlmodel import col, select

from service.domain.bundles import Pace
from service.domain.notifications import MessageState
from service.domain.retry import Outcome, Verdict
from service.store.attempts import (
    Attempt,
    close_abandoned,
    close_attempts,
    maybe_repeated,
    open_attempts,
)
from service.store.deadlines import Deadline, claim_due
from service.store.leasing import lease_due
from service.store.messages import Message, add_messages
from service.store.outbox import give_up, mark_accepted, put_back
from service.store.room import take_share
from service.store.standings import standing_of
from tests.store import factories
from tests.store.factories import MINUTE, NOW, Docket, put
from tests.store.opened import Opened

PACE = Pace(1, 20)

LEASE = timedelta(seconds=60)
TICK = timedelta(microseconds=1)


async def put_mails(database: Opened, docket: Docket, count: int, **given: object) -> list[str]:
    about = factories.deadline(docket.case)
    mails = [factories.mail(docket.user, about, **given) for _ in range(count)]
    async with database.transaction() as session:
        await put(session, about)
        await add_messages(session, mails)
    return [one.id for one in mails]


async def lease(
    database: Opened,
    token: str,
    now: datetime = NOW,
    limit: int = 100,
    lot: Callable[[], float] = random.random,
) -> list[Message]:
    async with database.transaction() as session:
        return await lease_due(session, PACE, now, token, LEASE, limit, lot)


async def message(database: Opened, message_id: str) -> Message:
    async with database.reading() as session:
        return await session.get_one(Message, message_id)


async def attempts(database: Opened) -> list[Attempt]:
    async with database.reading() as session:
        return list(await session.exec(select(Attempt).order_by(col(Attempt.number))))


# --- deadlines whose plan has something to say


async def test_two_ticks_at_once_never_claim_the_same_deadline(
    database: Opened, docket: Docket
) -> None:
    rows = [factories.deadline(docket.case) for _ in range(60)]
    async with database.transaction() as session:
        session.add_all(rows)

    async def tick(opened: Opened) -> list[str]:
        claimed: list[str] = []
        while True:
            async with opened.transaction() as session:
                batch = await claim_due(session, NOW, 7)
                await asyncio.sleep(0)
                claimed += [one.id for one in batch]
                for one in batch:
                    one.wake_at = None
                    session.add(one)
            if not batch:
                return claimed

    async with database.again() as other:
        shares = await asyncio.gather(*(tick(opened) for opened in (database, other) * 2))
    counted = Counter(one for share in shares for one in share)
    # Where rows are passed over because another holds them, a round may end early: none is doubled.
    assert max(counted.values()) == 1
    async with database.transaction() as session:
        left = [one.id for one in await claim_due(session, NOW, 100)]
    assert {*counted, *left} == {row.id for row in rows}


async def test_on_postgres_a_second_tick_passes_over_what_the_first_one_holds(
    postgresql: Opened,
) -> None:
    async with postgresql.transaction() as session:
        docket = await factories.put_docket(session)
        session.add_all([factories.deadline(docket.case) for _ in range(4)])
    async with postgresql.transaction() as first, postgresql.transaction() as second:
        held = {one.id for one in await claim_due(first, NOW, 3)}
        async with asyncio.timeout(3):
            other = {one.id for one in await claim_due(second, NOW, 3)}
    assert (len(held), len(other)) == (3, 1)
    assert held.isdisjoint(other)


async def test_on_postgres_no_claim_of_mails_waits_for_a_batch_of_letters_about_the_same(
    postgresql: Opened,
) -> None:
    async with postgresql.transaction() as session:
        docket = await factories.put_docket(session)
    (mail,) = await put_mails(postgresql, docket, 1)
    async with postgresql.transaction() as tick:
        assert await claim_due(tick, NOW, 3)
        async with asyncio.timeout(3), postgresql.transaction() as claim:
            messages = await lease_due(claim, PACE, NOW, "a", LEASE, 1)
            assert [*await standing_of(claim, messages)] == [mail]


async def test_no_deadline_is_claimed_before_its_instant_and_each_at_it(
    database: Opened, docket: Docket
) -> None:
    at, early, asleep = (
        factories.deadline(docket.case, wake_at=wake_at) for wake_at in (NOW, NOW + TICK, None)
    )
    async with database.transaction() as session:
        await put(session, at, early, asleep)
    async with database.transaction() as session:
        assert [one.id for one in await claim_due(session, NOW, 10)] == [at.id]


async def test_the_deadline_that_is_due_first_is_claimed_first_however_long_others_wait(
    database: Opened, docket: Docket
) -> None:
    third, first, second = (
        factories.deadline(docket.case, wake_at=NOW - waited * MINUTE, due_at=NOW + left * MINUTE)
        for waited, left in ((9, 30), (3, 10), (5, 20))
    )
    async with database.transaction() as session:
        await put(session, third, first, second)
    async with database.transaction() as session:
        claimed = [one.id for one in await claim_due(session, NOW, 3)]
    assert claimed == [first.id, second.id, third.id]


async def test_where_more_deadlines_wait_than_are_claimed_each_team_has_a_part(
    database: Opened, docket: Docket
) -> None:
    crowd = [factories.deadline(docket.case, due_at=NOW + n * MINUTE) for n in range(40)]
    async with database.transaction() as session:
        few = await factories.put_docket(session)
        patient = factories.deadline(few.case, due_at=NOW + timedelta(days=300))
        await put(session, patient, *crowd)
    async with database.transaction() as session:
        claimed = [one.id for one in await claim_due(session, NOW, 4)]
    assert patient.id in claimed
    assert len({*claimed} & {one.id for one in crowd[:3]}) == 3


# --- messages


async def test_two_workers_at_once_never_lease_the_same_message(
    database: Opened, docket: Docket
) -> None:
    ids = await put_mails(database, docket, 120)

    async def work(opened: Opened, token: str) -> list[str]:
        mine: list[str] = []
        while batch := await lease(opened, token, limit=9):
            assert len(batch) <= 9
            assert {one.lease for one in batch} == {token}
            mine += [one.id for one in batch]
        return mine

    async with database.again() as other:
        shares = await asyncio.gather(
            *(work(opened, f"lse_{n}") for n, opened in enumerate((database, other) * 2))
        )
    counted = Counter(one for share in shares for one in share)
    left = [one.id for one in await lease(database, "lse_last")]
    assert max(counted.values()) == 1
    assert sorted([*counted, *left]) == sorted(ids)


async def test_no_message_is_leased_before_its_instant_and_each_at_it(
    database: Opened, docket: Docket
) -> None:
    [at] = await put_mails(database, docket, 1)
    await put_mails(database, docket, 1, next_attempt_at=NOW + TICK)
    assert [one.id for one in await lease(database, "lse_1")] == [at]


async def test_a_leased_message_is_nobody_elses_until_the_lease_runs_out(
    database: Opened, docket: Docket
) -> None:
    [one] = await put_mails(database, docket, 1)
    assert len(await lease(database, "lse_1")) == 1
    assert await lease(database, "lse_2", NOW + LEASE - TICK) == []
    [again] = await lease(database, "lse_2", NOW + LEASE)
    assert (again.id, again.lease, again.attempts) == (one, "lse_2", 2)


async def test_of_what_is_due_that_goes_first_whose_time_runs_out_first(
    database: Opened, docket: Docket
) -> None:
    await put_mails(database, docket, 5, next_attempt_at=NOW - MINUTE)
    (pressing,) = await put_mails(database, docket, 1, useful_until=NOW + MINUTE)
    assert [one.id for one in await lease(database, "one", limit=1)] == [pressing]


async def test_however_much_one_team_has_due_each_other_team_is_served_in_every_claim(
    database: Opened, docket: Docket
) -> None:
    pressing = {"next_attempt_at": NOW - MINUTE, "useful_until": NOW + MINUTE}
    crowd = await put_mails(database, docket, 70, **pressing)
    async with database.transaction() as session:
        others = [await factories.put_docket(session) for _ in range(3)]
    few = {one.team.id: await put_mails(database, one, 2) for one in others}
    await put_mails(database, others[0], 1, next_attempt_at=NOW + TICK)
    first, second = [
        {one.id: one.team_id for one in await lease(database, token, limit=8)}
        for token in ("one", "two")
    ]
    for claimed in (first, second):
        assert len(claimed) == 8
        assert Counter(claimed.values()) == {docket.team.id: 5} | dict.fromkeys(few, 1)
    left = {one.id for one in await lease(database, "three", limit=100)}
    assert {*first, *second, *left} == {*crowd, *(one for pair in few.values() for one in pair)}


async def test_slots_that_come_free_singly_are_shared_between_what_presses_and_every_team(
    database: Opened, docket: Docket
) -> None:
    longest = {"next_attempt_at": NOW - MINUTE}
    crowd = await put_mails(database, docket, 88, **longest)
    pressing = await put_mails(database, docket, 2, useful_until=NOW + MINUTE, **longest)
    async with database.transaction() as session:
        few = [await factories.put_docket(session) for _ in range(2)]
    for one in few:
        await put_mails(database, one, 3)
    lot = random.Random(7).random
    claimed = [await lease(database, str(token), limit=1, lot=lot) for token in range(40)]
    served = Counter(one.team_id for [one] in claimed)
    assert [served[one.team.id] for one in few] == [3, 3]
    assert {*pressing} < {one.id for [one] in claimed}
    assert len({*crowd} & {one.id for [one] in claimed}) == 40 - 6 - 2


async def test_what_has_come_to_its_end_is_never_leased_again(
    database: Opened, docket: Docket
) -> None:
    for state in (
        MessageState.ACCEPTED,
        MessageState.FAILED,
        MessageState.EXPIRED,
        MessageState.SUPERSEDED,
    ):
        await put_mails(database, docket, 1, state=state)
    assert await lease(database, "lse_1", NOW + 30 * factories.DAY) == []


async def test_the_open_attempt_of_a_dead_worker_becomes_unknown(
    database: Opened, docket: Docket
) -> None:
    [one] = await put_mails(database, docket, 1)
    [held] = await lease(database, "lse_1")
    async with database.transaction() as session:
        await open_attempts(session, [factories.attempt(held)])
    later = NOW + LEASE
    await lease(database, "lse_2", later)
    async with database.transaction() as session:
        assert await close_abandoned(session, [one], later) == {one}
    [attempt] = await attempts(database)
    assert (attempt.verdict, attempt.code, attempt.closed_at) == (
        Verdict.UNKNOWN,
        "worker_lost",
        later,
    )


async def test_a_known_failure_is_not_turned_into_an_unknown_one(
    database: Opened, docket: Docket
) -> None:
    [one] = await put_mails(database, docket, 1)
    [held] = await lease(database, "lse_1")
    attempt = factories.attempt(held)
    refused = Outcome(Verdict.TEMPORARY, "451", "later")
    async with database.transaction() as session:
        await open_attempts(session, [attempt])
        await close_attempts(session, [(attempt.id, refused)], NOW)
        assert await close_abandoned(session, [one], NOW + LEASE) == set()
        assert await maybe_repeated(session, [one]) == set()
    [closed] = await attempts(database)
    assert (closed.verdict, closed.code, closed.detail) == (Verdict.TEMPORARY, "451", "later")


async def test_a_verdict_that_comes_late_overwrites_unknown(
    database: Opened, docket: Docket
) -> None:
    [one] = await put_mails(database, docket, 1)
    [held] = await lease(database, "lse_1")
    attempt = factories.attempt(held)
    async with database.transaction() as session:
        await open_attempts(session, [attempt])
        await close_abandoned(session, [one], NOW + LEASE)
        await close_attempts(session, [(attempt.id, Outcome(Verdict.ACCEPTED, "250"))], NOW + LEASE)
    [closed] = await attempts(database)
    assert closed.verdict is Verdict.ACCEPTED


async def test_a_success_is_recorded_also_after_the_lease_has_passed_to_another(
    database: Opened, docket: Docket
) -> None:
    [one] = await put_mails(database, docket, 1)
    await lease(database, "lse_1")
    await lease(database, "lse_2", NOW + LEASE)
    async with database.transaction() as session:
        await mark_accepted(session, [one], NOW + 2 * LEASE)
    found = await message(database, one)
    assert (found.state, found.accepted_at) == (MessageState.ACCEPTED, NOW + 2 * LEASE)


async def test_a_success_stays_whatever_is_said_afterwards(
    database: Opened, docket: Docket
) -> None:
    [one] = await put_mails(database, docket, 1)
    await lease(database, "lse_1")
    async with database.transaction() as session:
        await mark_accepted(session, [one], NOW)
        assert not await put_back(session, one, "lse_1", NOW + MINUTE)
        assert not await give_up(session, [one], "lse_1", MessageState.FAILED, "refused: 550")
        await mark_accepted(session, [one], NOW + MINUTE)
    found = await message(database, one)
    assert (found.state, found.accepted_at, found.reason) == (MessageState.ACCEPTED, NOW, None)


async def test_a_failure_under_a_lease_that_passed_to_another_changes_nothing(
    database: Opened, docket: Docket
) -> None:
    [one] = await put_mails(database, docket, 1)
    await lease(database, "lse_1")
    await lease(database, "lse_2", NOW + LEASE)
    before = (await message(database, one)).model_dump()
    async with database.transaction() as session:
        assert not await put_back(session, one, "lse_1", NOW + MINUTE)
        assert not await give_up(session, [one], "lse_1", MessageState.FAILED, "refused: 550")
    assert (await message(database, one)).model_dump() == before


async def test_a_failure_under_the_valid_lease_puts_the_message_back_for_later(
    database: Opened, docket: Docket
) -> None:
    [one] = await put_mails(database, docket, 1)
    await lease(database, "lse_1")
    async with database.transaction() as session:
        assert await put_back(session, one, "lse_1", NOW + 5 * MINUTE)
    assert await lease(database, "lse_2", NOW + 5 * MINUTE - TICK) == []
    assert [m.id for m in await lease(database, "lse_2", NOW + 5 * MINUTE)] == [one]


async def test_an_end_under_the_valid_lease_keeps_its_reason(
    database: Opened, docket: Docket
) -> None:
    [one] = await put_mails(database, docket, 1)
    await lease(database, "lse_1")
    async with database.transaction() as session:
        assert await give_up(session, [one], "lse_1", MessageState.FAILED, "refused: 550")
    found = await message(database, one)
    assert (found.state, found.reason, found.lease) == (MessageState.FAILED, "refused: 550", None)


async def test_the_same_thing_is_written_once_however_often_it_is_said(
    database: Opened, docket: Docket
) -> None:
    about = factories.deadline(docket.case)
    first, twin = (factories.mail(docket.user, about, dedupe_key="same") for _ in range(2))
    other = factories.mail(docket.user, about, dedupe_key="other")
    async with database.transaction() as session:
        await put(session, about)
        await add_messages(session, [first])
    async with database.transaction() as session:
        await add_messages(session, [twin, other])
    async with database.reading() as session:
        assert set(await session.exec(select(Message.id))) == {first.id, other.id}


async def test_two_writers_of_the_same_thing_at_once_write_it_once(
    database: Opened, docket: Docket
) -> None:
    about = factories.deadline(docket.case)
    async with database.transaction() as session:
        await put(session, about)

    async def say(opened: Opened) -> None:
        async with opened.transaction() as session:
            await add_messages(
                session, [factories.mail(docket.user, about, dedupe_key=f"k{n}") for n in range(5)]
            )

    async with database.again() as other:
        await asyncio.gather(*(say(opened) for opened in (database, other) * 3))
    async with database.reading() as session:
        keys = sorted(await session.exec(select(Message.dedupe_key)))
    assert keys == [f"k{n}" for n in range(5)]


async def test_bytes_come_back_as_they_were_frozen(database: Opened, docket: Docket) -> None:
    content = bytes(range(256))
    [one] = await put_mails(database, docket, 1, content=content)
    assert (await message(database, one)).content == content
    async with database.reading() as session:
        assert (await session.exec(select(Deadline))).one().wake_at == NOW


# --- endpoints that take so much at once, and so much in a second


async def put_events(
    database: Opened, docket: Docket, count: int, **given: object
) -> tuple[str, list[str]]:
    """Events for one endpoint: its id, and theirs."""
    about, tools = factories.deadline(docket.case), factories.endpoint(docket.team, **given)
    events = [factories.webhook(tools, about) for _ in range(count)]
    async with database.transaction() as session:
        await put(session, about, tools)
        await add_messages(session, events)
    return tools.id, [one.id for one in events]


async def test_an_endpoint_is_claimed_as_much_as_it_takes_at_once_and_what_is_behind_it_goes_by(
    database: Opened, docket: Docket
) -> None:
    await put_events(database, docket, 500, at_once=2)
    other, _ = await put_events(database, docket, 3, at_once=3)
    mails = await put_mails(database, docket, 5)
    claims = [await lease(database, f"lse_{n}", limit=10) for n in range(3)]
    taken = [one for claim in claims for one in claim]
    assert len(taken) == 10
    assert {one.id for one in taken if one.channel == "email"} == set(mails)
    assert sum(one.endpoint_id == other for one in taken) == 3
    # Room again: the next two of the long queue, and no more.
    done = next(one for one in taken if one.endpoint_id not in (None, other))
    async with database.transaction() as session:
        await mark_accepted(session, [done.id], NOW)
    assert len(await lease(database, "lse_next", limit=10)) == 1


async def test_what_a_dead_worker_held_keeps_no_room(database: Opened, docket: Docket) -> None:
    await put_events(database, docket, 4, at_once=2)
    assert len(await lease(database, "lse_dead")) == 2
    assert await lease(database, "lse_soon", NOW + MINUTE / 2) == []
    assert len(await lease(database, "lse_late", NOW + MINUTE + TICK)) == 2


async def test_an_endpoint_that_has_had_its_share_waits_for_the_next_seconds(
    database: Opened, docket: Docket
) -> None:
    tools, _ = await put_events(database, docket, 100, at_once=64, per_second=2)
    taken = []
    for second in (0, 1, 2, 60):
        at = NOW + timedelta(seconds=second)
        taken.append(len(claim := await lease(database, f"lse_{second}", at)))
        async with database.transaction() as session:
            await take_share(session, {tools: len(claim) / 2}, at)
            await mark_accepted(session, [one.id for one in claim], at)
    # Ten seconds' worth may go in one go; 64 took 32 seconds' worth.
    assert taken == [64, 0, 0, 36]


async def test_a_clock_that_was_wrong_for_a_moment_silences_no_endpoint(
    database: Opened, docket: Docket
) -> None:
    tools, _ = await put_events(database, docket, 6, at_once=2)
    async with database.transaction() as session:
        await take_share(session, {tools: 1}, NOW + timedelta(days=300))
    first = await lease(database, "lse_1")
    assert len(first) == 2
    async with database.transaction() as session:
        await take_share(session, {tools: 1}, NOW)
        await mark_accepted(session, [one.id for one in first], NOW)
    assert len(await lease(database, "lse_2", NOW + timedelta(seconds=1))) == 2
