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


ACCIDENTS: Mapping[str, Mapping[str, set[Call]]] = {
    "frontend": {
        "a payment fails": {("dynamodb:PutItem", "table/MailsTable")},
        "files in the archive are wished for, or their job is cancelled": {("sns:Publish", "RestoreRequestsTopic")},
        "a job is deleted while its results are uploaded": {("s3:AbortMultipartUpload", "ResultsBucket/*")},
    },
    "functions": {
        "a copy of more than 5 GiB breaks off": {
            ("s3:AbortMultipartUpload", "InputsBucket/*"),
            ("s3:AbortMultipartUpload", "ResultsBucket/*"),
        },
        "a file is deleted while it is on its way back": {
            ("s3:ListBucket", "InputsBucket"),
            ("s3:ListBucket", "ResultsBucket"),
        },
    },
    "annotator_hook": {
        "an upload of many parts breaks off": {("s3:AbortMultipartUpload", "ResultsBucket/*")},
        "an operator replays the message of a job that was given up": {("sns:Publish", "JobRequestsTopic")},
        "a job is deleted, or taken over by another annotator, while it runs": {
            ("s3:DeleteObject", "ResultsBucket/*"),
            ("s3:ListBucket", "InputsBucket"),
            ("s3:ListBucketMultipartUploads", "ResultsBucket"),
        },
    },
    "util_hook": {
        "an account has more jobs than are seen to at once": {("sns:Publish", "AccountChangesTopic")},
        "the reconciliation finds another plan at Stripe": {("dynamodb:PutItem", "table/AuditTable")},
        "files are deleted while they are uploaded or copied": {
            ("s3:AbortMultipartUpload", "InputsBucket/*"),
            ("s3:AbortMultipartUpload", "ResultsBucket/*"),
        },
    },
}
"""What happens only at the right moment, so that no test of whole servers waits for it: when → calls."""


def load() -> dict[str, set[Call]]:
    """What is recorded, by caller."""
    recorded = json.loads(RECORDED.read_text())
    return {
        caller: {(action, resource) for action, resources in actions.items() for resource in resources}
        for caller, actions in recorded.items()
    }


def of_accidents(caller: str) -> set[Call]:
    """All of its `ACCIDENTS`."""
    return {call for each in ACCIDENTS[caller].values() for call in each}


def of_kind(recorded: set[Call]) -> set[Call]:
    """What a server does to one of its channels it does to all of them, by the same code, when something goes wrong; and
    it asks again for a confirmation that SNS sent before the server was there."""
    queues = {queue for action, queue in recorded if action == "sqs:GetQueueAttributes"}
    topics = {topic for action, topic in recorded if action == "sns:ConfirmSubscription"}
    done = {action for action, _ in recorded if action.startswith("sqs:")}
    return {(action, queue) for action in done for queue in queues} | {("sns:Subscribe", topic) for topic in topics}


def expected(caller: str) -> set[Call]:
    """All that it may be seen to call."""
    recorded = load()[caller]
    return recorded | of_kind(recorded) | of_accidents(caller)


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
        new = {caller: sorted(each - expected(caller)) for caller, each in made(gas).items()}
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
    for each in together.values():
        each -= {(action, topic) for action, topic in of_kind(each) if action == "sns:Subscribe"}  # by chance
    RECORDED.write_text(json.dumps(_as_json(together), indent=2) + "\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
