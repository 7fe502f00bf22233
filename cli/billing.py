"""`gas billing`: what operators do about plans and payment.

Exit codes: 0 everybody was compared with Stripe, 1 some could not be, 2 the command was wrong.
"""

from __future__ import annotations

import dataclasses
import json
import sys

import click
from pydantic import Field

from shared.aws.audit import DynamoAudit
from shared.aws.session import client
from shared.aws.topics import SnsTopics
from shared.aws.users import DynamoUsers
from shared.billing.reconcile import Reconciliation, reconcile
from shared.billing.stripe_billing import StripeBilling
from shared.core.clock import utc_now
from shared.core.logs import configure
from shared.core.settings import BillingSettings


class BillingCommandSettings(BillingSettings):
    """Settings of `gas billing`: some of the utility server's."""

    users_table: str = Field(description="DynamoDB table of users.")
    audit_table: str = Field(description="DynamoDB table of what operators and billing did.")
    account_changes_topic: str = Field(description="ARN of the topic on which changes of plans are announced.")


@click.group("billing")
def billing_group() -> None:
    """Plans and payment."""


@billing_group.command("reconcile")
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON, on standard output.")
def reconcile_command(*, as_json: bool) -> None:
    """Compare every customer's plan with Stripe now, as the utility server does daily, and repair what was missed."""
    settings = BillingCommandSettings.from_environment()
    configure("ERROR")  # what the log would say is the command's answer
    dynamodb = client(settings, "dynamodb")
    done = reconcile(
        billing=StripeBilling(
            key=settings.stripe_key.get_secret_value(), price=settings.stripe_price, api=settings.stripe_api
        ),
        users=DynamoUsers(dynamodb, settings.users_table),
        topics=SnsTopics(client(settings, "sns"), client(settings, "sqs")),
        audit=DynamoAudit(dynamodb, settings.audit_table),
        account_changes_topic=settings.account_changes_topic,
        now=utc_now,
    )
    click.echo(json.dumps(dataclasses.asdict(done), indent=2) if as_json else _words(done))
    if done.failures:
        sys.exit(1)


def _words(done: Reconciliation) -> str:
    lines = [f"{user_id}: {change}" for user_id, change in done.changes.items()]
    lines += [f"{user_id}: could not be compared: {why}" for user_id, why in done.failures.items()]
    sums = f"{done.looked_at} users looked at, {len(done.changes)} changed, {len(done.failures)} failed."
    return "\n".join([*lines, sums])
