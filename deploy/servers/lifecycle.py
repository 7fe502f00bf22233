"""``python -m deploy.servers.lifecycle <unit>``: on an instance of Auto Scaling, lets the server end in order.

Auto Scaling says that it takes the instance away by nothing but the instance's own metadata, and then waits for the
lifecycle hook to be completed. This stops the server's systemd unit, which finishes or gives back what it works on, and
completes the hook, so that nobody waits for the hook's timeout. Should this process fail, the timeout ends the wait all the
same, and what the server worked on is done by others when its leases run out.

Sources: "Retrieve the target lifecycle state through instance metadata", Amazon EC2 Auto Scaling User Guide; "Use the
Instance Metadata Service to access instance metadata", Amazon EC2 User Guide (version 2: a token first).
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import requests
import structlog
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.aws.autoscaling import LifecycleHook
from shared.aws.session import client
from shared.core import logs
from shared.core.errors import GasError, NotFound, Unavailable
from shared.core.settings import AwsSettings

log = structlog.get_logger()

METADATA = "http://169.254.169.254/latest"
POLL_SECONDS = 5.0
_TOKEN_SECONDS = 60
_PATIENCE = 2.0  # seconds; the metadata service is on the same machine


class LifecycleSettings(AwsSettings):
    """What an instance of Auto Scaling is told about its group."""

    model_config = SettingsConfigDict(env_prefix="GAS_")

    auto_scaling_group: str = Field(min_length=1, description="Name of the Auto Scaling group that the instance is in.")
    lifecycle_hook: str = Field(min_length=1, description="Name of the group's lifecycle hook for instances that end.")


class Metadata:
    """What the instance metadata service says. Every method raises `Unavailable`."""

    def __init__(self, http: requests.Session) -> None:
        self._http = http

    @property
    def target_state(self) -> str:
        """Where Auto Scaling moves this instance, such as ``InService`` or ``Terminated``; empty when it is in no group
        yet."""
        return self._get("autoscaling/target-lifecycle-state")

    @property
    def instance_id(self) -> str:
        """Such as ``i-0123456789abcdef0``."""
        return self._get("instance-id")

    def _get(self, path: str) -> str:
        try:
            token = self._http.put(
                f"{METADATA}/api/token",
                headers={"X-aws-ec2-metadata-token-ttl-seconds": str(_TOKEN_SECONDS)},
                timeout=_PATIENCE,
            )
            token.raise_for_status()
            answer = self._http.get(
                f"{METADATA}/meta-data/{path}", headers={"X-aws-ec2-metadata-token": token.text}, timeout=_PATIENCE
            )
            if answer.status_code == requests.codes.not_found:
                return ""
            answer.raise_for_status()
        except requests.RequestException as error:
            raise Unavailable(f"The instance metadata service does not answer ({type(error).__name__}).") from error
        return answer.text.strip()


class Lifecycle:
    """The end of one instance."""

    def __init__(
        self,
        metadata: Metadata,
        hook: LifecycleHook,
        *,
        stop: Callable[[], object],
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """``stop`` ends the server, and returns when it has ended."""
        self._metadata = metadata
        self._hook = hook
        self._stop = stop
        self._sleep = sleep

    def run(self) -> None:
        """Returns when the instance may be taken away."""
        self._until("watch the lifecycle state", lambda: self._metadata.target_state == "Terminated")
        log.info("Auto Scaling takes this instance away")
        self._stop()
        self._until("complete the lifecycle action", self._complete)
        log.info("this instance may go")

    def _complete(self) -> bool:
        try:
            self._hook.complete(self._metadata.instance_id)
        except NotFound as error:
            log.warning("there was nothing to complete", error=str(error))
        return True

    def _until(self, what: str, done: Callable[[], bool]) -> None:
        """Asks again and again, through outages and refusals: an operator may mend a permission meanwhile."""
        while True:
            try:
                if done():
                    return
            except GasError as error:
                log.warning(f"could not {what}", error=str(error))
            self._sleep(POLL_SECONDS)


def main() -> None:
    """The command's entrance."""
    if len(sys.argv) != 2:
        sys.stderr.write("Usage: python -m deploy.servers.lifecycle <systemd unit>\n")
        raise SystemExit(2)
    unit = sys.argv[1]
    settings = LifecycleSettings.at_entrance()
    logs.configure("INFO")
    hook = LifecycleHook(
        client(settings, "autoscaling"), group=settings.auto_scaling_group, hook=settings.lifecycle_hook
    )
    Lifecycle(Metadata(requests.Session()), hook, stop=lambda: stop(unit)).run()


def stop(unit: str) -> None:
    """Stops the unit and waits for its end. A unit that cannot be stopped is a matter of the log alone: the instance goes
    in any case, and others take over when its leases run out."""
    ended = subprocess.run(["systemctl", "stop", unit], check=False)
    if ended.returncode:
        log.error("the server could not be stopped", unit=unit, status=ended.returncode)


if __name__ == "__main__":
    main()
