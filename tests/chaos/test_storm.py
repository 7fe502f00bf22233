"""All that can go wrong goes wrong at once, while people bring files: nothing is lost, doubled, or other than usual.

The short form is part of `make test`; `make chaos` runs the long one (``GAS_CHAOS=long``). ``GAS_CHAOS_SEED`` repeats
a storm: the same calls of each service meet the same faults, as far as threads and processes keep the same order.
"""

from __future__ import annotations

import json
import os
import random
import shlex
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pytest

from tests.chaos.cases import CASES, Result, jobs
from tests.chaos.faults import ERRORS, PUSH, Fault, Storm, Weather
from tests.chaos.harm import SERVERS, FullDisk, Killer, SmallDisk, wrong_clocks
from tests.chaos.layer import Layer
from tests.chaos.people import Customer, Visit, sign_up
from tests.whole import Gas, wait_for


@dataclass(frozen=True)
class Scale:
    """How much of everything."""

    people: int
    files_each: int
    cases: int
    """How many of `CASES`."""
    pause: float
    """Mean seconds between two files of one person."""
    kills: int
    """Of servers, at least."""
    most_kills: int
    between_kills: tuple[float, float]
    weather: Weather
    mail_evidence: float
    """Seconds; see docs/decisions/0002. Longer than SES's report may take on its way through the storm."""
    full_disk: tuple[float, float]
    """Seconds until the disk is full again, and how long it is."""
    patience: float
    """Seconds that the last job may take from the end of the storm."""
    seconds: int
    """The whole may take."""


SHORT = Scale(
    people=3,
    files_each=6,
    cases=3,
    pause=0.3,
    kills=6,
    most_kills=6,
    between_kills=(0.5, 1.5),
    weather=Weather(turned_away=0.06, hang=3.0, longest_echo=5.0, outage_every=2.0, outage=1.5),
    mail_evidence=12.0,
    full_disk=(1.5, 1.5),
    patience=60.0,
    seconds=300,
)
LONG = Scale(
    people=20,
    files_each=25,
    cases=len(CASES),
    pause=10.0,
    kills=100,
    most_kills=1000,
    between_kills=(1.0, 4.0),
    weather=Weather(),
    mail_evidence=60.0,
    full_disk=(40.0, 10.0),
    patience=600.0,
    seconds=5400,
)
SCALE = LONG if os.environ.get("GAS_CHAOS") == "long" else SHORT
FINAL = {"COMPLETED", "FAILED", "CANCELLED"}
OPERATOR = "chaos"

pytestmark = pytest.mark.timeout(SCALE.seconds)


@dataclass
class Aftermath:
    """What is left when the storm is over and all that was interrupted has been taken up again; then replayed."""

    gas: Gas
    storm: Storm
    killer: Killer
    disk: SmallDisk | None
    """None where this machine does not let us have one."""
    full_disk: FullDisk | None
    visits: list[Visit]
    usual: Mapping[str, dict[str, Any]]
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
        return [job for job in jobs(self.gas, self.outputs["JobsTable"]) if job["job_id"] in brought]

    @property
    def unfinished(self) -> list[str]:
        """Entries of the inbox."""
        entries = jobs(self.gas, self.outputs["InboxTable"])
        return [entry["entry_id"] for entry in entries if entry.get("state") in {"RECEIVED", "RUNNING"}]

    @property
    def dead(self) -> list[dict[str, Any]]:
        """Entries of the inbox."""
        return [entry for entry in jobs(self.gas, self.outputs["InboxTable"]) if entry.get("state") == "DEAD"]

    @property
    def mails(self) -> Counter[str]:
        """Job id → e-mails about it."""
        return Counter(
            mail["text"].rpartition("/jobs/")[2][:32] for mail in self.gas.mails() if "/jobs/" in mail["text"]
        )

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


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aftermath]:
    seed = int(os.environ.get("GAS_CHAOS_SEED") or random.randrange(2**32))
    print(f"\nGAS_CHAOS_SEED={seed}")
    folder = tmp_path_factory.mktemp("storm")
    layer = Layer()
    gas = Gas(
        folder,
        {
            "GAS_LOCAL_PROXY_URL": layer.url,
            "GAS_LOCAL_LEASE_SECONDS": "5",
            "GAS_LOCAL_MAIL_EVIDENCE_SECONDS": str(SCALE.mail_evidence),
            "GAS_LOCAL_RETENTION_SECONDS": "86400",  # no file goes to the archive meanwhile
            "GAS_MAX_ATTEMPTS": "5",
            **wrong_clocks(annotator_hook=600, util_hook=-600),
        },
    )
    layer.cloud = gas.cloud_url
    layer.servers = {name: f"http://127.0.0.1:{gas.ports[port]}" for name, port in SERVERS.items()}
    small = SmallDisk(folder / "work")
    disk = small if small.is_possible() else None
    if disk is not None:
        gas.command = [*disk.prefix, *gas.command]
    try:
        gas.start()
        yield _weather(gas, layer, disk, seed)
    except BaseException:
        print(f"GAS_CHAOS_SEED={seed}\n{gas.logs()}")
        raise
    finally:
        gas.stop()
        for process in gas.processes():
            process.kill()
        layer.close()


