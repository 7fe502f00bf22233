"""What makes a Debian machine a server: the scripts and units as the tools that know them see them, and the script run
here, with folders and commands of the test in place of the machine's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SERVERS = ROOT / "deploy" / "servers"
SCRIPTS = [*sorted(SERVERS.glob("*.sh")), ROOT / ".ci" / "run"]
UNITS = sorted((SERVERS / "systemd").glob("*.service"))
PACKAGE = (
    "https://amazoncloudwatch-agent-eu-central-1.s3.eu-central-1.amazonaws.com/debian/amd64/latest/"
    "amazon-cloudwatch-agent.deb"
)
LOG = "/var/log/gas/gas.log"
MOST_EXPOSED = {"gas.service": 20, "gas-lifecycle.service": 30}
"""Tenths of points of `systemd-analyze security`: 0 is shut off from everything, 100 from nothing."""

STUB = """#!/bin/bash
echo "$(basename "$0") $*" >>"$CALLS"
"""
PYTHON = """#!/bin/bash
case "$*" in
    "-m venv"*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && cp "$(dirname "$0")/systemctl" "$3/bin/pip" ;;
    *amazon-cloudwatch-agent*) echo "fetched $3" >>"$CALLS"; [ -z "$NO_AGENT" ] && touch "$4" ;;
    *urlopen*) echo "asked ${@: -1}" >>"$CALLS"; [ -z "$NEVER_READY" ] ;;
esac
"""
APT_GET = (
    STUB
    + """
if [[ "${@: -1}" == *.deb ]]; then mkdir -p "$AGENT/etc" "$AGENT/bin" && cp "$0" "$AGENT/bin/amazon-cloudwatch-agent-ctl"; fi
"""
)


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_has_nothing_to_say(script: Path) -> None:
    done = subprocess.run(["shellcheck", str(script)], capture_output=True, text=True, check=False)
    assert done.stdout == ""
    assert done.returncode == 0


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_understands_every_line_of_the_units(tmp_path: Path) -> None:
    python = tmp_path / "opt/gas/venv/bin/python"
    python.parent.mkdir(parents=True)
    python.touch(mode=0o755)
    for unit in UNITS:
        (tmp_path / unit.name).write_text(unit.read_text().replace("/opt/gas", f"{tmp_path}/opt/gas"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / unit.name) for unit in UNITS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_units_are_shut_off_from_the_machine(unit: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED[unit.name]}", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-500:]


@dataclass
class Machine:
    """A machine that has the release."""

    folder: Path

    def make_server(self, server: str, **more: str) -> subprocess.CompletedProcess[str]:
        """The script, run to its end."""
        text = (SERVERS / "user-data.sh").read_text()
        for path in ("/opt/gas", "/opt/aws", "/opt/amazon", "/var/l", "/etc/systemd", "/etc/logrotate.d"):
            text = text.replace(path, f"{self.folder}{path}")
        environment = {
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
            "CALLS": str(self.folder / "calls"),
            "NEVER_READY": "",
            "NO_AGENT": "",
            "AGENT": str(self.agent),
            "GAS_REGION": "eu-central-1",
            "GAS_LOG_GROUP": "gas-of-a-test",
            "GAS_SERVER": server,
            "GAS_PORT": "8001",
            "GAS_ARTIFACTS_BUCKET": "releases-bucket",
            **more,
        }
        return subprocess.run(["bash", "-c", text], env=environment, capture_output=True, text=True, check=False)

    @property
    def agent(self) -> Path:
        """The folder of Amazon's agent."""
        return self.folder / "opt/aws/amazon-cloudwatch-agent"

    @property
    def calls(self) -> list[str]:
        """Commands that were given, but for those that wait."""
        lines = (self.folder / "calls").read_text().splitlines()
        return [line for line in lines if not line.startswith("sleep")]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "bin").mkdir()
    for name in ("aws", "chgrp", "id", "journalctl", "logrotate", "sleep", "systemctl", "useradd"):
        (tmp_path / "bin" / name).write_text(STUB)
    (tmp_path / "bin/apt-get").write_text(APT_GET)
    (tmp_path / "bin/python3").write_text(PYTHON)
    for command in (tmp_path / "bin").iterdir():
        command.chmod(0o755)
    shutil.copytree(SERVERS / "systemd", tmp_path / "opt/gas/deploy/servers/systemd")
    shutil.copy(SERVERS / "logrotate.conf", tmp_path / "opt/gas/deploy/servers")
    for folder in ("etc/systemd/system", "etc/logrotate.d", "var/log"):
        (tmp_path / folder).mkdir(parents=True)
    return Machine(tmp_path)


