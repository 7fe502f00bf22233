"""Where a listing goes on: opaque to whoever carries it, and of no use in another listing."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

from shared.core.clock import from_iso
from shared.core.errors import Permanent

_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_WRONG = "This page of the list does not exist."


def encode(owner: str, created_at: str, job_id: str) -> str:
    """The token of the place after this job in its owner's listing."""
    return encode_place(owner, [created_at, job_id])


def decode(token: str, owner: str) -> tuple[str, str]:
    """``created_at`` and ``job_id`` of the job after which the listing goes on.

    Raises `Permanent` when the token is none that `encode` made for this owner.
    """
    created_at, job_id = decode_place(token, owner, (str, str))
    try:
        from_iso(created_at)
    except ValueError:
        raise Permanent(_WRONG) from None
    if not _JOB_ID.fullmatch(job_id):
        raise Permanent(_WRONG)
    return created_at, job_id


def encode_place(listing: str, place: Sequence[str | int]) -> str:
    """The token of a place in a listing. ``listing``: whatever tells this listing from others."""
    text = json.dumps([_mark(listing), *place], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_place(token: str, listing: str, kinds: Sequence[type]) -> list[Any]:
    """The place, of values of these kinds. Raises `Permanent` when the token is none of this listing.

    Anybody can write a token: the values are of the right kinds, and no more is promised of them.
    """
    try:
        raw = base64.b64decode((token + "=" * (-len(token) % 4)).encode("ascii"), altchars=b"-_", validate=True)
        found: list[Any] = json.loads(raw)
        mark, *place = found
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise Permanent(_WRONG) from None
    if mark != _mark(listing) or [type(value) for value in place] != list(kinds):
        raise Permanent(_WRONG)
    return place


def _mark(listing: str) -> str:
    return hashlib.sha256(listing.encode()).hexdigest()[:16]
