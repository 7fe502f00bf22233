"""The human mitochondrial genome: genetic code 2, genes that overlap, stops completed by polyadenylation.

Published names: MITOMAP (https://www.mitomap.org) and ClinVar.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

import annotator_hook.packs
from annotator_hook.consequence.alleles import Alleles
from annotator_hook.consequence.arrays import Bytes
from annotator_hook.consequence.coding import CodingSequence
from annotator_hook.consequence.engine import Engine
from annotator_hook.consequence.genetic_code import VERTEBRATE_MITOCHONDRIAL
from annotator_hook.consequence.gff import read_transcripts
from annotator_hook.consequence.models import ContigModel, build
from annotator_hook.consequence.output import Writer

PACK = Path(annotator_hook.packs.__file__).parent / "rcrs"


@cache
def mitochondrion() -> tuple[ContigModel, Bytes]:
    """The rCRS with its 37 genes."""
    bases = "".join(line for line in (PACK / "sequence.fa").read_text().splitlines() if not line.startswith(">"))
    sequence = np.frombuffer(bases.upper().encode(), dtype=np.uint8)
    ((name, transcripts),) = read_transcripts((PACK / "genes" / "0.gff3").read_text().splitlines())
    return build(name, transcripts, sequence, VERTEBRATE_MITOCHONDRIAL), sequence


def calls(position: int, ref: str, alt: str) -> dict[str, tuple[str, str, str]]:
    """Gene to (terms, HGVSc's and HGVSp's part behind the colon) for genes that the variant lies in."""
    model, sequence = mitochondrion()
    engine = Engine(model, sequence, distance=0, reference="NC_012920.1", molecule="m")
    annotation = engine.annotate(Alleles.of([position], [ref.encode()], [alt.encode()]))
    rows = Writer(model).table(annotation).to_pylist()
    return {
        row["SYMBOL"]: (
            row["Consequence"],
            (row["HGVSc"] or "").partition(":")[2],
            (row["HGVSp"] or "").partition(":")[2],
        )
        for row in rows
    }


KNOWN = {
    "MELAS": (3243, "A", "G", "MT-TL1", "non_coding_transcript_exon_variant", "n.14A>G", ""),
    "deafness by antibiotics": (1555, "A", "G", "MT-RNR1", "non_coding_transcript_exon_variant", "n.908A>G", ""),
    "LHON, ND1": (3460, "G", "A", "MT-ND1", "missense_variant", "c.154G>A", "p.Ala52Thr"),
    "LHON, ND4": (11778, "G", "A", "MT-ND4", "missense_variant", "c.1019G>A", "p.Arg340His"),
    "LHON, ND6 on the light strand": (14484, "T", "C", "MT-ND6", "missense_variant", "c.190A>G", "p.Met64Val"),
    "NARP": (8993, "T", "G", "MT-ATP6", "missense_variant", "c.467T>G", "p.Leu156Arg"),
    "TGG to TGA is silent": (9952, "G", "A", "MT-CO3", "stop_gained", "c.746G>A", "p.Trp249Ter"),
    "AGA to AGG, both stops": (7445, "A", "G", "MT-CO1", "stop_retained_variant", "c.1542A>G", "p.Ter514%3D"),
    "ND1's start, ATA": (3308, "T", "C", "MT-ND1", "start_lost", "c.2T>C", "p.Met1?"),
    "within ND2's incomplete stop": (
        5511, "T", "C", "MT-ND2", "incomplete_terminal_codon_variant&coding_sequence_variant", "c.1042T>C", ""
    ),
    "within ND1's incomplete stop": (
        4262, "A", "G", "MT-ND1", "incomplete_terminal_codon_variant&coding_sequence_variant", "c.956A>G", ""
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", KNOWN)
def test_well_known_variants_have_their_published_names(case: str) -> None:
    position, ref, alt, gene, terms, dna, protein = KNOWN[case]
    assert calls(position, ref, alt)[gene] == (terms, dna, protein)


def test_genes_that_overlap_are_each_read_in_their_frame() -> None:
    found = calls(8528, "T", "C")
    assert found["MT-ATP8"] == ("missense_variant", "c.163T>C", "p.Trp55Arg")
    assert found["MT-ATP6"] == ("start_lost", "c.2T>C", "p.Met1?")


def test_the_genome_is_named_m() -> None:
    model, sequence = mitochondrion()
    engine = Engine(model, sequence, reference="NC_012920.1", molecule="m")
    annotation = engine.annotate(Alleles.of([3243, 3106], [b"A", b"CN"], [b"G", b"C"]))
    assert annotation.hgvsg.to_pylist() == ["NC_012920.1:m.3243A>G", "NC_012920.1:m.3107del"]


def test_a_frameshift_is_read_with_the_mitochondrial_code() -> None:
    """TGA is Trp here: with the standard code ND1's new frame would stop at it."""
    model, sequence = mitochondrion()
    transcript = model.texts["symbol"].index("MT-ND1")
    cds = CodingSequence(model, transcript, sequence)
    assert "W" in cds.peptide
    assert "*" not in cds.peptide
