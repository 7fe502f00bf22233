"""One annotator in simulated time: the inbox's own code, with greenlets in place of its threads."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from greenlet import getcurrent, greenlet

from bench.simulation.clock import Clock, Sleeper
from bench.simulation.load import SLOTS
from bench.simulation.table import SimulatedInbox
from shared.core.errors import GasError
from shared.core.inbox import Entry
from shared.core.messages import JobRequested
from shared.core.ports import DeadLetters
from shared.core.settings import HookSettings
from shared.inbox import sweeper
from shared.inbox.attempts import Attempts
from shared.inbox.backlog import Backlog
from shared.inbox.engine import LAST_SECONDS
from shared.inbox.intake import Intake, Receipt
from shared.inbox.leases import Leases
from shared.inbox.route import Lease, Route
from shared.inbox.sweeper import Sweeper
from shared.inbox.turns import Turns
from shared.sns_verify import Notification

DEFAULTS = {name: HookSettings.model_fields[name].default for name in ("max_backlog", "lease_seconds", "max_attempts")}
BEAT: float = HookSettings.model_fields["sweep_seconds"].default
LEASE = timedelta(seconds=DEFAULTS["lease_seconds"])
REMEMBERED = 64
"""As in `shared.inbox.workers`."""
NOTICE_SECONDS, DRAIN_SECONDS = 15.0, 12.0
"""GAS_DRAIN_NOTICE_SECONDS of the stack, and gunicorn's setting of that name."""
ROUTE = "job-requests"


class Server:
    """One instance. What it is pushed and what it finds in a sweep, its slots work on in turns, as `Workers` and `Engine`
    do it."""

    def __init__(
        self,
        number: int,
        clock: Clock,
        inbox: SimulatedInbox,
        dead_letters: DeadLetters,
        *,
        topic: str,
        start: Callable[[JobRequested], float | None],
        ended: Callable[[JobRequested], object],
        is_patient: bool,
    ) -> None:
        """``start`` is told that a job begins, and answers its seconds; None when it is done already. ``is_patient``: a long line is read more rarely."""
        self.holder = f"ip-10-0-{number // 256}-{number % 256}:1"
        self.busy = 0
        self.closed = False
        self.backlog = Backlog(DEFAULTS["max_backlog"])
        self._clock = clock
        self._inbox = inbox
        self._start = start
        self._ended = ended
        self._is_patient = is_patient
        self._turns = Turns()
        self._more = False
        self._sweep_number = 0
        self._sleepers: dict[int, Sleeper] = {}
        self._greenlets: set[greenlet] = set()
        self._route = Route(ROUTE, topic, "dead-letters", JobRequested.from_json, self._handle)
        self._intake = Intake(inbox, self.backlog, clock.utc)
        self._leases = Leases(inbox, length=LEASE, now=clock.utc)
        self._attempts = Attempts(
            inbox,
            dead_letters,
            {ROUTE: self._route},
            self._leases,
            self.backlog,
            holder=self.holder,
            max_attempts=DEFAULTS["max_attempts"],
            now=clock.utc,
            dice=random.Random(number).random,
        )
        self._sweeper = Sweeper(inbox, [ROUTE], self.backlog, offer=self._offer, now=clock.utc)

    def push(self, notification: Notification) -> bool:
        """Whether it was accepted: otherwise it was answered 503."""
        if self.closed or self.backlog.is_full:
            return False
        receipt, entry = self._intake.accept(self._route, notification, self._clock.utc())
        if receipt in {Receipt.ACCEPTED, Receipt.WAITING}:
            self._offer(entry.entry_id, entry.about.user_id, entry)
        return True

    def sweep(self) -> None:
        """Now, and then at its own pace."""
        if self.closed:
            return
        self._sweep_number += 1
        wait = BEAT
        try:
            if self._inbox.is_anything_due:
                self._more = self._sweeper.sweep()
            else:  # the same, without looking for what is not there
                mark = self.backlog.begin_count()
                survey = self._inbox.survey(ROUTE, now=self._clock.utc(), due=0, unfinished=self.backlog.bound)
                self.backlog.counted(survey.unfinished, mark)
                self._more = False
            if self._is_patient:
                wait = sweeper.pause(BEAT, self.backlog.unfinished)
        except GasError:
            pass
        self._clock.at(self._clock.now + wait, partial(self._sweep_unless_done, self._sweep_number))

    def drain(self, gone: Callable[[], object]) -> None:
        """SIGTERM: starts nothing more, lets what runs go on for a while, gives the rest back. Then calls ``gone``."""
        self.closed = True
        self._clock.at(self._clock.now + NOTICE_SECONDS + DRAIN_SECONDS, self._give_back)
        self._clock.at(self._clock.now + NOTICE_SECONDS + DRAIN_SECONDS + LAST_SECONDS, gone)

    def die(self) -> None:
        """``kill -9``."""
        self.closed = True
        for one in list(self._greenlets):
            one.throw()
        self._inbox.die(self.holder)

    def _sweep_unless_done(self, number: int) -> None:
        if number == self._sweep_number:
            self.sweep()

    def _give_back(self) -> None:
        self._leases.lose_all()
        for sleeper in list(self._sleepers.values()):
            sleeper.wake()

    def _offer(self, entry_id: str, user_id: str, known: Entry | None = None) -> None:
        self._turns.add(entry_id, user_id, known, remembered=REMEMBERED)
        if self.busy < SLOTS and not self.closed:
            self.busy += 1
            self._clock.spawn(self._work)

    def _work(self) -> None:
        self._greenlets.add(getcurrent())
        try:
            while len(self._turns) and not self.closed:
                turn = self._turns.take()
                self._attempts.run(turn.entry_id, turn.known)
                self._turns.release(turn)
        finally:
            self._greenlets.discard(getcurrent())
            self.busy -= 1
        if self._more and not self.closed:
            self._clock.at(self._clock.now, self.sweep)

    def _handle(self, message: JobRequested, lease: Lease) -> None:
        seconds = self._start(message)
        if seconds is None:
            return
        me = id(lease)
        try:
            self._clock.sleep(seconds, hand_over=lambda sleeper: self._sleepers.__setitem__(me, sleeper))
        finally:
            self._sleepers.pop(me, None)
        if not lease.lost.is_set():
            self._ended(message)
