"""A genome of two contigs with a gene on each, small enough to be read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from annotator_hook.packs.assemble import Contents, KnownVariants, assemble
from annotator_hook.packs.unpack import unpacked
from annotator_hook.packs.variants import Kind

EXON = "ATGGCTAAAGGTTGCTAA"
"""M A K G C stop."""
CHROMOSOME = "CCCCCTTTTTTTTTTGGGGG" + EXON + "CACACACACACACAGTTGCA" + "ACGT" * 20
"""``20``: a run of T at 6 … 15, the gene at 21 … 38, repeats of CA from 39 on."""
MITOCHONDRION = "GATCACAGGTCTATCACCCT" + "ATGTGATGAAGA" + "GATTACA" * 5
"""``MT``: the gene at 21 … 32 reads M W W stop in the mitochondrial code, and stops at once in the standard one."""
GENOME = {"20": CHROMOSOME, "MT": MITOCHONDRION}
HEADER = "##fileformat=VCFv4.2\n##fileDate=2025-11-03\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


def fasta(sequences: Mapping[str, str] = GENOME) -> str:
    return "".join(f">{name} made up\n{bases}\n" for name, bases in sequences.items())


def gene(contig: str, start: int, end: int, name: str) -> str:
    """Five lines of GFF3."""
    place = f"{start}\t{end}\t.\t+"
    return (
        f"{contig}\tensembl\tgene\t{place}\t.\tID=gene:{name};Name={name};biotype=protein_coding\n"
        f"{contig}\tensembl\tmRNA\t{place}\t.\tID=transcript:{name}T;Parent=gene:{name};biotype=protein_coding\n"
        f"{contig}\tensembl\texon\t{place}\t.\tParent=transcript:{name}T\n"
        f"{contig}\tensembl\tCDS\t{place}\t0\tID=CDS:{name}P;Parent=transcript:{name}T\n"
        f"###\n"
    )


GFF3 = (
    "##gff-version 3\n20\tensembl\tchromosome\t1\t138\t.\t.\t.\tID=chromosome:20\n"
    + gene("20", 21, 38, "A")
    + gene("MT", 21, 32, "B")
)


def vcf(*records: str) -> str:
    """``contig pos id ref alt info``, separated by blanks."""
    lines = []
    for record in records:
        contig, pos, identifier, ref, alt, info = record.split(" ")
        lines.append(f"{contig}\t{pos}\t{identifier}\t{ref}\t{alt}\t.\t.\t{info}\n")
    return HEADER + "".join(lines)


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def known(path: Path, kind: Kind = "sites") -> KnownVariants:
    return KnownVariants(path.name, kind, lambda: unpacked(path))


def contents(folder: Path, **changes: Any) -> Contents:
    """Of a pack of this genome; its files lie in the folder."""
    given: dict[str, Any] = {
        "name": "tiny",
        "title": "Tiny genome",
        "assembly": "Tiny1",
        "sources": [{"name": "Genes", "version": "1", "from": "a test", "licence": "none"}],
        "fasta": write(folder, "genome.fa", fasta()),
        "gff3": write(folder, "genes.gff3", GFF3),
        "genetic_codes": {"MT": 2},
    }
    return Contents(**given | changes)


def pack(folder: Path, **changes: Any) -> Path:
    """A pack, whole, in a new folder within this one."""
    place = folder / "tiny"
    place.mkdir()
    assemble(contents(folder, **changes), place)
    return place
