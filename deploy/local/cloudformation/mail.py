"""AWS::SES::EmailIdentity, AWS::SES::ConfigurationSet and AWS::SES::ConfigurationSetEventDestination."""

from __future__ import annotations

from moto.sesv2.models import sesv2_backends

from deploy.local.cloudformation.resources import Made, Properties, only, resource
from deploy.local.ses.service import EventDestination, LocalSes


@resource("AWS::SES::EmailIdentity", properties={"EmailIdentity"})
def identity(_: str, properties: Properties, account_id: str, region: str) -> Made:
    """A sender; verified at once, since there is no DNS to look at."""
    made = sesv2_backends[account_id][region].create_email_identity(properties["EmailIdentity"], None, None, None)
    made.verified_for_sending_status = True
    return Made(properties["EmailIdentity"])


@resource(
    "AWS::SES::ConfigurationSet",
    properties={"Name", "ReputationOptions", "SuppressionOptions"},
    name_property="Name",
)
def configuration_set(name: str, properties: Properties, account_id: str, region: str) -> Made:
    """A configuration set."""
    sesv2_backends[account_id][region].create_configuration_set(
        name,
        tracking_options={},
        delivery_options={},
        reputation_options=properties.get("ReputationOptions", {}),
        sending_options={},
        tags=[],
        suppression_options=properties.get("SuppressionOptions", {}),
        vdm_options={},
    )
    return Made(name)


@resource("AWS::SES::ConfigurationSetEventDestination", properties={"ConfigurationSetName", "EventDestination"})
def event_destination(_: str, properties: Properties, account_id: str, region: str) -> Made:
    """Where the events of a configuration set go: an SNS topic."""
    destination = properties["EventDestination"]
    only(destination, {"Name", "Enabled", "MatchingEventTypes", "SnsDestination"}, "an event destination")
    backend = sesv2_backends[account_id][region]
    assert isinstance(backend, LocalSes)  # noqa: S101 - `deploy.local.ses.service.install` came first
    if destination["Enabled"]:
        backend.add_destination(
            properties["ConfigurationSetName"],
            EventDestination(
                topic_arn=destination["SnsDestination"]["TopicARN"],
                event_types=frozenset(name.lower() for name in destination["MatchingEventTypes"]),
            ),
        )
    return Made(destination["Name"])
