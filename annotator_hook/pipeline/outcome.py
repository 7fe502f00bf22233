"""What goes into the pipeline and what may come out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.core.errors import GasError, Permanent


@dataclass(frozen=True)
class Limits:
    """What one job may use. Beyond them the input is refused, not the server endangered."""

    memory_bytes: int
    """Address space of each of the job's processes."""
    seconds: float
    """Wall time, and processor time."""
    output_bytes: int
    """The largest file that may be written, and the largest unpacked input."""


@dataclass(frozen=True)
class Spec:
    """One job for the pipeline."""

    input: Path
    output_dir: Path
    """An empty folder; results and the log are written here."""
    pack_dir: Path
    display_name: str
    """The file's name as its owner gave it: untrusted, for the log alone."""
    limits: Limits
    workers: int = 1
    """Processes that work side by side."""
    distance: int = 5000
    """Bases up- and downstream of a transcript within which a variant is said to be near it."""


@dataclass(frozen=True)
class Progress:
    """How far the work has come."""

    stage: str
    """``checking``, ``normalising``, ``annotating`` or ``writing``."""
    done: int = 0
    """Records done in this stage."""
    total: int | None = None
    """Records to do in this stage, where known."""


@dataclass(frozen=True)
class Ledger:
    """What became of every record of the input."""

    records_in: int
    annotated: int
    skipped: Mapping[str, int] = field(default_factory=dict)
    """Reason (`reasons.SKIP_REASONS`) → number of records."""

    @property
    def balances(self) -> bool:
        """Whether every record is accounted for."""
        return self.records_in == self.annotated + sum(self.skipped.values())


@dataclass(frozen=True)
class Result:
    """What a finished job has to show."""

    ledger: Ledger
    summary: dict[str, Any]
    """JSON-able and below 100 kB; `summarise` describes it."""
    files: dict[str, Path]
    """``vcf``, ``tbi``, ``tsv``, ``variants``, ``consequences``, ``genes`` and ``log``."""
    warnings: list[str]
    peak_memory_bytes: int = 0
    """The most memory that the job's processes had resident at one time, what they share counted once."""


class PackProblem(Permanent):
    """A reference pack is missing, damaged or of another format. The sentence names it and what looks at it."""


class InputRejected(GasError):
    """The file cannot be annotated, and that is the file's doing. The words are for its owner."""

    def __init__(self, code: str, message: str, hint: str = "", line: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        """A stable slug."""
        self.message = message
        """What is wrong: one sentence."""
        self.hint = hint
        """How to mend it: one sentence."""
        self.line = line
        """The line of the (unpacked) file, counted from 1, where there is one."""

    def __reduce__(self) -> tuple[type[InputRejected], tuple[str, str, str, int | None]]:
        return InputRejected, (self.code, self.message, self.hint, self.line)


class Died(GasError):
    """A process that did a part of the work ended before it was done."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(f"A process of the job ended with exit code {exit_code}.")
        self.exit_code = exit_code
        """As of `os.waitstatus_to_exitcode`: negative for a signal."""


class Stopped(GasError):
    """The caller wanted the work stopped; nothing of it runs any more."""

    def __init__(self) -> None:
        super().__init__("The job was stopped.")
