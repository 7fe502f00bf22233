"""Results are fetched once, opened for reading alone, and their queries reach nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import duckdb
import pytest

from frontend.results import index
from frontend.results import store as stores
from frontend.results.store import Store, entry_name, open_results, store
from shared.core.errors import NotFound, Unavailable
from shared.core.jobs import Job, JobState
from tests.unit.frontend_results.world import ResultsWorld


@pytest.fixture(autouse=True)
def in_a_request(world: ResultsWorld) -> Iterator[None]:
    with world.app.test_request_context():
        yield


def count(job: Job) -> int:
    with open_results(job) as connection:
        [number] = connection.execute("SELECT count(*) FROM variants").fetchone() or (0,)
    return int(number)


def test_both_tables_can_be_asked(job: Job) -> None:
    with open_results(job) as connection:
        joined = connection.execute("SELECT count(*) FROM variants JOIN consequences ON variant = id").fetchone()
    assert joined == (13,)


def test_files_are_fetched_once(world: ResultsWorld, job: Job) -> None:
    assert count(job) == 9
    world.results.objects.clear()
    assert count(job) == 9


def test_another_run_has_other_results(world: ResultsWorld, job: Job) -> None:
    again = world.explored(run=2)
    assert entry_name(job) != entry_name(again)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM variants",
        "CREATE TABLE more (a INTEGER)",
        "COPY variants TO '/tmp/stolen.csv'",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('https://example.org/x.csv')",
        "ATTACH '/tmp/other.duckdb'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET memory_limit = '100GB'",
    ],
)
def test_a_connection_reads_its_own_files_and_does_nothing_else(job: Job, statement: str) -> None:
    with open_results(job) as connection, pytest.raises(duckdb.Error):
        connection.execute(statement).fetchall()
    assert count(job) == 9


def test_memory_and_threads_are_bounded(job: Job) -> None:
    with open_results(job) as connection:
        settings = connection.execute("SELECT current_setting('memory_limit'), current_setting('threads')").fetchone()
    assert settings == ("244.1 MiB", stores.THREADS)


def test_more_results_than_are_kept_open_can_be_looked_at_at_once(
    world: ResultsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "OPEN_AT_ONCE", 2)
    jobs = [world.explored() for _ in range(4)]
    with ExitStack() as stack:
        connections = [stack.enter_context(open_results(job)) for job in [*jobs, jobs[0]]]
        assert [connection.execute("SELECT count(*) FROM variants").fetchone() for connection in connections] == [
            (9,)
        ] * 5


def test_many_threads_ask_at_once(world: ResultsWorld, job: Job) -> None:
    def ask(_: int) -> int:
        with world.app.test_request_context():
            return count(job)

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(ask, range(32))) == {9}


def test_a_job_without_such_results_is_not_found(world: ResultsWorld) -> None:
    with pytest.raises(NotFound):
        count(world.job(JobState.COMPLETED))


def test_a_full_disk_is_a_matter_of_trying_again(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(variants: Path, consequences: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(index, "build", full)
        with pytest.raises(Unavailable, match="no room"):
            count(job)
    assert count(job) == 9


def test_what_is_forgotten_is_fetched_anew(world: ResultsWorld, job: Job) -> None:
    count(job)
    found: Store = store()
    found.forget(job)
    found.forget(job)
    assert count(job) == 9


def test_results_are_made_ready_while_their_owner_reads_the_summary(world: ResultsWorld, job: Job) -> None:
    page = world.browser(world.alice).get(f"/jobs/{job.job_id}")
    assert page.status == 200
    store().finish_preparing()
    world.results.objects.clear()
    assert count(job) == 9


def test_results_that_cannot_be_made_ready_are_told_when_they_are_looked_at(world: ResultsWorld, job: Job) -> None:
    world.results.objects.clear()
    store().prepare(job)
    store().finish_preparing()
    with pytest.raises(NotFound):
        count(job)
