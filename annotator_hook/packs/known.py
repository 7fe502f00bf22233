"""What is known of a contig's alleles: one Arrow file a contig, sorted by position, of which a job reads what it needs.

Beside ``N.arrow`` (Arrow IPC file format, zstd) lies ``N.npy``: the first and the last position of each record batch,
so that the batches of a region are found without reading the others. Neither is mapped into memory: dbSNP's rows of
chromosome 1 are larger than the address space that a job may have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from shared.core.errors import Permanent

BATCH_ROWS = 16_384
"""A job of few variants reads one batch a variant; a large one all of them, without much ado about each."""

SCHEMA = pa.schema(
    [
        pa.field("pos", pa.int32(), nullable=False),
        pa.field("ref", pa.string(), nullable=False),
        pa.field("alt", pa.string(), nullable=False),
        pa.field("clinvar_significance", pa.string()),  # in words: "Pathogenic/Likely pathogenic"
        pa.field("clinvar_stars", pa.int8()),  # review stars, 0 … 4
        pa.field("clinvar_conditions", pa.string()),  # in words, separated by "; "
        pa.field("clinvar_accession", pa.string()),  # of the variation: VCV000009708
        pa.field("dbsnp", pa.string()),  # rs199476112
        pa.field("af", pa.float32()),  # of the alternative allele, 0 … 1
    ]
)
"""All columns that a table may have; a contig has the three of the allele and those for which its pack has a source."""


def bounds_of(path: Path) -> Path:
    """The file of positions that belongs to a table."""
    return path.with_suffix(".npy")


def write(batches: Iterable[Any], schema: Any, path: Path) -> int:
    """Writes a table from its record batches, sorted by position; answers the number of rows."""
    bounds: list[tuple[int, int]] = []
    rows = 0
    options = pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema, options=options) as writer:
        for table in _batched(batches, schema):
            positions = table.column("pos").to_numpy()
            bounds.append((int(positions[0]), int(positions[-1])))
            rows += len(positions)
            writer.write_table(table)
    with bounds_of(path).open("wb") as file:
        np.save(file, np.array(bounds, dtype=np.int32).reshape(-1, 2), allow_pickle=False)
    return rows


def read(path: Path, first: int, last: int) -> Any:
    """The rows (`pyarrow.Table`) whose position lies in ``first … last``, in order.

    Raises `Permanent` when the file is damaged.
    """

    def wanted(bounds: Any) -> Any:
        low = np.searchsorted(bounds[:, 1], first, side="left")
        return np.arange(low, np.searchsorted(bounds[:, 0], last, side="right"))

    def cut(batch: Any) -> Any:
        positions = batch.column("pos").to_numpy()
        low, high = np.searchsorted(positions, first, side="left"), np.searchsorted(positions, last, side="right")
        return batch.slice(int(low), int(high - low))

    return _read(path, wanted, cut)


def read_at(path: Path, places: Any) -> Any:
    """The rows at exactly these positions (a numpy array, ascending), in order; other batches are not read.

    Raises `Permanent` when the file is damaged.
    """

    def wanted(bounds: Any) -> Any:
        before = np.searchsorted(places, bounds[:, 0], side="left")
        return np.flatnonzero(np.searchsorted(places, bounds[:, 1], side="right") > before)

    def cut(batch: Any) -> Any:
        positions = batch.column("pos").to_numpy()
        nearest = np.minimum(np.searchsorted(places, positions), len(places) - 1)
        return batch.filter(pa.array(places[nearest] == positions))

    return _read(path, wanted, cut)


def _read(path: Path, wanted: Callable[[Any], Any], cut: Callable[[Any], Any]) -> Any:
    """What is cut out of the wanted batches; the bounds of all batches say which."""
    try:
        bounds = np.load(bounds_of(path), allow_pickle=False)
        with pa.OSFile(str(path), "rb") as source, pa.ipc.open_file(source) as file:
            if file.num_record_batches != len(bounds):
                raise Permanent(f"{path.name} has {file.num_record_batches} batches instead of {len(bounds)}.")
            batches = [cut(file.get_batch(int(number))) for number in wanted(bounds)]
            return pa.Table.from_batches(batches, file.schema)
    except (OSError, ValueError, IndexError, pa.ArrowException) as error:
        raise Permanent(f"{path.name} cannot be read: {error}") from error


def _batched(batches: Iterable[Any], schema: Any) -> Iterable[Any]:
    """The same rows in tables of `BATCH_ROWS`, whatever the pieces were, so that equal rows give equal files."""
    waiting: list[Any] = []
    count = 0
    for batch in batches:
        waiting.append(batch)
        count += batch.num_rows
        if count < BATCH_ROWS:
            continue
        table = pa.Table.from_batches(waiting, schema)
        whole = count - count % BATCH_ROWS
        for start in range(0, whole, BATCH_ROWS):
            yield table.slice(start, BATCH_ROWS).combine_chunks()
        rest = table.slice(whole).combine_chunks()
        waiting, count = rest.to_batches(), rest.num_rows
    if count:
        yield pa.Table.from_batches(waiting, schema).combine_chunks()
