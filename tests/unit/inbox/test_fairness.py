"""Nobody's messages wait behind the many of somebody else: also after a restart, and with several instances."""

from __future__ import annotations

from datetime import timedelta

from shared.core.messages import JobRequested
from tests.fakes import FakeInbox
from tests.unit.inbox.running import PATIENCE, Running, eventually


def of(user_id: str, number: int = 0) -> str:
    return JobRequested(job_id=f"{user_id}-{number}", run=1, user_id=user_id).to_json()


def whose(running: Running) -> list[str]:
    """Whose messages were begun, in this order."""
    return [message.user_id for message, _ in running.world.handled]


def waiting_in(running: Running) -> set[str]:
    """Of whom something waits in this instance's own queue."""
    owners = [route.owners.items() for route in running.engine._workers._turns._routes.values()]
    return {user_id for pairs in owners for user_id, owner in list(pairs) if owner.waiting}


def test_a_restarted_server_begins_with_everybodys_first_message() -> None:
    running = Running(worker_slots=1)
    for number in range(150):
        running.world.accept(of("alice", number))
    for user_id in ("bob", "charlie"):
        running.world.accept(of(user_id))
    running.world.time += timedelta(seconds=10)
    running.go_on.set()
    running.engine.start()
    eventually(lambda: len(running.world.handled) == 152)
    running.engine.stop(PATIENCE)
    assert sorted(whose(running)[:3]) == ["alice", "bob", "charlie"]


def test_bobs_first_message_is_begun_next_while_hundreds_of_alices_wait() -> None:
    running = Running(worker_slots=1)
    running.engine.start()
    for number in range(300):
        running.engine.offer(running.world.entry(running.world.accept(of("alice", number))))
    eventually(lambda: running.started)
    running.engine.offer(running.world.entry(running.world.accept(of("bob"))))
    running.go_on.set()
    eventually(lambda: len(running.started) > 1)
    running.engine.stop(PATIENCE)
    assert whose(running)[:2] == ["alice", "bob"]


def test_of_two_instances_with_alices_messages_the_first_that_is_free_begins_bobs() -> None:
    inbox = FakeInbox()
    pair = [Running(inbox=inbox, worker_slots=1, lease_seconds=3600) for _ in range(2)]
    for number in range(120):
        pair[0].world.accept(of("alice", number))
    for one in pair:
        one.world.time += timedelta(seconds=10)
        one.engine.start()
    eventually(lambda: all(one.started for one in pair))
    pair[0].world.accept(of("bob"))  # whoever accepted it dies: a sweep has to find it
    for one in pair:
        one.world.time += timedelta(seconds=10)
    eventually(lambda: all("bob" in waiting_in(one) for one in pair))
    for one in pair:
        one.go_on.set()
    eventually(lambda: "bob" in whose(pair[0]) + whose(pair[1]))
    for one in pair:
        one.engine.stop(PATIENCE)
    begun = next(whose(one) for one in pair if "bob" in whose(one))
    assert begun.index("bob") == 1
