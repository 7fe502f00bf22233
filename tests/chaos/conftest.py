"""The storm: GAS on the local cloud with the layer in between, people who bring files, and everything that goes wrong.

``GAS_CHAOS_SEED`` repeats a storm: the same calls of each service meet the same faults, as far as threads and processes
keep the same order.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.chaos.aftermath import Aftermath
from tests.chaos.cases import CASES, Result, items
from tests.chaos.faults import Storm
from tests.chaos.harm import SERVERS, FullDisk, Killer, SmallDisk, wrong_clocks
from tests.chaos.layer import Layer
from tests.chaos.people import Customer, Visit, sign_up
from tests.chaos.scale import SCALE
from tests.whole import Gas, wait_for


@pytest.fixture(scope="session")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aftermath]:
    seed = int(os.environ.get("GAS_CHAOS_SEED") or random.randrange(2**32))
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
        yield _Course(gas, layer, disk, seed).run()
    except BaseException:
        print(f"GAS_CHAOS_SEED={seed}\n{gas.logs()}")
        raise
    finally:
        for process in gas.processes():
            process.kill()
        gas.stop()
        layer.close()


class _Course:
    """One storm from beginning to end."""

    def __init__(self, gas: Gas, layer: Layer, disk: SmallDisk | None, seed: int) -> None:
        self._gas = gas
        self._layer = layer
        self._disk = disk
        self._seed = seed
        self._files = {name: make() for name, make in list(CASES.items())[: SCALE.cases]}
        self._began = time.monotonic()

    def run(self) -> Aftermath:
        """Storm, calm, and a replay of what it left in the dead-letter queues."""
        self._say(f"GAS_CHAOS_SEED={self._seed}")
        charlie, *people = sign_up(self._gas, SCALE.people + 1)
        aftermath = self._storm(people)
        aftermath.usual = self._undisturbed(charlie)
        self._settle(aftermath, "what the storm interrupted is taken up again")
        aftermath.letters, aftermath.dead_before = aftermath.read_letters(), aftermath.dead
        aftermath.jobs_before = aftermath.jobs
        self._say(f"{len(aftermath.letters)} dead letters, {len(aftermath.dead_before)} of them given up by the inbox")
        aftermath.replayed = aftermath.replay()
        self._settle(aftermath, "what was replayed is done")
        return aftermath

    def _storm(self, people: list[Customer]) -> Aftermath:
        storm = self._layer.storm = Storm(SCALE.weather, self._seed)
        killer = Killer(self._gas, self._seed, between=SCALE.between_kills, most=SCALE.most_kills)
        every, lasts = SCALE.full_disk
        full_disk = FullDisk(self._disk, self._gas.pid, every=every, lasts=lasts) if self._disk else None
        visits = [
            Visit(person, self._order(number), f"{self._seed} {number}", SCALE.pause)
            for number, person in enumerate(people)
        ]
        threads = [killer, *visits, *([full_disk] if full_disk else [])]
        for thread in threads:
            thread.start()
        for visit in visits:
            visit.join()
        wait_for(f"{SCALE.kills} kills", lambda: killer.servers_killed >= SCALE.kills, seconds=SCALE.seconds)
        killer.end()
        if full_disk:
            full_disk.end()
        storm.end()
        self._say(
            f"{storm.report()}\n  killed: {dict(killer.killed)}, starved: {killer.starved}, "
            f"disk full: {full_disk.times if full_disk else 'not possible here'}"
        )
        for visit in visits:
            if visit.failure:
                raise visit.failure
        work_dir = self._disk.inside(self._gas.pid) if self._disk else self._gas.data_dir / "work"
        return Aftermath(self._gas, storm, killer, work_dir, full_disk, visits)

    def _order(self, number: int) -> list[tuple[str, bytes]]:
        """The files that this person brings: everybody begins with another one."""
        names = list(self._files)
        turns = [names[(number + turn) % len(names)] for turn in range(SCALE.files_each)]
        return [(name, self._files[name]) for name in turns]

    def _undisturbed(self, person: Customer) -> Mapping[str, dict[str, Any]]:
        ids = {name: person.bring(name, content) for name, content in self._files.items()}
        for job_id in ids.values():
            person.wait_until_final(job_id, seconds=SCALE.patience)
        outputs = self._gas.stack_outputs()
        found = {job["job_id"]: job for job in items(self._gas, outputs["JobsTable"])}
        return {
            name: Result(self._gas, outputs["ResultsBucket"], found[job_id]).comparable()
            for name, job_id in ids.items()
        }

    def _settle(self, aftermath: Aftermath, what: str) -> None:
        try:
            wait_for(what, aftermath.is_settled, seconds=SCALE.patience, pause=0.5)
        except AssertionError as error:
            raise AssertionError(f"{error}: {aftermath.pending()}") from None
        self._say(what)

    def _say(self, text: str) -> None:
        print(f"\n{time.monotonic() - self._began:6.1f} s  {text}", flush=True)
