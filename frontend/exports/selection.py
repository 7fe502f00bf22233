"""The variants that an export holds: those that the filter lets through, in the genome's order.

They are read a piece at a time, so that a million of them need no more memory than a few thousand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import numpy as np
from werkzeug.datastructures import MultiDict

from frontend.results.filters import Filter
from frontend.results.presentation import chips
from frontend.results.store import open_results
from frontend.results.variants import sample_names
from shared.core.errors import Permanent
from shared.core.jobs import Job

PIECE: Final = 10_000
"""Variants read at once."""
TRANSCRIPTS_PIECE: Final = 5_000
"""Variants read at once together with all their transcripts."""


@dataclass(frozen=True)
class Selection:
    """``connection`` knows, besides the tables of the results, ``matched``: the ``id`` of each chosen variant."""

    job: Job
    chosen: Filter
    samples: Sequence[str]
    """Those whose genotypes are there."""
    ids: Any
    """A numpy array of 32-bit integers, ascending: the places of the variants among all lines of the annotated VCF."""
    everything: int
    """How many variants there are without a filter."""
    connection: duckdb.DuckDBPyConnection

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def filter_in_words(self) -> str:
        """For people: one of a field's values has to hold, but what is said of samples has to hold of each."""
        values: dict[str, list[str]] = {}
        for chip in chips(self.chosen):
            values.setdefault(chip.label, []).append(chip.value)
        words = [
            f"{label}: {(' and ' if label == 'Sample' else ' or ').join(found)}" for label, found in values.items()
        ]
        return "; ".join(words) or "none (all variants)"

    def pieces(self, size: int = PIECE) -> Iterator[tuple[int, int]]:
        """First and last id of each piece."""
        for start in range(0, len(self.ids), size):
            piece = self.ids[start : start + size]
            yield int(piece[0]), int(piece[-1])


@contextmanager
def open_selection(job: Job, args: MultiDict[str, str]) -> Iterator[Selection]:
    """The selection that a query string of the table means.

    Raises `Permanent` when a part of the filter means nothing: an export that ignored it would hold what nobody asked
    for. Raises what `open_results` raises.
    """
    with open_results(job) as connection:
        samples = sample_names(connection)
        chosen, problems = Filter.parse(args, samples)
        if problems:
            raise Permanent("The filter cannot be read: " + " ".join(problems.values()))
        where = chosen.where()
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE matched AS SELECT id FROM variants WHERE {where.sql} ORDER BY id",
            where.parameters,
        )
        ids = connection.execute("SELECT id FROM matched ORDER BY id").fetchnumpy()["id"]
        [everything] = connection.execute("SELECT count(*) FROM variants").fetchone() or (0,)
        yield Selection(job, chosen, samples, np.asarray(ids, dtype="<i4"), everything, connection)
