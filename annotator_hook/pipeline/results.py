"""The result's files, put together from the pieces that parts of the genome left, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pysam

from annotator_hook.consequence.output import COLUMNS
from annotator_hook.pipeline import bgzf, tabix, tables
from annotator_hook.pipeline.annotate import Done
from annotator_hook.pipeline.genome import Genome

MOST_GENES_SHOWN: Final = 20_000
VARIANT_ROWS: Final = 100_000
"""Of a row group, at least."""
CONSEQUENCE_ROWS: Final = 40_000
"""Likewise; a chunk makes about so many, and holding two of them costs a third more memory in all."""
_MANY_VALUES: Final = frozenset({"hgvsg", "hgvsc", "HGVSg", "HGVSc", "pos", "id", "line", "variant"})
"""Columns in which hardly a value comes twice: no dictionary is tried."""


class Results:
    """Takes parts in the order of the genome, then `close`."""

    def __init__(
        self, folder: Path, genome: Genome, vcf_head: bytes, tsv_head: bytes, metadata: dict[str, str]
    ) -> None:
        self.vcf = folder / "annotated.vcf.gz"
        self.tsv = folder / "annotated.tsv.gz"
        self.variants = folder / "variants.parquet"
        self.consequences = folder / "consequences.parquet"
        self.genes = folder / "genes.bed"
        self.lines = 0
        """Alleles."""
        self._genome = genome
        self._heads = vcf_head, tsv_head
        self._metadata = metadata
        self._done: list[Done] = []
        self._tables: list[_Table] = []

    def open(self, samples: int) -> None:
        """Begins with the tables."""
        self._tables = [
            _Table(self.variants, tables.variants_schema(samples), "id", VARIANT_ROWS, self._metadata),
            _Table(self.consequences, tables.CONSEQUENCES, "variant", CONSEQUENCE_ROWS, {}),
        ]

    def add(self, done: Done) -> None:
        """A part's pieces; its tables are taken over at once."""
        for table, path in zip(self._tables, (done.variants, done.consequences), strict=True):
            table.add(path, self.lines)
        self.lines += done.lines
        done.records = np.zeros(0, dtype=np.int64)
        self._done.append(done)

    def close(self, touched: dict[str, set[int]]) -> int:
        """Puts the text files together, and answers how many alleles the tables have.

        ``touched``: of each contig the transcripts that are shown in the genome view.
        """
        rows = self._tables[0].close()
        self._tables[1].close()
        vcf_head, tsv_head = self._heads
        starts = bgzf.put_together(self.vcf, vcf_head, [done.vcf for done in self._done])
        bgzf.put_together(self.tsv, tsv_head, [done.tsv for done in self._done])
        self._index(starts)
        self._write_genes(touched)
        return rows

    @property
    def index(self) -> Path:
        """Of the VCF: tabix's, or where a contig is too long for that, a CSI."""
        return self.vcf.with_name(self.vcf.name + (".csi" if self._too_long else ".tbi"))

    @property
    def _too_long(self) -> bool:
        used = {done.part.contig for done in self._done}
        return any(self._genome.pack.by_name[name].length > tabix.MOST_BASES for name in used)

    def _index(self, starts: Sequence[int]) -> None:
        if self._too_long:
            pysam.tabix_index(str(self.vcf), preset="vcf", csi=True, force=True)
            return
        contigs: dict[str, list[tuple[int, tabix.Entries]]] = {}
        for start, done in zip(starts, self._done, strict=True):
            if done.index is not None:
                contigs.setdefault(done.part.contig, []).append((start, done.index))
        tabix.write(self.index, list(contigs.items()))

    def _write_genes(self, touched: dict[str, set[int]]) -> None:
        left = MOST_GENES_SHOWN
        with self.genes.open("w", encoding="utf-8") as file:
            for contig in self._genome.names:
                for transcript in sorted(
                    touched.get(contig, ()), key=self._genome.open(contig).model.start.__getitem__
                ):
                    if left == 0:
                        return
                    left -= 1
                    file.write(_bed(self._genome, contig, transcript))


class _Table:
    """A Parquet file, row group by row group."""

    def __init__(self, path: Path, schema: Any, numbered: str, rows: int, metadata: dict[str, str]) -> None:
        coded = [field.name for field in schema if field.name not in _MANY_VALUES and field.name != "gt"]
        self._writer = pq.ParquetWriter(
            path,
            schema.with_metadata(metadata) if metadata else schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=coded,
            write_statistics=[field.name for field in schema if field.name not in COLUMNS],
        )
        self._numbered = numbered
        self._rows = rows
        self._held: list[Any] = []
        self._held_rows = 0
        self._written = 0

    def add(self, path: Path, first: int) -> None:
        """Tables of which the alleles are counted from ``first``; removes the file."""
        with pa.OSFile(str(path), "rb") as source, pa.ipc.open_stream(source) as reader:
            for batch in reader:
                table = tables.numbered(pa.Table.from_batches([batch]), self._numbered, first)
                self._held.append(table)
                self._held_rows += table.num_rows
                if self._held_rows >= self._rows:
                    self._flush()
        path.unlink()

    def _flush(self) -> None:
        if self._held:
            self._writer.write_table(pa.concat_tables(self._held), row_group_size=2 * self._rows)
            self._written += self._held_rows
            self._held, self._held_rows = [], 0

    def close(self) -> int:
        """Answers the number of rows."""
        self._flush()
        self._writer.close()
        return self._written


def _bed(genome: Genome, contig: str, transcript: int) -> str:
    """A line of BED12. Source: UCSC, "BED format"."""
    model = genome.open(contig).model
    low, high = model.exon_offset[transcript], model.exon_offset[transcript + 1]
    starts, ends = model.exon_start[low:high] - 1, model.exon_end[low:high]
    start, end = int(starts[0]), int(ends[-1])
    thick = (end, end)
    if model.coding[transcript]:
        first, last = (int(side[transcript]) for side in model.coding_region)
        thick = (first - 1, last)
    name = f"{model.texts['symbol'][transcript] or model.texts['gene_id'][transcript]} {model.texts['transcript_id'][transcript]}"
    sizes = ",".join(map(str, (ends - starts).tolist()))
    places = ",".join(map(str, (starts - start).tolist()))
    strand = "+" if model.strand[transcript] > 0 else "-"
    fields = (contig, start, end, name, 0, strand, *thick, 0, len(starts), sizes, places)
    return "\t".join(map(str, fields)) + "\n"
