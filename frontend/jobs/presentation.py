"""What templates show of a job, computed: words for states, the timeline, bars. No I/O, no HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from shared.core.jobs import Job, JobError, JobState

StepState = Literal["done", "now", "todo", "stopped"]

_STEPS: tuple[Mapping[StepState, str], ...] = tuple(
    {"todo": todo, "now": now, "done": done, "stopped": todo}
    for todo, now, done in (
        ("Upload", "Upload", "Uploaded"),
        ("Queue", "Queued", "Queued"),
        ("Check", "Checking", "Checked"),
        ("Annotate", "Annotating", "Annotated"),
        ("Done", "Done", "Done"),
    )
)
"""What each step is called, by its state."""
_ANNOTATING = 3
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
    icon: str
    at: datetime | None = None
    """When it was done, or when the job stopped in it."""
    done: int | None = None
    total: int | None = None
    """With ``done``: how far it has come."""


@dataclass(frozen=True)
class Bar:
    """One bar: ``share`` is its length in percent of the longest, ``percent`` its part of the whole."""

    label: str
    value: int
    share: float
    percent: float
    key: str = ""
    """The label as the summary has it."""

    @property
    def part(self) -> str:
        """``percent`` in words: something is never 0 %."""
        return f"{self.percent} %" if self.percent else "< 0.1 %"


def badge(job: Job) -> Badge:
    """How the job stands, in a word or two."""
    word, icon, kind = _WORDS[job.state]
    if job.state is JobState.CREATED and job.pack_question is not None:
        return Badge("Needs your answer", "alert", "warning")
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
    moments = (job.queued_at, job.started_at, None, None, job.finished_at)
    steps = []
    for position, names in enumerate(_STEPS):
        state = _step_state(job, position, reached)
        step = Step(names[state], state, _step_icon(job, state))
        if state == "stopped":
            step = replace(step, at=job.finished_at)
        elif state == "done":
            step = replace(step, at=moments[position])
        elif state == "now" and position == _ANNOTATING and job.progress is not None and job.progress.total:
            step = replace(step, done=job.progress.done, total=job.progress.total)
        steps.append(step)
    return steps


def bars(counts: Mapping[str, Any], *, whole: int | None = None) -> list[Bar]:
    """Bars in the order of ``counts``, without zeros; percentages of ``whole`` or else of the sum."""
    numbers = {label: int(value) for label, value in counts.items() if int(value) > 0}
    longest, total = max(numbers.values(), default=1), whole or sum(numbers.values()) or 1
    return [
        Bar(words(label), value, round(100 * value / longest, 2), round(100 * value / total, 1), label)
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


def sources(pack: Mapping[str, Any]) -> str:
    """Names and versions of what a pack is made of; sources of people's own files often have no version."""
    return ", ".join(
        f"{source.get('name')} {source.get('version') or ''}".strip() for source in pack.get("sources", ())
    )


def impact_badge(impact: str) -> Badge:
    """One of `IMPACTS`."""
    kind, icon = _IMPACT_BADGES.get(impact, ("neutral", ""))
    return Badge(impact, icon, kind)


def needs_line(error: JobError) -> bool:
    """Whether the line has to be named because the sentence does not do so itself."""
    return error.line is not None and not re.search(
        rf"\bline ({error.line}|{error.line:,})\b", error.message, re.IGNORECASE
    )


def in_line(position: int, starts_in: timedelta | None) -> str:
    """``3rd in line, starts in about 2 minutes.``"""
    place = "Next in line" if position == 1 else f"{_ordinal(position)} in line"
    return f"{place}, starts {_about(starts_in)}."


def file_size(count: int) -> str:
    """``1.4 MB``: decimal units, as file managers show them."""
    size, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
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


def _ordinal(number: int) -> str:
    last = 0 if number % 100 in (11, 12, 13) else number % 10
    ending = {1: "st", 2: "nd", 3: "rd"}.get(last, "th")
    return f"{number:,}{ending}"


def _about(span: timedelta | None) -> str:
    if span is None:
        return "soon"
    minutes = round(span / timedelta(minutes=1))
    if minutes < 1:
        return "in less than a minute"
    count, unit = (minutes, "minute") if minutes < 90 else (round(minutes / 60), "hour")
    return f"in about {count} {unit}{'' if count == 1 else 's'}"


def _percent(job: Job) -> int | None:
    progress = job.progress
    if progress is None or not progress.total or progress.stage in _CHECKING_STAGES:
        return None
    return min(100, 100 * progress.done // progress.total)


def _step_state(job: Job, position: int, reached: int) -> StepState:
    if job.state is JobState.COMPLETED or position < reached:
        return "done"
    if position > reached:
        return "todo"
    return "stopped" if job.state.is_final else "now"


def _step_icon(job: Job, state: StepState) -> str:
    if state == "now":
        return _WORDS[job.state][1]
    if state == "stopped":
        return "stop" if job.state is JobState.CANCELLED else "cross"
    return "check" if state == "done" else ""


def _reached(job: Job) -> int:
    """The position of the step that the job is in, or was in when it stopped."""
    if job.queued_at is None:
        return 0
    if job.started_at is None or job.state is JobState.QUEUED:
        return 1
    return _ANNOTATING if job.progress is not None and job.progress.stage not in _CHECKING_STAGES else _ANNOTATING - 1
