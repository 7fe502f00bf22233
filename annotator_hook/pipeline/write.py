"""The result: a bgzipped VCF with its tabix index, and the same as a table.

The table has one line an allele and transcript that it touches; an allele that touches none has one line for its
nearest. Flanking transcripts beyond that are in the VCF's CSQ alone, as there are twenty of them a variant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pysam
import pysam.bcftools

from annotator_hook.pipeline.annotation import INFO_LINES, Annotation
from annotator_hook.pipeline.header import Header
from annotator_hook.pipeline.pack import Contig
from annotator_hook.pipeline.spool import column_line, encode

MOST_GENOTYPE_COLUMNS: Final = 20
"""Samples beyond which the table has no genotypes: the VCF has them."""

TSV_COLUMNS: Final = (
    "contig",
    "pos",
    "ref",
    "alt",
    "hgvs_g",
    "gene",
    "consequence",
    "impact",
    "hgvs_p",
    "clinvar_significance",
    "clinvar_stars",
    "clinvar_conditions",
    "clinvar_accession",
    "dbsnp",
    "variant_class",
    "gene_id",
    "transcript",
    "biotype",
    "strand",
    "distance",
    "cds_position",
    "protein_position",
    "amino_acids",
    "codons",
    "id",
    "qual",
    "filter",
    "line",
    "original",
)
_FORMULA: Final = ("=", "+", "-", "@")
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")


def cell(text: str) -> str:
    """Untrusted text for a table: valid UTF-8, on one line, and nothing that a spreadsheet takes for a formula."""
    if not text.isascii() or "\r" in text:
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\r", " ")
    if text[:1] in _FORMULA and not _NUMBER.fullmatch(text):
        return "'" + text
    return text


def table_rows(annotation: Annotation) -> list[str]:
    """The columns that depend on the allele alone, one row a transcript that it touches."""
    variant, known = annotation.variant, annotation.clinvar
    clinvar = ["", "", "", "", ""]
    if known:
        clinvar = [known.significance_in_words, str(known.stars), known.conditions_in_words]
        clinvar += [known.accession, known.dbsnp]
    rows = []
    for item in annotation.consequences.touching or [annotation.consequences.worst]:
        transcript = item.transcript
        where = ["", "", "", ""]
        if transcript:
            where = [transcript.gene_id, transcript.transcript_id, transcript.biotype, str(transcript.strand)]
        row = [variant.contig, str(variant.pos), variant.ref, variant.alt, annotation.hgvs_g]
        row += [transcript.symbol if transcript else "", "&".join(item.terms), item.impact, item.hgvs_p, *clinvar]
        row += [annotation.kind, *where, "" if item.distance is None else str(item.distance)]
        row += [item.cds, item.residues, cell(item.amino_acids), item.codons]
        rows.append("\t".join(row))
    return rows


class Writer:
    """Writes alleles in the order of the genome, then `close`."""

    def __init__(
        self,
        folder: Path,
        header: Header,
        contigs: Sequence[Contig],
        undeclared: Sequence[str],
        provenance: Mapping[str, str],
    ) -> None:
        """``undeclared``: header lines for what the records use and the input's header does not declare."""
        self.vcf = folder / "annotated.vcf.gz"
        self.tsv = folder / "annotated.tsv"
        self.written = 0
        """Alleles."""
        self._vcf = pysam.BGZFile(str(self.vcf), "wb", None)
        self._tsv = self.tsv.open("w", encoding="utf-8", newline="\n")
        self._pending: list[str] = []
        self._pending_size = 0
        self._latest: Annotation | None = None
        self._latest_rows: list[str] = []
        samples = header.samples if len(header.samples) <= MOST_GENOTYPE_COLUMNS else []
        self._genotypes = len(samples)
        head = [f"##fileformat={header.fileformat}", *header.meta]
        head += [f"##contig=<ID={contig.name},length={contig.length}>" for contig in contigs]
        head += undeclared
        head += [f"##INFO=<ID={key},{declaration}>" for key, declaration in INFO_LINES.items()]
        head += [f"##GAS_{key}={value}" for key, value in provenance.items()]
        head.append(column_line(header))
        self._vcf.write(encode("\n".join(head) + "\n"))
        self._tsv.write("\t".join([*TSV_COLUMNS, *(cell(f"GT:{name}") for name in samples)]) + "\n")

    def write(self, line: int, fields: Sequence[str], annotation: Annotation) -> None:
        """``fields``: the record's columns up to INFO, then FORMAT and samples in one, where there are any."""
        record = "\t".join(fields[:8]) + ";" + annotation.info
        self._pending.append(record + "\t" + fields[8] + "\n" if len(fields) > 8 else record + "\n")
        self._pending_size += len(self._pending[-1])
        if self._pending_size > 1 << 20:
            self._flush()
        self._tsv.write(self._rows(line, fields, annotation))
        self.written += 1

    def _flush(self) -> None:
        self._vcf.write(encode("".join(self._pending)))
        self._pending.clear()
        self._pending_size = 0

    def _rows(self, line: int, fields: Sequence[str], annotation: Annotation) -> str:
        if annotation is not self._latest:
            self._latest, self._latest_rows = annotation, table_rows(annotation)
        _, changed, original = fields[7].rpartition("GAS_ORIGINAL=")
        original = original.partition(";")[0] if changed else ""
        record = [cell(fields[2]), cell(fields[5]), cell(fields[6]), str(line), cell(original), *self._calls(fields)]
        end = "\t" + "\t".join(record) + "\n"
        return "".join([row + end for row in self._latest_rows])

    def _calls(self, fields: Sequence[str]) -> list[str]:
        if not self._genotypes:
            return []
        keys, *samples = fields[8].split("\t")
        names = keys.split(":")
        if "GT" not in names:
            return [""] * self._genotypes
        place = names.index("GT")
        return [cell((sample.split(":") + [""] * (place + 1))[place]) for sample in samples]

    def close(self) -> int:
        """Closes and indexes. Answers how many records htslib found in the VCF as written."""
        self._flush()
        self._vcf.close()
        self._tsv.close()
        pysam.tabix_index(str(self.vcf), preset="vcf", force=True)
        if not self.written:
            return 0  # an index without records has no counts
        return int(str(pysam.bcftools.index("-n", str(self.vcf))))

    @property
    def tbi(self) -> Path:
        return self.vcf.with_name(self.vcf.name + ".tbi")
