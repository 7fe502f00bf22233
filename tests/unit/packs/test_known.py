"""A contig's table gives the rows of a region, whatever its batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from annotator_hook.packs import known
from shared.core.errors import Permanent

SCHEMA = pa.schema([field for field in known.SCHEMA if field.name in ("pos", "ref", "alt", "dbsnp")])
POSITIONS = [1, 1, 5, 6, 7, 7, 7, 7, 12, 2_000_000_000]


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(known, "BATCH_ROWS", 3)
    path = tmp_path / "0.arrow"
    rows = [{"pos": pos, "ref": "A", "alt": "C", "dbsnp": f"rs{n}"} for n, pos in enumerate(POSITIONS)]
    batches = [pa.RecordBatch.from_pylist(rows[a:b], schema=SCHEMA) for a, b in ((0, 1), (1, 1), (1, 8), (8, 10))]
    assert known.write(batches, SCHEMA, path) == len(POSITIONS)
    return path


@pytest.mark.parametrize(
    ("first", "last"),
    [(1, 2**31 - 1), (1, 1), (2, 4), (5, 7), (7, 7), (7, 11), (8, 11), (13, 2**31 - 1), (0, 0), (9, 2)],
)
def test_the_rows_of_a_region(table: Path, first: int, last: int) -> None:
    expected = [f"rs{n}" for n, pos in enumerate(POSITIONS) if first <= pos <= last]
    found = known.read(table, first, last)
    assert found.column("dbsnp").to_pylist() == expected
    assert found.schema == SCHEMA


@pytest.mark.parametrize(
    "places", [[1], [2, 3, 4], [5, 7], [1, 6, 7, 12, 13], [7, 7], [2_000_000_000], [3, 13], POSITIONS]
)
def test_the_rows_at_some_positions(table: Path, places: list[int]) -> None:
    expected = [f"rs{n}" for n, pos in enumerate(POSITIONS) if pos in places]
    assert known.read_at(table, np.array(places)).column("dbsnp").to_pylist() == expected


def test_only_the_batches_of_the_region_are_read(table: Path) -> None:
    data = bytearray(table.read_bytes())
    middle = len(data) // 2
    data[middle - 200 : middle + 200] = bytes(400)
    table.write_bytes(data)
    assert known.read(table, 1, 1).num_rows == 2
    assert known.read_at(table, np.array([1, 2_000_000_000])).num_rows == 3


@pytest.mark.parametrize("cut", [0, 8, 100])
def test_a_damaged_table_is_said_to_be(table: Path, cut: int) -> None:
    table.write_bytes(table.read_bytes()[:cut])
    with pytest.raises(Permanent, match=r"0\.arrow cannot be read"):
        known.read(table, 1, 10)


def test_a_table_with_the_bounds_of_another_is_said_to_be_damaged(table: Path, tmp_path: Path) -> None:
    known.write(
        [pa.RecordBatch.from_pylist([{"pos": 1, "ref": "A", "alt": "C"}], schema=SCHEMA)], SCHEMA, tmp_path / "1.arrow"
    )
    (tmp_path / "1.npy").replace(tmp_path / "0.npy")
    with pytest.raises(Permanent, match="4 batches instead of 1"):
        known.read(table, 1, 10)
