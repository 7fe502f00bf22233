"""An independent opinion: bcftools csq on coding SNVs of chromosome 20, each run in a process of its own."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pysam

from annotator_hook.consequence.alleles import Alleles
from annotator_hook.consequence.engine import Engine
from annotator_hook.consequence.output import Writer
from tests.unit.consequence.chr20 import contig, folder, needs_chr20

SAME = {
    "missense_variant": "missense",
    "synonymous_variant": "synonymous",
    "stop_gained": "stop_gained",
    "stop_lost": "stop_lost",
    "start_lost": "start_lost",
    "stop_retained_variant": "stop_retained",
}
RUN = "import sys, pysam.bcftools as b; b.csq(*sys.argv[1:], catch_stdout=False)"


def _coding_snvs(count: int) -> list[tuple[int, str, str]]:
    model, sequence = contig()
    rng = np.random.default_rng(20)
    exons = rng.integers(0, len(model.exon_start), count)
    positions = np.unique(rng.integers(model.exon_start[exons], model.exon_end[exons] + 1))
    snvs = []
    for position in positions.tolist():
        ref = chr(sequence[position - 1])
        snvs.append((position, ref, str(rng.choice([base for base in "ACGT" if base != ref]))))
    return snvs


def _bcftools(snvs: list[tuple[int, str, str]], where: Path) -> dict[tuple[int, str], tuple[str, str]]:
    """(position, transcript) to (consequence, amino acid change)."""
    model, _ = contig()
    fasta = where / "genome.fa"
    with gzip.open(folder() / "GRCh37.20.fa.gz", "rb") as packed, fasta.open("wb") as plain:
        shutil.copyfileobj(packed, plain)
    pysam.faidx(str(fasta))
    vcf = where / "in.vcf"
    lines = [
        "##fileformat=VCFv4.2",
        f"##contig=<ID=20,length={model.length}>",
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO",
    ]
    vcf.write_text("\n".join([*lines, *(f"20\t{p}\t.\t{r}\t{a}\t.\t.\t." for p, r, a in snvs)]) + "\n")
    out = where / "out.vcf"
    arguments = ["-f", str(fasta), "-g", str(folder() / "genes.gff3.gz"), "-l", "-v", "0", "-o", str(out), str(vcf)]
    subprocess.run([sys.executable, "-c", RUN, *arguments], check=True, capture_output=True)
    found = {}
    for line in out.read_text().splitlines():
        for entry in re.findall(r"BCSQ=([^;\t]*)", line)[:1]:
            for call in entry.split(","):
                fields = call.split("|")
                if len(fields) == 7:
                    found[int(line.split("\t")[1]), fields[2]] = (fields[0].lstrip("*"), fields[5])
    return found


@needs_chr20
def test_coding_snvs_are_called_as_bcftools_csq_calls_them(tmp_path: Path) -> None:
    model, sequence = contig()
    snvs = _coding_snvs(6000)
    alleles = Alleles.of([p for p, _, _ in snvs], [r.encode() for _, r, _ in snvs], [a.encode() for _, _, a in snvs])
    annotation = Engine(model, sequence).annotate(alleles)
    theirs = _bcftools(snvs, tmp_path)
    compared, different = 0, []
    rows = Writer(model).table(annotation).select(["Feature", "Consequence", "Protein_position", "Amino_acids"])
    for allele, row in zip(annotation.allele.tolist(), rows.to_pylist(), strict=True):
        ours = {SAME[term] for term in str(row["Consequence"]).split("&") if term in SAME}
        call = theirs.get((snvs[allele][0], str(row["Feature"])))
        if not ours and (call is None or not set(call[0].split("&")) & set(SAME.values())):
            continue
        compared += 1
        before, _, after = str(row["Amino_acids"]).partition("/")
        change = f"{row['Protein_position']}{before}" + (f">{row['Protein_position']}{after}" if after else "")
        if call is None or ours != set(call[0].split("&")) & set(SAME.values()) or change != call[1]:
            different.append((snvs[allele], row, call))
    assert compared > 5000
    assert different == []
