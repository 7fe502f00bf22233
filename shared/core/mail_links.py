"""The link at the foot of an e-mail by which somebody wants no more of its kind.

It works without signing in and for good: whoever has the e-mail may turn its kind off, and nothing else. The util
server makes it, the frontend reads it; both have the same secrets, those of ``GAS_SECRET_KEY``: the first one signs, all
are believed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import cast, get_args

from itsdangerous import BadData, URLSafeSerializer

from shared.core.users import MailKind

UNSUBSCRIBE_PATH = "/unsubscribe/"
"""Under the public address; the token follows. A GET shows a page, a POST does it (RFC 8058: one click)."""


def unsubscribe_link(public_url: str, user_id: str, kind: MailKind, secrets: Sequence[str]) -> str:
    """The address for the e-mail's text and for its ``List-Unsubscribe`` header."""
    return f"{public_url}{UNSUBSCRIBE_PATH}{unsubscribe_token(user_id, kind, secrets)}"


def unsubscribe_token(user_id: str, kind: MailKind, secrets: Sequence[str]) -> str:
    """The signed part of the address: letters, digits, ``-``, ``_`` and ``.``."""
    return _serializer(secrets).dumps([user_id, kind])


def read(token: str, secrets: Sequence[str]) -> tuple[str, MailKind] | None:
    """Whom it is about (user_id) and which kind; None when we did not make it."""
    try:
        user_id, kind = _serializer(secrets).loads(token)
    except (BadData, TypeError, ValueError):
        return None
    return (user_id, cast("MailKind", kind)) if kind in get_args(MailKind) else None


def _serializer(secrets: Sequence[str]) -> URLSafeSerializer:
    return URLSafeSerializer(
        secrets[::-1],  # itsdangerous signs with the last one
        salt="gas-unsubscribe",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )
