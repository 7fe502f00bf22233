"""One part of the genome: its alleles are annotated chunk by chunk, and written as pieces of the result's files."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotator_hook.consequence.alleles import Alleles
from annotator_hook.consequence.arrays import Ints, scattered
from annotator_hook.consequence.engine import Engine
from annotator_hook.consequence.output import Writer
from annotator_hook.pipeline import (
    bgzf,
    columns,
    genotypes,
    known_sites,
    spool,
    tabix,
    tables,
    together,
    tsv_text,
    vcf_text,
)
from annotator_hook.pipeline.counts import Counter, Counts
from annotator_hook.pipeline.csq import Csq
from annotator_hook.pipeline.genome import Genome
from annotator_hook.pipeline.resources import peak_memory
from annotator_hook.pipeline.spool import Part, Reader

ROWS: Final = 50_000
"""Alleles times transcripts that are held at a time, about."""
LONG: Final = 100
"""Bases of an allele that make a row of it as long as two; names repeat what is inserted."""
BYTES: Final = 16 << 20
"""Of the records' text that are held at a time, about."""
MOST_ALLELES: Final = 16_384


@dataclass
class Done:
    """What became of a part."""

    part: Part
    path: Path
    """Of the files, without their endings."""
    lines: int = 0
    """Lines of the VCF, counted in what was written."""
    records: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    """The input's lines that they come from."""
    index: tabix.Entries | None = None
    counts: Counts = field(default_factory=Counts)
    unread: int = 0
    """Transcripts of which not every combination of phased variants was read."""
    peak_memory_bytes: int = 0
    """Of the process that did it."""
    process: int = field(default_factory=os.getpid)

    @property
    def vcf(self) -> Path:
        """Blocks of the VCF; the others likewise."""
        return self.path.with_suffix(".vcf")

    @property
    def tsv(self) -> Path:
        return self.path.with_suffix(".tsv")

    @property
    def variants(self) -> Path:
        return self.path.with_suffix(".variants")

    @property
    def consequences(self) -> Path:
        return self.path.with_suffix(".consequences")


class Annotator:
    """Annotates parts, one after the other."""

    def __init__(self, genome: Genome, folder: Path, csq: Csq, counter: Counter, samples: int, distance: int) -> None:
        self.genome = genome
        self.folder = folder
        self.csq = csq
        self.counter = counter
        self.samples = samples
        self.distance = distance
        self.engine = lru_cache(maxsize=1)(self._engine)

    def _engine(self, name: str) -> tuple[Engine, Writer, tsv_text.Table]:
        contig, opened = self.genome.pack.by_name[name], self.genome.open(name)
        engine = Engine(
            opened.model,
            opened.sequence,
            distance=self.distance,
            reference=contig.accession,
            molecule=contig.molecule,
        )
        return engine, Writer(opened.model), tsv_text.Table(name, opened.model)

    def together(self, name: str, reader: Reader) -> together.Together:
        """What has to be read together of a part's alleles."""
        if not self.samples:
            return together.none()
        opened = self.genome.open(name)
        return together.read(Engine(opened.model, opened.sequence, distance=0), reader, self.samples)

    def annotate(self, part: Part) -> Done:
        """Writes the part's pieces."""
        with ExitStack() as files:
            done = _Part(self, part, files).run()
        done.peak_memory_bytes = peak_memory()
        return done


