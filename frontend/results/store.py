"""A job's results as tables: fetched from S3 once, kept in a bounded folder, asked through DuckDB.

Each opened result is a DuckDB of its own, read-only, which may touch no file but its own. Connections know the tables of
`frontend.results.index` and ``consequences``, the rows of ``consequences.parquet``.
"""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

import duckdb
import structlog
from flask import Flask, current_app

from frontend.access import services
from frontend.jobs.away import require_files
from frontend.results import index
from frontend.results.cache import FolderCache
from shared.core.errors import GasError, NotFound, Permanent, Unavailable
from shared.core.jobs import Job
from shared.core.ports import Objects
from shared.core.retention import FilesState

log = structlog.get_logger()

KINDS = ("variants", "consequences")
"""The results that a job must have for its variants to be looked at."""
OPEN_AT_ONCE = 6
"""Results that a process keeps open."""
MEMORY = "256MB"
"""Of one opened result; what a query needs beyond it goes to the disk."""
THREADS = 2
MOST_PREPARED = 8
"""Results that wait to be fetched before anybody asked for them."""


class Damaged(Permanent):
    """The files of a result are not what they should be."""


def has_variants(job: Job) -> bool:
    """Whether the job's variants can be looked at one by one; those of jobs of long ago cannot."""
    return all(kind in job.results for kind in KINDS)


@contextmanager
def open_results(job: Job) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection for one request, closed afterwards.

    Raises `NotFound` for a job without such results, `FilesAway` while they are archived, `Damaged`, and `Unavailable`
    when there is no room for them.
    """
    with store().open(job) as connection:
        yield connection


def store() -> Store:
    """The app's store."""
    found: Store = current_app.extensions["gas_results"]
    return found


def attach(app: Flask, folder: Path, max_bytes: int) -> None:
    """Gives the app its store."""
    app.extensions["gas_results"] = Store(FolderCache(folder, max_bytes))


class Store:
    """Results that are kept on this machine, and those that this process has open."""

    def __init__(self, cache: FolderCache) -> None:
        self._cache = cache
        self._lock = threading.Lock()
        self._open: OrderedDict[Path, duckdb.DuckDBPyConnection] = OrderedDict()
        self._preparing: dict[str, Future[None]] = {}
        self._preparer = ThreadPoolExecutor(1, thread_name_prefix="results")

    @contextmanager
    def open(self, job: Job) -> Iterator[duckdb.DuckDBPyConnection]:
        """See `open_results`."""
        if not has_variants(job):
            raise NotFound("This job has no table of variants.")
        require_files(job)
        objects = services().results
        folder = self._cache.get(entry_name(job), lambda folder: fetch(job, objects, folder))
        connection = self._database(folder).cursor()
        try:
            connection.execute(
                f"CREATE TEMP VIEW consequences AS FROM read_parquet({_quoted(folder / 'consequences.parquet')})"
            )
            yield connection
        finally:
            connection.close()

    def prepare(self, job: Job) -> None:
        """Fetches the results in the background, so that they are there when somebody looks at them. Harmless when
        repeated; of many at once some are left out."""
        name = entry_name(job) if has_variants(job) and job.files is FilesState.AVAILABLE else ""
        with self._lock:
            self._preparing = {known: future for known, future in self._preparing.items() if not future.done()}
            wanted = name and name not in self._preparing and not self._cache.has(name)
            if wanted and len(self._preparing) < MOST_PREPARED:
                self._preparing[name] = self._preparer.submit(self._prepare, job, services().results)

    def finish_preparing(self) -> None:
        """Returns when nothing is being prepared any more."""
        with self._lock:
            waiting = list(self._preparing.values())
        wait(waiting)

    def _prepare(self, job: Job, objects: Objects) -> None:
        try:
            self._cache.get(entry_name(job), lambda folder: fetch(job, objects, folder))
        except GasError as error:  # told to whoever looks at them
            log.info("results not prepared", job_id=job.job_id, error=str(error))

    def forget(self, job: Job) -> None:
        """Removes what is kept of the job. Harmless when repeated."""
        if has_variants(job):
            self._cache.forget(entry_name(job))

    def _database(self, folder: Path) -> duckdb.DuckDBPyConnection:
        """The one that all requests share. What is pushed out ends with the last request that uses it."""
        with self._lock:
            database = self._open.pop(folder, None) or _opened(folder)
            self._open[folder] = database
            while len(self._open) > OPEN_AT_ONCE:
                self._open.popitem(last=False)
            return database


def entry_name(job: Job) -> str:
    """Names what was made of exactly these objects by this version of the index."""
    keys = [job.results[kind].key for kind in KINDS]
    return hashlib.sha256(repr((index.VERSION, keys)).encode()).hexdigest()[:40]


def fetch(job: Job, objects: Objects, folder: Path) -> None:
    """Downloads the job's files and makes their index."""
    paths = {kind: folder / f"{kind}.parquet" for kind in KINDS}
    try:
        for kind, path in paths.items():
            objects.download(job.results[kind].key, path)
        index.build(paths["variants"], paths["consequences"], folder / "index.duckdb")
    except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as error:
        log.exception("results cannot be kept", error=str(error))
        raise Unavailable("There is no room just now to open these results.") from error
    except duckdb.Error as error:
        log.exception("results are damaged", error=str(error))
        raise Damaged("The results of this job cannot be read. Run the job again.") from error
    paths["variants"].unlink()  # all of it is in the index
    shutil.rmtree(folder / "spill", ignore_errors=True)


def _opened(folder: Path) -> duckdb.DuckDBPyConnection:
    database = duckdb.connect(
        folder / "index.duckdb",
        read_only=True,
        config={
            "threads": THREADS,
            "memory_limit": MEMORY,
            "temp_directory": str(folder / "spill"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    if database.execute("SELECT current_setting('lock_configuration')").fetchone() == (True,):
        return database  # a request still has it open: DuckDB opens a file once a process
    database.execute(f"SET allowed_directories = [{_quoted(folder)}]")
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")
    return database


def _quoted(path: Path) -> str:
    """A path of ours in a statement that takes no parameters."""
    return "'" + str(path).replace("'", "''") + "'"
