"""Links in account e-mails: signed, good for a while, and of no use for anything but what they were made for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from itsdangerous import BadData, URLSafeSerializer

from frontend.access import services, settings
from shared.core.clock import from_millis, to_millis
from shared.core.users import User

Purpose = Literal["verify", "reset"]

LIFETIMES: dict[Purpose, timedelta] = {"verify": timedelta(days=3), "reset": timedelta(hours=1)}


@dataclass(frozen=True)
class Link:
    """What a link says."""

    user_id: str
    epoch: int
    """The session epoch at which it was made. A password reset raises the epoch, and so works once."""


def make_token(user: User, purpose: Purpose) -> str:
    """The secret part of a link's address."""
    expires = services().now() + LIFETIMES[purpose]
    return _serializer(purpose).dumps([user.user_id, user.session_epoch, to_millis(expires)])


def read_token(token: str, purpose: Purpose) -> Link | None:
    """What the token says; None when it is not ours, was made for something else, or has expired."""
    try:
        user_id, epoch, expires = _serializer(purpose).loads(token)
    except BadData:
        return None
    return Link(user_id, epoch) if services().now() < from_millis(expires) else None


def _serializer(purpose: Purpose) -> URLSafeSerializer:
    return URLSafeSerializer(
        settings().secret_keys[::-1],  # itsdangerous signs with the last one
        salt=f"gas-link-{purpose}",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )
