"""Whether SNS pushes what it should to the deployed servers, and to nobody else: on AWS they subscribe themselves, which
CloudFormation does not see, and they are ready whether or not SNS reaches them."""

from __future__ import annotations

from collections.abc import Mapping

from annotator_hook.settings import AnnotatorSettings
from cli.deploy_file import Deployment
from deploy.stack_settings import settings_from_outputs
from shared.aws.subscriptions import tries_as_it_should
from shared.core.channels import Subscriptions, SubscriptionView
from shared.core.errors import NotFound
from util_hook.settings import UtilSettings


def push_words(deployment: Deployment, outputs: Mapping[str, str], subscriptions: Subscriptions) -> list[str]:
    """What there is to do about pushes, if anything. ``outputs`` are those of the core stack. Raises `GasError`."""
    told = settings_from_outputs(outputs)
    silent, careless, words = [], [], []
    for route in _routes():
        name = route.replace("_", "-")
        endpoint = f"{deployment.url}/hooks/{name}"
        confirmed = _confirmed(subscriptions, told.get(f"GAS_{route.upper()}_TOPIC", ""))
        ours = [view for view in confirmed if view.endpoint == endpoint]
        if not ours:
            silent.append(name)
        elif not all(view.has_dead_letters and tries_as_it_should(view) for view in ours):
            careless.append(name)
        words += [
            f"{name} is pushed to {view.endpoint}, too. If nobody is there any more: aws sns unsubscribe --region "
            f"{deployment.region} --subscription-arn {view.arn}"
            for view in confirmed
            if view.endpoint != endpoint
        ]
    if careless:
        words.insert(
            0,
            f"Given up too early, or lost then, since their subscriptions are not as servers make them: "
            f"{', '.join(careless)}. Their servers mend that when they start.",
        )
    if silent:
        words.insert(
            0,
            f"Not pushed yet, so that what is published reaches nobody: {', '.join(silent)}. Servers subscribe themselves "
            f"as soon as SNS reaches {deployment.url}/hooks/…: are its DNS and its certificate right?",
        )
    return words


def _routes() -> list[str]:
    """Names, in a setting, of all that is pushed to servers: those whose dead letters they know."""
    return [
        field.removesuffix("_dead_letters")
        for settings in (AnnotatorSettings, UtilSettings)
        for field in settings.model_fields
        if field.endswith("_dead_letters")
    ]


def _confirmed(subscriptions: Subscriptions, topic_arn: str) -> list[SubscriptionView]:
    try:
        return [view for view in subscriptions.of(topic_arn) if view.is_confirmed]
    except NotFound:
        return []
