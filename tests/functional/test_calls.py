"""What servers on AWS call before and after their work, so that it is among the calls that roles are compared with."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests import calls
from tests.whole import Gas

START = """
import sys
from deploy.servers.launch import SERVERS, LaunchSettings, read_from_aws
sys.stdout.write(",".join(read_from_aws(LaunchSettings.from_environment(), SERVERS[sys.argv[1]])))
"""
END = """
from deploy.servers.lifecycle import LifecycleSettings
from shared.aws.autoscaling import LifecycleHook
from shared.aws.session import client
settings = LifecycleSettings.from_environment()
hook = LifecycleHook(client(settings, "autoscaling"), group=settings.auto_scaling_group, hook=settings.lifecycle_hook)
hook.complete("i-0123456789abcdef0")
"""


def run(gas: Gas, server: str, script: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **gas.environment,
        "AWS_ACCESS_KEY_ID": server,
        "AWS_SECRET_ACCESS_KEY": "local",
        "GAS_ENDPOINT_URL": gas.cloud_url,
        "GAS_SETTINGS_PARAMETER": "/gas/gas/settings",
        "GAS_SERVERS_SECRET": "gas/servers",
        "GAS_AUTO_SCALING_GROUP": f"gas-{server.removesuffix('_hook')}",
        "GAS_LIFECYCLE_HOOK": "drain",
    }
    command = [sys.executable, "-c", script, server]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def told(gas: Gas) -> Gas:
    """With what `gas deploy` writes for servers."""
    gas.aws("ssm").put_parameter(Name="/gas/gas/settings", Value=json.dumps({"GAS_JOBS_TABLE": "jobs"}), Type="String")
    gas.aws("secretsmanager").create_secret(Name="gas/servers", SecretString=json.dumps({"GAS_SECRET_KEY": "s"}))
    return gas


def test_what_a_server_reads_at_its_start_is_recorded(told: Gas) -> None:
    assert {name: run(told, name, START).stdout for name in ("frontend", "annotator_hook", "util_hook")} == {
        "frontend": "GAS_JOBS_TABLE,GAS_SECRET_KEY",
        "annotator_hook": "GAS_JOBS_TABLE",
        "util_hook": "GAS_JOBS_TABLE,GAS_SECRET_KEY",
    }
    found = calls.made(told)
    settings = ("ssm:GetParameter", "parameter/gas/gas/settings")
    secrets = ("secretsmanager:GetSecretValue", "secret:gas/servers-??????")
    assert {name for name, each in found.items() if settings in each} == {"annotator_hook", "frontend", "util_hook"}
    assert {name for name, each in found.items() if secrets in each} == {"frontend", "util_hook"}


@pytest.mark.parametrize("server", ["annotator_hook", "util_hook"])
def test_the_end_of_an_instance_is_recorded(gas: Gas, server: str) -> None:
    run(gas, server, END)  # it fails: moto does not know the action
    group = f"autoScalingGroup:*:autoScalingGroupName/gas-{server.removesuffix('_hook')}"
    assert ("autoscaling:CompleteLifecycleAction", group) in calls.made(gas)[server]
