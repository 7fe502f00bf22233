"""What the audit log keeps of deeds on dead letters: each is written down before it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import structlog

from shared.core.audit import Audit, AuditEntry, audit_entry_id
from shared.core.channels import Channel
from shared.core.clock import Clock, to_iso
from shared.core.dead_letters import DeadLetter
from shared.core.errors import GasError
from shared.inbox.replay import Claimed, Judged, Judgement, Replayer, Verdict, clean

log = structlog.get_logger()
_LONGEST_TEXT = 500  # characters of a letter's reason, and of what is said of it
_WHAT = {
    Verdict.REPLAYED: "Replayed the dead letter.",
    Verdict.DUPLICATE: "Removed the dead letter: the inbox has its message.",
    Verdict.INVALID: "Tried to replay the dead letter, which is invalid.",
    Verdict.UNDECIDED: "Tried to replay the dead letter, of which nobody knows now whether it is true.",
    Verdict.DISCARDED: "Discarded the dead letter.",
}
_DONE = {Verdict.WOULD_REPLAY: Verdict.REPLAYED}
_NOT_REMOVED = "The dead letter may not have been discarded: the queue did not say so."
_FAILED = "Replaying the dead letter failed: it is still in the queue."

Deed = Callable[[], Judgement]
"""What is done to one letter; says what it was. Raises `Unavailable`, and what else `Inbox.accept` raises."""


@dataclass(frozen=True)
class LetterLog:
    """For one operator's deeds with one reason. Every method may raise `Unavailable`."""

    audit: Audit
    replayer: Replayer
    now: Clock
    who: str
    why: str

    def replay(self, channel: Channel, letters: Sequence[DeadLetter], pool: Executor) -> list[Deed]:
        """How each of them is replayed. What is foreseen is in the log by then; what came of it, where it differs, will
        be."""
        judged = self.replayer.judge(channel, letters, pool=pool)
        self.audit.record_all([self._foreseen(channel, each) for each in judged])
        return [partial(self._replay, channel, each) for each in judged]

    def _foreseen(self, channel: Channel, judged: Judged) -> AuditEntry:
        if isinstance(judged.found, Exception):
            return self._entry(channel, judged.letter, Verdict.UNDECIDED, type(judged.found).__name__)
        verdict = judged.found.verdict
        return self._entry(channel, judged.letter, _DONE.get(verdict, verdict), judged.found.detail)

    def _replay(self, channel: Channel, judged: Judged) -> Judgement:
        foreseen = judged.judgement()
        if judged.message is None or foreseen.verdict is not Verdict.WOULD_REPLAY:
            return foreseen
        try:
            done = self.replayer.replay(channel, judged.message)
        except Exception as error:
            with suppress(GasError):  # the log may be away, too: the line before says at least who meant to do it
                self._record(channel, judged.letter, Verdict.UNDECIDED, str(error), what=_FAILED)
            raise
        if done.verdict is not Verdict.REPLAYED:
            self._record(channel, judged.letter, done.verdict, done.detail)
        return done

    def discard(self, channel: Channel, letters: Sequence[DeadLetter], pool: Executor) -> list[Deed]:  # noqa: ARG002 - as `replay`
        """Writes down that they are removed, which is for the caller to do, who says when it could not."""
        self.audit.record_all([self._entry(channel, letter, Verdict.DISCARDED, "") for letter in letters])
        return [partial(Judgement, Verdict.DISCARDED, "")] * len(letters)

    def not_discarded(self, channel: Channel, letters: Sequence[DeadLetter]) -> None:
        """Writes down that they may still be there, as far as that can be written now."""
        entries = [self._entry(channel, letter, Verdict.UNDECIDED, "", _NOT_REMOVED) for letter in letters]
        with suppress(GasError):
            self.audit.record_all(entries)

    def _record(self, channel: Channel, letter: DeadLetter, verdict: Verdict, detail: str, what: str = "") -> None:
        self.audit.record(self._entry(channel, letter, verdict, detail, what))

    def _claimed(self, channel: Channel, letter: DeadLetter) -> Claimed:
        try:
            return self.replayer.claimed(channel, letter)
        except Exception:
            log.exception("dead letter not understood", queue=letter.queue, letter_id=letter.letter_id)
            return Claimed()  # the others must not have to wait behind it

    def _entry(self, channel: Channel, letter: DeadLetter, verdict: Verdict, detail: str, what: str = "") -> AuditEntry:
        now, claimed = self.now(), self._claimed(channel, letter)
        details = {
            "verdict": verdict.value,
            "detail": clean(detail, _LONGEST_TEXT),
            "reason": clean(letter.reason, _LONGEST_TEXT),
            "sent_at": to_iso(letter.sent_at),
            "message_id": claimed.message_id,
            "topic_arn": claimed.topic_arn,
            "job_id": claimed.about.job_id,
            "user_id": claimed.about.user_id,
            "request_id": claimed.about.request_id,
        }
        return AuditEntry(
            subject=f"dead-letter#{letter.queue}#{letter.letter_id}",
            entry_id=audit_entry_id(now),
            at=now,
            who=self.who,
            what=what or _WHAT[verdict],
            details={name: value for name, value in details.items() if value},
            why=self.why,
        )
