"""The books balance: whatever happens in whatever order, no message is lost and none un-ends."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contracts.mail_stores import (
    APP,
    MINUTE,
    NOW,
    OTHER,
    Runner,
    Stores,
    held,
    intake,
    message,
    settlement,
)
from tests.support.engines import Engine

from postroad.delivery.messages import Claim, Lease, NewMessage
from postroad.delivery.states import FINAL, State

WAITING = {State.QUEUED, State.SCHEDULED, State.DEFERRED}
OUTCOMES = (
    *(State.ACCEPTED, State.BOUNCED, State.FAILED, State.DEFERRED, State.IN_DOUBT, State.HELD),
    State.EXPIRED,
)

steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("accept"),
            st.sampled_from([State.SENDING, State.QUEUED, State.CAPTURED]),
            st.integers(1, 3),
        ),
        st.tuples(st.just("claim"), st.integers(1, 3), st.none()),
        st.tuples(st.just("claim_one"), st.integers(0, 20), st.none()),
        st.tuples(
            st.just("settle"),
            st.integers(0, 20),
            st.lists(st.sampled_from(OUTCOMES), min_size=3, max_size=3),
        ),
        st.tuples(st.just("expire"), st.booleans(), st.none()),
        st.tuples(st.just("renew"), st.none(), st.none()),
        st.tuples(st.just("wait"), st.integers(1, 90), st.none()),
    ),
    max_size=40,
)


class Books:
    """What ought to be in the database, and every claim that was ever given out."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.now = NOW
        self.messages: list[NewMessage] = []
        self.states: dict[str, list[State]] = {}
        self.claims: list[Claim] = []
        self.holders: dict[str, Claim] = {}
        self.until: dict[str, datetime] = {}

    async def accept(self, state: State, recipients: int) -> None:
        to = [f"{number}@a.example" for number in range(recipients)]
        app_id = (APP, OTHER)[len(self.messages) % 2]
        new = message(*to, app_id=app_id, state=state, created_at=self.now)
        until = self.now + MINUTE
        lease = Lease("p:send", until) if state is State.SENDING else None
        assert await self.stores.mail.accept(intake(new, lease=lease), now=self.now) is None
        self.messages.append(new)
        self.states[new.id] = [state] * recipients
        if lease:
            self.took(held(new, token="p:send", until=until), State.SENDING)

    def took(self, claim: Claim, *may_be: State) -> None:
        assert claim.message.id not in self.holders
        states = self.states[claim.message.id]
        for recipient in claim.recipients:
            assert states[recipient.position] in may_be
            states[recipient.position] = State.SENDING
        self.claims.append(claim)
        self.holders[claim.message.id] = claim
        self.until[claim.message.id] = claim.lease.until

    async def claim(self, limit: int, _: object) -> None:
        lease = Lease("p:work", self.now + MINUTE)
        claims = await self.stores.queue.claim(lease, now=self.now, limit=limit)
        for claim in claims:
            self.took(claim, *WAITING, State.IN_DOUBT)

    async def claim_one(self, which: int, _: object) -> None:
        if not self.messages:
            return
        new = self.messages[which % len(self.messages)]
        lease = Lease("p:one", self.now + MINUTE)
        claim = await self.stores.queue.claim_one(new.app_id, new.id, lease, now=self.now)
        may_be = {*WAITING, State.HELD, State.IN_DOUBT, State.CAPTURED}
        is_free = new.id not in self.holders and bool(may_be & {*self.states[new.id]})
        assert (claim is not None) == is_free
        if claim is not None:
            self.took(claim, *may_be)

    async def settle(self, which: int, outcomes: list[State]) -> None:
        """Settle any claim there ever was; only who still holds it may."""
        if not self.claims:
            return
        claim = self.claims[which % len(self.claims)]
        states = outcomes[: len(claim.recipients)]
        is_waiting = State.DEFERRED in states
        due = self.now + MINUTE if is_waiting else None
        brought = settlement(claim, *states, due=due, at=self.now)
        message_id = claim.message.id
        is_holder = self.holders.get(message_id) is claim
        assert await self.stores.queue.settle(claim, brought) is is_holder
        if is_holder:
            del self.holders[message_id], self.until[message_id]
            for recipient, state in zip(claim.recipients, states, strict=True):
                self.states[message_id][recipient.position] = state

    async def expire(self, is_dead: bool, _: object) -> None:
        ended = [
            message_id
            for message_id, until in self.until.items()
            if until <= self.now or (is_dead and self.holders[message_id].lease.token == "p:send")
        ]
        count = await self.stores.queue.expire(now=self.now, dead="p:s" if is_dead else "")
        assert count == len(ended)
        for message_id in ended:
            del self.holders[message_id], self.until[message_id]
            self.states[message_id] = [
                State.IN_DOUBT if state is State.SENDING else state
                for state in self.states[message_id]
            ]

    async def renew(self, _: object, __: object) -> None:
        renewed = [*self.holders][::2]
        await self.stores.queue.renew("p:work", renewed, until=self.now + MINUTE)
        for message_id in renewed:
            if self.holders[message_id].lease.token == "p:work":
                self.until[message_id] = max(self.until[message_id], self.now + MINUTE)

    async def wait(self, seconds: int, _: object) -> None:
        self.now += timedelta(seconds=seconds)

    async def check(self) -> None:
        """Every message is there, in the states it should be in, and open work is in the queue."""
        read = self.stores.database.read
        waiting = await read("SELECT message_id, lease_token FROM queue")
        in_queue: dict[str, str | None] = dict(waiting)
        for new in self.messages:
            states = await self.stores.states(new)
            assert states == self.states[new.id]
            assert (State.SENDING in states) == (new.id in self.holders)
            is_held = new.id in self.holders
            assert (in_queue.get(new.id) is not None) == is_held
            if not is_held and WAITING & {*states}:
                assert new.id in in_queue
            if {*states} <= FINAL:
                assert new.id not in in_queue
            numbers = [each.number for each in await self.stores.mail.attempts(new.app_id, new.id)]
            assert numbers == [*range(1, len(numbers) + 1)]
        assert await read("SELECT count(*) FROM message") == [(len(self.messages),)]
        assert await read("SELECT count(*) FROM send_log") == [(len(self.messages),)]


@settings(max_examples=60, deadline=None)
@given(plan=steps)
def test_in_any_order_every_message_is_in_exactly_one_state(
    engine: Engine, plan: list[tuple[str, object, object]]
) -> None:
    async def scenario(stores: Stores) -> None:
        books = Books(stores)
        for step, first, second in plan:
            await getattr(books, step)(first, second)
            await books.check()

    with engine.new() as place:
        Runner(place)(scenario)
