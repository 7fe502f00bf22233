"""Cards of packs as installers make them."""

from __future__ import annotations

from shared.core.assemblies import _CHROMOSOMES, _LENGTHS
from shared.core.packs import CardContig, PackCard

_REFSEQ_38 = {"20": "NC_000020.11"}


def human(assembly: str, name: str, clinvar: str = "2025-11-03") -> PackCard:
    """A whole human genome: Ensembl's names, UCSC's as aliases."""
    chromosomes = [
        CardContig(number, length, (f"chr{number}", *((_REFSEQ_38[number],) if number in _REFSEQ_38 else ())))
        for number, length in zip(_CHROMOSOMES, _LENGTHS[assembly], strict=True)
    ]
    mitochondria = CardContig("MT", 16569, ("chrM", "M", "NC_012920.1"))
    return PackCard(
        name=name,
        title=f"Human {assembly}",
        assembly=assembly,
        version="1",
        sources=({"name": "ClinVar", "version": clinvar}, {"name": "Genes", "version": "Ensembl 115"}),
        contigs=(*chromosomes, mitochondria),
    )


GRCH38 = human("GRCh38", "grch38")
GRCH37 = human("GRCh37", "grch37")
RCRS = PackCard(
    name="rcrs",
    title="Human mitochondrial genome (rCRS)",
    assembly="NC_012920.1 (rCRS; the MT of GRCh38 and GRCh37)",
    version="1",
    sources=({"name": "ClinVar", "version": "2024-12-15"},),
    contigs=(CardContig("MT", 16569, ("M", "chrM", "chrMT", "NC_012920.1", "rCRS")),),
)
YEAST = PackCard(
    name="yeast",
    title="Baker's yeast",
    assembly="R64-1-1 (GCA_000146045.2)",
    version="1",
    sources=(),
    contigs=(CardContig("I", 230218, ("chrI",)), CardContig("Mito", 85779, ("chrM", "MT"))),
)
