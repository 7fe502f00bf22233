"""The SES v2 API where moto's falls short: e-mails go to the mailbox, and events about them to SNS."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from moto.ses.exceptions import NotFoundException
from moto.sesv2 import urls
from moto.sesv2.models import SESV2Backend, sesv2_backends
from moto.sesv2.responses import SESV2Response

from deploy.local.moto_urls import UrlModule
from deploy.local.ses.events import events
from deploy.local.ses.mailbox import Mail, Mailbox
from deploy.local.sns.publisher import Publish

_SUBJECT = "Amazon SES Email Event Notification"


@dataclass(frozen=True)
class EventDestination:
    """A topic that hears of some kinds of events."""

    topic_arn: str
    event_types: frozenset[str]
    """Lower case: send, delivery, bounce, complaint."""


class LocalSes(SESV2Backend):
    """One region's SES."""

    mailbox: ClassVar[Mailbox]
    publish: ClassVar[Publish]
    """Both are set once, by `install`."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._destinations: dict[str, list[EventDestination]] = {}

    @property
    def _url_module(self) -> UrlModule:
        return _URLS

    def add_destination(self, configuration_set: str, destination: EventDestination) -> None:
        """From now on the topic hears of e-mails sent with this configuration set."""
        self.require(configuration_set)
        self._destinations.setdefault(configuration_set, []).append(destination)

    def require(self, configuration_set: str) -> None:
        """Raises SES's error where there is no such configuration set."""
        if configuration_set not in self.core_backend.config_sets:
            raise NotFoundException(f"Configuration set <{configuration_set}> does not exist.")

    def sent(self, mail: Mail, configuration_set: str | None) -> None:
        """Keeps the e-mail and reports it."""
        self.mailbox.add(mail)
        if configuration_set is None:
            return
        for event in events(mail, configuration_set=configuration_set, account_id=self.account_id):
            for destination in self._destinations.get(configuration_set, []):
                if event["eventType"].lower() in destination.event_types:
                    LocalSes.publish(destination.topic_arn, json.dumps(event), subject=_SUBJECT)


class LocalSesResponse(SESV2Response):
    """The actions."""

    def send_email(self) -> str:
        backend = self.sesv2_backend
        assert isinstance(backend, LocalSes)  # noqa: S101 - `install` came first
        request: dict[str, Any] = json.loads(self.body)
        configuration_set = request.get("ConfigurationSetName")
        if configuration_set is not None:
            backend.require(configuration_set)
        if "Simple" not in request["Content"]:
            raise NotImplementedError("The local mailbox takes simple content alone.")
        answer = super().send_email()  # moto's checks: identity verified, addresses valid
        backend.sent(_mail(request, json.loads(answer)["MessageId"]), configuration_set)
        return answer


_URLS = UrlModule(
    urls.url_bases,
    {
        "{0}/v2/email/outbound-emails$": LocalSesResponse.dispatch,
        "{0}/v2/.*$": LocalSesResponse.dispatch,
    },
)


def install(mailbox: Mailbox, publish: Publish) -> None:
    """Every SES backend that moto makes from now on keeps its e-mails in ``mailbox``."""
    LocalSes.mailbox = mailbox
    LocalSes.publish = staticmethod(publish)
    sesv2_backends.backend = LocalSes


def _mail(request: dict[str, Any], message_id: str) -> Mail:
    content = request["Content"]["Simple"]
    destination = request["Destination"]
    return Mail(
        message_id=message_id,
        sender=request["FromEmailAddress"],
        to=[address for kind in ("To", "Cc", "Bcc") for address in destination.get(f"{kind}Addresses", [])],
        subject=content["Subject"]["Data"],
        text=content["Body"].get("Text", {}).get("Data", ""),
        html=content["Body"].get("Html", {}).get("Data", ""),
        tags={tag["Name"]: tag["Value"] for tag in request.get("EmailTags", [])},
        sent_at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    )
