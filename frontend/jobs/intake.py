"""How a VCF becomes a queued job, whichever way it came."""

from __future__ import annotations

from datetime import timedelta

import structlog

from frontend.access import services, settings
from frontend.announcer import announce
from frontend.jobs.names import display_name
from frontend.limits import allow
from frontend.tracing import request_id
from shared.core.errors import Conflict, NotFound, Permanent, TooLarge
from shared.core.jobs import (
    IllegalTransition,
    Job,
    JobError,
    JobState,
    PackQuestion,
    StoredFile,
    input_key,
    job_prefix,
    new_job_id,
)
from shared.core.pack_choice import choose
from shared.core.users import User
from shared.core.vcf_facts import HEAD_BYTES, VcfFacts, read_facts

MIB = 1024 * 1024
MAX_JOBS_AN_HOUR = 1000
"""New jobs of one person: far above what anybody needs, far below what a runaway script makes."""
UPLOAD_FORM_LIFE = timedelta(hours=1)
"""How long a browser may begin the upload that it was given a form for."""

LARGEST = 5 * 1024 * 1024 * MIB
"""Bytes that S3 takes as one object, everywhere: the only bound where the plan has none."""
LARGEST_FORM = 5 * 1024 * MIB
"""Bytes that S3 takes by one POST."""

EMPTY = JobError(
    code="empty-file",
    message="The uploaded file is empty.",
    hint="Check that the program that wrote it has finished, and upload it again.",
)


class NotArrived(Conflict):
    """There is no file yet: its upload is still going on, or was broken off."""


def max_bytes(owner: User) -> int:
    """The largest file that this person may upload."""
    return LARGEST if owner.plan == "premium" else settings().max_upload_mib * MIB


def most_in_words(owner: User) -> str:
    """`max_bytes`, as people say it."""
    return f"{LARGEST // (1024 * 1024 * MIB)} TiB" if owner.plan == "premium" else f"{settings().max_upload_mib:,} MiB"


def check_size(size: int, owner: User) -> None:
    """Raises `TooLarge` for a file of ``size`` bytes that this person may not upload."""
    if size > max_bytes(owner):
        error = too_large(size, owner)
        raise TooLarge(f"{error.message} {error.hint}")


def create(owner: User, name: str, pack: str = "") -> Job:
    """A new job that waits for its file. ``pack``: the reference that its owner asked for; empty: the one that fits.

    Raises `TooMany`, and `Permanent` when there is no such reference.
    """
    check_pack(pack)
    allow(f"new-jobs#{owner.user_id}", most=MAX_JOBS_AN_HOUR, window=timedelta(hours=1))
    job_id = new_job_id()
    job = Job(
        job_id=job_id,
        user_id=owner.user_id,
        name=display_name(name),
        state=JobState.CREATED,
        run=1,
        created_at=services().now(),
        input=StoredFile(input_key(owner.user_id, job_id), 0),
        pack=pack,
        request_id=request_id(),
    )
    services().jobs.create(job)
    structlog.contextvars.bind_contextvars(job_id=job_id)  # in every line of log about the rest of this request
    return job


def submit(job: Job, owner: User) -> Job:
    """The job as it stands once its file was looked at: queued, failed because the file is empty or too large, or
    still CREATED with a question, because the file and the reference packs do not fit.

    Harmless when repeated. Raises `NotArrived` when there is no file, and leaves the job waiting for it.
    """
    if job.state is not JobState.CREATED:
        return job
    return _look_at(job, owner, answer="")


def submit_with(job: Job, owner: User, pack: str) -> Job:
    """As `submit`, with the pack that the owner insists on, whatever the file says. Raises `Permanent` when there is
    no such pack."""
    check_pack(pack)
    if not pack:
        raise Permanent("Choose a reference.")
    if job.state is not JobState.CREATED:
        return job
    return _look_at(job, owner, answer=pack)


def check_pack(name: str) -> None:
    """Raises `Permanent` when no pack of this name is installed; the empty name means that none is asked for."""
    if name and services().catalogue.card(name) is None:
        raise Permanent("This reference is not installed. Reload the page and choose another one.")


def _look_at(job: Job, owner: User, *, answer: str) -> Job:
    """``answer``: the pack that the owner insists on, if they were asked."""
    size = services().inputs.size(job.input.key)
    if size is None:
        raise NotArrived("The file has not arrived yet. Upload it again, and keep the page open until it is done.")
    try:
        if size == 0:
            return _refuse(job, EMPTY)
        if size > max_bytes(owner):  # a changed form, or a plan that ended during the upload
            return _refuse(job, too_large(size, owner))
        pack, why = answer, "You chose it."
        if not answer:
            choice = choose(_facts(job), services().catalogue.cards(), job.pack)
            if choice.pack is None:
                question = PackQuestion(choice.mismatch or "", choice.fitting)
                return services().jobs.ask(job.job_id, size=size, question=question, now=services().now())
            pack, why = choice.pack, choice.why
        now = services().now()
        job = services().jobs.submit(job.job_id, size=size, pack=pack, why=why, request_id=request_id(), now=now)
    except IllegalTransition:
        return services().jobs.get(job.job_id)  # submitted or cancelled in the meantime
    announce(job, services())
    return job


def start_with(owner: User, name: str, vcf: bytes, pack: str = "") -> Job:
    """A job for a VCF that the server has in its hands, submitted; ``pack`` as in `create`."""
    job = create(owner, name, pack)
    services().inputs.write(job.input.key, vcf, content_type="text/plain; charset=utf-8")
    return submit(job, owner)


def too_large(size: int, owner: User) -> JobError:
    """What is said of a file of ``size`` bytes."""
    premium = owner.plan == "premium"
    return JobError(
        code="file-too-large",
        message=f"The file has {size / MIB:,.1f} MiB; at most {most_in_words(owner)} are accepted{'' if premium else ' on the free plan'}.",
        hint=f"Compress it with bgzip or gzip, or split it by chromosome{'' if premium else '; or upgrade to premium, which takes files of any size'}.",
    )


def _facts(job: Job) -> VcfFacts:
    """Raises `NotArrived` when the file is gone again."""
    try:
        return read_facts(services().inputs.read(job.input.key, limit=HEAD_BYTES))
    except NotFound:
        raise NotArrived("The file is not there any more. Upload it again as a new job.") from None


def _refuse(job: Job, error: JobError) -> Job:
    """S3 enforces the bounds of a presigned POST, other stores may not: nothing is stuck either way."""
    refused = services().jobs.give_up(job.job_id, run=job.run, error=error, now=services().now())
    services().inputs.delete_under(job_prefix(job.user_id, job.job_id))
    return refused
