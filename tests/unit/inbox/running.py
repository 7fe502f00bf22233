"""An engine whose handler waits for the test, and a world to look into."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from shared.core.inbox import Entry, EntryState
from shared.core.load import Load
from shared.core.messages import JobRequested
from shared.core.settings import HookSettings
from shared.inbox.engine import Engine
from shared.inbox.route import Lease
from tests.fake_jobs import Fake
from tests.fakes import FakeInbox, FakeTopics
from tests.unit.inbox.world import World

PATIENCE = 10.0


def eventually(what: Callable[[], object]) -> None:
    """Waits until it is true; a test that waits in vain fails."""
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.001)


class Running:
    """An engine whose handler waits for the test, and a world to look into."""

    def __init__(
        self,
        *,
        inbox: FakeInbox | None = None,
        publish: Callable[[Load], object] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        **settings: Any,
    ) -> None:
        self.world = World(inbox)
        self.bucket = Fake()
        self.topics = FakeTopics()
        self.started: list[Lease] = []
        self.go_on = threading.Event()
        self.world.handler = self.handle
        given = {"sweep_seconds": 0.01, "lease_seconds": 0.03, "subscribe_at_start": False, **settings}
        self.engine = Engine(
            HookSettings(
                public_url="https://gas.example.org",
                inbox_table="inbox",
                hook_url="https://annotator.example.org",
                **given,
            ),
            [self.world.route],
            inbox=self.world.inbox,
            topics=self.topics,
            dead_letters=self.world.dead_letters,
            now=self.world.now,
            bucket=self.bucket.reach,
            publish=publish,
            monotonic=monotonic,
        )

    def handle(self, message: JobRequested, lease: Lease) -> None:
        self.started.append(lease)
        while not self.go_on.wait(0.001):
            if lease.lost.is_set():
                return

    def accept(self) -> Entry:
        return self.world.entry(self.world.accept())

    def states(self) -> list[EntryState]:
        return [entry.state for entry in self.world.inbox.entries.values()]


def count_sweeps(running: Running) -> list[int]:
    """Grows by one with each sweep."""
    sweeps: list[int] = []
    pauses = running.world.inbox.pauses

    def counted() -> Any:
        sweeps.append(1)
        return pauses()

    running.world.inbox.pauses = counted  # type: ignore[method-assign]  # a double's method, for this test
    return sweeps


def threads(prefix: str) -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(prefix)]
