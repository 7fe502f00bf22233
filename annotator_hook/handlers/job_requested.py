"""`JobRequested` → the job's file is annotated, its results are stored, `JobFinished` is published.

Safe to run twice: the job is started, reported on and finished only by the inbox entry that holds it, under that
entry's fencing token; results of one attempt lie under a prefix of their own. Whoever finds the job finished already
publishes the outcome again (the crash may have come between the two), and `util_hook` writes one e-mail all the same.
"""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from pathlib import Path

import structlog

from annotator_hook.pipeline.job import InputRejected, PackProblem, Result, Spec, Stopped, run
from annotator_hook.pipeline.job import Progress as Step
from annotator_hook.services import Services
from annotator_hook.work_folder import job_folder
from shared import metrics
from shared.core.errors import Conflict, NotFound, Unavailable
from shared.core.jobs import (
    FINAL_STATES,
    Job,
    JobError,
    JobState,
    Ledger,
    Progress,
    StoredFile,
    job_prefix,
    results_prefix,
)
from shared.core.messages import JobFinished, JobRequested
from shared.inbox.route import Lease

log = structlog.get_logger()

CONTENT_TYPES = {
    "vcf": "application/gzip",
    "tbi": "application/octet-stream",
    "tsv": "application/gzip",
    "variants": "application/vnd.apache.parquet",
    "consequences": "application/vnd.apache.parquet",
    "genes": "text/plain; charset=utf-8",
    "log": "text/plain; charset=utf-8",
}
REPORT_SECONDS, LATER_REPORT_SECONDS = 0.5, 2.0
"""How often progress is written, which is also how soon a cancelled job stops: at first, when most jobs end, and after
`SOON_SECONDS`, when somebody only looks in from time to time and each write costs the same."""
SOON_SECONDS = 10.0

OUR_FAULT = JobError(
    code="internal",
    message="GAS could not annotate this file because something failed on our side.",
    hint="Your file is kept. Run the job again later; if it fails again, send us the job's id.",
)
PACK_HINT = "Your file is kept. Tell whoever runs this server, and run the job again when the reference pack is sound."
INPUT_GONE = JobError(
    code="input-missing", message="The uploaded file is no longer there.", hint="Upload it again as a new job."
)
_DEAD_LETTERED = frozenset({OUR_FAULT.code, "pack"})
"""`JobError.code` of what an operator finds in the dead-letter queue."""
OUR_CODES = frozenset({OUR_FAULT.code, INPUT_GONE.code, "pack"})
"""`JobError.code` of what is not the file's fault."""


def handle(message: JobRequested, lease: Lease, services: Services) -> None:
    """Runs the job, unless it is somebody else's, finished, cancelled, or gone.

    Raises `Retryable` when AWS is away or the disk is full, `Permanent` when the pack is damaged or the engine crashed.
    """
    try:
        job = services.jobs.start(message.job_id, run=message.run, work=lease.work, now=services.now())
    except NotFound:
        _clear_away(message, services)  # deleted by its owner
        return
    except Conflict:
        if not (lease.replays and _run_again(message, services)):
            _announce_if_finished(message, services)
        return
    with job_folder(services.work_dir, job.job_id) as folder:
        state = _Attempt(job, lease, services, folder).run()
    if state is not None:
        _announce(job, state, services)


def _run_again(message: JobRequested, services: Services) -> bool:
    """Whether this was given up for no fault of its owner's, and is queued as the next run now: the operator who replays
    the message has mended the cause. Should it not be announced here, the frontend's sweep does that."""
    try:
        job = services.jobs.get(message.job_id)
        if job.run != message.run or job.error is None or job.error.code not in _DEAD_LETTERED:
            return False
        again = services.jobs.run_again(job.job_id, run=job.run, request_id=job.request_id, now=services.now())
    except (Conflict, NotFound):  # its owner was quicker, or its file is in the archive
        return False
    log.info("run again", job_id=again.job_id, run=again.run)
    announcement = JobRequested(job_id=again.job_id, run=again.run, user_id=again.user_id, request_id=again.request_id)
    services.topics.publish(services.job_requests_topic, announcement.to_json())
    services.jobs.announced(again.job_id, run=again.run)
    return True


def _clear_away(message: JobRequested, services: Services) -> None:
    """An attempt that died, or could not reach S3, may have stored results after the job's files were deleted."""
    if message.user_id:
        services.results.delete_under(job_prefix(message.user_id, message.job_id))


def abandon(message: JobRequested, reason: str, lease: Lease, services: Services) -> None:
    """The message is about to be dead-lettered: the job must not wait for ever. A job that another message runs (a run
    may be announced more than once) is left to that one.

    ``reason`` is for operators (they read it in the dead-letter queue); the owner reads `OUR_FAULT`.
    """
    try:
        job = services.jobs.give_up(
            message.job_id, run=message.run, error=OUR_FAULT, now=services.now(), work=lease.work
        )
    except NotFound:
        return
    except Conflict:
        _announce_if_finished(message, services)
        return
    log.warning("job given up", job_id=message.job_id, run=message.run, reason=reason)
    metrics.job_ended("failed")
    _announce(job, JobState.FAILED, services)


