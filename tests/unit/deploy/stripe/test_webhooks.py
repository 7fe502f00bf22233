"""Events on their way to the webhook endpoint."""

from __future__ import annotations

from datetime import timedelta

import pytest
import stripe

from deploy.local.sns.delivery import Answer, Unreachable
from tests.factories import NOON
from tests.unit.deploy.stripe.world import World


def test_the_official_sdk_takes_the_signature(world: World) -> None:
    world.customer()
    (posted,) = world.posts
    stripe.WebhookSignature.verify_header(posted.body, posted.signature, world.secret)
    assert posted.url == "http://gas.example/hooks/stripe"
    assert posted.event["type"] == "customer.created"


def test_the_signature_has_the_real_time_whatever_the_clock_says(world: World) -> None:
    world.subscriber()
    world.advance(31)
    assert world.posts[-1].signature.startswith(f"t={int(NOON.timestamp())},")


@pytest.mark.parametrize("failure", [500, 503, 404, 400, 301, Unreachable("refused")])
def test_anything_but_success_is_tried_again(world: World, failure: Answer) -> None:
    world.answers = [failure, 200]
    world.customer()
    world.time.run()
    first, second = world.posts
    assert first.event == second.event
    (event,) = world.events()
    assert (event["deliveries"][0]["state"], event["deliveries"][0]["attempts"]) == ("delivered", 2)


def test_each_attempt_is_signed_anew(world: World) -> None:
    world.answers = [503]
    world.customer()
    world.real_time_passes(timedelta(hours=1))
    world.time.run()
    assert [posted.signature.split(",")[0] for posted in world.posts] == [
        f"t={int(NOON.timestamp())}",
        f"t={int(NOON.timestamp()) + 3600}",
    ]


def test_waits_grow_and_end_after_three_days(world: World) -> None:
    world.answers = [503] * 1000
    world.customer()
    world.time.run()
    (event,) = world.events()
    assert event["deliveries"][0]["state"] == "failed"
    assert 2 * 24 * 3600 < world.time.now() <= 3 * 24 * 3600
    assert len(world.posts) < 100


def test_an_event_is_sent_again_when_asked(world: World) -> None:
    world.customer()
    event_id = world.posts[0].event["id"]
    assert world.client.post(f"/events/{event_id}/resend").status_code == 303
    assert [posted.event["id"] for posted in world.posts] == [event_id, event_id]


def test_only_what_an_endpoint_asked_for_is_sent(world: World) -> None:
    world.account.endpoints.clear()
    world.api("POST", "/webhook_endpoints", {"url": "http://gas.example/x", "enabled_events[0]": "invoice.paid"})
    world.subscriber()
    assert world.types() == ["invoice.paid"]


def test_an_object_is_shown_as_it_was_when_it_happened(world: World) -> None:
    customer = world.subscriber()
    world.api("DELETE", f"/subscriptions/{world.subscription(customer)['id']}")
    shown = {
        event["type"]: event["object"]["status"]
        for event in world.events()
        if event["type"].startswith("customer.subscription")
    }
    assert shown == {"customer.subscription.created": "active", "customer.subscription.deleted": "canceled"}


def test_deleting_a_customer_ends_what_it_has(world: World) -> None:
    customer = world.subscriber()
    world.posts.clear()
    world.client.post(f"/customers/{customer}/delete")
    assert world.types() == ["customer.subscription.deleted", "customer.deleted"]
    assert world.api("GET", f"/customers/{customer}") == {"id": customer, "object": "customer", "deleted": True}


def test_the_desk_shows_customers_and_events(world: World) -> None:
    customer = world.subscriber()
    text = world.client.get("/").text
    assert customer in text
    assert "checkout.session.completed" in text
    assert "delivered" in text
