"""Somebody at a terminal, with the commands that `gas up` has made ready, and dead letters to use them on."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.file_server import serving
from tests.sns_sender import Envelope, SnsSender, body, certificate
from tests.whole import Gas

_BATCH = 10
_AT_ONCE = 8


class Operator:
    """Runs `gas` as a process of its own."""

    def __init__(self, gas: Gas, **more: str) -> None:
        """``more``: settings that differ from those of `gas up`."""
        lines = (gas.data_dir / "settings.sh").read_text().splitlines()
        told = (shlex.split(line.removeprefix("export "))[0].partition("=") for line in lines)
        self.environment = {**os.environ, **{name: value for name, _, value in told}, **more}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "cli", *arguments]
        return subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def says(self, *arguments: str, code: int = 0) -> str:
        """Standard output."""
        process = self.start(*arguments)
        output, errors = process.communicate(timeout=600)
        assert process.returncode == code, f"exit code {process.returncode}\n{output}\n{errors}"
        return output

    def answers(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.says(*arguments, "--json", code=code))


@contextmanager
def signing(topic_arn: str) -> Iterator[tuple[SnsSender, dict[str, str]]]:
    """Who signs for a topic, its certificate at hand on this machine, and the settings under which it is trusted."""
    now = datetime.now(UTC)
    with serving() as site:
        pem = certificate(not_before=now - timedelta(days=100), not_after=now + timedelta(days=100))
        path = f"/SimpleNotificationService-{'ab' * 16}.pem"
        site.files[path] = pem
        sender = SnsSender(topic_arn, clock=now, pem=pem, certificate_url=site.url + path)
        yield sender, {"GAS_EXTRA_CERTIFICATE_ORIGIN": site.url}


def bury(gas: Gas, queue_url: str, bodies: Sequence[str]) -> None:
    """Puts them into the queue, as SNS does."""
    sqs = gas.aws("sqs")

    def send(start: int) -> None:
        batch = bodies[start : start + _BATCH]
        entries = [{"Id": str(number), "MessageBody": text} for number, text in enumerate(batch)]
        assert not sqs.send_message_batch(QueueUrl=queue_url, Entries=entries).get("Failed")

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(send, range(0, len(bodies), _BATCH)))


def mail_event(sender: SnsSender) -> Envelope:
    """A push about an e-mail that nobody has to do anything about; ten days old."""
    event = json.dumps({"eventType": "Delivery", "mail": {"messageId": "test", "destination": []}})
    return sender.notification(event, at=sender.clock - timedelta(days=10))


def text(envelope: Envelope) -> str:
    return body(envelope).decode()
