"""The account page and what hangs on it: plan, invoice, storage, e-mails, password, own data."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from frontend.accounts.plan import duration, money, plan_words
from shared.core.audit import AuditEntry
from shared.core.billing import Price
from shared.core.errors import Unavailable
from shared.core.jobs import Job, JobState, StoredFile, input_key
from shared.core.mail_links import unsubscribe_token
from shared.core.retention import FilesState
from shared.core.users import MailKind, Subscription, SubscriptionStatus, User
from tests.client import Browser
from tests.factories import NOON, a_job, a_user
from tests.frontend_world import PASSWORD, FrontendWorld

HTMX = {"HX-Request": "true"}


@pytest.fixture
def browser(world: FrontendWorld) -> Browser:
    """Alice's."""
    return world.browser(world.alice)


def store(world: FrontendWorld, size: int = 1000, **fields: Any) -> Job:
    """A finished job of Alice's."""
    fields = {"user_id": world.alice.user_id, "state": JobState.COMPLETED, **fields}
    job = a_job(**fields)
    job = replace(
        job,
        input=StoredFile(input_key(job.user_id, job.job_id), size),
        results={"vcf": StoredFile(f"{job.user_id}/{job.job_id}/run-1.1/annotated.vcf.gz", size)},
    )
    world.jobs.jobs[job.job_id] = job
    return job


def subscribed(world: FrontendWorld, status: SubscriptionStatus = SubscriptionStatus.ACTIVE) -> str:
    """Alice pays; answers her customer id."""
    user = world.users.set_customer(world.alice.user_id, world.billing.create_customer(world.alice))
    subscription = world.billing.subscribe(user.customer_id, status)
    plan = "premium" if status is not SubscriptionStatus.UNPAID else "free"
    world.change(user, plan=plan, subscription=subscription, plan_since=world.time)
    return user.customer_id


class TestPlan:
    def test_a_free_user_reads_the_limits_and_may_upgrade(self, browser: Browser) -> None:
        page = browser.get("/account")
        assert "Plan Free" in page.words
        assert "Files of up to 50 MiB." in page.words
        assert "Files are archived 7 days after a job ended." in page.words
        page.form("Upgrade to premium")

    def test_a_premium_user_reads_when_it_renews(self, world: FrontendWorld, browser: Browser) -> None:
        subscribed(world)
        page = browser.get("/account")
        assert "Plan Premium" in page.words
        assert "It renews on 5 April 2026." in page.words
        assert "Upgrade" not in page.words

    def test_who_stopped_paying_reads_why_they_are_free_and_may_mend_it(
        self, world: FrontendWorld, browser: Browser
    ) -> None:
        subscribed(world, SubscriptionStatus.UNPAID)
        page = browser.get("/account")
        assert "Your payment failed several times" in page.words
        page.form("Payment, invoices, cancelling")

    def test_the_page_needs_neither_stripe_nor_the_jobs(self, world: FrontendWorld, browser: Browser) -> None:
        subscribed(world)
        world.billing.fail_with = world.jobs.fail_with = Unavailable("It is away.")
        assert browser.get("/account").status == 200

    def test_the_next_invoice_comes_from_stripe(self, world: FrontendWorld, browser: Browser) -> None:
        subscribed(world)
        for headers in ({}, HTMX):
            page = browser.get("/account/next-invoice", headers=headers)
            assert "The next invoice is 9.00 EUR, due on 5 April 2026." in page.words

    @pytest.mark.parametrize(
        ("price", "text"),
        [
            (Price(900, "eur", "month"), "9.00 EUR a month"),
            (Price(2500, "usd", "month", 3), "25.00 USD every 3 months"),
        ],
    )
    def test_what_premium_costs_is_said_before_anybody_goes_to_pay(
        self, world: FrontendWorld, browser: Browser, price: Price, text: str
    ) -> None:
        world.billing.costs = price
        assert "/account/price" in [link.get("href") for link in browser.get("/account").all("a")]
        for headers in ({}, HTMX):
            assert f"Premium costs {text}." in browser.get("/account/price", headers=headers).words

    def test_who_pays_nothing_gets_no_invoice(self, browser: Browser) -> None:
        assert "No invoice is coming." in browser.get("/account/next-invoice").words

    def test_while_stripe_is_away_only_the_invoice_is_missing(self, world: FrontendWorld, browser: Browser) -> None:
        subscribed(world)
        world.billing.fail_with = Unavailable("Stripe does not answer.")
        assert browser.get("/account/next-invoice", headers=HTMX).status == 503

    @pytest.mark.parametrize(
        ("amount", "currency", "text"),
        [(900, "eur", "9.00 EUR"), (123456, "usd", "1,234.56 USD"), (500, "jpy", "500 JPY"), (0, "chf", "0.00 CHF")],
    )
    def test_money_is_written_as_people_do(self, amount: int, currency: str, text: str) -> None:
        assert money(amount, currency) == text

    @pytest.mark.parametrize(
        ("seconds", "text"),
        [
            (604800, "7 days"),
            (86400, "1 day"),
            (90, "90 seconds"),
            (120, "2 minutes"),
            (60, "1 minute"),
            (5400, "90 minutes"),
        ],
    )
    def test_durations_are_written_as_people_do(self, seconds: int, text: str) -> None:
        assert duration(timedelta(seconds=seconds)) == text

    @pytest.mark.parametrize("status", list(SubscriptionStatus))
    def test_there_is_a_way_on_from_every_status(self, status: SubscriptionStatus) -> None:
        for plan in ("free", "premium"):
            user = a_user(plan=plan, customer_id="cus_1", subscription=Subscription("sub_1", status, NOON))
            words = plan_words(user, retention=timedelta(days=7), max_upload_mib=50)
            assert words.may_subscribe or words.may_manage


