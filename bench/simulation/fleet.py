"""All annotators of a deployment, the load balancer before them, and Auto Scaling over them, for one simulated day."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from annotator_hook.handlers.job_requested import LATER_REPORT_SECONDS, REPORT_SECONDS, SOON_SECONDS
from bench.simulation.capacity import TemplateLoader
from bench.simulation.clock import Clock
from bench.simulation.load import DAY, SLOTS, TOPIC, Job, day, notification
from bench.simulation.policy import TargetTracking
from bench.simulation.server import LEASE, ROUTE, Server
from bench.simulation.table import SimulatedInbox
from deploy.local.sns.policy import parse
from shared.aws.topics import DELIVERY_POLICY
from shared.core.inbox import Entry
from shared.core.messages import JobRequested
from shared.inbox.backlog import Backlog
from shared.inbox.intake import Intake
from shared.inbox.route import Route

SERVERS = Path(__file__).parents[2] / "deploy" / "stack" / "servers.yaml"
SNS_SECONDS = 0.05
"""From the publishing to the push."""
BOOT_SECONDS = 120.0, 180.0
"""From Auto Scaling's decision until the load balancer sends pushes: Debian, the release, two health checks. No two
instances take the same time, so they do not sweep in the same moments either."""
HOURS_BETWEEN_FAILURES = 500
"""Of one instance: it ends without a word."""


@dataclass
class Minute:
    """How the deployment stood."""

    servers: int
    busy: int
    waiting: int


@dataclass
class Day:
    """What came of it."""

    annotators: int
    jobs: int = 0
    waits: list[float] = field(default_factory=list)
    """Seconds from the publishing to the first start, of everybody but the institute."""
    batch_waits: list[float] = field(default_factory=list)
    minutes: list[Minute] = field(default_factory=list)
    server_seconds: float = 0.0
    busy_seconds: float = 0.0
    reports: float = 0.0
    """Progress that running jobs stored: at most, since a job that dies on the way counts as a whole."""
    restarts: int = 0
    failures: int = 0
    scaled_in: int = 0
    refused: int = 0
    dead_letters: int = 0
    done_twice: int = 0
    never_done: int = 0


class Fleet:
    """One deployment."""

    def __init__(
        self, annotators: int, seed: int, *, is_patient: bool = True, jobs: Iterator[Job] | None = None
    ) -> None:
        """``annotators``: how many there may be. ``jobs``: other ones than those of the day."""
        self.clock = Clock()
        self.day = Day(annotators)
        self.inbox = SimulatedInbox(self.clock, lease=LEASE, sample=partial(sample, self.clock))
        self.pushed_at: list[float] = []
        self._dice = random.Random(seed)
        self._jobs = jobs or day(annotators, seed)
        self._is_patient = is_patient
        self._policy = TargetTracking.of_template(_policy(), least=1, most=annotators)
        self._servers: list[Server] = []
        """Those that get pushes."""
        self._pending = 0
        self._ends_at = 0.0
        self._number = 0
        self._announced: dict[str, Job] = {}
        """Job → what was announced and is not done."""
        self._started: set[str] = set()
        self._delays = parse(json.dumps(DELIVERY_POLICY)).delays()

    def run(self, seconds: float = DAY) -> Day:
        """So much of the day, and as much more as the last jobs take."""
        self._ends_at = seconds
        for _ in range(self._policy.desired):
            self._boot()
        self._next()
        self.clock.at(60, self._minute)
        self.clock.run(seconds)
        while self._announced and self.clock.now < seconds + DAY:
            self.clock.run(self.clock.now + 600)
        self.day.never_done = len(self._announced)
        return self.day

    def bury(self, queue_url: str, envelope: str, *, reason: str, attributes: Mapping[str, str]) -> None:  # noqa: ARG002 - the protocol's
        """A message that a handler gave up."""
        self.day.dead_letters += 1

    def _next(self) -> None:
        job = next(self._jobs, None)
        if job is not None:
            self.clock.at(max(job.at, self.clock.now), partial(self._announce, job))

    def _announce(self, job: Job) -> None:
        self.day.jobs += 1
        self.pushed_at.append(self.clock.now)
        self._announced[_job_id(job)] = job
        self.clock.at(self.clock.now + SNS_SECONDS, partial(self._push, job, 0))
        self._next()

    def _push(self, job: Job, retries: int) -> None:
        if self._servers and self._dice.choice(self._servers).push(job.notification):
            return
        self.day.refused += 1
        if retries < len(self._delays):
            self.clock.at(self.clock.now + self._delays[retries], partial(self._push, job, retries + 1))
        else:
            self.day.dead_letters += 1
            self._announced.pop(_job_id(job), None)

    def _start(self, message: JobRequested) -> float | None:
        job = self._announced.get(message.job_id)
        if job is None:
            return None  # the server died, or its lease ran out, after the job and before the inbox knew
        if message.job_id in self._started:
            self.day.restarts += 1
        else:
            self._started.add(message.job_id)
            (self.day.batch_waits if job.is_batch else self.day.waits).append(self.clock.now - job.at)
        self.day.reports += reports(job.seconds)
        return job.seconds

    def _ended(self, message: JobRequested) -> None:
        if self._announced.pop(message.job_id, None) is None:
            self.day.done_twice += 1
        self._started.discard(message.job_id)

    # Instances

    def _boot(self) -> None:
        self._pending += 1
        self._number += 1
        server = Server(
            self._number,
            self.clock,
            self.inbox,
            self,
            topic=TOPIC,
            start=self._start,
            ended=self._ended,
            is_patient=self._is_patient,
        )
        seconds = self._dice.uniform(*BOOT_SECONDS) if self.clock.now else 0.0
        self.clock.at(self.clock.now + seconds, partial(self._serve, server, self.clock.now))

    def _serve(self, server: Server, since: float) -> None:
        self._pending -= 1
        self._servers.append(server)
        server.sweep()
        hours = self._dice.expovariate(1 / HOURS_BETWEEN_FAILURES)
        self.clock.at(self.clock.now + hours * 3600, partial(self._fail, server))
        self.day.server_seconds += self.clock.now - since

    def _fail(self, server: Server) -> None:
        if server in self._servers:
            self._servers.remove(server)
            server.die()
            self.day.failures += 1

    def _scale_in(self, count: int) -> None:
        for server in self._dice.sample(self._servers, min(count, len(self._servers) - 1)):
            self._servers.remove(server)
            self.day.scaled_in += 1
            began = self.clock.now
            server.drain(partial(self._gone, began))

    def _gone(self, began: float) -> None:
        self.day.server_seconds += self.clock.now - began

    def _minute(self) -> None:
        servers = self._servers
        self.day.server_seconds += 60 * len(servers)
        busy = sum(server.busy for server in servers)
        self.day.busy_seconds += 60 * busy
        running = sum(map(len, self.inbox.running.values()))
        self.day.minutes.append(Minute(len(servers), busy, len(self._announced) - running))
        if servers:
            backlog = sum(server.backlog.unfinished for server in servers) / len(servers)
            self._policy.datum(backlog / (SLOTS * len(servers)), len(servers), self.clock.now)
        change = self._policy.desired - len(servers) - self._pending
        if change > 0:
            for _ in range(change):
                self._boot()
        elif change < 0:
            self._scale_in(-change)
        if self.clock.now < self._ends_at:
            self.clock.at(self.clock.now + 60, self._minute)


def reports(seconds: float) -> float:
    """How often a job that runs so long stores its progress."""
    soon = min(seconds, SOON_SECONDS)
    return soon / REPORT_SECONDS + (seconds - soon) / LATER_REPORT_SECONDS


def sample(clock: Clock) -> Entry:
    """An entry such as every one of the simulation."""
    taken: list[Entry] = []

    class Taker:
        def accept(self, entry: Entry) -> None:
            taken.append(entry)

    route: Route[Any] = Route(ROUTE, TOPIC, "dead-letters", JobRequested.from_json, lambda *_: None)
    push = notification("0123456789abcdef0123456789abcdef", random.Random(0))
    Intake(Taker(), Backlog(1), clock.utc).accept(route, push, clock.utc())  # type: ignore[arg-type]  # accepts alone
    return taken[0]


def _job_id(job: Job) -> str:
    return JobRequested.from_json(job.notification.message).job_id


def _policy() -> Mapping[str, Any]:
    resources: Mapping[str, Any] = yaml.load(SERVERS.read_text(), TemplateLoader)["Resources"]  # noqa: S506 - a safe loader
    return {
        **resources["AnnotatorWork"]["Properties"]["TargetTrackingConfiguration"],
        "Warmup": resources["AnnotatorGroup"]["Properties"]["DefaultInstanceWarmup"],
    }
