"""One attempt at one entry, from claim to outcome.

What a crash leaves behind, at each point, and how nothing is lost of it:

- before the claim: RECEIVED, due two seconds after it was accepted; a sweep starts it;
- between the claim and the outcome: RUNNING, and nobody prolongs the lease; a sweep starts it again when it is over.
  The attempt was counted by the claim, so what kills its server is given up too;
- while it is given up: as above, and the verdict is stored before anything else: what runs it again gives it up at
  once. Without that, the handler would find a job that was abandoned, take it for done, and no operator would hear of it;
- between the burial and DEAD: as above, and it is buried a second time. An operator may find a message twice in the
  dead-letter queue, and never misses one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from shared import metrics
from shared.core.clock import Clock, to_iso
from shared.core.errors import Conflict, GasError, Permanent, Retryable
from shared.core.inbox import Entry, EntryState, Inbox
from shared.core.ports import DeadLetters
from shared.inbox.backlog import Backlog
from shared.inbox.leases import Leases
from shared.inbox.route import Lease, Route
from shared.sns_verify.message import read

log = structlog.get_logger()

FIRST_DELAY = timedelta(seconds=1)
LONGEST_DELAY = timedelta(minutes=15)
_LONGEST_ERROR = 1000
"""Characters. It is stored with the entry and once more in its history: twenty of them, were each character four bytes,
still fit into an item of DynamoDB beside the largest envelope."""


def delay(attempts: int, after: timedelta | None, dice: Callable[[], float]) -> timedelta:
    """How long to wait after the ``attempts``-th attempt: doubling from a second to a quarter of an hour.

    Up to half of it is left to chance, so that what failed together does not come back together. ``after`` is the
    least, where the one who failed knew it. ``dice`` answers a number from 0 to 1.
    """
    doubled = min(FIRST_DELAY * (1 << min(attempts - 1, 20)), LONGEST_DELAY)
    return max(doubled * (0.5 + dice() / 2), after or timedelta())


@dataclass(frozen=True)
class _Attempt:
    """What one attempt works with."""

    entry: Entry
    route: Route[Any]
    lease: Lease
    message: Any = None
    """None when the text is not a message."""
    started_at: datetime | None = None
    """When the handler was called."""


class Attempts:
    """Runs entries, from any number of threads; the claim in the store decides who runs which."""

    def __init__(
        self,
        inbox: Inbox,
        dead_letters: DeadLetters,
        routes: Mapping[str, Route[Any]],
        leases: Leases,
        backlog: Backlog,
        *,
        holder: str,
        max_attempts: int,
        now: Clock,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._inbox = inbox
        self._dead_letters = dead_letters
        self._routes = routes
        self._leases = leases
        self._backlog = backlog
        self._holder = holder
        self._max_attempts = max_attempts
        self._now = now
        self._dice = dice

    def run(self, entry_id: str, known: Entry | None = None) -> None:
        """Runs the entry, unless it is not free. Raises nothing that an entry, its handler or AWS can cause.

        ``known``: the entry, when the caller has it at hand; what is stored decides all the same.
        """
        try:
            entry = self._claim(entry_id, known)
        except GasError as error:
            log.warning("claim failed", entry_id=entry_id, error=str(error))
            return  # a sweep finds it
        if entry is None:
            return  # another instance was quicker, or it is done
        lease = self._leases.hold(entry)
        with structlog.contextvars.bound_contextvars(**_identity(entry)):
            try:
                self._work(_Attempt(entry, self._routes[entry.route], lease))
            except Conflict:
                log.warning("lease lost", fence=entry.fence)  # whoever has it now decides what becomes of it
            except GasError as error:
                # The outcome could not be stored. The lease runs out, and the entry is run again.
                log.warning("outcome not stored", error=str(error))
            finally:
                self._leases.drop(lease)

    def _claim(self, entry_id: str, known: Entry | None) -> Entry | None:
        entry = known or self._inbox.get(entry_id)
        if entry is None:
            return None
        try:
            claimed = entry.claimed(holder=self._holder, now=self._now(), lease=self._leases.length)
            self._inbox.claim(entry, claimed)
        except Conflict:
            return None
        if entry.state is EntryState.RUNNING:
            metrics.attempt_ended(claimed.route, claimed.history[-1])  # its lease ran out
        return claimed

    def _work(self, attempt: _Attempt) -> None:
        entry, route = attempt.entry, attempt.route
        try:
            message = route.parse(read(entry.envelope.encode()).message.message)
        except Exception as error:  # noqa: BLE001 - whatever a parser stumbles over will be there the next time
            self._give_up(attempt, str(error) if isinstance(error, GasError) else f"It cannot be parsed: {error!r}.")
            return
        if entry.verdict:
            self._give_up(replace(attempt, message=message), entry.verdict)
            return
        if entry.attempts > self._max_attempts:
            cause = entry.error or "the server died each time"
            given_up = f"Given up after {self._max_attempts} attempts: {cause}"
            self._give_up(replace(attempt, message=message), given_up)
            return
        attempt = replace(attempt, message=message, started_at=self._now())
        metrics.attempt_started(entry)
        self._handle(attempt)

    def _handle(self, attempt: _Attempt) -> None:
        try:
            attempt.route.handle(attempt.message, attempt.lease)
        except Exception as error:
            if attempt.lease.lost.is_set():
                self._give_back(attempt)
            elif isinstance(error, Permanent):
                self._give_up(attempt, str(error))
            elif isinstance(error, Retryable):
                self._try_again(attempt, str(error), error.after)
            else:
                # A bug, or something that nobody thought of. It may pass; if not, the attempts are counted.
                log.exception("handler failed unexpectedly")
                self._try_again(attempt, f"Unexpected {type(error).__name__}: {error}")
            return
        if attempt.lease.lost.is_set():
            self._give_back(attempt)  # it may have stopped half-way because of that
            return
        self._settle(attempt, self._ended(attempt).completed(self._now()))
        self._backlog.finished()
        log.info("handled", ms=self._millis(attempt))

    def _try_again(self, attempt: _Attempt, error: str, after: timedelta | None = None) -> None:
        if attempt.entry.attempts >= self._max_attempts:
            self._give_up(attempt, f"Given up after {attempt.entry.attempts} attempts: {error}")
        else:
            self._postpone(attempt, error, after)

    def _postpone(self, attempt: _Attempt, error: str, after: timedelta | None = None) -> None:
        pause, now = delay(attempt.entry.attempts, after, self._dice), self._now()
        self._settle(attempt, self._ended(attempt).postponed(now, now + pause, error[:_LONGEST_ERROR]))
        log.warning("to be tried again", error=error, seconds=round(pause.total_seconds(), 3))

    def _give_back(self, attempt: _Attempt) -> None:
        self._settle(attempt, self._ended(attempt).released(self._now()))
        log.info("given back")

    def _give_up(self, attempt: _Attempt, reason: str) -> None:
        """Verdict, abandon, bury, DEAD, in this order: what a crash interrupts is done again, and nothing is forgotten."""
        route = attempt.route
        if not attempt.entry.verdict:
            now = self._now()
            condemned = self._ended(attempt).condemned(reason[:_LONGEST_ERROR], now + self._leases.length)
            self._inbox.settle(attempt.entry, condemned)
            attempt = replace(attempt, entry=condemned)
        entry = attempt.entry
        if route.abandon is not None and attempt.message is not None:
            try:
                route.abandon(attempt.message, reason, attempt.lease)
            except Retryable as error:
                self._postpone(attempt, f"{reason} And it could not be abandoned: {error}")
                return
            except Exception:
                # Without end it would fail again; the operator who reads the dead letter sees to the rest.
                log.exception("abandoning failed")
        is_buried = True
        try:
            self._dead_letters.bury(
                route.dead_letters,
                entry.envelope,
                reason=reason,
                attributes={
                    "route": entry.route,
                    "message_id": entry.message_id,
                    "topic_arn": entry.topic_arn,
                    "attempts": str(entry.attempts),
                    "failed_at": to_iso(self._now()),
                },
            )
        except Retryable as error:
            self._postpone(attempt, f"{reason} And it could not be buried: {error}")
            return
        except Permanent as error:
            is_buried = False
            log.error("kept in the inbox for good: the dead-letter queue does not take it", error=str(error))  # noqa: TRY400 - its sentence says it all
        dead = self._ended(attempt).dead(self._now(), reason[:_LONGEST_ERROR], is_buried=is_buried)
        self._settle(attempt, dead)
        self._backlog.finished()
        log.error("dead-lettered", reason=reason)

    def _settle(self, attempt: _Attempt, settled: Entry) -> None:
        self._inbox.settle(attempt.entry, settled)
        metrics.attempt_ended(settled.route, settled.history[-1])

    def _ended(self, attempt: _Attempt) -> Entry:
        """The entry with the moment at which its handler was called, if it was."""
        return replace(attempt.entry, started_at=attempt.started_at or attempt.entry.started_at)

    def _millis(self, attempt: _Attempt) -> float:
        started_at = attempt.started_at or self._now()
        return round((self._now() - started_at) / timedelta(milliseconds=1), 1)


def _identity(entry: Entry) -> dict[str, Any]:
    """What every line of log about this attempt carries."""
    about = {name: value for name, value in asdict(entry.about).items() if value}
    return {"route": entry.route, "message_id": entry.message_id, "attempt": entry.attempts, **about}
