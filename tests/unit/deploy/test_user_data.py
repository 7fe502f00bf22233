"""What a new server runs first: run here, with folders and commands of the test in place of the machine's."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.deploy.templates import properties

SUCCESS = "--unique-id i-0abc --status SUCCESS"
KINDS = {"Frontend": "frontend", "Annotator": "annotator_hook", "Util": "util_hook"}

AWS = """#!/bin/bash
echo "$*" >>"$CALLS"
if [ "$1 $2" = "s3 cp" ]; then cp "$ARCHIVE" "${@: -1}"; fi
"""
SHUTDOWN = """#!/bin/bash
echo "shutdown $*" >>"$CALLS"
"""


def script(kind: str) -> str:
    """As the template has it."""
    text: str = properties(("servers", f"{kind}Template"))["LaunchTemplateData"]["UserData"]["Fn::Base64"]["Sub"]
    return text


def test_it_is_the_same_for_all_but_for_names() -> None:
    plain = set()
    for kind, server in KINDS.items():
        text = re.sub(r"GAS_(PORT|LIFECYCLE_HOOK)=\w+\n|# Secrets: .+\n", "", script(kind)).replace(
            f"={server}\n", "=\n"
        )
        plain.add(re.sub(rf"{kind}Group|{kind}Log|\}}-{kind.lower()}\n", "", text))
    assert len(plain) == 1


@dataclass
class Machine:
    """A machine that was just started."""

    folder: Path
    archive: Path

    def start(self, kind: str = "Annotator", *, sha256: str | None = None) -> subprocess.CompletedProcess[str]:
        """The user data, run to its end."""
        values = {
            "AWS::StackName": "gas-servers",
            "AWS::Region": "eu-central-1",
            "Deployment": "gas",
            "ArtifactsBucket": "releases-bucket",
            "ReleaseKey": "releases/r.tar",
            "ReleaseSha256": sha256 or hashlib.sha256(self.archive.read_bytes()).hexdigest(),
            "SettingsVersion": "7",
            "SecretsVersion": "b1f4",
            f"{kind}Log": f"gas-{kind.lower()}",
        }
        text = re.sub(r"\$\{([\w:]+)\}", lambda found: values[found[1]], script(kind))
        for path in ("/etc/gas", "/opt/gas", "/var/lib/cloud/data/instance-id"):
            text = text.replace(path, f"{self.folder}{path}")
        environment = {
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
            "CALLS": str(self.folder / "calls"),
            "ARCHIVE": str(self.archive),
        }
        return subprocess.run(["bash", "-c", text], env=environment, capture_output=True, text=True, check=False)

    @property
    def calls(self) -> list[str]:
        """Of the AWS CLI, and of shutdown."""
        return (self.folder / "calls").read_text().splitlines()

    @property
    def installed(self) -> list[str]:
        """The names in /opt/gas."""
        return [path.name for path in (self.folder / "opt/gas").iterdir()]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    for name, text in (("aws", AWS), ("shutdown", SHUTDOWN)):
        command = tmp_path / "bin" / name
        command.parent.mkdir(exist_ok=True)
        command.write_text(text)
        command.chmod(0o755)
    for name in ("opt", "var/lib/cloud/data"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "var/lib/cloud/data/instance-id").write_text("i-0abc\n")
    return Machine(tmp_path, release(tmp_path, 'env | grep ^GAS_ >"$(dirname "$0")/told"'))


def release(folder: Path, installs: str) -> Path:
    """An archive whose deploy/servers/user-data.sh does that."""
    inside = folder / "release" / "deploy" / "servers" / "user-data.sh"
    inside.parent.mkdir(parents=True, exist_ok=True)
    inside.write_text(f"#!/bin/bash\nset -e\n{installs}\n")
    inside.chmod(0o755)
    archive = folder / "release.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(folder / "release" / "deploy", "deploy")
    return archive


@pytest.mark.parametrize(("kind", "server"), KINDS.items())
def test_the_release_is_installed_and_told_which_server_it_is(machine: Machine, kind: str, server: str) -> None:
    assert machine.start(kind).returncode == 0
    told = (machine.folder / "opt/gas/deploy/servers/told").read_text().splitlines()
    assert {f"GAS_SERVER={server}", "GAS_DEPLOYMENT=gas", "GAS_TRUSTED_PROXIES=1"} <= set(told)
    assert {"GAS_SETTINGS_PARAMETER=/gas/gas/settings:7", "GAS_SERVERS_SECRET=gas/servers"} <= set(told)
    assert f"GAS_LOG_GROUP=gas-{kind.lower()}" in told
    assert (machine.folder / "etc/gas/server.env").read_text().splitlines()[0] == f"GAS_SERVER={server}"
    assert machine.calls == [
        f"s3 cp --no-progress s3://releases-bucket/releases/r.tar {machine.folder}/opt/gas-release.tar",
        f"cloudformation signal-resource --stack-name gas-servers --logical-resource-id {kind}Group {SUCCESS}",
    ]


def test_another_archive_than_the_one_that_was_deployed_is_refused(machine: Machine) -> None:
    assert machine.start(sha256="0" * 64).returncode != 0
    assert machine.installed == []
    assert machine.calls[1].endswith("--status FAILURE")
    assert machine.calls[2].startswith("shutdown")


def test_a_server_that_does_not_get_ready_makes_room_for_another(machine: Machine) -> None:
    release(machine.folder, "exit 3")
    assert machine.start().returncode == 3
    assert machine.calls[1].endswith("--status FAILURE")
    assert machine.calls[2].startswith("shutdown")


def test_a_server_that_is_added_while_nobody_updates_does_not_mind_that_nobody_listens(machine: Machine) -> None:
    with (machine.folder / "bin/aws").open("a") as aws:
        aws.write('[ "$1" != cloudformation ]\n')
    assert machine.start().returncode == 0
    assert not any(call.startswith("shutdown") for call in machine.calls)
