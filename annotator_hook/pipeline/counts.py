"""What the job's page shows at first sight, counted chunk by chunk and added up over the parts of the genome."""

from __future__ import annotations

import collections
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from annotator_hook.consequence import terms
from annotator_hook.consequence.alleles import CLASSES, DELETION, INDEL, INSERTION, SNV
from annotator_hook.consequence.arrays import Ints
from annotator_hook.consequence.engine import Annotation
from annotator_hook.consequence.models import ContigModel
from annotator_hook.pipeline import columns

MOST_HIGHLIGHTS: Final = 50
LONGEST_INDEL: Final = 50
FREQUENCIES: Final = (0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Bounds of the frequency spectrum's bars."""
_HIGH, _MODERATE = (
    np.array([impact == name for impact in terms.IMPACTS], dtype=np.bool_)
    for name in (terms.Impact.HIGH, terms.Impact.MODERATE)
)
_CODING: Final = (
    terms.STOP_GAINED | terms.FRAMESHIFT | terms.STOP_LOST | terms.START_LOST | terms.INFRAME_INSERTION
    | terms.INFRAME_DELETION | terms.MISSENSE | terms.PROTEIN_ALTERING | terms.INCOMPLETE_TERMINAL_CODON
    | terms.START_RETAINED | terms.STOP_RETAINED | terms.SYNONYMOUS | terms.CODING_SEQUENCE
)  # fmt: skip
_PURINE: Final = np.array([True, False, True, False, False])
Highlight = dict[str, Any]


def _zeros(count: int) -> Ints:
    return np.zeros(count, dtype=np.int64)


@dataclass
class Counts:
    """Of some alleles."""

    variants: int = 0
    classes: Ints = field(default_factory=lambda: _zeros(len(CLASSES)))
    consequences: Ints = field(default_factory=lambda: _zeros(len(terms.TERMS)))
    """The most severe term of each allele."""
    coding: Ints = field(default_factory=lambda: _zeros(len(terms.TERMS)))
    """The most severe coding term of each allele that has one."""
    transitions: int = 0
    transversions: int = 0
    lengths: Ints = field(default_factory=lambda: _zeros(2 * LONGEST_INDEL + 1))
    frequencies: Ints = field(default_factory=lambda: _zeros(len(FREQUENCIES) - 1))
    het: int = 0
    hom: int = 0
    changed: int = 0
    """Alleles with a call that is another one on its haplotype."""
    clinvar: collections.Counter[str] = field(default_factory=collections.Counter)
    contigs: collections.Counter[str] = field(default_factory=collections.Counter)
    density: dict[str, Ints] = field(default_factory=dict)
    genes: dict[str, list[Any]] = field(default_factory=dict)
    """Gene's identifier → symbol, alleles, those with HIGH, those with MODERATE impact."""
    transcripts: dict[str, set[int]] = field(default_factory=dict)
    """Contig → transcripts that stand for their gene and are touched."""
    pathogenic: dict[tuple[Any, ...], Highlight] = field(default_factory=dict)
    high: dict[tuple[Any, ...], Highlight] = field(default_factory=dict)

    def __iadd__(self, other: Counts) -> Counts:
        for name in ("variants", "transitions", "transversions", "het", "hom", "changed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("classes", "consequences", "coding", "lengths", "frequencies"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.clinvar += other.clinvar
        self.contigs += other.contigs
        for contig, counted in other.density.items():
            self.density[contig] = self.density[contig] + counted if contig in self.density else counted
        for gene, (symbol, *numbers) in other.genes.items():
            held = self.genes.setdefault(gene, [symbol, 0, 0, 0])
            held[1:] = [a + b for a, b in zip(held[1:], numbers, strict=True)]
        for contig, touched in other.transcripts.items():
            self.transcripts.setdefault(contig, set()).update(touched)
        for kept, more in ((self.pathogenic, other.pathogenic), (self.high, other.high)):
            for key, highlight in more.items():
                if len(kept) < MOST_HIGHLIGHTS:
                    kept.setdefault(key, highlight)
        return self


class Counter:
    """Counts the alleles of chunks."""

    def __init__(self, bins: Mapping[str, int]) -> None:
        """``bins``: of the contigs whose density is shown, the bases of a bar."""
        self._bins = bins

    def add(
        self, counts: Counts, contig: str, annotation: Annotation, variants: Any, model: ContigModel, chosen: Ints
    ) -> None:
        """Adds a chunk.

        Args:
            counts: What it is added to.
            contig: The pack's name of it.
            annotation: Of the chunk.
            variants: Its table of `tables.variants`.
            model: Gene models of the contig.
            chosen: The row that stands for each allele.
        """
        alleles = annotation.alleles
        count = len(alleles)
        pos = variants.column("pos").to_numpy()
        counts.variants += count
        counts.contigs[contig] += count
        if contig in self._bins:
            size = self._bins[contig]
            bars = np.bincount((pos - 1) // size, minlength=-(-model.length // size))
            counts.density[contig] = counts.density[contig] + bars if contig in counts.density else bars
        counts.classes = counts.classes + np.bincount(alleles.kind, minlength=len(CLASSES))
        first = annotation.first_rows
        masks = np.bitwise_or.reduceat(annotation.mask, first)
        severity = terms.severity(masks)
        counts.consequences = counts.consequences + np.bincount(severity, minlength=len(terms.TERMS))
        coding = masks[masks & -masks & _CODING != 0]  # those whose most severe term is one: what a filter by it finds
        counts.coding = counts.coding + np.bincount(terms.severity(coding), minlength=len(terms.TERMS))
        self._substitutions(counts, annotation)
        self._lengths(counts, annotation, variants)
        self._known(counts, variants)
        self._genes(counts, contig, annotation, model, chosen)
        self._highlights(counts, variants, _HIGH[severity])

    @staticmethod
    def _substitutions(counts: Counts, annotation: Annotation) -> None:
        alleles = annotation.alleles
        before, after = (bases[alleles.kind == SNV] for bases in alleles.snv_bases)
        before, after = before[before < 4], after[before < 4]
        alike = int((_PURINE[before] == _PURINE[after]).sum())
        counts.transitions += alike
        counts.transversions += len(before) - alike

    @staticmethod
    def _lengths(counts: Counts, annotation: Annotation, variants: Any) -> None:
        rows = np.flatnonzero(np.isin(annotation.alleles.kind, (INSERTION, DELETION, INDEL)))
        if not len(rows):
            return
        ref, alt = (columns.lengths(variants.column(name).chunk(0))[rows] for name in ("ref", "alt"))
        grown = np.clip(alt - ref, -LONGEST_INDEL, LONGEST_INDEL) + LONGEST_INDEL
        counts.lengths = counts.lengths + np.bincount(grown, minlength=2 * LONGEST_INDEL + 1)

    @staticmethod
    def _known(counts: Counts, variants: Any) -> None:
        af = variants.column("af").drop_null().to_numpy()
        if len(af):
            counts.frequencies = counts.frequencies + np.histogram(af, np.array(FREQUENCIES))[0]
        if variants.column("n_het").null_count == 0:
            counts.het += pc.sum(variants.column("n_het")).as_py() or 0
            counts.hom += pc.sum(variants.column("n_hom_alt")).as_py() or 0
        counts.changed += pc.sum(variants.column("haplotype")).as_py() or 0
        significance = variants.column("clinvar_significance")
        if significance.null_count < len(significance):
            counted = pc.value_counts(significance.cast(pa.string()).drop_null())
            for entry in counted.to_pylist():
                counts.clinvar[entry["values"]] += entry["counts"]

    @staticmethod
    def _genes(counts: Counts, contig: str, annotation: Annotation, model: ContigModel, chosen: Ints) -> None:
        rows = np.flatnonzero((annotation.transcript >= 0) & (annotation.distance < 0))
        if not len(rows):
            return
        transcript = annotation.transcript[rows]
        number, ids, symbols = _genes_of(model)
        severity = terms.severity(annotation.mask[rows])
        key = (number[transcript] * len(annotation.alleles) + annotation.allele[rows]) << 5 | severity
        key = np.sort(key)
        worst = key[np.append(True, np.diff(key >> 5) != 0)]  # of each gene and allele
        gene, worst = (worst >> 5) // len(annotation.alleles), worst & 31
        totals = [
            np.bincount(gene, weights=weight, minlength=len(ids)).astype(np.int64)
            for weight in (None, _HIGH[worst], _MODERATE[worst])
        ]
        for touched in np.unique(gene).tolist():
            held = counts.genes.setdefault(ids[touched], [symbols[touched], 0, 0, 0])
            held[1:] = [held[1 + n] + int(total[touched]) for n, total in enumerate(totals)]
        leading = model.canonical | model.mane_select | model.mane_plus_clinical
        touched_now = set(np.unique(transcript[leading[transcript]]).tolist())
        stands = chosen[(annotation.transcript[chosen] >= 0) & (annotation.distance[chosen] < 0)]
        touched_now |= set(np.unique(annotation.transcript[stands]).tolist())
        counts.transcripts.setdefault(contig, set()).update(touched_now)

    @staticmethod
    def _highlights(counts: Counts, variants: Any, high: npt.NDArray[np.bool_]) -> None:
        significance = variants.column("clinvar_significance").combine_chunks()
        pathogenic = np.zeros(len(variants), dtype=np.bool_)
        if significance.null_count < len(significance):
            words = pc.utf8_lower(pc.fill_null(significance.cast(pa.string()), ""))
            found = pc.or_(pc.starts_with(words, "pathogenic"), pc.starts_with(words, "likely pathogenic"))
            pathogenic = found.to_numpy(zero_copy_only=False)
        for kept, wanted in ((counts.pathogenic, pathogenic), (counts.high, high & ~pathogenic)):
            for row in np.flatnonzero(wanted).tolist():
                if len(kept) >= MOST_HIGHLIGHTS:
                    break
                _keep(kept, variants.slice(row, 1).to_pylist()[0])


@lru_cache(maxsize=4)
def _genes_of(model: ContigModel) -> tuple[Ints, list[str], list[str]]:
    """Of each transcript the number of its gene; identifiers and symbols of the genes."""
    numbers: dict[str, int] = {}
    symbols: list[str] = []
    of = []
    for gene, symbol in zip(model.texts["gene_id"], model.texts["symbol"], strict=True):
        if gene not in numbers:
            numbers[gene] = len(symbols)
            symbols.append(symbol)
        of.append(numbers[gene])
    return np.array(of, dtype=np.int64), list(numbers), symbols


def _keep(kept: dict[tuple[Any, ...], Highlight], row: dict[str, Any]) -> None:
    key = (row["contig"], row["pos"], row["ref"], row["alt"])
    if key in kept:
        return
    change = row["hgvsg"].rpartition(":")[2]
    protein = (row["hgvsp"] or "").rpartition(":")[2]
    kept[key] = {
        "contig": row["contig"],
        "pos": row["pos"],
        "ref": _short(row["ref"], 40),
        "alt": _short(row["alt"], 40),
        "gene": row["gene"] or "",
        "consequence": row["consequence"],
        "impact": row["impact"],
        "change": _short(change + (f" / {protein}" if protein else ""), 120),
        "clinvar": row["clinvar_significance"] or "",
        "condition": _short(row["clinvar_conditions"] or "", 200),
        "stars": row["clinvar_stars"],
        "accession": row["clinvar_accession"] or "",
    }


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
