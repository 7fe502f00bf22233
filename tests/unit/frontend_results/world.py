"""The frontend with a job of alice whose variants can be explored."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import duckdb
from werkzeug.datastructures import MultiDict

from frontend.results import index
from frontend.results.filters import Filter
from shared.core.jobs import Job, JobState, StoredFile
from tests.results_world import SAMPLES, family, write
from tests.unit.frontend_jobs.world import SUMMARY, JobsWorld

MORE_SUMMARY: dict[str, Any] = {
    **SUMMARY,
    "samples": 3,
    "coding_consequences": {"stop_gained": 1, "missense_variant": 3},
    "contigs": {"20": 7, "MT": 2},
    "density": {"20": {"bin": 1000, "counts": [0, 1, 1, 3]}, "MT": {"bin": 8000, "counts": [1, 1]}},
    "indel_lengths": {"-2": 1, "1": 1, "50": 3, "-50": 1},
    "af_spectrum": [{"from": 0, "to": 0.01, "n": 2}, {"from": 0.01, "to": 0.05, "n": 1}],
    "zygosity": {"het": 9, "hom": 4},
    "haplotype": {"changed": 1},
    "clinvar_hits": 5,
}


class ResultsWorld(JobsWorld):
    """`JobsWorld` whose results are kept under ``folder``."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        super().__init__(results_cache_dir=folder / "cache", **settings)
        self.folder = folder

    def explored(
        self,
        variants: list[dict[str, Any]] | None = None,
        samples: tuple[str, ...] = SAMPLES,
        paths: dict[str, Path] | None = None,
        **fields: Any,
    ) -> Job:
        """A finished job with these variants, or with those of `family`."""
        paths = paths or write(family() if variants is None else variants, self.folder, samples)
        job = self.job(JobState.COMPLETED, summary=fields.pop("summary", MORE_SUMMARY), **fields)
        results = dict(job.results)
        for kind, path in paths.items():
            key = f"{job.user_id}/{job.job_id}/run-{job.run}.1/{path.name}"
            self.results.upload(path, key, content_type="application/vnd.apache.parquet")
            results[kind] = StoredFile(key, path.stat().st_size)
        job = replace(job, results=results)
        self.jobs.jobs[job.job_id] = job
        return job


def index_once(variants: Path, consequences: Path, target: Path) -> None:
    """As `index.build`, but of the same Parquet once a run: most tests explore the same family."""
    content = hashlib.sha256(b"".join(path.read_bytes() for path in (variants, consequences))).hexdigest()
    if content not in _indexes:
        kept = Path(tempfile.mkdtemp()) / "index.duckdb"
        _build(variants, consequences, kept)
        _indexes[content] = kept
    shutil.copyfile(_indexes[content], target)


_build = index.build
_indexes: dict[str, Path] = {}


@contextmanager
def index_of(
    folder: Path, variants: list[dict[str, Any]] | None = None, samples: tuple[str, ...] = SAMPLES
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The index over these variants, or over those of `family`, without an app around it."""
    paths = write(family() if variants is None else variants, folder, samples)
    index.build(paths["variants"], paths["consequences"], folder / "index.duckdb")
    with duckdb.connect(folder / "index.duckdb", read_only=True) as connection:
        yield connection


def ids(connection: duckdb.DuckDBPyConnection, query: str, samples: tuple[str, ...] = SAMPLES) -> list[int]:
    """The variants that a query string lets through."""
    chosen, problems = Filter.parse(MultiDict(parse_qsl(query, keep_blank_values=True)), samples)
    assert problems == {}
    where = chosen.where()
    found = connection.execute(f"SELECT id FROM variants WHERE {where.sql} ORDER BY id", where.parameters)
    return [row[0] for row in found.fetchall()]