class _Part:
    """The work on one part."""

    def __init__(self, annotator: Annotator, part: Part, files: ExitStack) -> None:
        self._annotator = annotator
        self._samples = annotator.samples
        self._part = part
        self._files = files
        self._engine, self._writer, self._table = annotator.engine(part.contig)
        self._reader = Reader(part)
        self._bcsq = annotator.csq.of(part)
        self._bcsq_used = 0
        self._done = Done(part, annotator.folder / f"{part.number}")
        self._vcf, self._tsv = bgzf.Piece(self._done.vcf), bgzf.Piece(self._done.tsv)
        self._variants = self._arrow(self._done.variants, tables.variants_schema(self._samples))
        self._consequences = self._arrow(self._done.consequences, tables.CONSEQUENCES)
        self._first: list[Ints] = []
        self._last: list[Ints] = []
        self._offsets: list[Ints] = []
        self._records: list[Ints] = []

    def _arrow(self, path: Path, schema: Any) -> Any:
        sink = self._files.enter_context(pa.OSFile(str(path), "wb"))
        return self._files.enter_context(pa.ipc.new_stream(sink, schema))

    def run(self) -> Done:
        done, reader = self._done, self._reader
        calls = self._annotator.together(self._part.contig, reader)
        done.unread = calls.unread
        rows = self._rows(reader.positions) * (1 + reader.sizes(("ref", "alt")) // LONG)
        for start, stop in spool.ranges(MOST_ALLELES, (rows, ROWS), (reader.sizes(), BYTES)):
            self._chunk(start, reader.read(start, stop), calls)
        self._close()
        return done

    def _rows(self, positions: Ints) -> Ints:
        """Of each allele about how many rows its annotation will have: transcripts that it is in or near."""
        model, distance = self._engine.model, self._annotator.distance
        begun = np.searchsorted(np.sort(model.start - distance), positions, side="right")
        ended = np.searchsorted(np.sort(model.end + distance), positions, side="left")
        found: Ints = np.maximum(begun - ended, 1)
        return found

    def _chunk(self, start: int, table: Any, calls: together.Together) -> None:
        contig, samples, writer = self._part.contig, self._samples, self._writer
        pos, ref, alt = (table.column(name).chunk(0) for name in ("pos", "ref", "alt"))
        annotation = self._engine.annotate(Alleles(pos.to_numpy().astype(np.int64), ref, alt))
        known = known_sites.of(self._annotator.genome.pack, contig, pos, ref, alt)
        existing = pc.fill_null(known.column("dbsnp").chunk(0), "")
        together_columns, haplotype, changed = calls.of(annotation, start)
        csq = writer.csq(annotation, existing=existing, haplotype=haplotype)
        lines = vcf_text.lines(contig, table, annotation.hgvsg, self._said(pos, ref), csq, known)
        del csq, haplotype
        self._index(table, lines)
        self._vcf.write(columns.whole(lines))
        self._done.lines += int(np.count_nonzero(np.frombuffer(columns.whole(lines), np.uint8) == columns.LINE_END))
        del lines
        rows = _readable(
            pa.table(
                [*writer.table(annotation, existing=existing).columns, *together_columns.columns],
                schema=pa.schema(list(tables.CONSEQUENCES)[1:]),
            )
        )
        self._tsv.write(columns.whole(self._table.lines(table, annotation, known, together_columns, samples)))
        counts = genotypes.count(table.column("genotypes").chunk(0), samples) if samples else None
        touching = (annotation.transcript >= 0) & (annotation.distance < 0)
        chosen = np.flatnonzero(writer.picked(annotation, touching))
        variants = tables.variants(contig, table, annotation, rows, chosen, known, counts, changed, samples)
        self._variants.write_table(tables.numbered(variants, "id", start))
        self._consequences.write_table(tables.numbered(tables.consequences(annotation, rows), "variant", start))
        self._annotator.counter.add(self._done.counts, contig, annotation, variants, self._engine.model, chosen)

    def _said(self, pos: Any, ref: Any) -> Any:
        """What `bcftools csq` says of the chunk's alleles."""
        if self._bcsq is None:
            return None
        near = np.flatnonzero(self._annotator.csq.near(self._part, pos, ref))
        said = self._bcsq.slice(self._bcsq_used, len(near))
        self._bcsq_used += len(near)
        return scattered(len(pos), near, said)

    def _index(self, table: Any, lines: Any) -> None:
        first = table.column("pos").to_numpy().astype(np.int64) - 1
        self._first.append(first)
        self._last.append(first + columns.lengths(table.column("ref").chunk(0)) - 1)
        self._offsets.append(self._vcf.unpacked + columns.offsets_of(lines)[:-1].astype(np.int64))
        self._records.append(table.column("line").to_numpy().astype(np.int64))

    def _close(self) -> None:
        self._vcf.close()
        self._tsv.close()
        done = self._done
        if self._first:
            offsets = np.append(np.concatenate(self._offsets), self._vcf.unpacked)
            first, last = np.concatenate(self._first), np.concatenate(self._last)
            done.index = tabix.Entries.of(first, last, self._vcf.virtual(offsets))
            done.records = np.unique(np.concatenate(self._records))


def _readable(rows: Any) -> Any:
    """HGVSp with an equals sign: INFO alone needs it escaped."""
    for name in ("HGVSp", "hap_hgvsp"):
        (column,) = rows.column(name).chunks
        if column.null_count == len(column):
            continue
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, rows.schema.field(name), pc.replace_substring(column, "%3D", "="))
    return rows
