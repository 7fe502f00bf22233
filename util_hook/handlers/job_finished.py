"""`JobFinished` → one e-mail to the job's owner.

SES offers no idempotency key, so "exactly one" is made of three parts. The right to send is claimed by a conditional
write before the call. Every e-mail carries the job and the run as tags, and SES's own *Send* event (see
`mail_feedback`) says that it went out, whoever died in between. Only a claim of which nothing was heard for
`Services.mail_evidence` is taken over and sent (again).
"""

from __future__ import annotations

import structlog

from shared.core.errors import NotFound, Retryable
from shared.core.messages import JobFinished
from shared.inbox.route import Lease
from util_hook.mails import job_mail
from util_hook.services import Services

log = structlog.get_logger()


def handle(message: JobFinished, lease: Lease, services: Services) -> None:  # noqa: ARG001 - one e-mail needs no lease
    """Writes the e-mail, unless it was written, the job is gone or re-run, or the owner's address bounces.

    Raises `Retryable` when AWS is away, or when another attempt's e-mail may be on its way.
    """
    try:
        job = services.jobs.get(message.job_id)
        owner = services.users.get(job.user_id)
    except NotFound:
        return  # deleted meanwhile: nobody to tell
    if job.run != message.run or job.state != message.outcome:
        return  # re-run meanwhile: that run's message will come
    if owner.mail_blocked:
        log.info("no e-mail: the address is blocked", job_id=job.job_id, why=owner.mail_blocked)
        return
    claim = services.jobs.claim_mail(job.job_id, run=job.run, now=services.now(), lapsed=services.mail_evidence)
    if claim.sent:
        return
    if claim.pending:
        raise Retryable(
            "Another attempt may have sent this e-mail; waiting for SES to say.", after=services.mail_evidence
        )
    mail = job_mail(job, owner, services.public_url)
    services.mailer.send(
        to=owner.email,
        subject=mail.subject,
        text=mail.text,
        html=mail.html,
        tags={"job_id": job.job_id, "run": str(job.run)},
    )
    services.jobs.mailed(job.job_id, run=job.run, now=services.now())