class TestStorage:
    def test_what_files_take_and_where_they_are(self, world: FrontendWorld, browser: Browser) -> None:
        store(world, 1024 * 1024)
        store(world, 512, files=FilesState.ARCHIVED)
        store(world, 512, files=FilesState.RESTORING)
        store(world, user_id=world.bob.user_id)
        for headers in ({}, HTMX):
            words = browser.get("/account/storage", headers=headers).words
            assert "Jobs3" in words
            assert "Available2.0 MiB, of which files of 1 job are on their way back" in words
            assert "Archived1.0 KiB, files of 1 job" in words

    def test_what_is_archived_next_and_when(self, world: FrontendWorld, browser: Browser) -> None:
        for days in (5, 1, 3, 2, 4, 6):
            store(world, name=f"in-{days}.vcf", archive_at=NOON + timedelta(days=days))
        words = browser.get("/account/storage").words
        names = [name for name in words.split() if name.startswith("in-")]
        assert names == [f"in-{days}.vcf" for days in (1, 2, 3, 4, 5)]
        assert "7 March 2026, 12:00 UTC" in words
        assert "1 more later" in words

    def test_right_after_a_downgrade_the_time_is_counted_from_then(
        self, world: FrontendWorld, browser: Browser
    ) -> None:
        store(world, name="no-wait-yet.vcf", finished_at=world.time - timedelta(days=90))
        store(world, name="earlier-wait.vcf", archive_at=world.time + timedelta(hours=1))
        world.change(world.alice, plan_since=world.time)
        words = browser.get("/account/storage").words
        assert words.count("13 March 2026, 12:00 UTC") == 2

    def test_of_somebody_who_pays_nothing_will_be_archived(self, world: FrontendWorld, browser: Browser) -> None:
        store(world, archive_at=NOON)
        world.change(world.alice, plan="premium")
        assert "Nothing will be archived." in browser.get("/account/storage").words

    def test_every_page_of_jobs_is_counted(self, world: FrontendWorld, browser: Browser) -> None:
        for _ in range(205):
            store(world)
        assert "Jobs205" in browser.get("/account/storage").words

    def test_a_file_name_is_only_text(self, world: FrontendWorld, browser: Browser) -> None:
        store(world, name="<script>alert(1)</script>", archive_at=NOON)
        page = browser.get("/account/storage", headers=HTMX)
        assert page.all("script") == []
        assert "<script>alert(1)</script>" in page.words