def _weather(gas: Gas, layer: Layer, disk: SmallDisk | None, seed: int) -> Aftermath:
    """The storm, and what comes after it."""
    files = {name: make() for name, make in list(CASES.items())[: SCALE.cases]}
    names = list(files)
    people = sign_up(gas, SCALE.people + 1)
    storm = layer.storm = Storm(SCALE.weather, seed)
    killer = Killer(gas, seed, between=SCALE.between_kills, most=SCALE.most_kills)
    full_disk = None
    if disk is not None:
        every, lasts = SCALE.full_disk
        full_disk = FullDisk(disk, gas.pid, every=every, lasts=lasts)
        full_disk.start()
    visits = [
        Visit(
            person,
            [(name := names[(number + turn) % len(names)], files[name]) for turn in range(SCALE.files_each)],
            f"{seed} {number}",
            SCALE.pause,
        )
        for number, person in enumerate(people[1:])
    ]
    killer.start()
    for visit in visits:
        visit.start()
    for visit in visits:
        visit.join()
    wait_for(f"{SCALE.kills} kills", lambda: killer.servers_killed >= SCALE.kills, seconds=SCALE.seconds)
    killer.end()
    if full_disk is not None:
        full_disk.end()
    storm.end()
    harm = (
        f"killed: {dict(killer.killed)}, starved: {killer.starved}, disk full: {full_disk.times if full_disk else '-'}"
    )
    print(f"{storm.report()}\n  {harm}")
    for visit in visits:
        if visit.failure:
            raise visit.failure
    aftermath = Aftermath(gas, storm, killer, disk, full_disk, visits, _undisturbed(gas, people[0], files))
    _settle(aftermath)
    aftermath.letters, aftermath.jobs_before, aftermath.dead_before = (
        aftermath.read_letters(),
        aftermath.jobs,
        aftermath.dead,
    )
    aftermath.replayed = aftermath.replay()
    _settle(aftermath)
    return aftermath


