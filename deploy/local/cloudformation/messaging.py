"""AWS::SNS::Topic, AWS::SNS::Subscription, AWS::SNS::TopicPolicy, AWS::SQS::Queue and AWS::SQS::QueuePolicy."""

from __future__ import annotations

import json
from typing import Any

from moto.cloudformation.exceptions import ValidationError
from moto.sns.models import SNSBackend, Topic, sns_backends
from moto.sqs.models import Queue, sqs_backends

from deploy.local.cloudformation.resources import Made, Properties, only, resource
from deploy.local.sns.subscription import PushSubscription

_SUBSCRIPTION_ATTRIBUTES = {
    "DeliveryPolicy",
    "RedrivePolicy",
    "FilterPolicy",
    "FilterPolicyScope",
    "RawMessageDelivery",
}


@resource(
    "AWS::SNS::Topic",
    properties={"TopicName", "DisplayName", "SignatureVersion", "DeliveryPolicy"},
    name_property="TopicName",
    attributes={"TopicName"},
)
def topic(name: str, properties: Properties, account_id: str, region: str) -> Topic:
    """A topic."""
    attributes = {key: _text(value) for key, value in properties.items() if key != "TopicName"}
    return sns_backends[account_id][region].create_topic(name, attributes)


def _update_subscription(made: Made, properties: Properties, account_id: str, region: str) -> None:
    backend = sns_backends[account_id][region]
    kept = backend.subscriptions[made.physical_resource_id]
    only(properties, set(made.described), "a subscription that is changed")
    if any(properties[name] != made.described[name] for name in ("TopicArn", "Protocol")):
        raise ValidationError(message=f"Topic and protocol of {kept.arn} cannot be changed.")
    _set_attributes(backend, kept.arn, properties)
    kept.endpoint = properties["Endpoint"]  # in the cloud it would be another one, which has to be confirmed anew


@resource(
    "AWS::SNS::Subscription",
    properties=_SUBSCRIPTION_ATTRIBUTES | {"TopicArn", "Protocol", "Endpoint"},
    update=_update_subscription,
)
def subscription(_: str, properties: Properties, account_id: str, region: str) -> Made:
    """A subscription; over HTTP(S) it is confirmed later, by its endpoint."""
    backend = sns_backends[account_id][region]
    made = backend.subscribe(properties["TopicArn"], properties["Endpoint"], properties["Protocol"])
    _set_attributes(backend, made.arn, properties)
    if isinstance(made, PushSubscription):
        made.ask_for_confirmation()
    return Made(made.arn)


def _set_attributes(backend: SNSBackend, arn: str, properties: Properties) -> None:
    for name in sorted(_SUBSCRIPTION_ATTRIBUTES & set(properties), reverse=True):  # FilterPolicyScope, FilterPolicy
        value = properties[name]
        backend.set_subscription_attributes(arn, name, value if isinstance(value, bool) else _text(value))


def _set_topic_policy(_: Any, properties: Properties, account_id: str, region: str) -> None:
    for arn in properties["Topics"]:
        sns_backends[account_id][region].set_topic_attribute(arn, "policy", _text(properties["PolicyDocument"]))


@resource("AWS::SNS::TopicPolicy", properties={"Topics", "PolicyDocument"}, update=_set_topic_policy)
def topic_policy(name: str, properties: Properties, account_id: str, region: str) -> Made:
    """Who may do what with topics."""
    _set_topic_policy(None, properties, account_id, region)
    return Made(name)


@resource(
    "AWS::SQS::Queue",
    properties={"QueueName", "MessageRetentionPeriod", "MaximumMessageSize", "SqsManagedSseEnabled"},
    name_property="QueueName",
    attributes={"Arn", "QueueName"},
)
def queue(name: str, properties: Properties, account_id: str, region: str) -> Queue:
    """A queue."""
    return Queue.create_from_cloudformation_json(name, {"Properties": properties}, account_id, region)


def _set_queue_policy(_: Any, properties: Properties, account_id: str, region: str) -> None:
    for url in properties["Queues"]:
        policy = {"Policy": _text(properties["PolicyDocument"])}
        sqs_backends[account_id][region].set_queue_attributes(url.rpartition("/")[2], policy)


@resource("AWS::SQS::QueuePolicy", properties={"Queues", "PolicyDocument"}, update=_set_queue_policy)
def queue_policy(name: str, properties: Properties, account_id: str, region: str) -> Made:
    """Who may do what with queues."""
    _set_queue_policy(None, properties, account_id, region)
    return Made(name)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
