"""The port `Queue`: what is claimed is settled by its holder, or ends in doubt."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.contracts.mail_stores import (
    APP,
    CONTENT,
    MINUTE,
    NOW,
    OTHER,
    Runner,
    Stores,
    app,
    held,
    message,
    settlement,
)

from postroad.delivery.messages import Fate, Lease, NewMessage, Settlement
from postroad.delivery.states import FINAL, State
from postroad.errors import Code, StorageError
from postroad.tenancy.records import InDoubtPolicy, SendMode

A, B, C = "a@a.example", "b@b.example", "c@c.example"


def queued(*to: str, app_id: str = APP, due: int = 0) -> NewMessage:
    """Return a message that is due some minutes from NOW."""
    created_at = NOW + due * MINUTE
    return message(*to, app_id=app_id, state=State.QUEUED, created_at=created_at)


# Claim.


def test_a_claim_brings_what_it_takes_to_send(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(queued(A, B))
        (claim,) = await stores.claim(token="w1", now=NOW + MINUTE)
        (attempt,) = await stores.mail.attempts(APP, given.id)

        assert claim.message == await stores.get(given)
        assert (claim.message.attempts, claim.message.due) == (1, None)
        assert claim.content == CONTENT
        assert claim.recipients == claim.message.recipients
        assert [each.state for each in claim.recipients] == [State.SENDING] * 2
        assert [each.updated_at for each in claim.recipients] == [NOW + MINUTE] * 2
        assert (claim.lease, claim.number) == (Lease("w1", NOW + 2 * MINUTE), 1)
        assert (attempt.id, attempt.number) == (claim.attempt_id, 1)
        assert (attempt.started_at, attempt.ended_at) == (NOW + MINUTE, None)
        assert attempt.code is None

    run(scenario)


def test_the_longest_due_are_claimed_first(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = {due: await stores.put(queued(due=due)) for due in (-1, -4, -2, -3, 0, 1)}

        first = await stores.claim(limit=2)
        rest = await stores.claim(limit=9)

        assert [claim.message.id for claim in first] == [given[-4].id, given[-3].id]
        assert [claim.message.id for claim in rest] == [given[-2].id, given[-1].id, given[0].id]
        assert await stores.claim() == []

    run(scenario)


def test_every_claim_gets_its_own_content_and_recipients(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = {
            each.id: each
            for number in range(7)
            for each in [message(f"{number}@a.example", state=State.QUEUED, content=b"%d" % number)]
        }
        for each in given.values():
            await stores.put(each)
        claims = await stores.claim()

        assert len({claim.attempt_id for claim in claims}) == len(claims) == 7
        for claim in claims:
            assert claim.content == given[claim.message.id].content
            assert [each.address for each in claim.recipients] == [
                *given[claim.message.id].recipients
            ]

    run(scenario)


def test_a_message_of_any_app_is_claimed_once(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        await stores.put(queued())
        await stores.put(queued(app_id=OTHER))

        assert {claim.message.app_id for claim in await stores.claim()} == {APP, OTHER}
        assert await stores.claim() == []

    run(scenario)


def test_a_message_is_not_claimed_before_its_time(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        await stores.put(queued(due=1))

        assert await stores.claim(now=NOW + MINUTE - timedelta(microseconds=1)) == []
        assert len(await stores.claim(now=NOW + MINUTE)) == 1

    run(scenario)


def test_a_message_that_is_sent_at_once_is_not_claimed_by_a_worker(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        await stores.put(message())

        assert await stores.claim(now=NOW + timedelta(days=1)) == []

    run(scenario)


# Settle.


def test_a_settlement_is_kept_with_its_attempt(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message(A, B))
        brought = Settlement(
            code=Code.RECIPIENTS,
            phase="rcpt",
            error="RCPT was refused: 550 no such user",
            fates=(
                Fate(0, State.ACCEPTED, 250, "2.1.5", "ok"),
                Fate(1, State.BOUNCED, 550, "5.1.1", "그런 사용자가 없습니다"),
            ),
            due=None,
            at=NOW + MINUTE,
            relay_id="r1",
            transcript="S: 220 mx.example\nC: EHLO a.example\n",
        )
        is_held = await stores.queue.settle(held(given), brought)
        found = await stores.get(given)
        (attempt,) = await stores.mail.attempts(APP, given.id)

        assert is_held
        assert [each.state for each in found.recipients] == [State.ACCEPTED, State.BOUNCED]
        assert [(each.code, each.enhanced, each.text) for each in found.recipients] == [
            (fate.code, fate.enhanced, fate.text) for fate in brought.fates
        ]
        assert {each.updated_at for each in found.recipients} == {NOW + MINUTE}
        assert (attempt.started_at, attempt.ended_at) == (NOW, NOW + MINUTE)
        assert (attempt.code, attempt.relay_id) == (Code.RECIPIENTS, "r1")
        assert (attempt.phase, attempt.error) == (brought.phase, brought.error)
        assert attempt.transcript == brought.transcript
        assert await stores.queue.next_due() is None

    run(scenario)


def test_the_relay_that_an_attempt_began_with_stays_when_the_settlement_names_none(
    run: Runner,
) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message(relay_id="r1"))
        await stores.queue.settle(claim := held(given), settlement(claim, State.FAILED))

        assert [each.relay_id for each in await stores.mail.attempts(APP, given.id)] == ["r1"]

    run(scenario)


def test_a_deferred_message_is_due_again_and_then_its_second_attempt_begins(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(queued())
        (first,) = await stores.claim()
        await stores.queue.settle(first, settlement(first, State.DEFERRED, due=NOW + MINUTE))
        waiting = await stores.get(given)
        early = await stores.claim(now=NOW)
        (second,) = await stores.claim(now=NOW + MINUTE)

        assert (waiting.due, waiting.recipients[0].state) == (NOW + MINUTE, State.DEFERRED)
        assert early == []
        assert (second.number, second.message.attempts) == (2, 2)
        assert [each.number for each in await stores.mail.attempts(APP, given.id)] == [1, 2]

    run(scenario)


def test_only_those_still_open_are_sent_to_again(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(queued(A, B, C))
        (first,) = await stores.claim()
        states = (State.ACCEPTED, State.DEFERRED, State.BOUNCED)
        await stores.queue.settle(first, settlement(first, *states, due=NOW + MINUTE))
        before = (await stores.get(given)).recipients
        (second,) = await stores.claim(now=NOW + MINUTE)
        await stores.queue.settle(second, settlement(second, State.ACCEPTED, at=NOW + MINUTE))
        after = (await stores.get(given)).recipients

        assert [each.address for each in second.recipients] == [B]
        assert len(second.message.recipients) == 3
        assert [each.state for each in after] == [State.ACCEPTED, State.ACCEPTED, State.BOUNCED]
        assert (after[0], after[2]) == (before[0], before[2])
        assert await stores.queue.next_due() is None

    run(scenario)


def test_a_settlement_touches_nobody_who_was_not_sent_to(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message(A, B, captured=frozenset({0})))
        before = (await stores.get(given)).recipients[0]
        claim = held(replace(given, captured=frozenset()))
        await stores.queue.settle(claim, settlement(claim, State.BOUNCED, State.ACCEPTED))

        assert (await stores.get(given)).recipients[0] == before
        assert await stores.states(given) == [State.CAPTURED, State.ACCEPTED]

    run(scenario)


def test_a_due_time_without_open_recipients_is_not_kept(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message())
        claim = held(given)
        await stores.queue.settle(claim, settlement(claim, State.ACCEPTED, due=NOW + MINUTE))

        assert await stores.queue.next_due() is None

    run(scenario)


def test_an_attempt_is_settled_once(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message())
        claim = held(given)

        assert await stores.queue.settle(claim, settlement(claim, State.ACCEPTED))
        assert not await stores.queue.settle(claim, settlement(claim, State.FAILED))
        assert await stores.states(given) == [State.ACCEPTED]

    run(scenario)


def test_a_stranger_cannot_settle(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message(), token="here")
        stranger = held(given, token="there")

        assert not await stores.queue.settle(stranger, settlement(stranger, State.ACCEPTED))
        assert await stores.states(given) == [State.SENDING]

    run(scenario)


def test_a_lease_that_ran_out_unnoticed_still_settles(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message())
        claim = held(given)
        late = settlement(claim, State.ACCEPTED, at=NOW + timedelta(hours=1))

        assert await stores.queue.settle(claim, late)

    run(scenario)


@pytest.mark.parametrize("second_token", ["w1", "w2"])
def test_a_lost_lease_cannot_settle(run: Runner, second_token: str) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(queued(app_id=OTHER))
        (first,) = await stores.claim(token="w1")
        await stores.queue.expire(now=NOW + 2 * MINUTE)
        after_expiry = await stores.queue.settle(first, settlement(first, State.ACCEPTED))
        (second,) = await stores.claim(token=second_token, now=NOW + 2 * MINUTE)
        while_held = await stores.queue.settle(first, settlement(first, State.BOUNCED))
        states = await stores.states(given)
        by_holder = await stores.queue.settle(second, settlement(second, State.ACCEPTED))
        attempts = await stores.mail.attempts(OTHER, given.id)

        assert (after_expiry, while_held, by_holder) == (False, False, True)
        assert states == [State.SENDING]
        assert [attempt.ended_at for attempt in attempts] == [None, NOW]
        assert await stores.states(given) == [State.ACCEPTED]

    run(scenario)


@pytest.mark.parametrize(
    "fates",
    [
        (),
        (Fate(0, State.ACCEPTED),),
        (Fate(0, State.ACCEPTED), Fate(0, State.ACCEPTED)),
        (Fate(0, State.ACCEPTED), Fate(2, State.ACCEPTED)),
        (Fate(0, State.ACCEPTED), Fate(1, State.SENDING)),
        (Fate(0, State.ACCEPTED), Fate(1, State.DEFERRED)),
        (Fate(0, State.SCHEDULED), Fate(1, State.ACCEPTED)),
    ],
    ids=["none", "one", "twice", "a-stranger", "sending", "deferred-for-ever", "no-schedule"],
)
def test_a_settlement_that_leaves_a_recipient_behind_is_refused(
    run: Runner, fates: tuple[Fate, ...]
) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message(A, B))
        claim = held(given)
        brought = replace(settlement(claim, State.ACCEPTED, State.ACCEPTED), fates=fates)

        with pytest.raises(ValueError, match="recipient"):
            await stores.queue.settle(claim, brought)

        assert await stores.states(given) == [State.SENDING] * 2

    run(scenario)


# Renew and expire.


def test_a_renewed_lease_does_not_run_out(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        mine = [await stores.put(message(), token="mine") for _ in range(2)]
        other = await stores.put(message(), token="other")
        renewed = [each.id for each in (*mine, other)]
        await stores.queue.renew("mine", renewed, until=NOW + 5 * MINUTE)
        await stores.queue.renew("nobody's", renewed, until=NOW + 5 * MINUTE)
        ended = await stores.queue.expire(now=NOW + 4 * MINUTE)

        assert ended == 1
        assert [await stores.states(each) for each in mine] == [[State.SENDING]] * 2
        assert await stores.states(other) == [State.IN_DOUBT]
        assert await stores.queue.next_due() == NOW + 5 * MINUTE

    run(scenario)


def test_a_lease_that_nobody_renews_runs_out_beside_the_others_of_its_process(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        mine, forgotten = [await stores.put(message(), token="mine") for _ in range(2)]
        await stores.queue.renew("mine", [mine.id], until=NOW + 5 * MINUTE)
        ended = await stores.queue.expire(now=NOW + 4 * MINUTE)

        assert ended == 1
        assert await stores.states(mine) == [State.SENDING]
        assert await stores.states(forgotten) == [State.IN_DOUBT]

    run(scenario)


def test_a_lease_is_never_shortened(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message(), token="mine", until=NOW + 5 * MINUTE)
        await stores.queue.renew("mine", [given.id], until=NOW + MINUTE)

        assert await stores.queue.next_due() == NOW + 5 * MINUTE

    run(scenario)


def test_a_lease_runs_out_at_its_end(run: Runner) -> None:
    async def scenario(stores: Stores) -> list[int]:
        await stores.put(message(), until=NOW + MINUTE)
        return [
            await stores.queue.expire(now=NOW + MINUTE - timedelta(microseconds=1)),
            await stores.queue.expire(now=NOW + MINUTE),
            await stores.queue.expire(now=NOW + MINUTE),
        ]

    assert run(scenario) == [0, 1, 0]


RETRY, HOLD = InDoubtPolicy.RETRY, InDoubtPolicy.HOLD


@pytest.mark.parametrize(
    ("send", "in_doubt", "is_kept_out", "is_retried"),
    [
        (SendMode.SYNC, None, False, False),
        (SendMode.QUEUED, None, False, True),
        (SendMode.SYNC, RETRY, False, True),
        (SendMode.QUEUED, HOLD, False, False),
        (SendMode.QUEUED, None, True, False),
        (SendMode.SYNC, RETRY, True, False),
    ],
)
def test_what_is_in_doubt_is_retried_or_held_as_the_app_wants(
    run: Runner,
    send: SendMode,
    in_doubt: InDoubtPolicy | None,
    is_kept_out: bool,
    is_retried: bool,
) -> None:
    its_app = app("1000000003", send=send, in_doubt=in_doubt)

    async def scenario(stores: Stores) -> None:
        await stores.directory.apps.add(its_app)
        given = message(app_id=its_app.id, is_kept_out_of_retry=is_kept_out)
        await stores.put(given)
        ended = await stores.queue.expire(now=NOW + MINUTE)
        found = await stores.get(given)
        (attempt,) = await stores.mail.attempts(its_app.id, given.id)
        claims = await stores.claim(now=NOW + MINUTE)

        assert ended == 1
        assert found.recipients[0].state is State.IN_DOUBT
        assert found.recipients[0].updated_at == NOW + MINUTE
        assert found.due == (NOW + MINUTE if is_retried else None)
        assert (attempt.ended_at, attempt.code) == (None, None)
        assert [claim.number for claim in claims] == ([2] if is_retried else [])
        assert is_retried == (its_app.in_doubt_policy is RETRY and not is_kept_out)

    run(scenario)


def test_expiry_leaves_recipients_that_have_ended_alone(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(queued(A, B, app_id=OTHER))
        (first,) = await stores.claim()
        states = (State.BOUNCED, State.DEFERRED)
        await stores.queue.settle(first, settlement(first, *states, due=NOW))
        ended = (await stores.get(given)).recipients[0]
        await stores.claim()
        await stores.queue.expire(now=NOW + MINUTE)
        found = (await stores.get(given)).recipients

        assert found[0] == ended
        assert found[1].state is State.IN_DOUBT
        assert (found[1].code, found[1].enhanced, found[1].text) == (0, "", "")

    run(scenario)


def test_the_leases_of_a_dead_process_run_out_at_once(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        dead = [await stores.put(message(), token=token) for token in ("p1:a", "p1:b")]
        alive = [await stores.put(message(), token=token) for token in ("p10:a", "xp1:", "p_:a")]
        first = await stores.queue.expire(now=NOW, dead="p1:")
        second = await stores.queue.expire(now=NOW, dead="%")

        assert (first, second) == (2, 0)
        assert [await stores.states(each) for each in dead] == [[State.IN_DOUBT]] * 2
        assert [await stores.states(each) for each in alive] == [[State.SENDING]] * 3

    run(scenario)


def test_who_is_in_doubt_waits_for_a_person_while_others_are_tried_again(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(queued(A, B))
        (first,) = await stores.claim()
        states = (State.IN_DOUBT, State.DEFERRED)
        await stores.queue.settle(first, settlement(first, *states, due=NOW))
        (second,) = await stores.claim()
        await stores.queue.settle(second, settlement(second, State.ACCEPTED))

        assert [each.address for each in second.recipients] == [B]
        assert await stores.states(given) == [State.IN_DOUBT, State.ACCEPTED]
        assert await stores.queue.next_due() is None

    run(scenario)


def test_an_app_that_turns_to_holding_holds_what_is_in_doubt_already(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message(app_id=OTHER))
        await stores.queue.expire(now=NOW + MINUTE)
        await stores.directory.apps.change(OTHER, in_doubt=HOLD)
        claims = await stores.claim(now=NOW + MINUTE)

        assert claims == []
        assert await stores.states(given) == [State.IN_DOUBT]
        assert await stores.queue.next_due() is None
        assert len(await stores.mail.attempts(OTHER, given.id)) == 1

    run(scenario)


# Claim one.


@pytest.mark.parametrize(
    "state",
    [State.QUEUED, State.SCHEDULED, State.DEFERRED, State.HELD, State.IN_DOUBT, State.CAPTURED],
)
def test_a_person_can_take_whatever_has_not_ended_another_way(run: Runner, state: State) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message(A, B))
        first = held(given)
        due = NOW + timedelta(days=1)
        await stores.queue.settle(first, settlement(first, state, State.BOUNCED, due=due))
        claim = await stores.claim_one(given)

        assert claim is not None
        assert [each.address for each in claim.recipients] == [A]
        assert (claim.number, claim.content) == (2, CONTENT)
        assert claim.message == await stores.get(given)
        assert await stores.states(given) == [State.SENDING, State.BOUNCED]
        assert await stores.queue.settle(claim, settlement(claim, State.ACCEPTED))
        assert await stores.states(given) == [State.ACCEPTED, State.BOUNCED]
        assert await stores.queue.next_due() is None

    run(scenario)


@pytest.mark.parametrize("state", sorted(FINAL - {State.CAPTURED}))
def test_nobody_takes_what_has_ended(run: Runner, state: State) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message())
        first = held(given)
        await stores.queue.settle(first, settlement(first, state))

        assert await stores.claim_one(given) is None
        assert await stores.states(given) == [state]
        assert len(await stores.mail.attempts(APP, given.id)) == 1
        assert await stores.queue.next_due() is None

    run(scenario)


def test_what_a_process_holds_is_not_taken_from_it(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message(A, B, captured=frozenset({1})))

        assert await stores.claim_one(given, now=NOW + timedelta(days=1)) is None
        assert await stores.states(given) == [State.SENDING, State.CAPTURED]
        assert await stores.queue.settle(claim := held(given), settlement(claim, State.ACCEPTED))

    run(scenario)


def test_another_app_takes_nothing(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message(state=State.CAPTURED))

        assert await stores.claim_one(given, app_id=OTHER) is None
        assert await stores.claim_one(message()) is None
        assert await stores.states(given) == [State.CAPTURED]

    run(scenario)


def test_a_message_whose_content_was_erased_is_not_taken(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message(state=State.CAPTURED))
        await stores.database.execute("DELETE FROM content")

        assert await stores.claim_one(given) is None
        assert await stores.states(given) == [State.CAPTURED]

    run(scenario)


def test_the_content_of_open_work_cannot_be_erased(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        await stores.put(queued())

        with pytest.raises(StorageError):
            await stores.database.execute("DELETE FROM content")

        assert [claim.content for claim in await stores.claim()] == [CONTENT]

    run(scenario)


# When to look again.


def test_the_next_time_to_look_is_the_first_due_or_the_first_lease_to_run_out(
    run: Runner,
) -> None:
    async def scenario(stores: Stores) -> None:
        empty = await stores.queue.next_due()
        await stores.put(message(), until=NOW + 9 * MINUTE)
        leased = await stores.queue.next_due()
        await stores.put(queued(due=7))
        due_first = await stores.queue.next_due()
        await stores.put(message(), until=NOW + 5 * MINUTE)
        lease_first = await stores.queue.next_due()

        assert empty is None
        assert leased == NOW + 9 * MINUTE
        assert due_first == NOW + 7 * MINUTE
        assert lease_first == NOW + 5 * MINUTE

    run(scenario)


def test_a_claim_outlives_the_process_as_an_attempt_without_outcome(run: Runner) -> None:
    given = queued(app_id=OTHER)

    async def first(stores: Stores) -> None:
        await stores.put(given)
        await stores.claim()

    async def second(stores: Stores) -> None:
        assert await stores.states(given) == [State.SENDING]
        assert await stores.queue.expire(now=NOW + MINUTE) == 1
        assert await stores.states(given) == [State.IN_DOUBT]
        (attempt,) = await stores.mail.attempts(OTHER, given.id)
        assert attempt.ended_at is None

    run(first)
    run(second)


def test_a_message_in_doubt_for_now_keeps_its_lease_and_hears_the_truth(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message())
        claim = held(given)

        assert await stores.queue.doubt(claim, "no reply yet", at=NOW)
        doubted = await stores.states(given)
        assert await stores.claim() == []
        assert await stores.queue.settle(claim, settlement(claim, State.ACCEPTED))

        assert doubted == [State.IN_DOUBT]
        assert await stores.states(given) == [State.ACCEPTED]

    run(scenario)


def test_of_several_recipients_in_doubt_for_now_each_hears_the_truth(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message("a@a.example", "b@b.example"))
        claim = held(given)

        assert await stores.queue.doubt(claim, "no reply yet", at=NOW)
        assert await stores.queue.settle(claim, settlement(claim, State.ACCEPTED, State.BOUNCED))

        assert await stores.states(given) == [State.ACCEPTED, State.BOUNCED]

    run(scenario)


def test_who_lost_the_lease_cannot_note_a_doubt(run: Runner) -> None:
    async def scenario(stores: Stores) -> None:
        given = await stores.put(message())
        claim = held(given)
        await stores.queue.settle(claim, settlement(claim, State.ACCEPTED))

        assert not await stores.queue.doubt(claim, "no reply yet", at=NOW)

        assert await stores.states(given) == [State.ACCEPTED]

    run(scenario)
