"""Users and what they may do."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from shared.core.clock import Moment

Role = Literal["user", "operator"]
Plan = Literal["free", "premium"]
MailKind = Literal["completed", "failed", "archive"]
"""Kinds of e-mail that a person may turn off. What concerns money or access is always sent."""


class SubscriptionStatus(StrEnum):
    """Stripe's own words. Source: "The Subscription object", Stripe API reference."""

    ACTIVE = "active"
    TRIALING = "trialing"
    PAST_DUE = "past_due"
    CANCELED = "canceled"
    UNPAID = "unpaid"
    INCOMPLETE = "incomplete"
    INCOMPLETE_EXPIRED = "incomplete_expired"
    PAUSED = "paused"


@dataclass(frozen=True)
class Subscription:
    """What Stripe said last about a person's subscription."""

    subscription_id: str
    status: SubscriptionStatus
    period_end: Moment | None = None
    """When the paid period ends."""
    ends_at: Moment | None = None
    """When it ends for good, where it was cancelled."""


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
    mail_off: tuple[MailKind, ...] = ()
    """Which e-mails they do not want."""
    customer_id: str = ""
    """Stripe's id of them; empty until they first went to subscribe."""
    subscription: Subscription | None = None
    billing_version: int = 0
    """Counts the times that the subscription was stored: what was read from Stripe before the latest is stale."""
    plan_since: Moment | None = None
    """When the plan changed last."""
    plan_epoch: int = 0
    """Counts the changes of the plan, and the closing of the account."""
    announced_epoch: int = 0
    """The latest `plan_epoch` that was published as `AccountChanged`."""
    closed_at: Moment | None = None
    """When they deleted their account: nobody signs in any more, and its data is on its way out."""


def new_user_id() -> str:
    """32 hexadecimal digits, 122 random bits."""
    return uuid.uuid4().hex


def normalise_email(text: str) -> str:
    """The form under which an address is unique: trimmed, lower case.

    Local parts are case-sensitive by RFC 5321, but no provider in use tells them apart.
    """
    return text.strip().lower()
