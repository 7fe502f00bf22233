"""Dead letters: the list, one letter, and replaying or discarding a selection: first as a dry run, then for good.

A page does at most `MOST` letters, for at most `SECONDS`, and says what is left. It can be sent again at any time: what
was replayed already is a duplicate then. What came after the dry run is never part of what is done, and what is
discarded is exactly what the dry run showed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

import structlog
from flask import abort, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from frontend.access import services
from frontend.operators.blueprint import blueprint, operations, who
from frontend.operators.forms import LONGEST_FIELD, ReasonForm
from frontend.operators.moments import read_moment
from frontend.operators.presentation import why_dead
from frontend.operators.rounds import Action, Round
from shared.core.clock import from_millis, to_iso, to_millis
from shared.core.dead_letters import DeadLetter
from shared.core.errors import NotFound, Permanent, Retryable
from shared.inbox.letters import Selection
from shared.inbox.scan import HOLD

log = structlog.get_logger()

PAGE_SIZE = 100
MOST = 500
"""Letters that one request replays or discards, or looks at in a dry run."""
SECONDS = 20.0
"""How long one request may take; load balancers give up after 60 s."""
_NOT_MET = (
    f"The queue is so long that this letter was not met in {SECONDS:.0f} s. `gas dlq show` takes as long as it needs."
)
_WHOSE = "Say whose letters are to be discarded: choose one queue, show it, and then discard all that fit."
ACTIONS: Mapping[str, Action] = {"replay": "replay", "discard": "discard"}


@dataclass
class LetterFilter:
    """Which dead letters, as the address or a form says it."""

    queue: str = ""
    error: str = ""
    since: str = ""
    until: str = ""
    picked: tuple[str, ...] = ()
    """``<queue>/<SQS's id>`` of each that was chosen; empty: all that fit the rest."""
    shown: tuple[str, ...] = ()
    """The same of each that a dry run of all that fit has shown: those only; empty: whatever fits."""
    complaints: dict[str, str] = field(default_factory=dict)
    """Field → what is wrong with it, after `selection` was made."""

    @classmethod
    def of(cls, values: MultiDict[str, str]) -> LetterFilter:
        """Unknown fields are none of ours; those picked count only where the form says so."""
        queue, error, since, until = (
            values.get(name, "").strip()[:LONGEST_FIELD] for name in ("queue", "error", "since", "until")
        )
        picked, shown = (tuple(dict.fromkeys(values.getlist(name))) for name in ("letter", "shown"))
        if values.get("scope") == "all":
            return cls(queue, error, since, until, shown=shown)
        return cls(queue, error, since, until, picked)

    @property
    def is_set(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.queue or self.error or self.since or self.until)

    @property
    def named(self) -> tuple[str, ...]:
        """``<queue>/<SQS's id>`` of each, where they are given one by one; else none."""
        return self.picked or self.shown

    def selection(self) -> Selection:
        """The office's own words for it."""
        names = queue_names()
        if places := self.named:
            split = [place.partition("/") for place in places]
            if unknown := {queue for queue, _, letter_id in split if queue not in names or not letter_id}:
                raise Permanent(f"There is no dead-letter queue called {min(unknown)[:60]!r}.")
            return Selection(
                channels=frozenset(queue for queue, _, _ in split),
                letter_ids=frozenset(letter_id for _, _, letter_id in split),
            )
        if self.queue and self.queue not in names:
            self.complaints["queue"] = "There is no such queue."
        return Selection(
            channels=frozenset([self.queue] if self.queue in names else names),
            since=self._moment("since"),
            until=self._moment("until"),
            error=self.error,
        )

    def pinned(self, wanted: Selection, looked_at: datetime, shown: Sequence[DeadLetter]) -> LetterFilter:
        """What the operator agrees to who sees the dry run of ``wanted``, which began then: none that came since, however
        late they answer, and where letters are given no others."""
        if self.picked:
            return self
        after = from_millis(to_millis(looked_at) + 1)
        return replace(
            self,
            since=to_iso(wanted.since) if wanted.since else "",
            until=to_iso(min(wanted.until or after, after)),
            shown=tuple(f"{letter.queue}/{letter.letter_id}" for letter in shown),
        )

    def _moment(self, name: Literal["since", "until"]) -> datetime | None:
        try:
            return read_moment(getattr(self, name), services().now())
        except Permanent as error:
            self.complaints[name] = str(error)
            return None


def queue_names() -> list[str]:
    """Of all dead-letter queues."""
    return [channel.name for channel in operations().channels]


@blueprint.get("/dead-letters")
def letters() -> ResponseReturnValue:
    """Oldest first, as far as they were seen."""
    wanted = LetterFilter.of(request.args)
    return _list_page(wanted), 422 if wanted.complaints else 200


@blueprint.get("/dead-letters/<queue>/<letter_id>")
def letter(queue: str, letter_id: str) -> str:
    """One letter, and what a replay would do. 404 for one that is not there, or that somebody holds just now."""
    return _letter_page(queue, letter_id, ReasonForm())


