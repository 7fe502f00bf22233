"""Users and what they may do."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Literal

from shared.core.clock import Moment

Role = Literal["user", "operator"]
Plan = Literal["free", "premium"]


@dataclass(frozen=True)
class User:
    """One account."""

    user_id: str
    email: str
    """As normalised by `normalise_email`; unique."""
    name: str
    password_hash: str
    """argon2id, in PHC string format."""
    created_at: Moment
    role: Role = "user"
    plan: Plan = "free"
    verified_at: Moment | None = None
    """When the address was shown to be theirs; nobody signs in before."""
    session_epoch: int = 1
    """Raised when the password changes: every session and link of an earlier epoch is void."""
    mail_blocked: str = ""
    """Why no e-mail is sent to them any more (``bounce`` or ``complaint``); empty otherwise."""


def new_user_id() -> str:
    """32 hexadecimal digits, 122 random bits."""
    return uuid.uuid4().hex


def normalise_email(text: str) -> str:
    """The form under which an address is unique: trimmed, lower case.

    Local parts are case-sensitive by RFC 5321, but no provider in use tells them apart.
    """
    return text.strip().lower()
