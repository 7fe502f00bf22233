"""What servers on AWS are told at their start: settings in an SSM parameter, secrets in one of Secrets Manager.

Both are JSON objects of text: environment variable → value. `gas deploy` writes them, `deploy.servers.launch` reads them.
Of settings every version is kept by SSM, the latest hundred: servers of an older release read those that they were started
with. Of secrets the present ones are read, always.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from shared.aws.errors import code_of, translated
from shared.core.errors import ConfigurationError

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_ssm import SSMClient
    from types_boto3_ssm.type_defs import ParameterTypeDef

_MISSING = frozenset({"ParameterNotFound", "ParameterVersionNotFound"})


class ServerSettings:
    """The settings of one deployment. Every method raises `GasError`."""

    def __init__(self, ssm: SSMClient, parameter: str) -> None:
        """``parameter`` is its name; where they are only read, also ``name:version``."""
        self._ssm, self._parameter = ssm, parameter

    def read(self, version: str = "") -> dict[str, str]:
        """Those of a version, or the latest. Raises `ConfigurationError` where there are none."""
        name, found = self._name(version), self._find(version)
        if found is None:
            raise ConfigurationError(f"There is no SSM parameter {name}: run gas deploy up.")
        return _texts(found["Value"], f"The SSM parameter {name}")

    def version_of(self, settings: Mapping[str, str], told: str = "") -> str:
        """The version that has these settings: ``told``, which servers have already, where that does; else the latest,
        or the one that `write` would make."""
        told_then = self._find(told) if told else None
        if told_then is not None and told_then["Value"] == _json(settings):
            return told
        latest = self._find()
        if latest is None:
            return "1"
        return str(latest["Version"] + (latest["Value"] != _json(settings)))

    def write(self, settings: Mapping[str, str]) -> None:
        """A new version, unless the latest says the same."""
        latest = self._find()
        if latest is not None and latest["Value"] == _json(settings):
            return
        with translated("SSM"):
            self._ssm.put_parameter(
                Name=self._parameter,
                Description="What the servers of GAS are told at their start. Written by gas deploy.",
                Value=_json(settings),
                Type="String",
                Tier="Intelligent-Tiering",  # more than 4 KiB costs a little; long names of a deployment may need it
                Overwrite=True,
            )

    def delete(self) -> None:
        """Nothing happens where there are none."""
        with translated("SSM"):
            self._ssm.delete_parameters(Names=[self._parameter])

    def _name(self, version: str) -> str:
        return f"{self._parameter}:{version}" if version else self._parameter

    def _find(self, version: str = "") -> ParameterTypeDef | None:
        with translated("SSM"):
            try:
                return self._ssm.get_parameter(Name=self._name(version))["Parameter"]
            except ClientError as error:
                if code_of(error) not in _MISSING:
                    raise
                return None


class ServerSecrets:
    """The secrets of one deployment. Every method raises `GasError`."""

    def __init__(self, secretsmanager: SecretsManagerClient, name: str) -> None:
        self._secretsmanager, self._name = secretsmanager, name

    def find(self) -> dict[str, str] | None:
        """None where there are none yet."""
        with translated("Secrets Manager"):
            try:
                text = self._secretsmanager.get_secret_value(SecretId=self._name)["SecretString"]
            except ClientError as error:
                if code_of(error) != "ResourceNotFoundException":
                    raise
                return None
        return _texts(text, f"The secret {self._name}")

    def read(self) -> dict[str, str]:
        """Raises `ConfigurationError` where there are none."""
        found = self.find()
        if found is None:
            raise ConfigurationError(f"There is no secret {self._name} in Secrets Manager: run gas deploy up.")
        return found

    def write(self, secrets: Mapping[str, str]) -> None:
        """Takes the place of what is there."""
        with translated("Secrets Manager"):
            try:
                self._secretsmanager.put_secret_value(SecretId=self._name, SecretString=_json(secrets))
            except ClientError as error:
                if code_of(error) != "ResourceNotFoundException":
                    raise
                self._secretsmanager.create_secret(
                    Name=self._name,
                    Description="The secrets of GAS's servers. Changed by gas deploy rotate.",
                    SecretString=_json(secrets),
                )

    def version(self) -> str:
        """Changes with every `write`, and says nothing of what was written. Empty where there are none."""
        with translated("Secrets Manager"):
            try:
                return self._secretsmanager.get_secret_value(SecretId=self._name)["VersionId"]
            except ClientError as error:
                if code_of(error) != "ResourceNotFoundException":
                    raise
                return ""

    def delete(self) -> None:
        """For good, at once. Nothing happens where there are none."""
        with translated("Secrets Manager"):
            try:
                self._secretsmanager.delete_secret(SecretId=self._name, ForceDeleteWithoutRecovery=True)
            except ClientError as error:
                if code_of(error) != "ResourceNotFoundException":
                    raise


def _json(values: Mapping[str, str]) -> str:
    return json.dumps(dict(sorted(values.items())), indent=1)


def _texts(text: str, what: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ConfigurationError(f"{what} is not a JSON object of text. Mend it, or write it anew with gas deploy up.")
    return found
