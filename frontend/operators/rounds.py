"""What came of one request to replay or discard dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from shared.inbox.letters import Result, Verdict

Action = Literal["replay", "discard"]


@dataclass
class Round:
    """What one request did, or would do."""

    action: Action
    named: Sequence[str] = ()
    """``<queue>/<SQS's id>`` of each that was asked for, where they were given one by one."""
    results: list[Result] = field(default_factory=list)
    trouble: str = ""
    """Why it stopped before its end; what it did until then stands."""
    is_cut: bool = False
    """It stopped because it had done as much as one request may."""

    def number(self, *verdicts: Verdict) -> int:
        """How many letters have one of these verdicts."""
        return sum(result.verdict in verdicts for result in self.results)

    @property
    def counts(self) -> dict[Verdict, int]:
        """Of the verdicts that there are."""
        return {verdict: number for verdict in Verdict if (number := self.number(verdict))}

    @property
    def has_invalid(self) -> bool:
        """Whether some letters stay where they are because they are no true messages."""
        return bool(self.number(Verdict.INVALID))

    @property
    def to_do(self) -> int:
        """How many letters a dry run would change."""
        return self.number(Verdict.WOULD_REPLAY, Verdict.WOULD_DISCARD, Verdict.DUPLICATE)

    @property
    def has_doomed(self) -> bool:
        """Whether a replay of some letters would be in vain."""
        return any(result.would_fail for result in self.results)

    @property
    def changed(self) -> int:
        """How many letters left their queue."""
        return self.number(Verdict.REPLAYED, Verdict.DISCARDED, Verdict.DUPLICATE)

    @property
    def unmet(self) -> list[tuple[str, str]]:
        """Queue and id of each that was asked for by name and is gone, or held by somebody; none where it stopped before
        it could know."""
        if self.trouble or self.is_cut:
            return []
        met = {(result.letter.queue, result.letter.letter_id) for result in self.results}
        split = [place.partition("/") for place in self.named]
        return [(queue, letter_id) for queue, _, letter_id in split if (queue, letter_id) not in met]
