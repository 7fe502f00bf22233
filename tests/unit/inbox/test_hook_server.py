"""The answers that SNS gets, and what stands behind each."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import structlog
from flask import Flask
from structlog.testing import capture_logs

from shared import metrics
from shared.aws.clock import AwsClock
from shared.core.errors import GasError, Permanent, TooLarge, Unavailable
from shared.core.inbox import EntryState, Pause
from shared.core.messages import JobRequested
from shared.core.settings import HookSettings
from shared.inbox.hook_server import HookServer, Outside, build
from shared.inbox.route import Lease
from shared.sns_verify import CertificateStore
from tests.sns_sender import TOKEN, TOPIC_ARN, SnsSender, body, headers
from tests.unit.inbox.running import PATIENCE, eventually
from tests.unit.inbox.site import MESSAGE, Site


def test_a_notification_is_stored_verbatim_before_it_is_answered_200(site: Site) -> None:
    envelope = site.sender.notification(MESSAGE.to_json())
    assert site.push(envelope).status_code == 200
    [entry] = site.world.inbox.entries.values()
    assert entry.envelope == body(envelope).decode()
    assert entry.entry_id == f"job-requests#{envelope['MessageId']}"


def test_an_accepted_notification_is_handled_at_once(started: Site) -> None:
    assert started.notify().status_code == 200
    eventually(lambda: started.states() == [EntryState.DONE])
    assert [message for message, _ in started.world.handled] == [MESSAGE]


def test_a_notification_delivered_twice_is_answered_200_and_handled_once(started: Site) -> None:
    envelope = started.sender.notification(MESSAGE.to_json())
    assert [started.push(envelope).status_code for _ in range(3)] == [200, 200, 200]
    eventually(lambda: started.states() == [EntryState.DONE])
    assert len(started.world.handled) == 1


def test_another_message_under_a_known_id_is_refused_and_so_goes_to_the_dead_letters(site: Site) -> None:
    first = site.sender.notification(MESSAGE.to_json())
    site.push(first)
    other = site.sender.notification(MESSAGE.model_copy(update={"run": 2}).to_json(), message_id=first["MessageId"])
    assert site.push(other).status_code == 403
    [entry] = site.world.inbox.entries.values()
    assert entry.envelope == body(first).decode()


def test_instances_go_by_the_time_of_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # a machine without credentials would ask the network
    outside = build(HookSettings(public_url="https://gas", inbox_table="inbox", hook_url="https://hook"))
    assert isinstance(outside.now, AwsClock)


def test_a_push_that_is_no_message_is_400_and_stored_nowhere(site: Site) -> None:
    response = site.browser.post("/hooks/job-requests", data=b"hello")
    assert response.status_code == 400
    assert site.world.inbox.entries == {}


def test_a_push_that_is_too_large_is_413(site: Site) -> None:
    assert site.browser.post("/hooks/job-requests", data=b"x" * (3 * 1024 * 1024)).status_code == 413


def test_a_forged_push_is_403_and_stored_nowhere(site: Site) -> None:
    envelope = site.sender.notification(MESSAGE.to_json())
    assert site.push({**envelope, "Message": "forged"}).status_code == 403
    assert site.world.inbox.entries == {}


def test_another_topics_message_is_403(site: Site) -> None:
    other = SnsSender(topic_arn=TOPIC_ARN.replace("job-requests", "job-results"))
    assert site.push(other.notification()).status_code == 403


@pytest.mark.parametrize("error", [Unavailable("DynamoDB is away."), Permanent("DynamoDB refused.")])
def test_a_message_that_cannot_be_stored_now_is_503_and_says_when_to_come_again(site: Site, error: Exception) -> None:
    site.world.inbox.fail_with = error  # type: ignore[assignment]  # any error will do
    response = site.notify()
    assert response.status_code == 503
    assert "Retry-After" in response.headers


def test_a_message_that_the_store_can_never_hold_is_413(site: Site) -> None:
    site.world.inbox.fail_with = TooLarge("An item holds 400 KB.")
    assert site.notify().status_code == 413


def test_a_certificate_host_that_is_away_is_503(site: Site) -> None:
    site.sender.certificate_url = site.sender.certificate_url.replace("0123", "4567")
    envelope = site.sender.notification(MESSAGE.to_json())
    site.sender.certificate_url = "elsewhere"
    assert site.push(envelope).status_code == 503


def test_a_backlog_over_its_bound_is_503_until_it_is_worked_off() -> None:
    site = Site(max_backlog=2)
    assert [site.notify().status_code for _ in range(4)] == [200, 200, 503, 503]
    site.world.time += timedelta(seconds=10)  # nobody offered them: they were accepted before the workers started
    site.gas.start()
    eventually(lambda: site.states() == [EntryState.DONE] * 2)
    eventually(lambda: site.notify().status_code == 200)
    site.gas.stop(PATIENCE)


def test_a_server_that_stops_is_not_ready_and_answers_503(started: Site) -> None:
    started.gas.stop(PATIENCE)
    assert started.browser.get("/readyz").status_code == 503
    assert started.notify().status_code == 503
    assert started.world.inbox.entries == {}


def test_a_paused_endpoint_is_503_until_it_is_resumed_and_the_message_is_kept_by_sns(started: Site) -> None:
    started.world.inbox.pause(Pause("job-requests", "operator@example.org", "why", started.world.time))
    eventually(lambda: started.notify().status_code == 503)
    stored = len(started.states())
    with capture_logs() as logs:
        assert "Retry-After" in started.notify().headers
    assert [line["outcome"] for line in logs if line["event"] == "push"] == ["paused"]
    assert len(started.states()) == stored
    started.world.inbox.resume("job-requests")
    eventually(lambda: started.notify().status_code == 200)


def test_a_subscription_to_a_paused_endpoint_is_confirmed(started: Site) -> None:
    started.world.inbox.pause(Pause("job-requests", "operator@example.org", "why", started.world.time))
    eventually(lambda: started.notify().status_code == 503)
    assert started.push(started.sender.subscription_confirmation()).status_code == 200


def test_a_server_that_drains_answers_503_while_what_runs_goes_on(started: Site) -> None:
    go_on = threading.Event()

    def wait(message: JobRequested, lease: Lease) -> None:
        go_on.wait(PATIENCE)

    started.world.handler = wait
    started.notify()
    eventually(lambda: started.states() == [EntryState.RUNNING])
    started.gas.drain()
    assert started.notify().status_code == 503
    assert started.browser.get("/healthz").status_code == 200
    go_on.set()
    eventually(lambda: started.states() == [EntryState.DONE])


def test_each_push_is_counted_by_its_outcome(site: Site) -> None:
    def count(outcome: str) -> float:
        return float(metrics.PUSHES.labels("job-requests", outcome)._value.get())

    before = count("accepted"), count("signature")
    envelope = site.sender.notification(MESSAGE.to_json())
    site.push(envelope)
    site.push({**envelope, "Message": "forged"})
    assert (count("accepted") - before[0], count("signature") - before[1]) == (1, 1)


def test_a_subscription_is_confirmed_through_the_api_with_its_token(site: Site) -> None:
    assert site.push(site.sender.subscription_confirmation()).status_code == 200
    assert site.topics.confirmed == [(TOPIC_ARN, TOKEN)]
    assert site.world.inbox.entries == {}


def test_a_confirmation_of_another_topic_is_refused_and_not_confirmed(site: Site) -> None:
    other = SnsSender(topic_arn=TOPIC_ARN.replace("job-requests", "evil"))
    assert site.push(other.subscription_confirmation()).status_code == 403
    assert site.topics.confirmed == []


def test_a_token_that_sns_does_not_know_is_403(site: Site) -> None:
    site.topics.bad_tokens = {TOKEN}
    assert site.push(site.sender.subscription_confirmation()).status_code == 403


@pytest.mark.parametrize("error", [Unavailable("SNS is away."), Permanent("SNS refused (SubscriptionLimitExceeded).")])
def test_a_confirmation_that_sns_does_not_take_now_is_503(site: Site, error: GasError) -> None:
    site.topics.fail_with = error
    assert site.push(site.sender.subscription_confirmation()).status_code == 503


def test_a_confirmation_is_dealt_with_however_long_the_backlog_is() -> None:
    site = Site(max_backlog=1)
    site.notify()
    assert site.push(site.sender.subscription_confirmation()).status_code == 200


def test_an_ended_subscription_is_logged_and_not_confirmed_again(site: Site) -> None:
    with capture_logs() as logs:
        assert site.push(site.sender.unsubscribe_confirmation()).status_code == 200
    assert site.topics.confirmed == []
    assert [line["log_level"] for line in logs if line["event"] == "unsubscribed"] == ["warning"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/hooks/unknown", 404),
        ("POST", "/hooks/", 404),
        ("POST", "/hooks/job-requests/", 404),
        ("GET", "/hooks/job-requests", 405),
        ("PUT", "/hooks/job-requests", 405),
        ("OPTIONS", "/hooks/job-requests", 405),
        ("GET", "/", 404),
    ],
)
def test_other_addresses_and_methods_are_answered_in_short_plain_text(
    site: Site, method: str, path: str, status: int
) -> None:
    response = site.browser.open(path, method=method)
    assert response.status_code == status
    assert response.mimetype == "text/plain"
    assert len(response.text) < 100
    assert ("Allow" in response.headers) == (status == 405)


def test_each_push_is_one_line_of_log_with_its_outcome_its_message_and_its_request(site: Site) -> None:
    envelope = site.sender.notification(MESSAGE.to_json())
    with capture_logs() as logs:
        site.push(envelope)
        site.push({**envelope, "Message": "forged"})
    good, bad = [line for line in logs if line["event"] == "push"]
    assert (good["outcome"], good["status"], good["message_id"]) == ("accepted", 200, envelope["MessageId"])
    assert good["request_id"] == "the-browsers"
    assert good["ms"] >= 0
    assert (bad["status"], bad["log_level"]) == (403, "warning")


def test_a_handlers_own_log_lines_carry_message_attempt_and_job(started: Site) -> None:
    seen: list[dict[str, Any]] = []
    started.world.handler = lambda *_: seen.append(structlog.contextvars.get_contextvars())
    started.notify()
    eventually(lambda: seen)
    assert (seen[0]["job_id"], seen[0]["attempt"], seen[0]["request_id"]) == ("job", 1, "the-browsers")
    assert "message_id" in seen[0]


def test_a_push_takes_one_write_and_its_start_one_more(started: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def watched(name: str) -> Callable[..., Any]:
        real = getattr(started.world.inbox, name)

        def call(*arguments: Any, **named: Any) -> Any:
            calls.append(name)
            return real(*arguments, **named)

        return call

    for name in ("accept", "get", "claim", "beat", "settle"):
        monkeypatch.setattr(started.world.inbox, name, watched(name))
    started.world.handler = lambda *_: calls.append("handler")
    started.notify()
    eventually(lambda: "settle" in calls)
    assert calls == ["accept", "claim", "handler", "settle"]


def test_a_bug_while_a_push_is_stored_is_a_5xx_so_that_sns_comes_again(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(entry: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(site.world.inbox, "accept", fail)
    with caplog.at_level(logging.CRITICAL):
        response = site.notify()
    assert response.status_code >= 500
    assert response.mimetype == "text/plain"


def test_a_text_that_is_no_message_is_accepted_all_the_same(site: Site) -> None:
    """It was sent by the topic: whether it makes sense is the worker's to say, and the operator's to see."""
    assert site.notify("nonsense").status_code == 200


def test_routes_do_not_mix(site: Site) -> None:
    other = replace(site.world.route, name="job-results", topic_arn=TOPIC_ARN.replace("job-requests", "job-results"))
    app = Flask("two")
    outside = Outside(
        site.world.inbox,
        site.topics,
        site.world.dead_letters,
        CertificateStore(fetch=site.sender.fetch, now=site.world.now),
        site.world.now,
    )
    settings = HookSettings(public_url="https://gas", inbox_table="inbox", hook_url="https://hook")
    HookServer(settings, [site.world.route, other], outside).attach(app)
    envelope = site.sender.notification(MESSAGE.to_json())
    for path, status in (("/hooks/job-results", 403), ("/hooks/job-requests", 200)):
        response = app.test_client().post(path, data=body(envelope), headers=headers(envelope))
        assert response.status_code == status


def test_the_envelope_of_the_log_is_not_the_message(site: Site) -> None:
    with capture_logs() as logs:
        site.notify(json.dumps({"job_id": "job", "run": 1, "secret": "s3cret"}))
    assert "s3cret" not in repr(logs)
