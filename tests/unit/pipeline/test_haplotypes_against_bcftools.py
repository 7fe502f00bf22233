"""An independent opinion: what bcftools csq reads together, each run in a process of its own.

Where they differ, and why, so that no test here asks for it:

- csq goes on reading behind a stop and marks what it says there with ``*``; GAS leaves the calls there alone.
- csq drops a change whose REF, with the base written before an insertion or deletion, overlaps the one before;
  GAS looks at the bases that are replaced.
- csq puts changes of neighbouring codons together when one of them is an insertion or deletion; GAS asks for a codon in
  common.
- For a frameshift that is restored behind a new stop csq says ``frameshift``, GAS calls the frameshift alone.
- csq names combinations whose call is that of each of its changes; GAS marks only what differs.
"""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from annotator_hook.consequence.alleles import Alleles
from annotator_hook.consequence.arrays import text
from annotator_hook.consequence.engine import Engine
from annotator_hook.consequence.genetic_code import THREE_LETTERS
from annotator_hook.pipeline.haplotypes import Genotypes, read_together
from tests.unit.consequence.chr20 import contig, folder, needs_chr20

RUN = "import sys, pysam.bcftools as b; b.csq(*sys.argv[1:], catch_stdout=False)"
Combination = tuple[str, frozenset[int]]
"""Transcript and positions."""
Line = tuple[int, str, str, str]
"""POS, REF, ALT and the columns from FORMAT on."""


def _lines(vcf: Path) -> list[Line]:
    with gzip.open(vcf, "rt") if vcf.suffix == ".gz" else vcf.open() as lines:
        rows = [line.rstrip("\n").split("\t", 8) for line in lines if not line.startswith("#")]
    return [(int(row[1]), row[3], row[4], row[8]) for row in rows if re.fullmatch("[ACGT]+", row[4])]


class _Ours:
    """What GAS says of a file of records with one ALT each."""

    def __init__(self, lines: list[Line]) -> None:
        model, sequence = contig()
        positions, ref, alt = (
            np.array([p for p, *_ in lines]),
            text([r for _, r, _, _ in lines]),
            text([a for _, _, a, _ in lines]),
        )
        engine = Engine(model, sequence)
        annotation = engine.annotate(Alleles(positions, ref, alt))
        numbers = np.arange(len(lines))
        genotypes = Genotypes.of(text([g for *_, g in lines]), numbers, np.ones(len(lines), dtype=np.int64))
        calls = read_together(engine, annotation, genotypes, ref, alt)
        names = model.texts["transcript_id"]
        self.proteins = dict[Combination, set[str]]()
        for row, hgvsp, partners in zip(
            calls.row.tolist(), calls.hgvsp.to_pylist(), calls.partners.to_pylist(), strict=True
        ):
            own = int(positions[annotation.allele[row]])
            members = frozenset([own, *(int(partner.partition(":")[0]) for partner in partners.split("&"))])
            key = names[annotation.transcript[row]], members
            self.proteins.setdefault(key, set()).add(hgvsp.partition(":p.")[2])
        self.alone = {
            (names[t], int(positions[a])): str(annotation.hgvsp[row]).partition(":p.")[2]
            for row, (a, t) in enumerate(zip(annotation.allele.tolist(), annotation.transcript.tolist(), strict=True))
            if t >= 0
        }


def _theirs(vcf: Path, out: Path) -> Iterator[tuple[Combination, str, str]]:
    """(combination, terms, amino acids) of every compound call of bcftools csq that no stop precedes."""
    arguments = [
        "-f",
        str(folder() / "GRCh37.20.fa.gz"),
        "-g",
        str(folder() / "genes.gff3.gz"),
        "-o",
        str(out),
        str(vcf),
    ]
    subprocess.run([sys.executable, "-c", RUN, *arguments], check=True, capture_output=True)
    for entry in re.findall(r"BCSQ=([^;\t]*)", out.read_text()):
        for call in entry.split(","):
            fields = call.split("|")
            if len(fields) == 7 and "+" in fields[6] and not fields[0].startswith("*"):
                members = frozenset(int(re.match(r"\d+", change)[0]) for change in fields[6].split("+"))  # type: ignore[index]  # it matches
                yield (fields[2], members), fields[0], fields[5]


def _name(residues: str) -> str:
    """``79C>79I`` as HGVS writes it; of a stop that is lost only the residue in its place."""
    match = re.fullmatch(r"(\d+)([A-Z*])(?:>\1([A-Z*]))?", residues)
    assert match, residues
    return f"{THREE_LETTERS[match[2]]}{match[1]}" + (THREE_LETTERS[match[3]] if match[3] else "%3D")


@needs_chr20
def test_the_1000_genomes_file_has_the_combinations_that_csq_finds(tmp_path: Path) -> None:
    vcf = folder() / "1000G.20.1-4Mb.vcf.gz"
    theirs = {key: {_name(residues)} for key, _, residues in _theirs(vcf, tmp_path / "out.vcf")}
    assert theirs
    assert _Ours(_lines(vcf)).proteins == theirs


def _dense(path: Path) -> None:
    """Two or three SNVs within a few bases, many times in coding sequence, each such group on one of 200 copies."""
    model, sequence = contig()
    rng = np.random.default_rng(20)
    low, high = (side[model.exon_transcript] for side in model.coding_region)
    starts, ends = np.maximum(model.exon_start, low) + 8, np.minimum(model.exon_end, high) - 8
    found = dict[int, tuple[str, str, int]]()
    for exon in rng.choice(np.flatnonzero(ends > starts), 2000).tolist():
        position, copy = int(rng.integers(starts[exon], ends[exon])), int(rng.integers(0, 200))
        for _ in range(int(rng.integers(2, 4))):
            ref = chr(sequence[position - 1])
            found[position] = ref, str(rng.choice([base for base in "ACGT" if base != ref])), copy
            position += int(rng.integers(1, 3))
    with path.open("w") as file:
        file.write(f"##fileformat=VCFv4.2\n##contig=<ID=20,length={model.length}>\n")
        file.write('##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n')
        columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
        file.write("\t".join([*columns, *(f"S{i}" for i in range(100))]) + "\n")
        for position, (ref, alt, copy) in sorted(found.items()):
            genotypes = ["0|0"] * 100
            genotypes[copy // 2] = "0|1" if copy % 2 else "1|0"
            file.write("\t".join(["20", str(position), ".", ref, alt, ".", ".", ".", "GT", *genotypes]) + "\n")


@needs_chr20
def test_snvs_in_a_codon_are_read_as_csq_reads_them(tmp_path: Path) -> None:
    vcf = tmp_path / "in.vcf"
    _dense(vcf)
    ours = _Ours(_lines(vcf))
    marked, different = 0, []
    for (transcript, members), called, residues in _theirs(vcf, tmp_path / "out.vcf"):
        name = "Met1?" if called.startswith("start_lost") else _name(residues)
        said = ours.proteins.get((transcript, members), {ours.alone[transcript, position] for position in members})
        marked += (transcript, members) in ours.proteins
        if {protein.partition("ext")[0] for protein in said} != {name}:
            different.append((transcript, members, called, residues, said))
    assert marked > 5000
    assert different == []
