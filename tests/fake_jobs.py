"""The jobs table from memory; see `tests.fakes`."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.aws import page_token
from shared.core.clock import to_iso
from shared.core.errors import AlreadyExists, GasError, NotFound
from shared.core.jobs import (
    FINAL_STATES,
    FilesAway,
    IllegalTransition,
    Job,
    JobError,
    JobState,
    Ledger,
    PackQuestion,
    Progress,
    StoredFile,
    sources_of,
)
from shared.core.ports import MailClaim, Page, Work
from shared.core.retention import FilesState


class Fake:
    """What all fakes have in common."""

    def __init__(self) -> None:
        self.fail_with: GasError | None = None
        self.lock = threading.RLock()

    def reach(self) -> None:
        """Stands at the start of every call, as the network does."""
        if self.fail_with is not None:
            raise self.fail_with


class FakeJobs(Fake):
    """The jobs table. ``jobs``: job_id → job as stored."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: dict[str, Job] = {}
        self.waiting: set[str] = set()
        """Jobs that are not announced yet."""

    def create(self, job: Job) -> None:
        self.reach()
        with self.lock:
            if job.job_id in self.jobs:
                raise AlreadyExists(f"Job {job.job_id} exists already.")
            self.jobs[job.job_id] = job

    def get(self, job_id: str) -> Job:
        self.reach()
        try:
            return self.jobs[job_id]
        except KeyError:
            raise NotFound(f"There is no job {job_id}.") from None

    def by_owner(self, user_id: str, *, limit: int, start: str | None = None) -> Page:
        self.reach()
        mine = sorted(
            (job for job in self.jobs.values() if job.user_id == user_id),
            key=lambda job: (job.created_at, job.job_id),
            reverse=True,
        )
        if start is not None:
            after = page_token.decode(start, user_id)
            mine = [job for job in mine if (to_iso(job.created_at), job.job_id) < after]
        some = mine[:limit]
        more = len(mine) > limit
        return Page(
            some, page_token.encode(user_id, to_iso(some[-1].created_at), some[-1].job_id) if more and some else None
        )

    def submit(self, job_id: str, *, size: int, pack: str, why: str, request_id: str, now: datetime) -> Job:
        with self.lock:
            job = self._from({JobState.CREATED}, job_id, JobState.QUEUED)
            self.waiting.add(job_id)
            return self._store(
                job,
                state=JobState.QUEUED,
                input=replace(job.input, size=size),
                pack=pack,
                pack_why=why,
                pack_question=None,
                request_id=request_id,
                queued_at=now,
                updated_at=now,
            )

    def ask(self, job_id: str, *, size: int, question: PackQuestion, now: datetime) -> Job:
        with self.lock:
            job = self._from({JobState.CREATED}, job_id, JobState.CREATED)
            return self._store(job, input=replace(job.input, size=size), pack_question=question, updated_at=now)

    def run_again(self, job_id: str, *, run: int, request_id: str, now: datetime) -> Job:
        with self.lock:
            finals = {state for state in sources_of(JobState.QUEUED) if state.is_final}
            job = self._from(finals, job_id, JobState.QUEUED, run=run)
            self._files(job, FilesState.AVAILABLE)
            self.waiting.add(job_id)
            return self._store(
                job,
                state=JobState.QUEUED,
                run=run + 1,
                request_id=request_id,
                queued_at=now,
                updated_at=now,
                started_at=None,
                finished_at=None,
                progress=None,
                ledger=None,
                summary={},
                results={},
                error=None,
                worker="",
                fence=0,
                wait=job.wait + 1,
                archive_at=None,
            )

    def announced(self, job_id: str, *, run: int) -> None:
        self.reach()
        with self.lock:
            if job_id in self.jobs and self.jobs[job_id].run == run:
                self.waiting.discard(job_id)

    def unannounced(self, *, before: datetime, limit: int = 100) -> Sequence[Job]:
        self.reach()
        found = [self.jobs[job_id] for job_id in self.waiting]
        old = [(job.queued_at, job.job_id, job) for job in found if job.queued_at and job.queued_at < before]
        return [job for _, _, job in sorted(old, key=lambda item: item[:2])][:limit]

    def start(self, job_id: str, *, run: int, work: Work, now: datetime) -> Job:
        with self.lock:
            job = self._from(sources_of(JobState.RUNNING), job_id, JobState.RUNNING, run=run)
            if job.state is JobState.RUNNING and not (job.worker == work.entry_id and job.fence < work.fence):
                raise IllegalTransition(job_id, job.state, JobState.RUNNING)
            self.waiting.discard(job_id)
            return self._store(
                job,
                state=JobState.RUNNING,
                worker=work.entry_id,
                fence=work.fence,
                started_at=job.started_at or now,
                updated_at=now,
                progress=None,
            )

    def report(self, job_id: str, *, run: int, work: Work, progress: Progress) -> None:
        with self.lock:
            job = self._from({JobState.RUNNING}, job_id, JobState.RUNNING, run=run, work=work)
            self._store(job, progress=progress)

    def finish(
        self,
        job_id: str,
        *,
        run: int,
        work: Work,
        state: JobState,
        now: datetime,
        ledger: Ledger | None = None,
        summary: Mapping[str, object] | None = None,
        results: Mapping[str, StoredFile] | None = None,
        error: JobError | None = None,
    ) -> Job:
        with self.lock:
            job = self._from({JobState.RUNNING}, job_id, state, run=run, work=work)
            return self._store(
                job,
                state=state,
                finished_at=now,
                updated_at=now,
                ledger=ledger,
                summary=dict(summary or {}),
                results=dict(results or {}),
                error=error,
            )

    def give_up(self, job_id: str, *, run: int, error: JobError, now: datetime, work: Work | None = None) -> Job:
        with self.lock:
            job = self._from(sources_of(JobState.FAILED), job_id, JobState.FAILED, run=run)
            ours = work is not None and job.worker == work.entry_id and job.fence <= work.fence
            if job.state is JobState.RUNNING and not ours:
                raise IllegalTransition(job_id, job.state, JobState.FAILED)
            self.waiting.discard(job_id)
            return self._store(job, state=JobState.FAILED, finished_at=now, updated_at=now, error=error)

    def cancel(self, job_id: str, *, now: datetime) -> Job:
        with self.lock:
            job = self._from(sources_of(JobState.CANCELLED), job_id, JobState.CANCELLED)
            self.waiting.discard(job_id)
            return self._store(job, state=JobState.CANCELLED, finished_at=now, updated_at=now)

    def delete(self, job_id: str) -> None:
        self.reach()
        with self.lock:
            self.jobs.pop(job_id, None)
            self.waiting.discard(job_id)

    def claim_mail(self, job_id: str, *, run: int, now: datetime, lapsed: timedelta) -> MailClaim:
        with self.lock:
            job = self.get(job_id)
            if job.mailed_run > run or (job.mailed_run == run and job.mail_state == "SENT"):
                return MailClaim(sent=True)
            if job.mailed_run == run and job.mail_at is not None and job.mail_at > now - lapsed:
                return MailClaim(pending=True)
            self._store(job, mailed_run=run, mail_state="SENDING", mail_at=now)
            return MailClaim(granted=True)

    def mailed(self, job_id: str, *, run: int, now: datetime) -> None:
        self.reach()
        with self.lock:
            job = self.jobs.get(job_id)
            if job is not None and job.mailed_run <= run and not (job.mailed_run == run and job.mail_state == "SENT"):
                self._store(job, mailed_run=run, mail_state="SENT", mail_at=now)

    def begin_wait(self, job_id: str, *, run: int, until: datetime) -> Job:
        with self.lock:
            job = self._from(FINAL_STATES, job_id, JobState.COMPLETED, run=run)
            self._files(job, FilesState.AVAILABLE)
            return job if job.archive_at is not None else self._store(job, wait=job.wait + 1, archive_at=until)

    def end_wait(self, job_id: str) -> Job:
        with self.lock:
            job = self.get(job_id)
            self._files(job, FilesState.AVAILABLE)
            return self._store(job, wait=job.wait + 1, archive_at=None)

    def begin_archive(self, job_id: str, *, wait: int, now: datetime) -> Job:
        with self.lock:
            job = self.get(job_id)
            self._files(job, FilesState.AVAILABLE, FilesState.ARCHIVING)
            if job.wait != wait or job.state not in FINAL_STATES:
                raise FilesAway(job_id, job.files)
            if job.files is FilesState.ARCHIVING:
                return job
            return self._store(job, files=FilesState.ARCHIVING, files_at=now, archive_at=None)

    def archived(self, job_id: str, *, wait: int, now: datetime) -> Job:
        with self.lock:
            job = self.get(job_id)
            self._files(job, FilesState.ARCHIVING)
            if job.wait != wait:
                raise FilesAway(job_id, job.files)
            return self._store(job, files=FilesState.ARCHIVED, files_at=now)

    def begin_restore(self, job_id: str, *, epoch: int, now: datetime) -> Job:
        with self.lock:
            job = self._from(FINAL_STATES, job_id, JobState.COMPLETED)
            if job.files is FilesState.RESTORING:
                return self._store(job, restore_epoch=max(job.restore_epoch, epoch))
            return self._store(
                job,
                files=FilesState.RESTORING,
                files_at=now,
                wait=job.wait + 1,
                archive_at=None,
                restore_epoch=epoch,
            )

    def restored(self, job_id: str, *, now: datetime) -> Job:
        with self.lock:
            job = self.get(job_id)
            self._files(job, FilesState.RESTORING)
            return self._store(job, files=FilesState.AVAILABLE, files_at=now)

    def away(self, user_id: str, files: FilesState, *, limit: int) -> Sequence[Job]:
        self.reach()
        return [job for job in self.jobs.values() if job.user_id == user_id and job.files is files][:limit]

    @staticmethod
    def _files(job: Job, *allowed: FilesState) -> None:
        if job.files not in allowed:
            raise FilesAway(job.job_id, job.files)

    def _from(
        self,
        sources: set[JobState] | frozenset[JobState],
        job_id: str,
        target: JobState,
        *,
        run: int | None = None,
        work: Work | None = None,
    ) -> Job:
        job = self.get(job_id)
        ours = work is None or (job.worker, job.fence) == (work.entry_id, work.fence)
        if job.state not in sources or (run is not None and job.run != run) or not ours:
            raise IllegalTransition(job_id, job.state, target)
        return job

    def _store(self, job: Job, **changes: Any) -> Job:
        self.jobs[job.job_id] = replace(job, **changes)
        return self.jobs[job.job_id]
