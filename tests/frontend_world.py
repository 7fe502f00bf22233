"""The frontend with the outside world from memory, and three people: alice, bob, and charlie, who has no account."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit

import jinja2
from argon2 import PasswordHasher
from flask import Flask, session
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

from frontend import access
from frontend.accounts import passwords
from frontend.accounts.passwords import hash_password
from frontend.app import create_app
from frontend.services import Services
from frontend.settings import FrontendSettings
from shared.core.channels import SubscriptionView
from shared.core.users import User
from shared.inbox.desk import MessageDesk
from shared.inbox.letters import LetterOffice
from shared.inbox.operations import PARSERS, Operations
from shared.sns_verify import CertificateStore
from tests.client import Browser
from tests.factories import a_user
from tests.fake_billing import FakeBilling
from tests.fakes import (
    FakeAudit,
    FakeDeadLetterQueues,
    FakeInbox,
    FakeJobs,
    FakeLimits,
    FakeMailer,
    FakeMails,
    FakeObjects,
    FakeReadiness,
    FakeSubscriptions,
    FakeTopics,
    FakeUsers,
    SentMail,
)
from tests.sns_sender import SnsSender
from tests.stripe_events import SECRET

NOON = datetime(2026, 3, 6, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"
TOPIC = "arn:aws:sns:us-east-1:123456789012:job-requests"
CHANNELS = (
    "job-requests",
    "job-results",
    "mail-feedback",
    "account-changes",
    "archive-due",
    "restore-requests",
    "daily",
    "object-restored",
)


def frontend_settings(**changes: Any) -> FrontendSettings:
    """Settings as on one machine."""
    values = {
        "public_url": "http://127.0.0.1:8000",
        "mail_from": "GAS <gas@example.org>",
        "mail_configuration_set": "gas",
        "secret_key": "a key for tests of no use elsewhere",
        "jobs_table": "jobs",
        "users_table": "users",
        "limits_table": "limits",
        "inputs_bucket": "inputs",
        "results_bucket": "results",
        "audit_table": "audit",
        "mails_table": "mails",
        "inbox_table": "inbox",
        "stripe_key": "sk_test_of_tests",
        "stripe_price": "price_premium",
        "stripe_webhook_secrets": SECRET,
    }
    for channel in CHANNELS:
        name = channel.replace("-", "_")
        values[f"{name}_topic"] = TOPIC.replace("job-requests", channel)
        values[f"{name}_dead_letters"] = f"https://sqs.us-east-1.amazonaws.com/123456789012/{channel}"
    return FrontendSettings(**{**values, **changes})


class CompiledTemplates(jinja2.BytecodeCache):
    """Each template is compiled once for all apps that the tests make."""

    def __init__(self) -> None:
        self.code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.code:
            bucket.bytecode_from_string(self.code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.code[bucket.key] = bucket.bytecode_to_string()


_templates = CompiledTemplates()


class CompiledRule(Rule):
    """Each address is compiled once for all apps that the tests make: it takes longer than everything else of one."""

    code: ClassVar[dict[tuple[object, ...], Callable[..., tuple[str, str]]]] = {}

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        key = (self.rule, self.host, self.subdomain, append_unknown, *sorted((self.defaults or {}).items()))
        if key not in self.code:
            self.code[key] = super()._compile_builder(append_unknown)
        return self.code[key]


Flask.url_rule_class = CompiledRule


class FrontendWorld:
    """The app, what surrounds it, and a clock that the test turns."""

    def __init__(self, **settings: Any) -> None:
        self.time = NOON
        self.jobs, self.users, self.limits = FakeJobs(), FakeUsers(), FakeLimits()
        self.inputs, self.results, self.topics, self.mailer = FakeObjects(), FakeObjects(), FakeTopics(), FakeMailer()
        self.mails, self.audit, self.billing = FakeMails(), FakeAudit(), FakeBilling(now=lambda: self.time)
        self.inbox = FakeInbox()
        self.settings = frontend_settings(**settings)
        self.queues, self.readiness = FakeDeadLetterQueues(now=lambda: self.time), FakeReadiness()
        for channel in self.settings.channels:
            self.queues.create(channel.dead_letters)
        self.subscriptions = FakeSubscriptions(
            {
                channel.topic_arn: [SubscriptionView(f"https://hooks.example.org/hooks/{channel.name}", True, "", True)]
                for channel in self.settings.channels
            }
        )
        self.probes: dict[str, Callable[[], object]] = {
            "database": lambda: self.users.by_email("readyz@localhost"),
            "bucket": lambda: self.results.size("readyz"),
        }
        self.services = Services(
            jobs=self.jobs,
            users=self.users,
            limits=self.limits,
            inputs=self.inputs,
            results=self.results,
            topics=self.topics,
            mailer=self.mailer,
            mails=self.mails,
            audit=self.audit,
            inbox=self.inbox,
            billing=self.billing,
            operations=self._operations(),
            readiness=self.readiness,
            job_requests_topic=self.settings.job_requests_topic,
            account_changes_topic=self.settings.account_changes_topic,
            restore_requests_topic=self.settings.restore_requests_topic,
            probes=self.probes,
            now=lambda: self.time,
        )
        self.app = create_app(self.settings, self.services)
        self.app.jinja_env.bytecode_cache = _templates
        self.alice = self.account("alice")
        self.bob = self.account("bob")

    @functools.cached_property
    def sender(self) -> SnsSender:
        """Whose certificate the office trusts."""
        return SnsSender()

    def _operations(self) -> Operations:
        def now() -> datetime:
            return self.time

        def fetch(url: str) -> bytes:
            return self.sender.fetch(url)  # made when it is needed: a certificate takes its time

        office = LetterOffice(
            channels=self.settings.channels,
            queues=self.queues,
            inbox=self.inbox,
            audit=self.audit,
            subscriptions=self.subscriptions,
            readiness=self.readiness,
            certificates=CertificateStore(fetch=fetch, now=now),
            parsers=PARSERS,
            now=now,
            sleep=lambda _: None,
        )
        desk = MessageDesk(self.inbox, self.audit, self.settings.channels, now)
        return Operations(office, desk, self.inbox, self.audit, self.subscriptions, self.users, self.settings.channels)

    def account(self, name: str, **fields: Any) -> User:
        """An account with the password `PASSWORD`, at example.org."""
        user = a_user(
            email=f"{name}@example.org",
            name=name.capitalize(),
            password_hash=_hash(passwords._hasher),
            created_at=self.time,
            **fields,
        )
        self.users.create(user)
        return user

    def browser(self, user: User | None = None, **more: Any) -> Browser:
        """A browser, signed in as that user."""
        browser = Browser(self.app, **more)
        if user is not None:
            self._plant_session(browser, user)
        return browser

    def _plant_session(self, browser: Browser, user: User) -> None:
        """As after a sign-in, but without the time that hashing the password takes."""
        with self.app.test_request_context():
            access.sign_in(user)
            signed_in = dict(session)
        with browser.client.session_transaction() as kept:
            kept.update(signed_in)

    def later(self, **units: float) -> None:
        """Turns the clock forward."""
        self.time += timedelta(**units)

    def change(self, user: User, **fields: Any) -> None:
        """Stores the user with these fields changed."""
        self.users.users[user.user_id] = replace(self.users.users[user.user_id], **fields)

    def mail_to(self, email: str) -> SentMail:
        """The latest e-mail to that address."""
        return [mail for mail in self.mailer.sent if mail.to == email][-1]

    def link_to(self, email: str) -> str:
        """The path of the first link in the latest e-mail to that address."""
        found = re.search(re.escape(self.settings.public_url) + r"\S+", self.mail_to(email).text)
        assert found is not None, self.mail_to(email).text
        return urlsplit(found.group()).path


@functools.cache
def _hash(_hasher: PasswordHasher) -> str:
    """One for each set of parameters: a hash of others would be made anew at sign-in."""
    return hash_password(PASSWORD)
