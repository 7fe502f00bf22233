"""Where a listing goes on: opaque to whoever carries it, and of no use in another owner's listing."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from shared.core.clock import from_iso
from shared.core.errors import Permanent

_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


def encode(owner: str, created_at: str, job_id: str) -> str:
    """The token of the place after this job in its owner's listing."""
    text = f"{_mark(owner)}|{created_at}|{job_id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(token: str, owner: str) -> tuple[str, str]:
    """``created_at`` and ``job_id`` of the job after which the listing goes on.

    Raises `Permanent` when the token is none that `encode` made for this owner.
    """
    wrong = "This page of the list does not exist."
    try:
        raw = base64.b64decode((token + "=" * (-len(token) % 4)).encode("ascii"), altchars=b"-_", validate=True)
        mark, created_at, job_id = raw.decode("ascii").split("|")
        from_iso(created_at)
    except (ValueError, binascii.Error):
        raise Permanent(wrong) from None
    if mark != _mark(owner) or not _JOB_ID.fullmatch(job_id):
        raise Permanent(wrong)
    return created_at, job_id


def _mark(owner: str) -> str:
    return hashlib.sha256(owner.encode()).hexdigest()[:16]
