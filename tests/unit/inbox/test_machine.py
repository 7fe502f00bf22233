"""Whatever happens in whatever order: nothing accepted is lost, and nothing is completed under a stale fence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from shared.core.errors import Permanent, Retryable, Unavailable
from shared.core.inbox import Entry, EntryState
from shared.core.messages import JobRequested
from shared.inbox.intake import Receipt
from shared.inbox.route import Lease
from shared.inbox.sweeper import Sweeper
from shared.sns_verify import Notification
from tests.fakes import FakeDeadLetters, FakeInbox
from tests.unit.inbox.world import LEASE, World

INSTANCES = st.integers(0, 2)
OUTCOMES = st.sampled_from(["ok", "retryable", "permanent", "bug", "dies", "stalls", "stopped"])
PLACES = st.sampled_from(["before", "after"])
CALLS = st.sampled_from(["accept", "get", "claim", "settle", "bury"])


class Killed(BaseException):
    """``kill -9``: nobody catches it."""


class Store(FakeInbox):
    """The inbox as all instances see it; writes down who was allowed to do what."""

    def __init__(self) -> None:
        super().__init__()
        self.latest: dict[str, int] = {}
        self.ended_under: dict[str, int] = {}

    def claim(self, entry: Entry, claimed: Entry) -> None:
        super().claim(entry, claimed)
        assert claimed.fence > self.latest.get(entry.entry_id, 0), "a fence did not grow"
        self.latest[entry.entry_id] = claimed.fence

    def settle(self, held: Entry, settled: Entry) -> None:
        super().settle(held, settled)
        assert held.fence == self.latest[held.entry_id], "settled under a stale fence"
        if settled.due_at is None:
            assert held.entry_id not in self.ended_under, "an entry ended twice"
            self.ended_under[held.entry_id] = held.fence


class Fault:
    """At the next call of this name, right before or after it: the instance dies, or AWS is away."""

    def __init__(self) -> None:
        self.call = self.place = ""
        self.error: BaseException | None = None

    def set(self, call: str, place: str, error: BaseException) -> None:
        self.call, self.place, self.error = call, place, error

    def around(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*arguments: Any, **named: Any) -> Any:
            self._strike(name, "before")
            answer = call(*arguments, **named)
            self._strike(name, "after")
            return answer

        return guarded

    def _strike(self, name: str, place: str) -> None:
        if self.error is not None and (name, place) == (self.call, self.place):
            error, self.error = self.error, None
            raise error


class Through:
    """A store or queue as one instance reaches it: with its faults."""

    def __init__(self, real: Any, fault: Fault) -> None:
        self._real, self._fault = real, fault

    def __getattr__(self, name: str) -> Any:
        return self._fault.around(name, getattr(self._real, name))


class Machine(RuleBasedStateMachine):
    """Three instances, one store, one queue; SNS sends again what was not answered 200."""

    messages = Bundle("messages")

    @initialize()
    def begin(self) -> None:
        self.store, self.queue, self.fault = Store(), FakeDeadLetters(), Fault()
        self.promised: set[str] = set()
        """Entries of which SNS was told that they are accepted."""
        self.done: dict[str, int] = {}
        """Entry → how often its handler came to its end."""
        self.outcome = "ok"
        self.depth = 0
        self.instances = [self.instance(number) for number in range(3)]

    def instance(self, number: int) -> World:
        inbox, queue = Through(self.store, self.fault), Through(self.queue, self.fault)
        world = World(inbox, queue)  # type: ignore[arg-type]  # they answer as the store and the queue do
        world.handler = lambda _, lease: self.handle(number, lease)
        return world

    def handle(self, number: int, lease: Lease) -> None:
        outcome, self.outcome = self.outcome, "ok"
        match outcome:
            case "retryable":
                raise Retryable("away")
            case "permanent":
                raise Permanent("no")
            case "bug":
                raise ZeroDivisionError
            case "dies":
                raise Killed
            case "stopped":
                self.instances[number].leases.lose_all()
                return
            case "stalls" if self.depth == 0:
                # The heartbeat does not come through; another instance takes over; this one comes back to life.
                self.depth += 1
                self.wait(LEASE / timedelta(seconds=1))
                self.sweep_by((number + 1) % 3)
                self.depth -= 1
        self.done[lease.entry_id] = self.done.get(lease.entry_id, 0) + 1

    def survive(self, number: int, act: Callable[[], None]) -> None:
        """Lets the instance act. If it dies of it, a new one takes its place."""
        try:
            act()
        except Killed:
            moment = self.instances[number].time
            self.instances[number] = self.instance(number)
            self.instances[number].time = moment

    @rule(target=messages)
    def publish(self) -> Notification:
        return self.instances[0].notification(JobRequested(job_id="job", run=1).to_json())

    @rule(number=INSTANCES, message=messages, outcome=OUTCOMES, starts=st.booleans())
    def push(self, number: int, message: Notification, outcome: str, *, starts: bool) -> None:
        world = self.instances[number]
        self.outcome = outcome
        entry_id = f"job-requests#{message.message_id}"

        def receive() -> None:
            try:
                receipt, entry = world.intake.accept(world.route, message, world.time)
            except Unavailable:
                return  # answered 503
            assert receipt is not Receipt.CONTRADICTION
            self.promised.add(entry_id)
            if starts and receipt in {Receipt.ACCEPTED, Receipt.WAITING}:
                world.attempts.run(entry_id, entry)

        self.survive(number, receive)

    @rule(number=INSTANCES, outcome=OUTCOMES)
    def sweep(self, number: int, outcome: str) -> None:
        self.outcome = outcome
        self.sweep_by(number)

    def sweep_by(self, number: int) -> None:
        world = self.instances[number]

        def act() -> None:
            found: list[str] = []

            def offer(entry_id: str, user_id: str) -> None:
                found.append(entry_id)

            Sweeper(world.inbox, ["job-requests"], world.backlog, offer=offer, now=world.now).sweep()
            for entry_id in found:
                world.attempts.run(entry_id)

        self.survive(number, act)

    @rule(number=INSTANCES)
    def beat(self, number: int) -> None:
        self.instances[number].leases.beat()

    @rule(seconds=st.sampled_from([1, 10, 30, 3000]))
    def wait(self, seconds: float) -> None:
        for world in self.instances:
            world.time += timedelta(seconds=seconds)

    @rule(call=CALLS, place=PLACES)
    def somebody_dies_at_the_next(self, call: str, place: str) -> None:
        self.fault.set(call, place, Killed())

    @rule(call=CALLS, place=PLACES)
    def aws_is_away_at_the_next(self, call: str, place: str) -> None:
        """``after``: it did what it was asked, and the answer was lost."""
        self.fault.set(call, place, Unavailable("AWS is away."))

    @invariant()
    def what_was_promised_is_there(self) -> None:
        for entry_id in getattr(self, "promised", ()):
            entry = self.store.entries[entry_id]
            assert entry.due_at is not None or entry.state in {EntryState.DONE, EntryState.DEAD}
            if entry.state is EntryState.DONE:
                assert self.done.get(entry_id, 0) >= 1, "completed without having been handled"
            if entry.state is EntryState.DEAD:
                assert any(entry.message_id == one.attributes["message_id"] for one in self.queue.buried)

    def teardown(self) -> None:
        """The faults end; within a few sweeps everything has ended."""
        if not hasattr(self, "store"):
            return
        self.fault.error = None
        for _ in range(8):
            self.wait(3000)
            self.outcome = "ok"
            self.sweep_by(0)
        for entry_id in self.promised:
            assert self.store.entries[entry_id].state in {EntryState.DONE, EntryState.DEAD}, "an entry is stuck"
        self.what_was_promised_is_there()


Machine.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestInbox = Machine.TestCase
