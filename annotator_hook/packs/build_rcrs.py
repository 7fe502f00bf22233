"""Makes the built-in pack `rcrs`: ``python -m annotator_hook.packs.build_rcrs SOURCES TARGET``.

SOURCES holds ``rCRS.fa`` (GenBank NC_012920.1 under the name MT), ``genes.tsv`` (the 37 genes with their Ensembl
identifiers) and ``clinvar.vcf`` (ClinVar's records on the contig MT). README.md beside this file says where they
come from. The result is the same byte for byte whenever it is made from the same sources.
"""

from __future__ import annotations

import csv
import hashlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from annotator_hook.packs.assemble import Contents, ContigNames, KnownVariants, assemble
from annotator_hook.packs.unpack import unpacked

SEQUENCE_MD5 = "c68f52674c9fb33aef52dcf399755519"
"""Of NC_012920.1, upper case, without line breaks."""
NO_RS_NUMBER = "1"
"""What the source file has where ClinVar gives no dbSNP identifier."""

SOURCES = (
    {"name": "Reference sequence", "version": "NC_012920.1", "from": "GenBank", "licence": "public domain"},
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
)
MITOCHONDRION = ContigNames(
    aliases=("M", "chrM", "chrMT", "NC_012920.1", "NC_012920", "J01415.2", "rCRS", "mitochondrion"),
    accession="NC_012920.1",
    molecule="m",
    other_lengths={16571: "NC_001807, the Yoruba sequence that UCSC's hg19 calls chrM"},
)


def build(sources: Path, target: Path) -> None:
    """Writes the pack into the folder ``target``. Raises `ValueError` when a source is not what it should be."""
    target.mkdir(parents=True, exist_ok=True)
    bases = "".join((sources / "rCRS.fa").read_text(encoding="ascii").split("\n")[1:])
    if hashlib.md5(bases.encode(), usedforsecurity=False).hexdigest() != SEQUENCE_MD5:
        raise ValueError("rCRS.fa is not NC_012920.1")
    kept = target / "sources"
    kept.mkdir()
    for name in ("genes.tsv", "clinvar.vcf"):
        shutil.copyfile(sources / name, kept / name)
    with tempfile.TemporaryDirectory() as folder:
        gff3, clinvar = Path(folder) / "genes.gff3", Path(folder) / "clinvar.vcf"
        gff3.write_text("\n".join(_gff3(kept / "genes.tsv")) + "\n", encoding="utf-8")
        clinvar.write_text("".join(_clinvar(kept / "clinvar.vcf")), encoding="utf-8")
        contents = Contents(
            name="rcrs",
            title="Human mitochondrial genome (rCRS)",
            assembly="NC_012920.1 (rCRS; the MT of GRCh38 and GRCh37)",
            version="2",
            sources=SOURCES,
            fasta=sources / "rCRS.fa",
            gff3=gff3,
            known=[KnownVariants("clinvar.vcf", "clinvar", lambda: unpacked(clinvar))],
            genetic_codes={"MT": 2},
            names=lambda _: {"MT": MITOCHONDRION},
        )
        assemble(contents, target)


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


def _clinvar(source: Path) -> Iterator[str]:
    """The lines, without placeholders for missing dbSNP identifiers."""
    for line in source.read_text(encoding="utf-8").splitlines():
        fields = line.split("\t")
        fields[-1] = ";".join(item for item in fields[-1].split(";") if item != f"RS={NO_RS_NUMBER}")
        yield "\t".join(fields) + "\n"


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[2]))