@blueprint.post("/dead-letters/check")
def check() -> ResponseReturnValue:
    """The dry run: says what would happen, and asks for the reason."""
    action = _action()
    wanted = replace(LetterFilter.of(request.form), shown=())
    if not wanted.picked and request.form.get("scope") != "all":
        return _list_page(wanted, complaint="Choose at least one letter."), 422
    if action == "discard" and not wanted.picked and not wanted.queue:
        return _list_page(wanted, complaint=_WHOSE), 422
    selection = wanted.selection()
    if wanted.complaints:
        return _list_page(wanted), 422
    return _check_page(action, wanted, selection, ReasonForm())


@blueprint.post("/dead-letters/act")
def act() -> ResponseReturnValue:
    """Replays or discards for good."""
    action = _action()
    wanted = LetterFilter.of(request.form)
    selection = wanted.selection()
    takes_all = request.form.get("scope") == "all" and action == "replay"
    if wanted.complaints or not (wanted.picked or wanted.shown or takes_all):
        abort(400)
    form = ReasonForm(request.form)
    if not form.validate():
        return _check_page(action, wanted, selection, form), 422
    done = _round(action, wanted, selection, why=form.why.data or "", dry_run=False)
    log.info("dead letters handled", action=action, who=who(), counts={**done.counts})
    counts = operations().office.counts()
    left = sum(counts.get(name, 0) for name in replace(wanted, shown=()).selection().channels)
    return render_template("operators/letters_done.html", filter=wanted, done=done, form=form, left=left)


def _action() -> Action:
    return ACTIONS.get(request.form.get("action", "")) or abort(400)


def _list_page(wanted: LetterFilter, complaint: str = "") -> str:
    selection = replace(wanted, picked=()).selection() if not wanted.complaints else None
    office = operations().office
    found: list[DeadLetter] = []
    with _deadline() as stop:
        if selection is not None and not wanted.complaints:
            found = office.list(selection, limit=PAGE_SIZE, stop=stop)
    claimed = {letter.letter_id: office.claimed(letter) for letter in found}
    topics = {channel.name: channel.topic_arn for channel in operations().channels}
    counts = office.counts()
    return render_template(
        "operators/letters.html",
        filter=wanted,
        letters=found,
        claimed=claimed,
        reasons={
            letter.letter_id: why_dead(letter, claimed[letter.letter_id].topic_arn, topics[letter.queue])
            for letter in found
        },
        counts=counts,
        held=0 if stop.is_set() else _held(wanted, counts, len(found)),
        hold_minutes=HOLD // timedelta(minutes=1),
        queues=queue_names(),
        choices=[("", "every queue"), *((name, name) for name in queue_names())],
        limit=PAGE_SIZE,
        is_cut=stop.is_set(),
        complaint=complaint,
    )


def _held(wanted: LetterFilter, counts: Mapping[str, int], found: int) -> int:
    """About how many letters were not to be seen because somebody holds them; 0 where that cannot be told."""
    if wanted.complaints or wanted.error or wanted.since or wanted.until or found >= PAGE_SIZE:
        return 0
    there = counts.get(wanted.queue, 0) if wanted.queue else sum(counts.values())
    return max(0, there - found)


def _letter_page(queue: str, letter_id: str, form: ReasonForm) -> str:
    if queue not in queue_names():
        abort(404)
    with _deadline() as stop:
        try:
            shown = operations().office.show(queue, letter_id, stop=stop)
        except NotFound:
            if stop.is_set():
                raise Permanent(_NOT_MET) from None
            raise
    return render_template("operators/letter.html", shown=shown, form=form)


def _check_page(action: Action, wanted: LetterFilter, selection: Selection, form: ReasonForm) -> str:
    looked_at = services().now()
    rehearsed = _round(action, wanted, selection, why="", dry_run=True)
    shown = [result.letter for result in rehearsed.results] if action == "discard" else []
    pinned = wanted.pinned(selection, looked_at, shown)
    return render_template("operators/letters_check.html", filter=pinned, rehearsed=rehearsed, form=form, most=MOST)


def _round(action: Action, wanted: LetterFilter, selection: Selection, *, why: str, dry_run: bool) -> Round:
    office = operations().office
    done = Round(action, wanted.named)
    with _deadline() as stop:
        run = office.replay if action == "replay" else office.discard
        try:
            for result in run(selection, who=who(), why=why, dry_run=dry_run, limit=MOST, stop=stop):
                done.results.append(result)
        except Retryable as error:
            done.trouble = str(error)
        done.is_cut = stop.is_set() or MOST <= len(done.results) != len(selection.letter_ids)
    return done


@contextmanager
def _deadline() -> Iterator[threading.Event]:
    """Set after `SECONDS`."""
    stop = threading.Event()
    timer = threading.Timer(SECONDS, stop.set)
    timer.daemon = True
    timer.start()
    try:
        yield stop
    finally:
        timer.cancel()