class TestMail:
    def test_unticked_kinds_are_not_sent_any_more(self, world: FrontendWorld, browser: Browser) -> None:
        page = browser.get("/account")
        ticked = [box.get("value") for box in page.all("input", type="checkbox") if "checked" in box.attrib]
        assert ticked == ["completed", "failed", "archive"]
        page = browser.follow(browser.submit(page, "Save", mail="failed"))
        assert "Your choice of e-mails is stored." in page.words
        assert world.users.users[world.alice.user_id].mail_off == ("completed", "archive")
        ticked = [box.get("value") for box in page.all("input", type="checkbox") if "checked" in box.attrib]
        assert ticked == ["failed"]

    def test_a_kind_that_cannot_be_turned_off_stays(self, world: FrontendWorld, browser: Browser) -> None:
        browser.submit(browser.get("/account"), "Save", mail="everything; drop table")
        assert world.users.users[world.alice.user_id].mail_off == ("completed", "failed", "archive")


class TestUnsubscribe:
    def path(self, world: FrontendWorld, kind: MailKind = "archive", user: User | None = None) -> str:
        user = user or world.alice
        return "/unsubscribe/" + unsubscribe_token(user.user_id, kind, world.settings.secret_keys)

    def off(self, world: FrontendWorld) -> tuple[MailKind, ...]:
        return world.users.users[world.alice.user_id].mail_off

    def test_following_the_link_changes_nothing_yet(self, world: FrontendWorld) -> None:
        assert world.browser().get(self.path(world)).h1 == "Fewer e-mails?"
        assert self.off(world) == ()

    def test_the_button_turns_that_kind_off_without_signing_in(self, world: FrontendWorld) -> None:
        world.change(world.alice, mail_off=("failed",))
        charlie = world.browser()
        page = charlie.submit(charlie.get(self.path(world)), "Write no more about this")
        assert (page.status, page.h1) == (200, "You are unsubscribed")
        assert self.off(world) == ("failed", "archive")

    def test_a_mail_program_does_it_with_one_click(self, world: FrontendWorld) -> None:
        page = world.browser().post(self.path(world, "completed"), {"List-Unsubscribe": "One-Click"})
        assert (page.status, page.location) == (200, None)
        assert self.off(world) == ("completed",)

    def test_twice_is_as_good_as_once(self, world: FrontendWorld) -> None:
        for _ in range(2):
            assert world.browser().post(self.path(world)).status == 200
        assert self.off(world) == ("archive",)

    def test_an_account_that_is_gone_gets_no_e_mail_either(self, world: FrontendWorld) -> None:
        path = self.path(world)
        world.users.delete(world.alice.user_id)
        assert world.browser().post(path).status == 200

    @pytest.mark.parametrize("token", ["nonsense", "a.b", "W10.x"])
    def test_a_link_that_is_not_ours_does_nothing(self, world: FrontendWorld, token: str) -> None:
        assert world.browser().get(f"/unsubscribe/{token}").status == 404
        assert world.browser().post(f"/unsubscribe/{token}").status == 404

    def test_while_the_table_is_away_the_mail_program_comes_back(self, world: FrontendWorld) -> None:
        world.users.fail_with = Unavailable("DynamoDB is away.")
        assert world.browser().post(self.path(world)).status == 503


