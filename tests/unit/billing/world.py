"""Stripe, users and topics from memory, and a clock that the test turns."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.billing.reconcile import Reconciliation, reconcile
from shared.billing.refresh import refresh
from shared.core.messages import AccountChanged
from shared.core.users import User
from tests.factories import NOON, a_user
from tests.fake_billing import FakeBilling
from tests.fakes import FakeAudit, FakeTopics, FakeUsers

TOPIC = "arn:aws:sns:us-east-1:123456789012:account-changes"


class BillingWorld:
    """Alice is a customer; Bob never was."""

    def __init__(self) -> None:
        self.time = NOON
        self.billing, self.users = FakeBilling(now=lambda: self.time), FakeUsers()
        self.topics, self.audit = FakeTopics(), FakeAudit()
        self.alice = self.customer("alice")
        self.bob = a_user(user_id="bob")
        self.users.create(self.bob)

    def customer(self, name: str) -> User:
        """Somebody whom Stripe knows."""
        user = a_user(user_id=name)
        self.users.create(user)
        return self.users.set_customer(name, self.billing.create_customer(user))

    def refresh(self, user: User, *, now: datetime | None = None) -> User:
        """`refresh` with everything around it."""
        return refresh(
            user.user_id,
            billing=self.billing,
            users=self.users,
            topics=self.topics,
            account_changes_topic=TOPIC,
            now=now or self.time,
        )

    def reconcile(self, **more: Any) -> Reconciliation:
        """`reconcile` with everything around it."""
        return reconcile(
            billing=self.billing,
            users=self.users,
            topics=self.topics,
            audit=self.audit,
            account_changes_topic=TOPIC,
            now=lambda: self.time,
            **more,
        )

    @property
    def announced(self) -> list[tuple[str, int]]:
        """user_id and epoch of every `AccountChanged` so far."""
        messages = [AccountChanged.from_json(text) for topic, text in self.topics.published if topic == TOPIC]
        return [(message.user_id, message.epoch) for message in messages]

    def now_is(self, user: User) -> User:
        """The user as stored."""
        return self.users.users[user.user_id]

    def change(self, user: User, **fields: Any) -> None:
        """Stores the user with these fields changed."""
        self.users.users[user.user_id] = replace(self.users.users[user.user_id], **fields)

    def later(self, **units: float) -> None:
        """Turns the clock forward."""
        self.time += timedelta(**units)
