"""One replay, or one discarding, of a selection: letter after letter, at a pace, until it is told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import NoReturn

import structlog

from shared.core.channels import Channel
from shared.core.clock import Clock
from shared.core.dead_letters import DeadLetter, DeadLetterQueues
from shared.core.errors import GasError, NotFound, Permanent, Retryable, Unavailable
from shared.inbox.letter_log import Deed
from shared.inbox.replay import Verdict
from shared.inbox.scan import HOLD, LOOK, Scan
from shared.inbox.selection import Selection

log = structlog.get_logger()

_AT_ONCE = 10  # letters, as many as one receive brings
_BLINK = 0.2  # seconds that pass at most until a round that waits sees that it shall stop
_GONE = {Verdict.DISCARDED}
"""What is in the queue and nowhere else: unless the queue says that it removed it, it is not known to be done."""
_REMOVED = {Verdict.REPLAYED, Verdict.DUPLICATE, Verdict.DISCARDED}


@dataclass(frozen=True)
class Result:
    """What became of one letter."""

    letter: DeadLetter
    """Without its body: there may be many, of 1 MiB each."""
    verdict: Verdict
    detail: str
    """Why, in a sentence or two."""
    would_fail: bool = False
    """Of a dry run: the replay would be in vain, for the message would fail at once."""


class Stopped(Retryable):
    """The endpoint, the inbox or a queue is away, or the servers have enough to do. What was not reported is still in the
    queue."""


@dataclass(frozen=True)
class Order:
    """What is to be done with the selected letters."""

    selection: Selection
    prepare: Callable[[Channel, Sequence[DeadLetter], Executor], Sequence[Deed]]
    """Does what is done for a few of them together, and answers what remains to be done to each, in their order; the
    threads of the pool do that. The round removes the letter when the verdict is so. Raises `Unavailable`: nothing was
    done then; and anything else when one of the letters is at fault."""
    deed: str
    """What is done, as a participle, for sentences."""
    not_removed: Callable[[Channel, Sequence[DeadLetter]], None] = lambda _channel, _letters: None
    """Called with letters of which the queue does not say that it removed them, though nobody else has them."""
    is_dry_run: bool = False
    """Nothing is removed, whatever the verdict."""
    before: Callable[[Channel, int], str] = lambda _channel, _count: ""
    """Called before each few letters with how many; answers why they have to wait, empty when they have not. Raises
    `Unavailable` when nothing can be done with them now."""
    per_second: float | None = None
    limit: int | None = None
    stop: threading.Event = field(default_factory=threading.Event)


class Round:
    """Carries out an order, once."""

    def __init__(self, order: Order, queues: DeadLetterQueues, *, now: Clock, sleep: Callable[[float], None]) -> None:
        self._order = order
        self._queues = queues
        self._now = now
        self._sleep = sleep
        self._started_at = self._due_at = now()
        self._missing = set(order.selection.letter_ids)
        self._reported = self._done = 0
        self._chunk = _AT_ONCE
        if order.per_second is not None:
            self._chunk = min(_AT_ONCE, max(1, int(order.per_second)))

    def go(self, channels: Iterable[Channel]) -> Iterator[Result]:
        """Through one queue after the other. Raises `Stopped`; for a queue that is not there after all the others."""
        missing: list[str] = []
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="dead-letters") as pool:
            for channel in channels:
                try:
                    with self._scan(channel) as scan:
                        yield from self._through(scan, channel, pool)
                except NotFound:
                    missing.append(channel.name)
                except GasError as error:
                    raise Stopped(f"{error} {self._so_far()}") from error
                if self._is_over:
                    break
        if missing:
            raise Stopped(f"There is no dead-letter queue of {', '.join(missing)}. {self._so_far()}")

    def _scan(self, channel: Channel) -> Scan:
        return Scan(
            self._queues,
            channel,
            started_at=self._started_at,
            hold=LOOK if self._order.is_dry_run else HOLD,
            stop=self._order.stop,
        )

    def _through(self, scan: Scan, channel: Channel, pool: ThreadPoolExecutor) -> Iterator[Result]:
        for batch in scan:
            chosen = [letter for letter in batch if self._order.selection.takes(letter)]
            for start in range(0, len(chosen), self._chunk):
                chunk = self._within_limit(chosen[start : start + self._chunk])
                self._keep_pace(len(chunk))
                if self._is_over:
                    return
                self._wait_for_room(channel, len(chunk))
                outcomes = list(pool.map(self._attempt, chunk, self._prepare(channel, chunk, pool)))
                results = [outcome for outcome in outcomes if isinstance(outcome, Result)]
                failure: GasError | None = next(
                    (outcome for outcome in outcomes if isinstance(outcome, Retryable)), None
                )
                try:
                    scan.delete([result.letter for result in results if self._removes(result)])
                except GasError as error:
                    failure = error
                    self._order.not_removed(channel, [each.letter for each in results if each.verdict in _GONE])
                    results = [each for each in results if each.verdict not in _GONE]
                self._note(results)
                yield from results
                if failure is not None:
                    raise failure
            if self._is_over:
                return

    def _prepare(self, channel: Channel, chunk: Sequence[DeadLetter], pool: ThreadPoolExecutor) -> Sequence[Deed]:
        """One letter at which this fails does not keep it from the others."""
        try:
            return self._order.prepare(channel, chunk, pool)
        except Retryable:
            raise
        except Exception as error:  # noqa: BLE001 - it is raised again, for the one letter that it is about
            if len(chunk) == 1:
                return [partial(_raise, error)]
            return [deed for letter in chunk for deed in self._prepare(channel, [letter], pool)]

    def _attempt(self, letter: DeadLetter, deed: Deed) -> Result | Retryable:
        bare = replace(letter, body="")
        try:
            judgement = deed()
            return Result(bare, judgement.verdict, judgement.detail, judgement.would_fail)
        except Retryable as error:
            return error
        except Permanent as error:
            return Result(bare, Verdict.INVALID, str(error))  # such as larger than what the inbox can hold
        except Exception as error:
            # Whoever may send to the queue may have written it. The others must not have to wait behind it.
            log.exception("dead letter not understood", queue=letter.queue, letter_id=letter.letter_id)
            return Result(
                bare, Verdict.UNDECIDED, f"GAS could not deal with it ({type(error).__name__}): please report."
            )

    def _removes(self, result: Result) -> bool:
        return result.verdict in _REMOVED and not self._order.is_dry_run

    def _within_limit(self, chunk: Sequence[DeadLetter]) -> Sequence[DeadLetter]:
        return chunk if self._order.limit is None else chunk[: self._order.limit - self._reported]

    def _keep_pace(self, count: int) -> None:
        """Waits until so many more may be dealt with, or it shall stop."""
        if self._order.per_second is None:
            return
        while not self._order.stop.is_set() and (left := (self._due_at - self._now()).total_seconds()) > 0:
            self._sleep(min(left, _BLINK))
        self._due_at = max(self._due_at, self._now()) + timedelta(seconds=count / self._order.per_second)

    def _wait_for_room(self, channel: Channel, count: int) -> None:
        """Raises `Unavailable` when it has to stop before there is any, or nothing can be done now."""
        while why := self._order.before(channel, count):
            if self._order.stop.is_set():
                raise Unavailable(why)
            self._sleep(_BLINK)

    def _note(self, results: Sequence[Result]) -> None:
        self._reported += len(results)
        self._done += len(results) if self._order.is_dry_run else sum(map(self._removes, results))
        self._missing -= {result.letter.letter_id for result in results}

    @property
    def _is_over(self) -> bool:
        """Whether nothing more is to be looked for: it shall stop, or has what it was asked for."""
        has_all = bool(self._order.selection.letter_ids) and not self._missing
        is_full = self._order.limit is not None and self._reported >= self._order.limit
        return has_all or is_full or self._order.stop.is_set()

    def _so_far(self) -> str:
        count = "1 was" if self._done == 1 else f"{self._done:,} were" if self._done else "Nothing was"
        return f"{count} {self._order.deed}; the rest is still in the queue."


def _raise(error: Exception) -> NoReturn:
    raise error
