"""Makes the built-in pack `rcrs`: ``python -m annotator_hook.packs.build_rcrs SOURCES TARGET``.

SOURCES holds ``rCRS.fa`` (GenBank NC_012920.1 under the name MT), ``genes.tsv`` (the 37 genes with their Ensembl
identifiers) and ``clinvar.vcf`` (ClinVar's records on the contig MT). README.md beside this file says where they
come from. The result is the same byte for byte whenever it is made from the same sources.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pysam

from annotator_hook.pipeline.normalise import normalise
from annotator_hook.pipeline.pack import sha256
from annotator_hook.pipeline.reference import Reference
from annotator_hook.pipeline.variant import Variant

SEQUENCE_MD5 = "c68f52674c9fb33aef52dcf399755519"
"""Of NC_012920.1, upper case, without line breaks."""
NO_RS_NUMBER = "1"
"""What the source file has where ClinVar gives no dbSNP identifier."""

MANIFEST: dict[str, Any] = {
    "name": "rcrs",
    "title": "Human mitochondrial genome (rCRS)",
    "assembly": "NC_012920.1 (rCRS; the MT of GRCh38 and GRCh37)",
    "version": "1",
    "sources": [
        {
            "name": "Reference sequence",
            "version": "NC_012920.1",
            "from": "GenBank",
            "licence": "public domain",
        },
        {
            "name": "Genes",
            "version": "37 genes, Ensembl stable identifiers",
            "from": "Ensembl",
            "licence": "free of restrictions (EMBL-EBI terms of use)",
        },
        {
            "name": "ClinVar",
            "version": "2024-12-15",
            "from": "NCBI; (likely) pathogenic records with two or more review stars",
            "licence": "public domain",
        },
    ],
    "contigs": [
        {
            "name": "MT",
            "length": 16569,
            "genetic_code": 2,
            "accession": "NC_012920.1",
            "hgvs_type": "m",
            "aliases": ["M", "chrM", "chrMT", "NC_012920.1", "NC_012920", "J01415.2", "rCRS", "mitochondrion"],
            "other_lengths": {"16571": "NC_001807, the Yoruba sequence that UCSC's hg19 calls chrM"},
        }
    ],
    "reference": "MT.fa",
    "genes": "genes.gff3",
    "clinvar": "clinvar.vcf.gz",
}

CLINVAR_HEADER = """\
##fileformat=VCFv4.2
##source=NCBI ClinVar 2024-12-15 (public domain), (likely) pathogenic with two or more review stars
##contig=<ID=MT,length=16569>
##INFO=<ID=CLNSIG,Number=.,Type=String,Description="Clinical significance">
##INFO=<ID=CLNDN,Number=.,Type=String,Description="Disease names, separated by |">
##INFO=<ID=CLNREVSTAT,Number=.,Type=String,Description="Review status">
##INFO=<ID=RS,Number=1,Type=String,Description="dbSNP id">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO
"""


def build(sources: Path, target: Path) -> None:
    """Writes the pack into the folder ``target``. Raises `ValueError` when a source is not what it should be."""
    target.mkdir(parents=True, exist_ok=True)
    fasta = target / "MT.fa"
    shutil.copyfile(sources / "rCRS.fa", fasta)
    pysam.faidx(str(fasta))
    reference = Reference(fasta)
    sequence = reference.bases("MT", 1, 16569)
    if hashlib.md5(sequence.encode(), usedforsecurity=False).hexdigest() != SEQUENCE_MD5:
        raise ValueError("rCRS.fa is not NC_012920.1")
    shutil.copyfile(sources / "genes.tsv", target / "genes.tsv")
    (target / "genes.gff3").write_text("\n".join(_gff3(sources / "genes.tsv")) + "\n", encoding="utf-8")
    plain = target / "clinvar.vcf"
    plain.write_text(CLINVAR_HEADER + "".join(_clinvar(sources / "clinvar.vcf", reference)), encoding="utf-8")
    pysam.tabix_compress(str(plain), f"{plain}.gz", force=True)
    plain.unlink()
    pysam.tabix_index(f"{plain}.gz", preset="vcf", force=True)
    files = ("MT.fa", "MT.fa.fai", "genes.tsv", "genes.gff3", "clinvar.vcf.gz", "clinvar.vcf.gz.tbi")
    manifest = {**MANIFEST, "files": {name: sha256(target / name) for name in files}}
    (target / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _gff3(table: Path) -> Iterator[str]:
    """Gene, transcript, exon and (where translated) CDS of each gene, as Ensembl writes them."""
    yield "##gff-version 3"
    yield "##sequence-region MT 1 16569"
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            gene, transcript = f"gene:{row['ensembl_gene']}", f"transcript:{row['ensembl_transcript']}"
            place = (row["start"], row["end"], ".", row["strand"])

            def line(kind: str, phase: str, tags: str, place: tuple[str, ...] = place) -> str:
                return "\t".join(("MT", "ensembl", kind, *place, phase, tags))

            named = f"Name={row['symbol']};biotype={row['biotype']}"
            yield line("gene", ".", f"ID={gene};{named}")
            yield line("transcript", ".", f"ID={transcript};Parent={gene};{named}")
            yield line("exon", ".", f"Parent={transcript}")
            if row["biotype"] == "protein_coding":
                yield line("CDS", "0", f"ID=CDS:{row['ensembl_transcript']};Parent={transcript}")


def _clinvar(source: Path, reference: Reference) -> Iterator[str]:
    """The records, normalised and sorted, without placeholders for missing dbSNP identifiers."""
    records: list[tuple[Variant, str, str]] = []
    for line in source.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        contig, pos, identifier, ref, alt, _, _, info = line.split("\t")
        if reference.bases(contig, int(pos), int(pos) + len(ref) - 1) != ref:
            raise ValueError(f"ClinVar's record {identifier} does not fit the reference")
        kept = ";".join(item for item in info.split(";") if item != f"RS={NO_RS_NUMBER}")
        records.append((normalise(Variant(contig, int(pos), ref, alt), reference), identifier, kept))
    for variant, identifier, info in sorted(records):
        yield f"{variant.contig}\t{variant.pos}\t{identifier}\t{variant.ref}\t{variant.alt}\t.\t.\t{info}\n"


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[2]))
