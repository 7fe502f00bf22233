"""A job: one VCF on its way from upload to annotated result. States, legal transitions, and nothing that does I/O.

::

    CREATED ──▶ QUEUED ──▶ RUNNING ──▶ COMPLETED
       │          │  ▲        ├──────▶ FAILED
       │          │  │        └──────▶ CANCELLED
       └─▶ CANCELLED └── (re-run of COMPLETED, FAILED, CANCELLED)

A job may also be CANCELLED or FAILED before it runs: its owner stops it, its file is empty, the annotator gives up.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from shared.core.clock import Moment
from shared.core.errors import Conflict
from shared.core.retention import Bucket, FilesState


class JobState(StrEnum):
    """Where a job stands."""

    CREATED = "CREATED"
    """Stored; its file is not there yet."""
    QUEUED = "QUEUED"
    """The file is there and the job announced, or about to be."""
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        """Nothing happens to the job any more unless its owner asks for it."""
        return self in FINAL_STATES


FINAL_STATES = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED})

TRANSITIONS: Mapping[JobState, frozenset[JobState]] = {
    JobState.CREATED: frozenset({JobState.QUEUED, JobState.FAILED, JobState.CANCELLED}),
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.FAILED, JobState.CANCELLED}),
    JobState.RUNNING: frozenset({JobState.RUNNING, JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED}),
    JobState.COMPLETED: frozenset({JobState.QUEUED}),
    JobState.FAILED: frozenset({JobState.QUEUED}),
    JobState.CANCELLED: frozenset({JobState.QUEUED}),
}
"""From a state to the states that may follow. RUNNING follows itself when another server takes over a lost lease."""


class FilesAway(Conflict):
    """The job's files are where the step cannot be taken from. ``present``: where they are."""

    def __init__(self, job_id: str, present: FilesState, sentence: str = "") -> None:
        super().__init__(sentence or f"The files of job {job_id} are {present}: this cannot be done now.")
        self.present = present


class IllegalTransition(Conflict):
    """The job's present state does not allow what was asked."""

    def __init__(self, job_id: str, present: JobState | None, wanted: JobState) -> None:
        super().__init__(f"Job {job_id} is {present or 'gone'} and cannot become {wanted}.")
        self.present = present
        self.wanted = wanted


def sources_of(target: JobState) -> frozenset[JobState]:
    """The states from which ``target`` may be reached."""
    return frozenset(state for state, targets in TRANSITIONS.items() if target in targets)


def new_job_id() -> str:
    """An identifier that cannot be guessed: 32 hexadecimal digits, 122 random bits."""
    return uuid.uuid4().hex


@dataclass(frozen=True)
class JobError:
    """Why a job failed, in words for its owner."""

    code: str
    """A stable slug, such as ``truncated-gzip``."""
    message: str
    """What is wrong: one sentence."""
    hint: str = ""
    """How to mend it: one sentence."""
    line: int | None = None
    """The line of the file, counted from 1, where there is one."""


@dataclass(frozen=True)
class Progress:
    """How far a running job has come."""

    stage: str
    """``checking``, ``normalising``, ``annotating`` or ``writing``."""
    done: int = 0
    """Records done in this stage."""
    total: int | None = None
    """Records to do in this stage, where known."""


@dataclass(frozen=True)
class Ledger:
    """What became of every record: ``records_in == annotated + sum(skipped.values())``."""

    records_in: int
    annotated: int
    skipped: Mapping[str, int] = field(default_factory=dict)
    """Reason code → number of records."""

    def __post_init__(self) -> None:
        if self.records_in != self.annotated + sum(self.skipped.values()):
            raise ValueError(f"the ledger does not balance: {self}")


ResultKind = Literal["vcf", "tbi", "tsv", "variants", "consequences", "genes", "log"]


@dataclass(frozen=True)
class StoredFile:
    """An object in S3 that belongs to a job."""

    key: str
    size: int
    """Bytes."""


@dataclass(frozen=True)
class PackQuestion:
    """What a person has to decide before their job can start."""

    sentence: str
    """Why the reference pack is not clear."""
    fitting: tuple[str, ...] = ()
    """The installed packs that the file fits, as far as it says."""


@dataclass(frozen=True)
class Job:
    """One job as stored. Frozen: changes are made by conditional transitions of the jobs table."""

    job_id: str
    user_id: str
    name: str
    """The file's name as its owner gave it: untrusted text, at most 255 characters, for display only."""
    state: JobState
    run: int
    created_at: Moment
    input: StoredFile
    """Size is 0 until the upload was seen."""
    pack: str = "rcrs"
    """The reference pack. While the job is CREATED: the one that its owner asked for, empty when it is to be found."""
    pack_why: str = ""
    """Why this pack: a sentence."""
    pack_question: PackQuestion | None = None
    """Asked while the job is CREATED, when its file is there."""
    queued_at: Moment | None = None
    started_at: Moment | None = None
    finished_at: Moment | None = None
    updated_at: Moment | None = None
    progress: Progress | None = None
    ledger: Ledger | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)
    results: Mapping[str, StoredFile] = field(default_factory=dict)
    """`ResultKind` → object. A failed job may have a log alone."""
    error: JobError | None = None
    worker: str = ""
    """The inbox entry that works on the present run."""
    fence: int = 0
    """The fencing token of that entry's latest claim."""
    request_id: str = ""
    mailed_run: int = 0
    """The latest run whose e-mail was claimed by a sender."""
    mail_state: str = ""
    """``SENDING`` or ``SENT``, for `mailed_run`."""
    mail_at: Moment | None = None
    """When `mail_state` was set."""
    files: FilesState = FilesState.AVAILABLE
    files_at: Moment | None = None
    """When `files` changed last."""
    wait: int = 0
    """The number of the latest wait for the archive; grows whenever earlier waits stop to count."""
    archive_at: Moment | None = None
    """When the present wait ends; None when there is none."""
    restore_epoch: int = 0
    """The owner's `User.plan_epoch` for which the files were last asked back."""

    @property
    def seconds(self) -> float | None:
        """How long the latest run took, once it has ended."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


def files_of(job: Job) -> list[tuple[Bucket, StoredFile]]:
    """The objects that belong to the job now, and in which bucket each lies."""
    inputs: list[tuple[Bucket, StoredFile]] = [("inputs", job.input)] if job.input.size else []
    return inputs + [("results", stored) for stored in job.results.values()]


def job_prefix(user_id: str, job_id: str) -> str:
    """Under what all files of a job lie, in both buckets."""
    return f"{user_id}/{job_id}/"


def input_key(user_id: str, job_id: str) -> str:
    """Where a job's input lies. The user's file name is no part of it: a name is untrusted text."""
    return f"{job_prefix(user_id, job_id)}input.vcf"


def results_prefix(user_id: str, job_id: str, run: int, fence: int) -> str:
    """Where one attempt's results lie. The fence is in it, so that an attempt that lost its lease can neither
    overwrite nor clean away what its successor wrote."""
    return f"{job_prefix(user_id, job_id)}run-{run}.{fence}/"
