"""A pack of two small contigs: one with a gene of one coding exon, one without genes."""

from __future__ import annotations

from pathlib import Path

from annotator_hook.packs.assemble import Contents, assemble

CODING = "ATG" + "GCTGATAAATTTCGAGGTCATCTGCCATCT" + "TGA"
"""M A D K F R G H L P S, then the stop."""
FIRST = "C" * 20 + "ACGTTGCA" * 5 + CODING + "TTGCAACG" * 200
START = 61
"""Of the coding sequence, which is the whole transcript."""
SECOND = "GATTACAA" * 100
END = START + len(CODING) - 1
GENES = f"""##gff-version 3
one\tx\tgene\t{START}\t{END}\t.\t+\t.\tID=gene:G1;Name=GENE1;biotype=protein_coding
one\tx\tmRNA\t{START}\t{END}\t.\t+\t.\tID=transcript:T1;Parent=gene:G1;biotype=protein_coding;tag=Ensembl_canonical
one\tx\texon\t{START}\t{END}\t.\t+\t.\tParent=transcript:T1
one\tx\tCDS\t{START}\t{END}\t.\t+\t0\tID=CDS:P1;Parent=transcript:T1
"""
HEAD = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"


def make(folder: Path) -> Path:
    """The pack, in a new folder ``tiny``."""
    (folder / "x.fa").write_text(f">one\n{FIRST}\n>two\n{SECOND}\n")
    (folder / "x.gff3").write_text(GENES)
    target = folder / "tiny"
    target.mkdir()
    contents = Contents(
        name="tiny",
        title="Two contigs",
        assembly="tiny1",
        sources=[{"name": "Genes", "version": "1", "from": "here", "licence": "none"}],
        fasta=folder / "x.fa",
        gff3=folder / "x.gff3",
    )
    assemble(contents, target)
    return target


def file(*records: str, samples: tuple[str, ...] = ()) -> str:
    """A VCF; ``records`` have blanks between the columns, and may leave out those from ID or QUAL on."""
    lines = ["\t".join([HEAD, "FORMAT", *samples] if samples else [HEAD])]
    for record in records:
        fields = record.split(" ")
        lines.append("\t".join(fields + ["."] * (8 - len(fields))))
    return "\n".join(lines) + "\n"