def _announce_if_finished(message: JobRequested, services: Services) -> None:
    try:
        job = services.jobs.get(message.job_id)
    except NotFound:
        return
    if job.run == message.run and job.state in FINAL_STATES:
        _announce(job, job.state, services)


def _announce(job: Job, state: JobState, services: Services) -> None:
    if state is JobState.CANCELLED:
        return  # its owner did that and needs no e-mail about it
    outcome = JobFinished(
        job_id=job.job_id,
        run=job.run,
        outcome="COMPLETED" if state is JobState.COMPLETED else "FAILED",
        user_id=job.user_id,
        request_id=job.request_id,
    )
    services.topics.publish(services.job_results_topic, outcome.to_json())


class _Attempt:
    """One attempt at one run, from download to the final transition."""

    def __init__(self, job: Job, lease: Lease, services: Services, folder: Path) -> None:
        self.job = job
        self.lease = lease
        self.services = services
        self.folder = folder
        self.prefix = results_prefix(job.user_id, job.job_id, job.run, lease.fence)
        self.stop = threading.Event()
        self.progress = Progress("checking")
        self.began = time.monotonic()
        self.reported_at = 0.0

    def run(self) -> JobState | None:
        """The state that the job reached by this attempt; None when the job was no longer this attempt's."""
        source, output = self.folder / "input", self.folder / "output"
        output.mkdir()
        try:
            self.services.inputs.download(self.job.input.key, source)
        except NotFound:
            return self._finish(JobState.FAILED, error=INPUT_GONE)
        spec = Spec(
            input=source,
            output_dir=output,
            pack_dir=self.services.pack_folder(self.job.pack),
            display_name=self.job.name,
            limits=self.services.limits_for(self.job.input.size),
            workers=self.services.workers,
            distance=self.services.distance,
        )
        try:
            result = run(spec, on_progress=self._advance, should_stop=self._should_stop)
        except Stopped:
            return None
        except InputRejected as refusal:
            error = JobError(code=refusal.code, message=refusal.message, hint=refusal.hint, line=refusal.line)
            report = output / "log.txt"
            files = {"log": report} if report.exists() else {}
            return self._finish(JobState.FAILED, error=error, files=files)
        except PackProblem as problem:
            self._finish(JobState.FAILED, error=JobError(code="pack", message=str(problem), hint=PACK_HINT))
            raise  # operators find the message in the dead-letter queue
        return self._finish(JobState.COMPLETED, result=result, files=result.files)

    def _advance(self, step: Step) -> None:
        self.progress = Progress(step.stage, step.done, step.total)

    def _should_stop(self) -> bool:
        """Asked by the engine a few times a second: also the beat in which progress is stored."""
        if self.lease.lost.is_set() or self.stop.is_set():
            return True
        now = time.monotonic()
        if now - self.reported_at >= (REPORT_SECONDS if now - self.began < SOON_SECONDS else LATER_REPORT_SECONDS):
            self.reported_at = now
            try:
                self.services.jobs.report(
                    self.job.job_id, run=self.job.run, work=self.lease.work, progress=self.progress
                )
            except (Conflict, NotFound):
                self.stop.set()  # cancelled, deleted, or taken over
            except Unavailable as error:
                log.info("progress not stored", job_id=self.job.job_id, error=str(error))
        return self.stop.is_set()

    def _finish(
        self,
        state: JobState,
        *,
        result: Result | None = None,
        error: JobError | None = None,
        files: dict[str, Path] | None = None,
    ) -> JobState | None:
        stored = {
            kind: StoredFile(
                key := self.prefix + path.name,
                self.services.results.upload(path, key, content_type=CONTENT_TYPES[kind]),
            )
            for kind, path in (files or {}).items()
        }
        try:
            self.services.jobs.finish(
                self.job.job_id,
                run=self.job.run,
                work=self.lease.work,
                state=state,
                now=self.services.now(),
                ledger=Ledger(result.ledger.records_in, result.ledger.annotated, result.ledger.skipped)
                if result
                else None,
                summary=result.summary if result else None,
                results=stored,
                error=error,
            )
        except (Conflict, NotFound):
            # Cancelled, deleted or taken over while the files were stored: nothing points to them.
            self.services.results.delete_under(self.prefix)
            return None
        if state is JobState.COMPLETED:
            metrics.job_ended("completed", timedelta(seconds=time.monotonic() - self.began))
        else:
            metrics.job_ended("failed" if error is None or error.code in OUR_CODES else "rejected")
        return state
