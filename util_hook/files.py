"""Where a job's files are, brought in line with what its owner's plan says now.

Messages are nudges: whatever one says, what counts is how plan, job and objects stand at this moment. So every order of
messages, and every repetition, leads to the same end. Whoever moves objects and finds that the job went elsewhere
meanwhile calls `settle`: no late copy stays where nobody looks for it.
"""

from __future__ import annotations

import contextlib

import structlog

from shared.core.errors import Conflict, NoCapacity, NotFound, Retryable
from shared.core.jobs import FilesAway, IllegalTransition, Job, files_of, job_prefix
from shared.core.retention import ArchivedObject, Bucket, FilesState
from shared.core.users import User
from util_hook.notices import tell_restored
from util_hook.services import Services
from util_hook.waits import keep_wait

log = structlog.get_logger()

_TURNS = 5
"""How often somebody else may be quicker before the message is put aside for a moment."""


def settle(job_id: str, user_id: str, services: Services, *, epoch: int = 0) -> None:
    """Takes the next step towards where the job's files should be.

    ``user_id``: the owner, under whom the files of a job that is gone lie. ``epoch``: the owner's `plan_epoch` of the
    upgrade that asked, 0 when nobody did. Raises `Retryable` when AWS is away, Glacier has no capacity, or others keep
    changing the job.
    """
    for _ in range(_TURNS):
        job = find(job_id, services)
        if job is None:
            _delete_files(user_id, job_id, services)
            return
        owner = owner_of(job, services)
        if owner is None:
            remove(job, services)
            return
        try:
            _step(job, owner, services, epoch)
            return
        except (FilesAway, IllegalTransition, NotFound) as error:
            log.info("somebody was quicker; looking again", job_id=job_id, why=str(error))
    raise Retryable(f"The files of job {job_id} keep changing their state.")


def find(job_id: str, services: Services) -> Job | None:
    """The job; None when it is gone."""
    try:
        return services.jobs.get(job_id)
    except NotFound:
        return None


def owner_of(job: Job, services: Services) -> User | None:
    """The job's owner; None when their account is gone or closed."""
    try:
        owner = services.users.get(job.user_id)
    except NotFound:
        return None
    return owner if owner.closed_at is None else None


def remove(job: Job, services: Services) -> None:
    """Deletes the job and its files. Harmless when repeated.

    Its files go once more after its row: a copy onto itself that was under way may have brought one back, and whoever
    made it found the row still there.
    """
    if not job.state.is_final:
        with contextlib.suppress(Conflict, NotFound):  # it came to its end by itself
            services.jobs.cancel(job.job_id, now=services.now())
    _delete_files(job.user_id, job.job_id, services)
    services.jobs.delete(job.job_id)
    _delete_files(job.user_id, job.job_id, services)


def _step(job: Job, owner: User, services: Services, epoch: int) -> None:
    if not job.state.is_final:  # it is run again: nothing but a late copy can have taken its input away
        _bring_back(job, services)
        return
    if job.files is FilesState.AVAILABLE and not _any_archived(job, services):
        _stay(job, owner, services)
        return
    is_wanted = job.files is FilesState.AVAILABLE or owner.plan == "premium"
    if is_wanted and (job.files is not FilesState.RESTORING or job.restore_epoch < epoch):
        job = services.jobs.begin_restore(job.job_id, epoch=max(epoch, owner.plan_epoch), now=services.now())
        log.info("asking for the files", job_id=job.job_id)
    if job.files is FilesState.RESTORING and _bring_back(job, services):
        job = services.jobs.restored(job.job_id, now=services.now())
        log.info("the files are back", job_id=job.job_id)
        _stay(job, owner, services)


def _stay(job: Job, owner: User, services: Services) -> None:
    """What becomes of a job whose files are all in standard storage."""
    if owner.plan == "free":
        keep_wait(job, owner, services)
    elif job.archive_at is not None:
        services.jobs.end_wait(job.job_id)
    tell_restored(job, owner, services)


def _bring_back(job: Job, services: Services) -> bool:
    """Takes each object's next step towards standard storage; whether all are there."""
    steps = [_bring_back_one(bucket, stored.key, services) for bucket, stored in files_of(job)]
    return all(steps)


def _bring_back_one(bucket: Bucket, key: str, services: Services) -> bool:
    archive = services.archives[bucket]
    stored = archive.look(key)
    if stored is None or not stored.archived:
        return True
    if stored.copy_until is not None and archive.make_standard(key):
        return True
    if not stored.restoring:
        try:
            archive.restore(key, tier="Expedited")
        except NoCapacity:
            archive.restore(key, tier="Standard")
    return False


def _any_archived(job: Job, services: Services) -> bool:
    return any(_is_archived(services.archives[bucket].look(stored.key)) for bucket, stored in files_of(job))


def _is_archived(stored: ArchivedObject | None) -> bool:
    return stored is not None and stored.archived


def _delete_files(user_id: str, job_id: str, services: Services) -> None:
    for objects in services.buckets.values():
        objects.delete_under(job_prefix(user_id, job_id))
