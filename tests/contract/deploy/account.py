"""An account in which `gas deploy` has five small stacks to make, on moto."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from moto.cloudformation.models import CloudFormationBackend, cloudformation_backends

from cli import deploy
from cli.deploy_cloud import Cloud, connect
from cli.deploy_file import read
from cli.deploy_templates import load
from cli.main import gas
from deploy.servers.release import Release
from shared.aws.mail_identity import MailIdentity
from shared.aws.session import client
from shared.core.settings import AwsSettings
from tests import deployment

REGION = "eu-central-1"
NAMES = ["gas-network", "gas", "gas-roles", "gas-servers", "gas-alarms"]
ACCESS = AwsSettings(region=REGION)


class Account:
    """An account, and a checkout of which a release is built."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.file = folder / "deployment.toml"
        self.file.write_text(deployment.FILE)
        self.templates = folder / "templates"
        self.templates.mkdir()
        deployment.templates(self.templates)
        self.mail: MailIdentity | None = MailIdentity(True, (), True)
        self.subscriptions = deployment.pushed("https://gas.example.org")
        self.readiness = ""
        self.commit = b"the first"
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(deploy, "load", lambda: load(self.templates))
        monkeypatch.setattr(deploy, "build", self._build)
        monkeypatch.setattr(deploy, "connect", lambda _: self._cloud)
        monkeypatch.setattr(deploy, "_readiness", lambda _: self.readiness)

    def _build(self, root: Path, folder: Path) -> Release:
        path = self.folder / "release.tar"
        path.write_bytes(self.commit)
        return Release(path, hashlib.sha256(self.commit).hexdigest(), "c0ffee")

    @functools.cached_property
    def _cloud(self) -> Cloud:
        return dataclasses.replace(
            connect(read(self.file), ACCESS), mail_identity=lambda _: self.mail, subscriptions=self.subscriptions
        )

    def run(self, *arguments: str, ok: bool = True, **environment: str) -> Result:
        result = CliRunner().invoke(gas, ["deploy", *arguments, "--file", str(self.file)], env=environment)
        assert not ok or result.exit_code == 0, f"{result.output}{result.exception}"
        return result

    def up(self, *options: str) -> Result:
        return self.run("up", *options, GAS_STRIPE_KEY="rk_live_1", GAS_STRIPE_WEBHOOK_SECRETS="whsec_1")

    def rewrite(self, template: str, change: Callable[[str], str]) -> None:
        path = self.templates / f"{template}.yaml"
        path.write_text(change(path.read_text()))

    @property
    def stacks(self) -> dict[str, str]:
        found = client(ACCESS, "cloudformation").describe_stacks()["Stacks"]
        return {stack["StackName"]: stack["StackStatus"] for stack in found}

    def outputs(self, name: str) -> dict[str, str]:
        (stack,) = client(ACCESS, "cloudformation").describe_stacks(StackName=name)["Stacks"]
        return {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}

    def parameters(self, name: str) -> dict[str, str]:
        (stack,) = client(ACCESS, "cloudformation").describe_stacks(StackName=name)["Stacks"]
        return {item["ParameterKey"]: item["ParameterValue"] for item in stack["Parameters"]}

    @property
    def secrets(self) -> dict[str, str]:
        text = client(ACCESS, "secretsmanager").get_secret_value(SecretId="gas/servers")["SecretString"]
        found: dict[str, str] = json.loads(text)
        return found

    @property
    def settings(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(
            client(ACCESS, "ssm").get_parameter(Name="/gas/gas/settings")["Parameter"]["Value"]
        )
        return found

    @property
    def told(self) -> dict[str, str]:
        """The settings of which the servers stack speaks."""
        version = self.parameters("gas-servers")["SettingsVersion"]
        parameter = client(ACCESS, "ssm").get_parameter(Name=f"/gas/gas/settings:{version}")["Parameter"]
        found: dict[str, str] = json.loads(parameter["Value"])
        return found

    def set_upload_mib(self, mib: int) -> None:
        self.file.write_text(deployment.FILE.replace("GAS_MAX_UPLOAD_MIB = 80", f"GAS_MAX_UPLOAD_MIB = {mib}"))

    def fail_changes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Changes of stacks are rolled back, as moto never does it."""

        def roll_back(backend: CloudFormationBackend, change_set_name: str, stack_name: str | None = None) -> None:
            stack = backend.stacks[backend.change_sets[change_set_name].stack_id]
            stack._add_stack_event("UPDATE_IN_PROGRESS")
            stack._add_stack_event("UPDATE_ROLLBACK_COMPLETE")
            stack.status = "UPDATE_ROLLBACK_COMPLETE"

        monkeypatch.setattr(CloudFormationBackend, "execute_change_set", roll_back)

    def moto_stack(self, name: str) -> Any:
        return cloudformation_backends["123456789012"][REGION].get_stack(name)
