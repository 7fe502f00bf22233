"""SES."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import structlog

from shared.aws.errors import translated

if TYPE_CHECKING:
    from types_boto3_sesv2 import SESV2Client

log = structlog.get_logger()


class SesMailer:
    """Implements `shared.core.ports.Mailer`."""

    def __init__(self, sesv2: SESV2Client, mail_from: str, configuration_set: str) -> None:
        self._sesv2 = sesv2
        self._mail_from = mail_from
        self._configuration_set = configuration_set

    def send(
        self,
        *,
        to: str,
        subject: str,
        text: str,
        html: str,
        tags: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        with translated("SES"):
            answer = self._sesv2.send_email(
                FromEmailAddress=self._mail_from,
                Destination={"ToAddresses": [to]},
                Content={
                    "Simple": {
                        "Subject": {"Data": subject, "Charset": "UTF-8"},
                        "Body": {
                            "Text": {"Data": text, "Charset": "UTF-8"},
                            "Html": {"Data": html, "Charset": "UTF-8"},
                        },
                        "Headers": [{"Name": name, "Value": value} for name, value in (headers or {}).items()],
                    }
                },
                EmailTags=[{"Name": name, "Value": value} for name, value in tags.items()],
                ConfigurationSetName=self._configuration_set,
            )
        log.info("e-mail sent", ses_id=answer["MessageId"], **tags)
