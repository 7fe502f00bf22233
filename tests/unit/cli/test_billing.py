"""`gas billing`: what it says, and what it answers to a script."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from cli import billing
from cli.main import gas
from shared.core.errors import ConfigurationError, Unavailable
from shared.core.logs import configure
from tests.unit.billing.world import TOPIC, BillingWorld

ENVIRONMENT = {
    "GAS_PUBLIC_URL": "http://127.0.0.1:8000",
    "GAS_STRIPE_KEY": "sk_test_of_tests",
    "GAS_STRIPE_PRICE": "price_premium",
    "GAS_USERS_TABLE": "users",
    "GAS_AUDIT_TABLE": "audit",
    "GAS_ACCOUNT_CHANGES_TOPIC": TOPIC,
}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> BillingWorld:
    """What the command finds when it reaches out."""
    found = BillingWorld()
    monkeypatch.setattr(billing, "client", lambda *_: None)
    configure("ERROR")  # here: the command would bind the log to the runner's short-lived standard error
    monkeypatch.setattr(billing, "configure", lambda _: None)
    monkeypatch.setattr(billing, "StripeBilling", lambda **_: found.billing)
    monkeypatch.setattr(billing, "DynamoUsers", lambda *_: found.users)
    monkeypatch.setattr(billing, "SnsTopics", lambda *_: found.topics)
    monkeypatch.setattr(billing, "DynamoAudit", lambda *_: found.audit)
    return found


def run(*arguments: str, environment: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(gas, ["billing", "reconcile", *arguments], env=environment or ENVIRONMENT)


def test_it_repairs_what_was_missed_and_says_what(world: BillingWorld) -> None:
    world.billing.subscribe(world.alice.customer_id)
    result = run()
    assert result.exit_code == 0
    assert result.stdout.startswith("alice: The plan was free and is premium.")
    assert result.stdout.endswith("1 users looked at, 1 changed, 0 failed.\n")
    assert world.announced == [("alice", 1)]


def test_where_nothing_was_missed_it_says_so(world: BillingWorld) -> None:
    assert run().stdout == "1 users looked at, 0 changed, 0 failed.\n"
    assert world.announced == []


def test_whom_it_could_not_compare_it_names_and_fails(world: BillingWorld) -> None:
    world.billing.fail_with = Unavailable("Stripe does not answer.")
    result = run()
    assert result.exit_code == 1
    assert "alice: could not be compared: Stripe does not answer." in result.stdout


def test_a_script_gets_json(world: BillingWorld) -> None:
    world.billing.subscribe(world.alice.customer_id)
    answer = json.loads(run("--json").stdout)
    assert (answer["looked_at"], list(answer["changes"]), answer["failures"]) == (1, ["alice"], {})


def test_a_missing_setting_is_named() -> None:
    error = run(environment={name: "" for name in ENVIRONMENT if name != "GAS_STRIPE_KEY"}).exception
    assert isinstance(error, ConfigurationError)
    assert "GAS_STRIPE_KEY" in str(error)
