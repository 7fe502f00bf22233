"""Dockerfile and compose.yaml, as far as they can be judged without Docker."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.servers.launch import SERVERS
from deploy.servers.release import CODE, FILES, LOCAL_ONLY

ROOT = Path(__file__).parents[3]
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_there_is_one_container_for_each_server() -> None:
    assert sorted(service["command"][0] for service in SERVICES.values()) == sorted(SERVERS)


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_a_container_is_shut_off_from_its_machine(service: Any) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_a_container_listens_on_the_port_that_is_published_and_has_time_to_end_in_order(service: Any) -> None:
    told = service["environment"]
    assert service["ports"] == [f"127.0.0.1:{told['GAS_PORT']}:{told['GAS_PORT']}"]
    assert int(service["stop_grace_period"].removesuffix("s")) > 25 + told["GAS_DRAIN_NOTICE_SECONDS"]


def test_the_image_runs_the_servers_entrance_as_nobody_special() -> None:
    entrance, user = (re.findall(rf"^{word} (.+)$", DOCKERFILE, re.MULTILINE) for word in ("ENTRYPOINT", "USER"))
    assert "deploy.servers.launch" in entrance[-1]
    assert user == ["gas"]


def test_the_image_leaves_out_what_the_local_cloud_alone_needs() -> None:
    left_out = set(re.findall(r"grep -v '\^(\w+)'", DOCKERFILE))
    assert left_out == LOCAL_ONLY


def test_the_image_is_made_of_what_a_release_is_made_of() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == {*CODE, *FILES}
