"""The job's log in plain words, for its owner."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from annotator_hook.pipeline.outcome import InputRejected, Ledger
from annotator_hook.pipeline.reasons import SKIP_REASONS

MOST_LISTED: Final = 1000
"""Skipped records that are listed one by one."""


def on_one_line(text: str, most: int = 100) -> str:
    """Untrusted text on one line: what does not print is escaped."""
    shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text[:most])
    return shown + ("…" if len(text) > most else "")


class Log:
    """Written as the work goes on, so that a refused or broken job has one too."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", errors="backslashreplace", buffering=1)
        self._listed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def say(self, text: str = "") -> None:
        """One line."""
        self._file.write(text + "\n")

    def skipped(self, line: int, place: str, reason: str) -> None:
        """A record, or an allele of one, that is not annotated."""
        if self._listed == 0:
            self.say("Not annotated (line of the file, variant, reason):")
        self._listed += 1
        if self._listed <= MOST_LISTED:
            self.say(f"  {line:>8,}  {place}  {reason}")
        elif self._listed == MOST_LISTED + 1:
            self.say(f"  … and more: {MOST_LISTED:,} are listed, the ledger below counts all.")

    def ledger(self, ledger: Ledger, variants: int) -> None:
        """What became of every record."""
        skipped = sum(ledger.skipped.values())
        self.say()
        self.say("Ledger")
        self.say(f"  records in   {ledger.records_in:>10,}")
        self.say(f"  annotated    {ledger.annotated:>10,}   (as {variants:,} alleles)")
        self.say(f"  skipped      {skipped:>10,}")
        for reason, count in ledger.skipped.items():
            self.say(f"    {reason:<22}{count:>10,}   {SKIP_REASONS[reason]}")

    def warnings(self, warnings: list[str]) -> None:
        if warnings:
            self.say()
            self.say("Warnings")
            for warning in warnings:
                self.say(f"  {warning}")

    def seconds(self, seconds: Mapping[str, float]) -> None:
        self.say()
        self.say("Seconds: " + ", ".join(f"{stage} {taken:.2f}" for stage, taken in seconds.items()))


def append_refusal(path: Path, refusal: InputRejected) -> None:
    """The log's last words when the input is refused."""
    with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
        where = f" (line {refusal.line:,})" if refusal.line else ""
        file.write(f"\nNot annotated: {refusal.message}{where}\n{refusal.hint}\nCode: {refusal.code}\n")
