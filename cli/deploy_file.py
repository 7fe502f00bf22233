"""The file that says what a deployment is: its name, its region, parameters of its stacks, settings of its servers."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings

from annotator_hook.settings import AnnotatorSettings
from frontend.settings import FrontendSettings
from shared.core.errors import ConfigurationError
from util_hook.settings import UtilSettings

EXAMPLE: Final = "deploy/deployment.example.toml"
SERVERS: Final[Mapping[str, type[BaseSettings]]] = {
    "frontend": FrontendSettings,
    "annotator_hook": AnnotatorSettings,
    "util_hook": UtilSettings,
}
SECRETS: Final = ("GAS_SECRET_KEY", "GAS_STRIPE_KEY", "GAS_STRIPE_WEBHOOK_SECRETS")
"""Settings that are kept in Secrets Manager, and never in a file."""
_LOCAL = "it is for the local cloud"
_UNWRITABLE = "servers may write to the folder of its default, and to few others"
NOT_ON_AWS: Final[Mapping[str, str]] = {
    "GAS_ENDPOINT_URL": _LOCAL,
    "GAS_EXTRA_CERTIFICATE_ORIGIN": _LOCAL,
    "GAS_MAILBOX_URL": _LOCAL,
    "GAS_STRIPE_API": _LOCAL,
    "GAS_SUBSCRIBE_AT_START": "nobody but the servers subscribes them",
    "GAS_PACKS_DIR": "annotators look where their packs are copied to",
    "GAS_RESULTS_CACHE_DIR": _UNWRITABLE,
    "GAS_WORK_DIR": _UNWRITABLE,
}
"""Settings with which servers on AWS would not get ready, or would do nothing, and why."""


def _text(value: object) -> object:
    """TOML's numbers and truths, as environment variables and CloudFormation write them."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_text)]


class Deployment(BaseModel):
    """One deployment of GAS on AWS."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(default="gas", pattern=r"^[a-z][a-z0-9-]{0,19}$")
    region: str = Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")
    parameters: dict[str, Text]
    settings: dict[str, Text]

    @property
    def chosen(self) -> dict[str, str]:
        """The parameters that are not left to the stacks by being empty."""
        return {name: value for name, value in self.parameters.items() if value}

    @property
    def url(self) -> str:
        """Where people reach the pages, and SNS the hooks."""
        return f"https://{self.parameters['DomainName']}"

    @property
    def settings_parameter(self) -> str:
        """Name of the SSM parameter of the servers' settings."""
        return f"/gas/{self.name}/settings"

    @property
    def servers_secret(self) -> str:
        """Name of the servers' secret."""
        return f"{self.name}/servers"


def read(path: Path) -> Deployment:
    """Raises `ConfigurationError` with one line that says what is wrong with the file."""
    try:
        found = tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise ConfigurationError(f"There is no {path}: copy {EXAMPLE} to it, and say what you want deployed.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from None
    try:
        deployment = Deployment.model_validate(found)
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {_complaints(error, '')}") from None
    _check_parameters(path, deployment)
    _check_settings(path, deployment)
    return deployment


def check_servers(told: Mapping[str, str]) -> None:
    """Whether each server starts when it is told this. Raises `ConfigurationError` that names each wrong setting; values
    are never repeated."""
    for name, settings in SERVERS.items():
        given = {key.removeprefix("GAS_").lower(): value for key, value in told.items()}
        try:
            _without_environment(settings)(**given)
        except ValidationError as error:
            raise ConfigurationError(f"The {name} would not start: {_complaints(error, 'GAS_')}") from None


def _check_parameters(path: Path, deployment: Deployment) -> None:
    for name, why in (
        ("DomainName", "the host name of pages and pushes, such as gas.example.org"),
        ("MailIdentity", "the domain that e-mail is sent from"),
    ):
        if not deployment.parameters.get(name):
            raise ConfigurationError(f"{path}: say {name} under [parameters]: {why}.")
    identity = deployment.parameters["MailIdentity"].lower()
    sender = parseaddr(deployment.settings.get("GAS_MAIL_FROM", ""))[1].lower()
    domain = sender.rpartition("@")[2]
    if identity != sender and identity != domain and not domain.endswith(f".{identity}"):
        raise ConfigurationError(
            f"{path}: GAS_MAIL_FROM under [settings] is not an address of {identity}, which MailIdentity names."
        )


def _check_settings(path: Path, deployment: Deployment) -> None:
    known = {f"GAS_{field.upper()}" for settings in SERVERS.values() for field in settings.model_fields}
    for name in deployment.settings:
        if name in SECRETS:
            raise ConfigurationError(f"{path}: {name} is a secret; gas deploy up asks for it. Take it out of the file.")
        if name in NOT_ON_AWS:
            raise ConfigurationError(f"{path}: {name} is not for AWS: {NOT_ON_AWS[name]}. Take it out of the file.")
        if name not in known:
            raise ConfigurationError(f"{path}: no server has a setting {name}; docs/settings.md lists all.")


def _without_environment(settings: type[BaseSettings]) -> Callable[..., BaseSettings]:
    """What this machine's environment happens to say is not what servers are told."""

    class Told(settings):  # type: ignore[valid-type,misc]  # a class, chosen at run time
        @classmethod
        def settings_customise_sources(cls, *_: Any, init_settings: Any, **__: Any) -> tuple[Any, ...]:
            return (init_settings,)

    return Told


def _complaints(error: ValidationError, prefix: str) -> str:
    return "; ".join(
        f"{prefix}{'.'.join(str(part) for part in item['loc']).upper() if prefix else '.'.join(map(str, item['loc']))}: "
        f"{item['msg']}"
        for item in error.errors(include_url=False, include_input=False, include_context=False)
    )
