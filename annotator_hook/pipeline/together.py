"""What phased genotypes put on one copy, looked up for a whole part of the genome and handed out chunk by chunk."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotator_hook.consequence.alleles import Alleles
from annotator_hook.consequence.arrays import Bools, Ints, Text, merge
from annotator_hook.consequence.engine import Annotation, Engine
from annotator_hook.consequence.models import ContigModel
from annotator_hook.pipeline import genotypes, haplotypes
from annotator_hook.pipeline.spool import Reader, ranges

_ROWS = 1 << 14
_BYTES = 16 << 20
"""Of genotypes that are held at a time, about."""
_MOST_TRANSCRIPTS = 32
"""Bits of a transcript's number in a key."""


@dataclass(frozen=True, eq=False)
class Together:
    """The changed calls of a part."""

    key: Ints
    """Allele of the part and transcript, ascending."""
    columns: Any
    """`haplotypes.COLUMNS`, a row a key."""
    csq: Text
    """The CSQ field HAPLOTYPE."""
    unread: int = 0
    """Transcripts of which not every combination was read."""

    def of(self, annotation: Annotation, first: int) -> tuple[Any, Text, Ints]:
        """For a chunk that begins with allele ``first`` of the part: columns and field of each row, and the alleles of
        which a call is changed."""
        rows = len(annotation.allele)
        keys = _keys(annotation.allele + first, annotation.transcript)
        place = np.searchsorted(self.key, keys)
        hit = place < len(self.key)
        hit[hit] = self.key[place[hit]] == keys[hit]
        where = np.flatnonzero(hit)
        table = self.columns.take(pa.array(place, mask=~hit))
        field = merge(rows, (where, self.csq.take(pa.array(place[where]))))
        return table, field, np.unique(annotation.allele[where])


def none() -> Together:
    """For files without samples."""
    return Together(np.zeros(0, dtype=np.int64), haplotypes.COLUMNS.empty_table(), pa.array([], type=pa.string()))


def read(engine: Engine, reader: Reader, samples: int) -> Together:
    """Looks at the coding alleles of a part that may stand together with others: phased ones, and such that all
    copies of a sample have.

    ``engine``: best one that looks at nothing beside a transcript.
    """
    pos = reader.positions.astype(np.int64)
    coding = np.flatnonzero(_coding(engine.model, pos, pos + reader.sizes(("ref",))))
    sizes = reader.sizes(("genotypes",))
    kept: list[Ints] = []
    for start, stop in ranges(_ROWS, (sizes[coding], _BYTES)):
        rows = coding[start:stop]
        text = _genotypes(reader, rows)
        phased = pc.match_substring(text, b"|").to_numpy(zero_copy_only=False)
        kept.append(rows[phased | (genotypes.count(text, samples).hom_alt > 0)])
    alleles = np.concatenate([*kept, np.zeros(0, dtype=np.int64)])
    if not len(alleles):
        return none()
    table = reader.pick(alleles, ("ref", "alt"))
    ref, alt = table.column("ref").chunk(0), table.column("alt").chunk(0)
    annotation = engine.annotate(Alleles(pos[alleles], ref, alt))
    carried = haplotypes.Genotypes(
        take=lambda records: _genotypes(reader, alleles[records]),
        sizes=sizes[alleles],
        record=np.arange(len(alleles), dtype=np.int64),
        number=np.ones(len(alleles), dtype=np.int64),  # the spool's genotypes are of one allele each
    )
    calls = haplotypes.read_together(engine, annotation, carried, ref, alt)
    total = len(annotation.allele)
    rows = pa.array(calls.row)
    return Together(
        key=_keys(alleles[annotation.allele[calls.row]], annotation.transcript[calls.row]),
        columns=calls.columns(total).take(rows).combine_chunks(),
        csq=calls.csq(total).take(rows),
        unread=calls.unread,
    )


def _genotypes(reader: Reader, rows: Ints) -> Any:
    return reader.pick(rows, ("genotypes",)).column(0).chunk(0)


def _keys(allele: Ints, transcript: Ints) -> Ints:
    return allele << _MOST_TRANSCRIPTS | np.maximum(transcript, 0)


def _coding(model: ContigModel, first: Ints, last: Ints) -> Bools:
    """Which of the ranges touch coding sequence."""
    start, end = _coding_ranges(model)
    if not len(start):
        return np.zeros(len(first), dtype=np.bool_)
    place = np.searchsorted(start, last, side="right") - 1
    found: Bools = (place >= 0) & (end[np.maximum(place, 0)] >= first)
    return found


@lru_cache(maxsize=4)
def _coding_ranges(model: ContigModel) -> tuple[Ints, Ints]:
    """Coding parts of exons, sorted by their start, with the furthest end so far."""
    low, high = model.coding_region
    start = np.maximum(model.exon_start, low[model.exon_transcript])
    end = np.minimum(model.exon_end, high[model.exon_transcript])
    kept = np.flatnonzero(start <= end)
    order = kept[np.argsort(start[kept], kind="stable")]
    return start[order], np.maximum.accumulate(end[order]) if len(order) else end[order]
