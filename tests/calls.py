"""What servers call of AWS, as the tests of whole servers see it. ``make calls`` writes `RECORDED` from it, and
tests/unit/deploy/test_least_privilege.py compares that with the roles.

Resources are named as the outputs of the core stack are: ``table/JobsTable``.
"""

from __future__ import annotations

import json
import os
import re
import sys
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from tests.whole import Gas

RECORDED = Path(__file__).parent.parent / "deploy" / "stack" / "calls.json"
FOLDER = "GAS_TEST_CALLS"
"""The environment variable that names where each GAS that is ended leaves its calls; none are kept without it."""
CALLERS = ("annotator_hook", "frontend", "functions", "util_hook")
_OWN = {"example.org": "MailIdentity"}
"""Names that are parameters of the core stack."""

Call = tuple[str, str]
"""Action and resource."""


def load() -> dict[str, set[Call]]:
    """What is recorded, by caller."""
    recorded = json.loads(RECORDED.read_text())
    return {
        caller: {(action, resource) for action, resources in actions.items() for resource in resources}
        for caller, actions in recorded.items()
    }


def symbolic(arn: str, outputs: Mapping[str, str]) -> str:
    """An ARN without partition, region and account, in which names of resources are those of the stack's outputs."""
    names = {re.split("[/:]", value)[-1]: name for name, value in outputs.items()} | _OWN
    resource = arn if arn == "*" else arn.split(":", 5)[5]
    return "".join(names.get(part, part) for part in re.split("([/:])", resource))


def made(gas: Gas) -> dict[str, set[Call]]:
    """What the servers of this GAS called since its cloud was started."""
    found = defaultdict(set)
    outputs = gas.stack_outputs()
    for item in requests.get(f"{gas.cloud_url}/calls.json", timeout=10).json():
        if item["caller"] in CALLERS:
            found[item["caller"]].add((item["action"], symbolic(item["resource"], outputs)))
    return found


def keep(gas: Gas) -> None:
    """Where somebody asks for it."""
    if FOLDER in os.environ:
        path = Path(os.environ[FOLDER]) / f"{uuid.uuid4()}.json"
        try:
            path.write_text(json.dumps(_as_json(made(gas))))
        except (requests.RequestException, OSError, BotoCoreError, ClientError):
            return  # a test broke this cloud on purpose


def check(gas: Gas) -> None:
    """Fails where its servers called what is not recorded, unless that is being recorded."""
    if FOLDER not in os.environ:
        recorded = load()
        new = {caller: sorted(each - recorded.get(caller, set())) for caller, each in made(gas).items()}
        unknown = {caller: each for caller, each in new.items() if each}
        assert not unknown, (
            f"new calls of AWS; `make calls` records them, deploy/stack/roles.yaml allows them: {unknown}"
        )


def _as_json(calls: Mapping[str, Iterable[Call]]) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {}
    for caller, action, resource in sorted({(caller, *call) for caller, each in calls.items() for call in each}):
        found.setdefault(caller, {}).setdefault(action, []).append(resource)
    return found


def write(folder: Path) -> None:
    """Makes `RECORDED` of all that was kept there."""
    together: defaultdict[str, set[Call]] = defaultdict(set)
    for path in folder.glob("*.json"):
        kept: dict[str, Any] = json.loads(path.read_text())
        for caller, actions in kept.items():
            together[caller] |= {(action, resource) for action, names in actions.items() for resource in names}
    RECORDED.write_text(json.dumps(_as_json(together), indent=2) + "\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
