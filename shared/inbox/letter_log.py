"""What the audit log keeps of deeds on dead letters: each is written down before it is done."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from shared.core.audit import Audit, AuditEntry, audit_entry_id
from shared.core.channels import Channel
from shared.core.clock import Clock, to_iso
from shared.core.dead_letters import DeadLetter
from shared.core.errors import GasError
from shared.inbox.replay import Judgement, Replayer, Verdict, clean

_LONGEST_TEXT = 500  # characters of a letter's reason, and of what is said of it
_WHAT = {
    Verdict.REPLAYED: "Replayed the dead letter.",
    Verdict.DUPLICATE: "Removed the dead letter: the inbox has its message.",
    Verdict.INVALID: "Tried to replay the dead letter, which is invalid.",
    Verdict.UNDECIDED: "Tried to replay the dead letter, of which nobody knows now whether it is true.",
    Verdict.DISCARDED: "Discarded the dead letter.",
}
_FAILED = "Replaying the dead letter failed: it is still in the queue."


@dataclass(frozen=True)
class LetterLog:
    """For one operator's deeds with one reason. Every method may raise `Unavailable`."""

    audit: Audit
    replayer: Replayer
    now: Clock
    who: str
    why: str

    def replay(self, channel: Channel, letter: DeadLetter) -> Judgement:
        """Replays it. What is foreseen is in the log before the inbox is changed; what came of it, where it differs."""
        foreseen = self.replayer.judge(channel, letter)
        if foreseen.verdict is not Verdict.WOULD_REPLAY:
            self._record(channel, letter, foreseen.verdict, foreseen.detail)
            return foreseen
        self._record(channel, letter, Verdict.REPLAYED, foreseen.detail)
        try:
            done = self.replayer.replay(channel, letter)
        except Exception as error:
            with suppress(GasError):  # the log may be away, too: the line before says at least who meant to do it
                self._record(channel, letter, Verdict.UNDECIDED, str(error), what=_FAILED)
            raise
        if done.verdict is not Verdict.REPLAYED:
            self._record(channel, letter, done.verdict, done.detail)
        return done

    def discard(self, channel: Channel, letter: DeadLetter) -> Judgement:
        """Writes down that it is removed, which is for the caller to do."""
        self._record(channel, letter, Verdict.DISCARDED, "")
        return Judgement(Verdict.DISCARDED, "")

    def _record(self, channel: Channel, letter: DeadLetter, verdict: Verdict, detail: str, what: str = "") -> None:
        now, claimed = self.now(), self.replayer.claimed(channel, letter)
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
        self.audit.record(
            AuditEntry(
                subject=f"dead-letter#{letter.queue}#{letter.letter_id}",
                entry_id=audit_entry_id(now),
                at=now,
                who=self.who,
                what=what or _WHAT[verdict],
                details={name: value for name, value in details.items() if value},
                why=self.why,
            )
        )
