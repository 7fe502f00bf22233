"""What templates show of a job, computed: words for states, the timeline, bars. No I/O, no HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from shared.core.jobs import Job, JobState

StepState = Literal["done", "now", "todo", "stopped"]

_CHECKING_STAGES = frozenset({"checking", "normalising"})

_WORDS = {
    JobState.CREATED: ("Waiting for file", "upload", "neutral"),
    JobState.QUEUED: ("Queued", "clock", "active"),
    JobState.RUNNING: ("Running", "run", "active"),
    JobState.COMPLETED: ("Done", "check", "success"),
    JobState.FAILED: ("Failed", "cross", "error"),
    JobState.CANCELLED: ("Cancelled", "stop", "neutral"),
}

IMPACTS = (
    ("HIGH", "truncates, shifts or loses the protein, or breaks a splice site"),
    ("MODERATE", "changes the protein, with an effect that may be small"),
    ("LOW", "unlikely to change how the protein works"),
    ("MODIFIER", "outside of proteins, or of unknown effect"),
)
"""Sequence Ontology's severity classes as VEP groups them, worst first, with what they mean."""

_CLINVAR_BADGES = (
    ("conflicting", "warning", "alert"),
    ("pathogenic", "error", "alert"),
    ("uncertain", "warning", "info"),
    ("benign", "success", "check"),
)
_IMPACT_BADGES = {"HIGH": ("error", "alert"), "MODERATE": ("warning", "info")}


@dataclass(frozen=True)
class Badge:
    """A state as a word, an icon and a kind (``macros.html`` gives each its tint); never the tint alone."""

    word: str
    icon: str
    kind: str


@dataclass(frozen=True)
class Step:
    """One step of the timeline."""

    name: str
    state: StepState
    at: datetime | None = None
    detail: str = ""
    done: int | None = None
    total: int | None = None
    """With ``done``: how far a step has come."""


@dataclass(frozen=True)
class Bar:
    """One bar: ``share`` is its length in percent of the longest, ``percent`` its part of the whole."""

    label: str
    value: int
    share: float
    percent: float


def badge(job: Job) -> Badge:
    """How the job stands, in a word or two."""
    word, icon, kind = _WORDS[job.state]
    if job.state is JobState.RUNNING and job.progress is not None:
        word = "Checking" if job.progress.stage in _CHECKING_STAGES else "Annotating"
        if (percent := _percent(job)) is not None:
            word = f"{word} {percent} %"
    return Badge(word, icon, kind)


def tab_title(job: Job) -> str:
    """What the browser's tab says: the state first, since tabs are narrow."""
    sign = {JobState.COMPLETED: "✓ ", JobState.FAILED: "✗ "}.get(job.state, "")
    return f"{sign}{badge(job).word} · {job.name}"


def timeline(job: Job) -> list[Step]:
    """From the upload to the end: uploaded → queued → checking → annotating n of m → done."""
    reached = _reached(job)
    stopped = job.state in {JobState.FAILED, JobState.CANCELLED}

    def state(position: int) -> StepState:
        if position < reached or job.state is JobState.COMPLETED:
            return "done"
        if position > reached:
            return "todo"
        return "stopped" if stopped else "now"

    checking, annotating = state(2), state(3)
    uploaded = state(0)
    last = {JobState.FAILED: "Failed", JobState.CANCELLED: "Cancelled"}.get(job.state, "Done")
    progress = job.progress if job.state is JobState.RUNNING else None
    return [
        Step("Uploaded" if uploaded == "done" else "Upload", uploaded, job.queued_at if uploaded == "done" else None),
        Step("Queued", state(1), job.started_at if state(1) == "done" else None),
        Step("Checked" if checking == "done" else "Checking" if checking == "now" else "Check", checking),
        Step(
            "Annotated" if annotating == "done" else "Annotating" if annotating == "now" else "Annotate",
            annotating,
            done=progress.done if progress and annotating == "now" and progress.total else None,
            total=progress.total if progress and annotating == "now" else None,
        ),
        Step(last, "done" if job.state is JobState.COMPLETED else "stopped" if stopped else "todo", job.finished_at),
    ]


def bars(counts: Mapping[str, Any], *, whole: int | None = None) -> list[Bar]:
    """Bars in the order of ``counts``, without zeros; percentages of ``whole`` or else of the sum."""
    numbers = {label: int(value) for label, value in counts.items() if int(value) > 0}
    longest, total = max(numbers.values(), default=1), whole or sum(numbers.values()) or 1
    return [
        Bar(words(label), value, round(100 * value / longest, 2), round(100 * value / total, 1))
        for label, value in numbers.items()
    ]


def words(term: str) -> str:
    """A term of an ontology as people read it: ``missense_variant`` → ``missense variant``."""
    return term.replace("_", " ").replace("&", " + ")


def clinvar_badge(significance: str) -> Badge:
    """A clinical significance as ClinVar words it."""
    lowered = significance.lower()
    found = ((kind, icon) for word, kind, icon in _CLINVAR_BADGES if word in lowered)
    kind, icon = next(found, ("neutral", "info"))
    return Badge(words(significance), icon, kind)


def impact_badge(impact: str) -> Badge:
    """One of `IMPACTS`."""
    kind, icon = _IMPACT_BADGES.get(impact, ("neutral", ""))
    return Badge(impact, icon, kind)


def file_size(count: int) -> str:
    """``1.4 MB``: decimal units, as file managers show them."""
    size, unit = float(count), "B"
    for larger in ("kB", "MB", "GB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{count} B" if unit == "B" else f"{size:,.1f} {unit}"


def duration(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``3 min 5 s``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _percent(job: Job) -> int | None:
    progress = job.progress
    if progress is None or not progress.total or progress.stage in _CHECKING_STAGES:
        return None
    return min(100, 100 * progress.done // progress.total)


def _reached(job: Job) -> int:
    """The position of the step that the job is in, or was in when it stopped."""
    if job.state is JobState.COMPLETED:
        return 4
    if job.queued_at is None:
        return 0
    if job.started_at is None or job.state is JobState.QUEUED:
        return 1
    return 2 if job.progress is None or job.progress.stage in _CHECKING_STAGES else 3
