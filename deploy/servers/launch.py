"""``python -m deploy.servers.launch frontend|annotator_hook|util_hook``: one server, under systemd and in containers.

Reads settings and secrets from AWS where the environment names them, and becomes gunicorn. What the environment says
itself counts before what was read. The annotator is not told the secrets: it needs none, and works on strangers' files.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import Field

from shared.aws.server_settings import ServerSecrets, ServerSettings
from shared.aws.session import client
from shared.core.errors import ConfigurationError, GasError
from shared.core.settings import AwsSettings

SERVERS: Final = {"frontend": True, "annotator_hook": False, "util_hook": True}
"""Name → whether it is told the secrets."""
GUNICORN_SETTINGS = Path(__file__).parent / "gunicorn.conf.py"


class LaunchSettings(AwsSettings):
    """Settings of a server's entrance."""

    port: int = Field(default=8000, ge=1, le=65535, description="Port on which the server listens, on all addresses.")
    settings_parameter: str = Field(
        default="", description="Name of the SSM parameter that holds the servers' settings; where empty none is read."
    )
    servers_secret: str = Field(
        default="", description="Name of the secret that holds the servers' secrets; where empty none is read."
    )


Read = Callable[[LaunchSettings, bool], Mapping[str, str]]


def main(arguments: Sequence[str], read: Read, become: Callable[[Sequence[str], Mapping[str, str]], None]) -> None:
    """``read`` fetches what AWS keeps, ``become`` replaces this process. An error is one line, and exit code 1: systemd
    tries again."""
    try:
        if len(arguments) != 1 or arguments[0] not in SERVERS:
            raise ConfigurationError(f"Say which server to launch: {', '.join(SERVERS)}.")
        (name,) = arguments
        settings = LaunchSettings.from_environment()
        environment = {**read(settings, SERVERS[name]), **os.environ}
    except GasError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from None
    command = [sys.executable, "-m", "gunicorn", "-c", str(GUNICORN_SETTINGS)]
    become([*command, "--bind", f"0.0.0.0:{settings.port}", f"{name}.wsgi:app"], environment)


def read_from_aws(settings: LaunchSettings, with_secrets: bool) -> dict[str, str]:
    """Environment variables for the server. Raises `GasError`."""
    found: dict[str, str] = {}
    if settings.settings_parameter:
        found |= ServerSettings(client(settings, "ssm"), settings.settings_parameter).read()
    if settings.servers_secret and with_secrets:
        found |= ServerSecrets(client(settings, "secretsmanager"), settings.servers_secret).read()
    return {name: value for name, value in found.items() if name.startswith("GAS_")}


def _become(command: Sequence[str], environment: Mapping[str, str]) -> None:
    os.execve(command[0], list(command), dict(environment))  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:], read_from_aws, _become)
