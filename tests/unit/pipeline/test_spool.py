"""Much text, in pieces, parts and chunks: no more of it is held than was meant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from annotator_hook.packs import format as packs
from annotator_hook.pipeline import parts
from annotator_hook.pipeline.genome import Genome
from annotator_hook.pipeline.spool import MARK_EVERY, Reader, ranges
from tests.unit.pipeline import tiny
from tests.unit.pipeline.vcf import checked

SAMPLES = tuple(f"person{number}" for number in range(500))
CALLS = " ".join(["0|1"] * len(SAMPLES))


@pytest.fixture
def genome(tmp_path: Path) -> Genome:
    return Genome(packs.load(tiny.make(tmp_path)))


def wide(count: int) -> str:
    """Records behind the gene, each with some 2,000 bytes of genotypes."""
    places = range(200, 200 + count)
    records = [f"one {pos} . {(ref := tiny.FIRST[pos - 1])} {'A' if ref != 'A' else 'C'}" for pos in places]
    return tiny.file(*(f"{record} . . . GT {CALLS}" for record in records), samples=SAMPLES)


def test_parts_are_cut_by_the_bytes_of_genotypes(
    tmp_path: Path, genome: Genome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "BYTES", 300_000)
    divided = parts.divide(checked(tmp_path, wide(640), genome=genome).pieces, genome)
    sizes = [int(Reader(part).sizes().sum()) for part in divided]
    assert sum(Reader(part).rows for part in divided) == 640
    assert len(sizes) >= 640 * 2000 // 300_000
    assert max(sizes) <= 300_000 + MARK_EVERY * 2100


def test_few_narrow_records_are_one_part(tmp_path: Path, genome: Genome) -> None:
    assert len(parts.divide(checked(tmp_path, wide(10), genome=genome).pieces, genome)) == 1


def test_sizes_are_told_without_reading_the_text(tmp_path: Path, genome: Genome) -> None:
    (part,) = parts.divide(checked(tmp_path, wide(3), genome=genome).pieces, genome)
    reader = Reader(part)
    assert reader.sizes(("genotypes",)).tolist() == [len("GT") + 4 * len(SAMPLES)] * 3
    assert reader.sizes(("ref", "alt")).tolist() == [2, 2, 2]


def test_ranges_end_where_a_limit_is_reached_and_have_a_row_at_least() -> None:
    numbers = np.array([3, 3, 3, 50, 1, 1, 1, 1])
    assert list(ranges(3, (numbers, 6))) == [(0, 2), (2, 3), (3, 4), (4, 7), (7, 8)]
    assert list(ranges(3, (numbers[:0], 6))) == []
