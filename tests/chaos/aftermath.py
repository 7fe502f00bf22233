"""What is to be seen of GAS when the storm is over."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.chaos.cases import items
from tests.chaos.faults import Storm
from tests.chaos.harm import SERVERS, FullDisk, Killer
from tests.chaos.people import Visit
from tests.whole import Gas

FINAL = frozenset({"COMPLETED", "FAILED", "CANCELLED"})
OPERATOR = "chaos"


@dataclass
class Aftermath:
    """What is left when the storm is over and all that was interrupted has been taken up again; then replayed."""

    gas: Gas
    storm: Storm
    killer: Killer
    work_dir: Path
    full_disk: FullDisk | None
    """None where this machine does not let us have a disk of our own."""
    visits: list[Visit]
    usual: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    """Case → what an undisturbed run makes of it."""
    letters: list[dict[str, Any]] = field(default_factory=list)
    """Before the replay: what lay in the dead-letter queues, as SNS signed it."""
    jobs_before: list[dict[str, Any]] = field(default_factory=list)
    dead_before: list[dict[str, Any]] = field(default_factory=list)
    """Before the replay: what the inbox had given up."""
    replayed: str = ""
    """What `gas dlq replay` said."""

    @cached_property
    def outputs(self) -> dict[str, str]:
        return self.gas.stack_outputs()

    @property
    def jobs(self) -> list[dict[str, Any]]:
        """Those whose file was brought in the storm. Who never heard that a job was made did not bring a file."""
        brought = {job_id for visit in self.visits for job_id in visit.job_ids}
        return [job for job in items(self.gas, self.outputs["JobsTable"]) if job["job_id"] in brought]

    @property
    def unfinished(self) -> list[str]:
        """Entries of the inbox."""
        entries = items(self.gas, self.outputs["InboxTable"])
        return [entry["entry_id"] for entry in entries if entry.get("state") in {"RECEIVED", "RUNNING"}]

    @property
    def dead(self) -> list[dict[str, Any]]:
        """Entries of the inbox."""
        return [entry for entry in items(self.gas, self.outputs["InboxTable"]) if entry.get("state") == "DEAD"]

    def mails(self) -> Counter[tuple[str, int]]:
        """Job id and run → e-mails about it."""
        tags = [mail["tags"] for mail in self.gas.mails()]
        return Counter((tag["job_id"], int(tag["run"])) for tag in tags if "job_id" in tag)

    def log_lines(self) -> list[str]:
        """Of the three servers."""
        logs = [self.gas.data_dir / "logs" / f"{server}.log" for server in SERVERS]
        return [line for log in logs for line in log.read_text(errors="replace").splitlines()]

    def count_letters(self) -> int:
        sqs = self.gas.aws("sqs")
        return sum(
            int(attributes[name])
            for url in self.queues
            for attributes in [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]]
            for name in attributes
            if name.startswith("ApproximateNumberOfMessages")
        )

    @cached_property
    def queues(self) -> list[str]:
        return [value for name, value in self.outputs.items() if name.endswith("DeadLetters")]

    def read_letters(self) -> list[dict[str, Any]]:
        """All of them; they stay where they are."""
        sqs = self.gas.aws("sqs")
        found = []
        for url in self.queues:
            held = []
            while got := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=300).get(
                "Messages"
            ):
                held += got
            for letter in held:
                sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"], VisibilityTimeout=0)
                found.append(json.loads(letter["Body"]))
        return found

    def is_settled(self) -> bool:
        """Whether nothing is under way: each job has ended and its owner knows, or a dead letter is about it."""
        return not self.pending()

    def pending(self) -> list[str]:
        """What is under way still."""
        if unfinished := self.unfinished:
            return unfinished
        mails = self.mails()
        jobs = {
            job["job_id"]: f"job {job['job_id']}, run {job['run']}: {job['state']} {job.get('error')}"
            for job in self.jobs
            if job["state"] not in FINAL or not mails[job["job_id"], int(job["run"])]
        }
        told = self.told(self.read_letters()) if jobs else set()
        return [text for job_id, text in jobs.items() if job_id not in told]

    @staticmethod
    def told(letters: Iterable[Mapping[str, Any]]) -> set[str]:
        """The jobs that the letters are about."""
        return {json.loads(letter["Message"]).get("job_id", "") for letter in letters}

    def replay(self) -> str:
        """As an operator does it."""
        settings = self.gas.data_dir / "settings.sh"
        command = [sys.executable, "-m", "cli", "dlq", "replay", "--all", "--yes", "--why", "the storm is over"]
        done = subprocess.run(
            ["bash", "-c", f". {shlex.quote(str(settings))}; exec {shlex.join(command)}"],
            env=self.gas.environment | {"GAS_OPERATOR": OPERATOR},
            capture_output=True,
            text=True,
            check=False,
        )
        said = f"{done.stdout}\n{done.stderr}"
        assert done.returncode == 0, said
        return said