class TestPassword:
    NEW = "a much better passphrase"

    def change(self, browser: Browser, current: str = PASSWORD, new: str = NEW) -> Any:
        return browser.submit(browser.get("/account/password"), "Set the password", current=current, password=new)

    def test_a_new_one_is_set_and_this_browser_stays_signed_in(self, world: FrontendWorld, browser: Browser) -> None:
        other = world.browser(world.alice)
        page = browser.follow(self.change(browser))
        assert "Your new password is set" in page.words
        assert other.get("/account").status == 302, "others are signed out"
        assert world.browser().sign_in(world.alice.email, self.NEW).status == 303
        assert world.browser().sign_in(world.alice.email, PASSWORD).status == 422

    def test_the_present_one_is_asked_for(self, world: FrontendWorld, browser: Browser) -> None:
        page = self.change(browser, current="not hers")
        assert (page.status, "Your present password is another one." in page.words) == (422, True)
        assert world.browser().sign_in(world.alice.email, PASSWORD).status == 303

    def test_a_short_one_is_refused(self, browser: Browser) -> None:
        assert "Too short" in self.change(browser, new="short").words

    def test_guessing_the_present_one_comes_to_an_end(self, browser: Browser) -> None:
        answers = [self.change(browser, current=f"guess {number}").status for number in range(11)]
        assert answers == [422] * 10 + [429]


class TestOwnData:
    def fetch(self, browser: Browser) -> zipfile.ZipFile:
        with browser.client.get("/account/data") as answer:
            data = answer.get_data()
        assert answer.status_code == 200
        assert answer.headers["Content-Disposition"] == "attachment; filename=gas-2026-03-06.zip"
        return zipfile.ZipFile(io.BytesIO(data))

    def test_it_is_everything_and_only_ones_own(self, world: FrontendWorld, browser: Browser) -> None:
        jobs = [store(world), store(world, name="=cmd()", summary={"variants": 12})]
        store(world, user_id=world.bob.user_id)
        what = AuditEntry(f"user#{world.alice.user_id}", "1", world.time, "reconciliation", "The plan was free.")
        world.audit.record(what)
        packed = self.fetch(browser)
        account = json.loads(packed.read("account.json"))
        assert (account["email"], account["created_at"]) == ("alice@example.org", "2026-03-06T12:00:00.000000Z")
        stored = json.loads(packed.read("jobs.json"))
        assert {job["job_id"] for job in stored} == {job.job_id for job in jobs}
        assert [job["summary"] for job in stored if job["summary"]] == [{"variants": 12}]
        rows = list(csv.DictReader(io.StringIO(packed.read("files.csv").decode(), newline="")))
        assert [row["bytes"] for row in rows] == ["1000"] * 4
        assert {row["job"] for row in rows} == {"exome.vcf", "'=cmd()"}
        assert json.loads(packed.read("history.json"))[0]["what"] == "The plan was free."

    def test_no_secret_is_in_it(self, browser: Browser) -> None:
        packed = self.fetch(browser)
        everything = b"".join(packed.read(name) for name in packed.namelist())
        assert b"argon2" not in everything
        assert b"session_epoch" not in everything

    def test_without_jobs_it_is_whole_too(self, browser: Browser) -> None:
        assert json.loads(self.fetch(browser).read("jobs.json")) == []

    def test_it_is_not_made_without_end(self, browser: Browser) -> None:
        assert [browser.get("/account/data").status for _ in range(6)] == [200] * 5 + [429]


@pytest.mark.parametrize(
    "path",
    [
        "/account/password",
        "/account/delete",
        "/account/data",
        "/account/storage",
        "/account/next-invoice",
        "/account/price",
    ],
)
def test_nothing_of_it_is_for_visitors(world: FrontendWorld, path: str) -> None:
    assert (world.browser().get(path).location or "").startswith("/sign-in")


@pytest.mark.parametrize("path", ["/account/mail", "/account/password", "/account/delete"])
def test_nothing_changes_without_a_token(world: FrontendWorld, browser: Browser, path: str) -> None:
    before = world.users.users[world.alice.user_id]
    assert browser.post(path, {"password": PASSWORD, "current": PASSWORD}).status == 400
    assert world.users.users[world.alice.user_id] == before