def test_a_server_is_installed_and_started_and_its_log_is_sent(machine: Machine) -> None:
    done = machine.make_server("frontend")
    assert done.returncode == 0, done.stderr
    gas = machine.folder / "opt/gas"
    assert machine.calls == [
        "id gas",
        (
            f"pip install --quiet --disable-pip-version-check --no-index --find-links {gas}/wheels "
            f"-r {gas}/wheels/requirements.txt"
        ),
        "systemctl daemon-reload",
        "systemctl enable --quiet gas.service",
        "systemctl restart --no-block gas.service",
        f"fetched {PACKAGE}",
        f"apt-get -o DPkg::Lock::Timeout=60 install -y -qq {machine.folder}/opt/amazon-cloudwatch-agent.deb",
        f"chgrp cwagent {machine.folder}/var/log/gas {machine.folder}{LOG}",
        f"amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s -c file:{machine.agent}/etc/gas.json",
        "asked http://127.0.0.1:8001/readyz",
    ]
    installed = {path.name for path in (machine.folder / "etc/systemd/system").iterdir()}
    assert installed == {unit.name for unit in UNITS}


def test_the_log_goes_to_the_group_that_the_server_was_told_in_a_stream_of_its_instance(machine: Machine) -> None:
    assert machine.make_server("frontend", GAS_LOG_GROUP="gas-frontend").returncode == 0
    told = json.loads((machine.agent / "etc/gas.json").read_text())
    assert told["logs"]["logs_collected"]["files"]["collect_list"] == [
        {"file_path": f"{machine.folder}{LOG}", "log_group_name": "gas-frontend", "log_stream_name": "{instance_id}"}
    ]
    assert told["agent"] == {"run_as_user": "cwagent"}
    assert "retention" not in json.dumps(told)  # the template's; the agent would ask for more permissions


@pytest.mark.parametrize("missing", ["the package", "the right to install it", "its configuration"])
def test_a_server_whose_log_cannot_be_sent_starts_all_the_same_and_says_so(machine: Machine, missing: str) -> None:
    fails = "#!/bin/bash\nexit 1\n"
    if missing == "the right to install it":
        (machine.folder / "bin/apt-get").write_text(fails)
    elif missing == "its configuration":
        (machine.folder / "bin/chgrp").write_text(fails)
    done = machine.make_server("frontend", NO_AGENT="yes" if missing == "the package" else "")
    assert done.returncode == 0, done.stderr
    assert "The log of frontend is not sent to CloudWatch" in done.stderr
    assert machine.calls[-1].startswith("asked")


def test_what_is_sent_and_what_is_emptied_is_what_the_units_write() -> None:
    written = {line for unit in UNITS for line in unit.read_text().splitlines() if line.startswith("StandardOutput=")}
    assert written == {f"StandardOutput=append:{LOG}"}
    assert f"\n{LOG} {{\n" in (SERVERS / "logrotate.conf").read_text()


def test_an_annotator_gets_the_packs_before_it_starts(machine: Machine) -> None:
    assert machine.make_server("annotator_hook").returncode == 0
    packs = f"{machine.folder}/var/lib/gas/packs"
    sync = f"aws s3 sync --no-progress --only-show-errors s3://releases-bucket/packs/ {packs}"
    assert machine.calls.index(sync) < machine.calls.index("systemctl restart --no-block gas.service")


def test_where_auto_scaling_waits_for_the_end_of_a_server_somebody_watches_for_it(machine: Machine) -> None:
    assert machine.make_server("util_hook", GAS_LIFECYCLE_HOOK="drain").returncode == 0
    assert "systemctl enable --quiet --now gas-lifecycle.service" in machine.calls


def test_a_server_that_does_not_get_ready_fails_with_its_last_words(machine: Machine) -> None:
    log = machine.folder / LOG[1:]
    log.parent.mkdir(parents=True)
    log.write_text("GAS_PUBLIC_URL is missing\n")
    done = machine.make_server("util_hook", NEVER_READY="yes")
    assert done.returncode == 1
    assert "util_hook did not get ready" in done.stderr
    assert "GAS_PUBLIC_URL is missing" in done.stderr
    assert machine.calls[-1].startswith("journalctl --unit gas.service")


def test_the_script_may_be_run_again(machine: Machine) -> None:
    assert machine.make_server("frontend").returncode == 0
    assert machine.make_server("frontend").returncode == 0
