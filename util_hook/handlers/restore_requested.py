"""`RestoreRequested` → the next step towards having a job's files back, if its owner may have them."""

from __future__ import annotations

from shared.core.messages import RestoreRequested
from shared.inbox.route import Lease
from util_hook.files import settle
from util_hook.services import Services


def handle(message: RestoreRequested, lease: Lease, services: Services) -> None:  # noqa: ARG001 - see `settle`: each step is conditional
    """Looks at the job, its owner's plan and each object, and takes the next step. Raises `Retryable` when AWS is away
    or Glacier has no capacity."""
    settle(message.job_id, message.user_id, services, epoch=message.epoch)
