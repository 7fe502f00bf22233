"""`JobFinished` → one e-mail to the job's owner, and a free user's job begins its wait for the archive.

SES offers no idempotency key, so "exactly one" is made of three parts. The right to send is claimed by a conditional
write before the call. Every e-mail carries the job and the run as tags, and SES's own *Send* event (see
`mail_feedback`) says that it went out, whoever died in between. Only a claim of which nothing was heard for
`Services.mail_evidence` is taken over and sent (again).
"""

from __future__ import annotations

from shared.core.jobs import Job, JobState
from shared.core.messages import JobFinished
from shared.core.users import MailKind, User
from shared.inbox.route import Lease
from util_hook.files import find, owner_of, remove
from util_hook.mails import job_mail
from util_hook.post import is_ours, send, stop_link, wants
from util_hook.services import Services
from util_hook.waits import keep_wait


def handle(message: JobFinished, lease: Lease, services: Services) -> None:  # noqa: ARG001 - one e-mail needs no lease
    """Writes the e-mail, unless it was written or is not wanted, and starts the wait, whatever became of the e-mail.
    Does nothing when the job is gone or re-run; deletes it when its owner is.

    Raises `Retryable` when AWS is away, or when another attempt's e-mail may be on its way.
    """
    job = find(message.job_id, services)
    if job is None or job.run != message.run or job.state != message.outcome:
        return  # deleted meanwhile: nobody to tell; or re-run: that run's message will come
    owner = owner_of(job, services)
    if owner is None:
        remove(job, services)  # it was so new when the account was deleted that the index did not name it yet
        return
    try:
        _write(job, owner, services)
    finally:
        if owner.plan == "free":
            keep_wait(job, owner, services)


def _write(job: Job, owner: User, services: Services) -> None:
    kind: MailKind = "completed" if job.state is JobState.COMPLETED else "failed"
    if not wants(owner, kind):
        return
    claim = services.jobs.claim_mail(job.job_id, run=job.run, now=services.now(), lapsed=services.mail_evidence)
    if not is_ours(claim, services):
        return
    mail = job_mail(job, owner, services.public_url, stop_link(owner, kind, services))
    request = {"request_id": job.request_id} if job.request_id else {}  # SES takes no empty tag
    send(mail, owner, services, tags={"job_id": job.job_id, "run": str(job.run), **request})
    services.jobs.mailed(job.job_id, run=job.run, now=services.now())