def _undisturbed(gas: Gas, person: Customer, files: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    ids = {name: person.bring(name, content) for name, content in files.items()}
    for job_id in ids.values():
        person.wait_until_final(job_id, seconds=SCALE.patience)
    bucket, table = gas.stack_outputs()["ResultsBucket"], gas.stack_outputs()["JobsTable"]
    found = {job["job_id"]: job for job in jobs(gas, table)}
    return {name: Result(gas, bucket, found[job_id]).comparable() for name, job_id in ids.items()}


def _settle(aftermath: Aftermath) -> None:
    """Until nothing is under way: what SNS is to push again, what the inbox has, what is unannounced."""
    quiet_since = time.monotonic()
    calm = 5.0  # SNS pushes again after 2 s, the announcer looks every 3 s

    def is_quiet() -> bool:
        nonlocal quiet_since
        missing = [job for job in aftermath.jobs if job.get("unannounced")]
        if aftermath.unfinished or missing:
            quiet_since = time.monotonic()
        return time.monotonic() - quiet_since > calm

    try:
        wait_for("the end of all work", is_quiet, seconds=SCALE.patience, pause=0.5)
    except AssertionError as error:
        raise AssertionError(f"{error}: {aftermath.unfinished}") from None


def test_it_was_a_storm(aftermath: Aftermath) -> None:
    met = aftermath.storm.met
    assert aftermath.storm.errors >= 0.25, aftermath.storm.report()
    assert aftermath.killer.servers_killed >= SCALE.kills
    assert {"dynamodb", "s3", "sns", PUSH} <= {service for service, _ in met}
    if SCALE is LONG:
        kinds = {fault for _, fault in met}
        assert kinds == set(Fault)
        assert {service for service, _ in met} == set(ERRORS)


def test_every_job_is_in_the_end_final_or_lies_in_a_dead_letter(aftermath: Aftermath) -> None:
    waiting = {job["job_id"] for job in aftermath.jobs_before if job["state"] not in FINAL}
    told = {json.loads(letter["Message"]).get("job_id") for letter in aftermath.letters}
    assert waiting <= told


def test_dead_letters_are_the_failures_that_were_reported(aftermath: Aftermath) -> None:
    """Each is a push that the layer turned away for good, or what the inbox gave up; a job given up has failed."""
    ids = {letter["MessageId"] for letter in aftermath.letters}
    assert ids == aftermath.storm.turned_away | {entry["message_id"] for entry in aftermath.dead_before}
    given_up = {
        json.loads(json.loads(entry["envelope"])["Message"])["job_id"]
        for entry in aftermath.dead_before
        if entry["route"] == "job-requests"
    }
    failed = {job["job_id"] for job in aftermath.jobs_before if (job.get("error") or {}).get("code") == "internal"}
    assert failed == given_up


def test_after_one_replay_nothing_is_left(aftermath: Aftermath) -> None:
    assert aftermath.count_letters() == 0, aftermath.replayed
    assert [entry["entry_id"] for entry in aftermath.dead] == []
    assert aftermath.unfinished == []
    assert {job["state"] for job in aftermath.jobs} <= FINAL


def test_each_result_is_that_of_an_undisturbed_run(aftermath: Aftermath) -> None:
    """Only who got no memory, or was given up, has none; never has anybody a result that is incomplete or different."""
    spoilt = 0
    for job in aftermath.jobs:
        if (job.get("error") or {}).get("code") in {"internal", "memory"}:
            spoilt += 1
            continue
        result = Result(aftermath.gas, aftermath.outputs["ResultsBucket"], job).comparable()
        usual = aftermath.usual[job["name"]]
        assert {name for name in usual if result.get(name) != usual[name]} == set(), job["job_id"]
    assert spoilt <= aftermath.killer.starved + len(aftermath.dead_before)


def test_each_owner_is_written_to_once_about_each_job(aftermath: Aftermath) -> None:
    about = {job["job_id"]: aftermath.mails[job["job_id"]] for job in aftermath.jobs}
    assert {job_id: count for job_id, count in about.items() if count != 1} == {}


def test_nothing_of_dead_attempts_stays_in_the_folder_of_running_jobs(aftermath: Aftermath) -> None:
    work_dir = aftermath.gas.data_dir / "work"
    if aftermath.disk is not None:
        work_dir = aftermath.disk.inside(aftermath.gas.pid)
    assert list(work_dir.iterdir()) == []


def test_the_disk_was_full_meanwhile(aftermath: Aftermath) -> None:
    if aftermath.full_disk is None:
        pytest.skip("this machine gives nobody a disk of their own: unshare(1) with --user --mount is forbidden")
    assert aftermath.full_disk.times >= 1
