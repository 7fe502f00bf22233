"""A small contig with one gene whose every codon is known, on either strand.

Positions in tests are written for the forward strand; on the reverse strand the whole contig is turned around, so that
the same event has the same consequence and the same HGVS names.

::

    exon 1   101–160   20 bases of 5' UTR, c.1–c.40
    intron 1 161–260
    exon 2   261–330   c.41–c.110
    intron 2 331–400
    exon 3   401–461   c.111–c.141, 30 bases of 3' UTR
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotator_hook.consequence.alleles import Alleles
from annotator_hook.consequence.engine import Annotation, Engine
from annotator_hook.consequence.genetic_code import reverse_complement
from annotator_hook.consequence.gff import Gene, Transcript
from annotator_hook.consequence.models import ContigModel, build
from annotator_hook.consequence.output import Writer

CODONS = (
    "ATG GCT GAC TTG AAA CGT TGG CAG GAA TCT TAC GTT CCC GGC "  # MADLKRWQESYVPG, exon 1 ends after the G of GGC
    "AAC ATC CAC TTC GCA GCA GCA CTG GAT ACC TGC AGC GTG CAA CGC GGT ATT TAT CCG GAG AAG TCC ATG "  # exon 2 ends in AT|G
    "CTC GTA TGT GAC CAT AAA GGA CCT TTC TAA"
)
CDS = CODONS.replace(" ", "")
PROTEIN = "MADLKRWQESYVPGNIHFAAALDTCSVQRGIYPEKSMLVCDHKGPF"
UTR5, UTR3 = "CGCAGTCCAGTTCAGTCCAC", "GCTTGGACATAGCCATTCGGAACTGATCCA"
INTRON1 = "GTAAGTCTCA" + "TGACGTCATC" * 8 + "TCTTCTGCAG"
INTRON2 = "GTGAGACTGC" + "CATGTCGATA" * 5 + "CTTTCCACAG"
LEFT = "TTGACCGATCAGGTACCTAGTCAAGCTTGA" + "ACGTTGCATC" * 7
RIGHT = "TGCCAATCGGATTACCGTAAGGCTTACGAT" + "GATCCAGTTA" * 7
EXONS = (UTR5 + CDS[:40], CDS[40:110], CDS[110:] + UTR3)
CONTIG = (LEFT + EXONS[0] + INTRON1 + EXONS[1] + INTRON2 + EXONS[2] + RIGHT).encode()
PLACES = [(101, 160), (261, 330), (401, 461)]
SIZE = len(CONTIG)


def c(position: int) -> int:
    """The place of coding base ``position`` on the forward strand; 0 and less are the 5' UTR."""
    if position <= 40:
        return 120 + position
    return 220 + position if position <= 110 else 290 + position


@dataclass(frozen=True)
class Row:
    """One line of CSQ by name."""

    fields: dict[str, object]

    def __getattr__(self, name: str) -> str:
        return str(self.fields[name] or "")


def transcript(strand: int, **changes: object) -> Transcript:
    """The gene's transcript; ``changes`` replace its fields, given as on the forward strand."""
    cds = [(121, 160, 0), (261, 330, 2), (401, 431, 1)]
    exons = list(PLACES)
    given = {"biotype": "protein_coding", "cds": cds, "exons": exons, "tags": frozenset(), "mature": []} | changes
    if strand < 0:
        given["exons"] = [(SIZE + 1 - end, SIZE + 1 - start) for start, end in given["exons"]][::-1]  # type: ignore[attr-defined]  # lists of pairs, as the test gives them
        given["cds"] = [(SIZE + 1 - end, SIZE + 1 - start, p) for start, end, p in given["cds"]][::-1]  # type: ignore[attr-defined]  # lists of pairs, as the test gives them
        given["mature"] = [(SIZE + 1 - end, SIZE + 1 - start) for start, end in given["mature"]][::-1]  # type: ignore[attr-defined]  # lists of pairs, as the test gives them
    return Transcript(
        transcript_id="T1",
        line=1,
        start=0,
        end=0,
        strand=strand,
        gene=Gene("G1", "GENE1"),
        version="2",
        protein_id="P1",
        protein_version="3",
        **given,  # type: ignore[arg-type]  # a test names its fields rightly
    )


class Scene:
    """The contig in one orientation with its engine."""

    def __init__(self, strand: int, *, genetic_code: int = 1, contig: bytes = CONTIG, **changes: object) -> None:
        self.strand = strand
        self.contig = contig if strand > 0 else reverse_complement(contig)
        sequence = np.frombuffer(self.contig, dtype=np.uint8)
        self.model: ContigModel = build("1", [transcript(strand, **changes)], sequence, genetic_code)
        self.sequence = sequence
        self.engine = Engine(self.model, sequence, distance=50)

    def alleles(self, start: int, end: int, alt: str) -> Alleles:
        """The VCF record that replaces ``start`` to ``end`` (an insertion has ``start = end + 1``) with ``alt``."""
        new = alt.encode()
        if self.strand < 0:
            start, end, new = SIZE + 1 - end, SIZE + 1 - start, reverse_complement(new)
        ref = self.contig[start - 1 : end]
        if not ref or not new:
            start, ref, new = (
                start - 1,
                self.contig[start - 2 : start - 1] + ref,
                self.contig[start - 2 : start - 1] + new,
            )
        return Alleles.of([start], [ref], [new])

    def annotate(self, start: int, end: int, alt: str) -> Annotation:
        """The engine's answer."""
        return self.engine.annotate(self.alleles(start, end, alt))

    def row(self, start: int, end: int, alt: str) -> Row:
        """The one row of CSQ, as the forward strand's test expects it."""
        (row,) = Writer(self.model).table(self.annotate(start, end, alt)).to_pylist()
        return Row(row)
