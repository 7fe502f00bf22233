"""A large upload of a premium user: in parts, over a bad line, and after the page was closed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from frontend.demo import ensure_account
from shared.aws.users import DynamoUsers
from shared.core.clock import utc_now
from shared.core.users import Subscription, SubscriptionStatus
from tests.browser.conftest import Visit
from tests.whole import Gas, wait_for

EMAIL, PASSWORD = "cohort@example.org", "a cohort of many"
SIZE = 20 * 1024 * 1024
"""Bytes: three parts."""
PART = re.compile(r"[?&]partNumber=")
JOB_PAGE = re.compile(r"/jobs/([0-9a-f]{32})$")


@pytest.fixture(scope="module")
def vcf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A VCF of `SIZE` bytes, most of which is one field."""
    path = tmp_path_factory.mktemp("large") / "cohort.vcf"
    with path.open("wb") as file:
        file.write(b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
        while file.tell() < SIZE - 200_000:
            file.write(b"MT\t3243\t.\tA\tG\t.\t.\tNOTE=" + b"x" * 100_000 + b"\n")
        file.write(b"MT\t11778\t.\tG\tA\t.\t.\tNOTE=" + b"y" * (SIZE - file.tell() - 29) + b"\n")
    return path


@pytest.fixture
def page(gas: Gas, browser: Browser) -> Iterator[Page]:
    """The new-job page of somebody with the premium plan, in a browser of their own. A script that fails fails the test;
    that the browser complains of broken connections is wanted here."""
    users = DynamoUsers(gas.aws("dynamodb"), gas.stack_outputs()["UsersTable"])
    ensure_account(users, email=EMAIL, password=PASSWORD, name="Cohort", role="user")
    user = users.by_email(EMAIL)
    assert user is not None
    if user.plan == "free":
        paid = Subscription("sub_cohort", SubscriptionStatus.ACTIVE)
        users.set_subscription(
            user.user_id, version=user.billing_version, subscription=paid, plan="premium", now=utc_now()
        )
    context = browser.new_context(base_url=gas.base_url)
    opened = context.new_page()
    opened.set_default_timeout(20_000)
    failures: list[str] = []
    opened.on("pageerror", lambda error: failures.append(str(error)))
    opened.on("dialog", lambda dialog: dialog.accept())  # leaves the page in the middle of an upload
    opened.goto("/sign-in")
    opened.get_by_label("E-mail").fill(EMAIL)
    opened.get_by_label("Password").fill(PASSWORD)
    opened.get_by_role("main").get_by_role("button", name="Sign in").click()
    opened.get_by_role("button", name="Sign out").wait_for()
    opened.goto("/jobs/new")
    yield opened
    context.close()
    assert failures == []


class Line:
    """What the browser sends of the file. Parts in ``broken`` do not come through."""

    def __init__(self, page: Page) -> None:
        self.broken: list[int] = []
        self.arrived: list[int] = []
        page.route(PART, self._carry)

    def _carry(self, route: Route) -> None:
        number = int(parse_qs(urlsplit(route.request.url).query)["partNumber"][0])
        if number in self.broken:
            route.abort()
        else:
            if route.request.method == "PUT":
                self.arrived.append(number)
            route.continue_()


def stored(gas: Gas, page: Page) -> bytes:
    """The input of the job whose page this is."""
    found = JOB_PAGE.search(page.url)
    assert found is not None
    return b"".join(_read(gas, key) for key in _keys(gas) if f"/{found[1]}/" in key)


def unfinished(gas: Gas) -> list[Any]:
    uploads: list[Any] = gas.aws("s3").list_multipart_uploads(Bucket=_bucket(gas)).get("Uploads", [])
    return uploads


def _keys(gas: Gas) -> list[str]:
    return [item["Key"] for item in gas.aws("s3").list_objects_v2(Bucket=_bucket(gas)).get("Contents", [])]


def _read(gas: Gas, key: str) -> bytes:
    data: bytes = gas.aws("s3").get_object(Bucket=_bucket(gas), Key=key)["Body"].read()
    return data


def _bucket(gas: Gas) -> str:
    return gas.stack_outputs()["InputsBucket"]


def break_off(page: Page, line: Line, vcf: Path) -> None:
    """The page is left while part 2 does not come through."""
    line.broken = [2]
    page.locator("#files").set_input_files(vcf)
    expect(page.get_by_text("The connection was lost. Trying again by itself …")).to_be_visible(timeout=30_000)
    bar = page.locator(".transfer progress")
    wait_for("most of it to arrive", lambda: bar.evaluate("bar => bar.value > 8e6"))  # the page forbids `eval`
    page.goto("/jobs")
    line.broken, line.arrived = [], []
    page.goto("/jobs/new")


def test_a_large_file_arrives_whole_over_a_line_that_breaks_once(gas: Gas, page: Page, vcf: Path) -> None:
    line = Line(page)
    line.broken = [1]
    page.locator("#files").set_input_files(vcf)
    expect(page.get_by_text("The connection was lost. Trying again by itself …")).to_be_visible(timeout=30_000)
    line.broken = []
    page.wait_for_url(JOB_PAGE)
    assert sorted(line.arrived) == [1, 2, 3]
    assert stored(gas, page) == vcf.read_bytes()
    expect(page.locator("#job-state")).to_have_text("Done", timeout=60_000)


def test_an_upload_goes_on_where_it_stopped_when_its_file_is_chosen_again(gas: Gas, page: Page, vcf: Path) -> None:
    line = Line(page)
    break_off(page, line, vcf)
    page.locator("#files").set_input_files(vcf)
    page.wait_for_url(JOB_PAGE)
    assert line.arrived == [2]
    assert stored(gas, page) == vcf.read_bytes()
    assert page.evaluate("localStorage.length") == 0


def test_a_file_that_was_changed_meanwhile_is_sent_whole(gas: Gas, page: Page, vcf: Path, tmp_path: Path) -> None:
    line = Line(page)
    changed = tmp_path / vcf.name
    changed.write_bytes(vcf.read_bytes())
    break_off(page, line, changed)
    changed.write_bytes(vcf.read_bytes().replace(b"11778", b"11779"))
    page.locator("#files").set_input_files(changed)
    page.wait_for_url(JOB_PAGE)
    assert sorted(line.arrived) == [1, 2, 3]
    assert stored(gas, page) == changed.read_bytes()


def test_an_upload_of_which_the_storage_knows_nothing_more_begins_anew(gas: Gas, page: Page, vcf: Path) -> None:
    line = Line(page)
    break_off(page, line, vcf)
    for upload in unfinished(gas):
        gas.aws("s3").abort_multipart_upload(Bucket=_bucket(gas), Key=upload["Key"], UploadId=upload["UploadId"])
    page.locator("#files").set_input_files(vcf)
    page.wait_for_url(JOB_PAGE)
    assert sorted(line.arrived) == [1, 2, 3]
    assert stored(gas, page) == vcf.read_bytes()


def test_a_cancelled_upload_leaves_nothing_behind(gas: Gas, page: Page, vcf: Path) -> None:
    page.goto("/jobs")
    waiting = page.get_by_text("Waiting for file").count()
    page.goto("/jobs/new")
    before = len(unfinished(gas))
    line = Line(page)
    line.broken = [2]
    page.locator("#files").set_input_files(vcf)
    expect(page.get_by_text("The connection was lost. Trying again by itself …")).to_be_visible(timeout=30_000)
    assert len(unfinished(gas)) == before + 1
    with page.expect_response(re.compile(r"/parts/discard$")) as discarded:
        page.get_by_role("button", name="Cancel").click()
    assert discarded.value.ok
    assert len(unfinished(gas)) == before
    assert page.evaluate("localStorage.length") == 0
    page.goto("/jobs")
    expect(page.get_by_text("Waiting for file")).to_have_count(waiting)


def test_on_the_free_plan_a_large_file_is_refused_before_a_byte_is_sent(visit: Visit, tmp_path: Path) -> None:
    page = visit("/jobs/new")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method != "GET" else None)
    large = tmp_path / "large.vcf"
    with large.open("wb") as file:
        file.truncate(51 * 1024 * 1024)
    page.locator("#files").set_input_files(large)
    expect(page.locator(".transfer-status")).to_contain_text("This file has 51.0 MiB; at most 50 MiB are accepted")
    expect(page.locator(".transfer-status")).to_contain_text("Premium takes files of any size")
    assert sent == []
