"""The users table, the log of e-mails and the audit log from memory; see `tests.fakes`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.aws import page_token
from shared.core.audit import AuditEntry
from shared.core.clock import to_iso
from shared.core.errors import AlreadyExists, Conflict, NotFound
from shared.core.ports import MailClaim
from shared.core.users import MailKind, Plan, Role, Subscription, User
from tests.fake_jobs import Fake


class FakeUsers(Fake):
    """The users table. ``users``: user_id → user as stored."""

    def __init__(self) -> None:
        super().__init__()
        self.users: dict[str, User] = {}

    def create(self, user: User) -> None:
        self.reach()
        with self.lock:
            if user.user_id in self.users or self.by_email(user.email):
                raise AlreadyExists("This address has an account already.")
            self.users[user.user_id] = user

    def get(self, user_id: str) -> User:
        self.reach()
        try:
            return self.users[user_id]
        except KeyError:
            raise NotFound("There is no such account.") from None

    def by_email(self, email: str) -> User | None:
        self.reach()
        return next((user for user in self.users.values() if user.email == email), None)

    def verify(self, user_id: str, *, now: datetime) -> None:
        with self.lock:
            user = self.get(user_id)
            self._store(user, verified_at=user.verified_at or now)

    def set_password(self, user_id: str, *, password_hash: str, epoch: int) -> None:
        with self.lock:
            user = self.get(user_id)
            if user.session_epoch != epoch:
                raise Conflict("The password was changed meanwhile.")
            self._store(user, password_hash=password_hash, session_epoch=epoch + 1)

    def set_role(self, user_id: str, role: Role) -> User:
        with self.lock:
            return self._store(self.get(user_id), role=role)

    def block_mail(self, email: str, *, reason: str) -> None:
        with self.lock:
            user = self.by_email(email)
            if user is not None:
                self._store(user, mail_blocked=reason)

    def set_mail_off(self, user_id: str, kinds: tuple[MailKind, ...]) -> None:
        with self.lock:
            self._store(self.get(user_id), mail_off=kinds)

    def set_customer(self, user_id: str, customer_id: str) -> User:
        with self.lock:
            user = self.get(user_id)
            if user.customer_id:
                return user
            if self.by_customer(customer_id):
                raise AlreadyExists("This customer has an account already.")
            return self._store(user, customer_id=customer_id)

    def by_customer(self, customer_id: str) -> User | None:
        self.reach()
        return next((user for user in self.users.values() if customer_id and user.customer_id == customer_id), None)

    def set_subscription(
        self, user_id: str, *, version: int, subscription: Subscription | None, plan: Plan, now: datetime
    ) -> User:
        with self.lock:
            user = self.get(user_id)
            if user.billing_version != version:
                raise Conflict("The subscription was stored by somebody else meanwhile.")
            changed: dict[str, Any] = (
                {"plan": plan, "plan_since": now, "plan_epoch": user.plan_epoch + 1} if plan != user.plan else {}
            )
            return self._store(user, subscription=subscription, billing_version=version + 1, **changed)

    def announced(self, user_id: str, *, epoch: int) -> None:
        self.reach()
        with self.lock:
            user = self.users.get(user_id)
            if user is not None and user.announced_epoch < epoch:
                self._store(user, announced_epoch=epoch)

    def close(self, user_id: str, *, now: datetime) -> User:
        with self.lock:
            user = self.get(user_id)
            if user.closed_at is not None:
                return user
            return self._store(
                user, closed_at=now, plan_epoch=user.plan_epoch + 1, session_epoch=user.session_epoch + 1
            )

    def delete(self, user_id: str) -> None:
        self.reach()
        self.users.pop(user_id, None)

    def billed(self, *, limit: int, start: str | None = None) -> tuple[Sequence[User], str | None]:
        self.reach()
        ids = sorted(user_id for user_id in self.users if start is None or user_id > start)
        some = [self.users[user_id] for user_id in ids[:limit]]
        return [user for user in some if user.customer_id or user.closed_at], ids[limit - 1] if len(
            ids
        ) > limit else None

    def _store(self, user: User, **changes: Any) -> User:
        self.users[user.user_id] = replace(user, **changes)
        return self.users[user.user_id]


class FakeMails(Fake):
    """Which e-mails were sent. ``mails``: mail_id → (whether it was sent, since when)."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: dict[str, tuple[bool, datetime]] = {}

    def claim(self, mail_id: str, *, now: datetime, lapsed: timedelta) -> MailClaim:
        self.reach()
        with self.lock:
            sent, at = self.mails.get(mail_id, (False, None))
            if sent:
                return MailClaim(sent=True)
            if at is not None and at > now - lapsed:
                return MailClaim(pending=True)
            self.mails[mail_id] = False, now
            return MailClaim(granted=True)

    def sent(self, mail_id: str, *, now: datetime) -> None:
        self.reach()
        with self.lock:
            if not self.mails.get(mail_id, (False, now))[0]:
                self.mails[mail_id] = True, now


class FakeAudit(Fake):
    """What operators and billing did. ``entries``: as recorded, oldest first."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[AuditEntry] = []

    def record(self, entry: AuditEntry) -> bool:
        self.reach()
        with self.lock:
            if any((known.subject, known.entry_id) == (entry.subject, entry.entry_id) for known in self.entries):
                return False
            self.entries.append(entry)
            return True

    def record_all(self, entries: Sequence[AuditEntry]) -> None:
        self.reach()
        self.entries += entries

    def of(self, subject: str, *, limit: int) -> list[AuditEntry]:
        self.reach()
        mine = [entry for entry in self.entries if entry.subject == subject]
        latest = sorted(mine, key=lambda entry: entry.entry_id, reverse=True)[:limit]
        return sorted(latest, key=lambda entry: entry.at, reverse=True)

    def latest(
        self, *, limit: int, start: str | None = None, by_operators: bool = False
    ) -> tuple[Sequence[AuditEntry], str | None]:
        self.reach()
        listing = f"audit {by_operators}"
        after = tuple(page_token.decode_place(start, listing, (str, str, str))) if start is not None else None

        def place(entry: AuditEntry) -> tuple[str, ...]:
            return to_iso(entry.at), entry.subject, entry.entry_id

        wanted = [entry for entry in self.entries if entry.why or not by_operators]
        left = sorted((entry for entry in wanted if after is None or place(entry) < after), key=place, reverse=True)
        more = page_token.encode_place(listing, place(left[limit - 1])) if len(left) > limit else None
        return left[:limit], more
