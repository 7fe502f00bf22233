"""Alice can see nothing of Bob's: asked of every route that there is, so that a new one cannot forget it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from werkzeug.routing import Rule

from shared.core.jobs import JobState
from tests.client import Browser
from tests.frontend_world import FrontendWorld
from tests.unit.frontend_jobs.world import JobsWorld, token_of

VALUES = {"kind": "vcf", "number": "0"}


def routes(*, about_one_job: bool) -> Iterator[tuple[str, str, str]]:
    """Method, rule, endpoint of this family's routes."""
    for rule in FrontendWorld().app.url_map.iter_rules():
        if rule.endpoint.startswith("jobs.") and ("job_id" in rule.arguments) == about_one_job:
            yield from ((method, rule.rule, rule.endpoint) for method in sorted(methods(rule)))


def methods(rule: Rule) -> set[str]:
    return (rule.methods or set()) - {"HEAD", "OPTIONS"}


ABOUT_ONE = list(routes(about_one_job=True))
ALL = [*ABOUT_ONE, *routes(about_one_job=False)]


def path_of(rule: str, job_id: str) -> str:
    path = rule.replace("<job_id>", job_id)
    for name, value in VALUES.items():
        path = path.replace(f"<{name}>", value)
    assert "<" not in path, f"a test value is missing for {path}"
    return path


def ask(browser: Browser, method: str, path: str) -> int:
    data = {"csrf_token": token_of(browser), "run": "1"} if method == "POST" else None
    return (browser.post(path, data) if method == "POST" else browser.get(path)).status


def test_there_are_routes_to_ask() -> None:
    assert len(ABOUT_ONE) >= 8


@pytest.mark.parametrize(("method", "rule", "endpoint"), ABOUT_ONE)
@pytest.mark.parametrize("state", list(JobState))
def test_a_job_of_somebody_else_is_not_there(
    world: JobsWorld, bob: Browser, method: str, rule: str, endpoint: str, state: JobState
) -> None:
    job = world.job(state)
    before = (dict(world.jobs.jobs), dict(world.inputs.objects), dict(world.results.objects))
    assert ask(bob, method, path_of(rule, job.job_id)) == 404
    assert (world.jobs.jobs, world.inputs.objects, world.results.objects) == before
    assert world.announced == []


@pytest.fixture(scope="module")
def nobody() -> Browser:
    """Signed in, in a world without jobs: nothing that is asked there changes anything."""
    world = JobsWorld()
    return world.browser(world.bob)


@pytest.mark.parametrize(("method", "rule", "endpoint"), ABOUT_ONE)
@pytest.mark.parametrize("job_id", ["0" * 32, "nonsense", "A" * 32, "0" * 31, "0" * 5000, "%00", "..%2e", "%E2%80%AE"])
def test_what_is_no_job_is_not_there_either(
    nobody: Browser, method: str, rule: str, endpoint: str, job_id: str
) -> None:
    assert ask(nobody, method, path_of(rule, job_id)) == 404


@pytest.mark.parametrize(("method", "rule", "endpoint"), ALL)
def test_a_stranger_is_sent_to_sign_in(world: JobsWorld, method: str, rule: str, endpoint: str) -> None:
    job = world.job(JobState.COMPLETED)
    charlie = world.browser()
    path = path_of(rule, job.job_id)
    token = {"csrf_token": token_of(charlie, "/sign-in")}
    page = charlie.post(path, token) if method == "POST" else charlie.get(path)
    assert page.status in {302, 303}
    assert (page.location or "").startswith("/sign-in")
    assert world.stored(job) == job


@pytest.mark.parametrize(("method", "rule", "endpoint"), [route for route in ALL if route[0] == "POST"])
def test_nothing_changes_without_a_csrf_token(
    world: JobsWorld, alice: Browser, method: str, rule: str, endpoint: str
) -> None:
    job = world.job(JobState.COMPLETED)
    before = dict(world.jobs.jobs)
    assert alice.post(path_of(rule, job.job_id), {"run": "1"}).status == 400
    assert world.jobs.jobs == before


def test_the_list_holds_ones_own_jobs_alone(world: JobsWorld, alice: Browser, bob: Browser) -> None:
    world.job(name="alices.vcf")
    world.job(name="bobs.vcf", user_id=world.bob.user_id)
    assert "alices.vcf" in alice.get("/jobs").words
    assert "alices.vcf" not in bob.get("/jobs").words


def test_a_place_in_alices_list_is_none_in_bobs(world: JobsWorld, alice: Browser, bob: Browser) -> None:
    for _ in range(30):
        world.job()
        world.later(seconds=1)
    [older] = [link.get("href", "") for link in alice.get("/jobs").all("a") if link.text == "Older"]
    assert alice.get(older).status == 200
    assert bob.get(older).status == 400
