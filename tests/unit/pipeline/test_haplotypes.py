"""Calls that change when what stands on one copy is read together, worked out by hand on both strands.

The coding sequence: ATG GCT GAC TTG AAA CGT TGG CAG GAA TCT TAC GTT CCC GG|C …
"""

from __future__ import annotations

import re

import pytest

from annotator_hook.pipeline import haplotypes
from tests.unit.consequence.scene import Scene
from tests.unit.pipeline.copies import Cohort, cohort, deletion, insertion, snv

BOTH = pytest.mark.parametrize("strand", [1, -1], ids=["forward", "reverse"])


@BOTH
def test_two_missense_variants_in_a_codon_make_another_residue(strand: int) -> None:
    """GCT is Ala; ACT Thr, GAT Asp, AAT Asn."""
    found = cohort(strand, (snv(4, "A"), "GT 0|1"), (snv(5, "A"), "GT 0|1"))
    assert found.briefly() == ["missense_variant Ala2Asn 1"] * 2
    first, second = found.said()
    assert first is not None
    assert second is not None
    assert (first.partners, second.partners) == ({found.names[1]}, {found.names[0]})


@BOTH
def test_two_variants_in_a_codon_make_a_stop(strand: int) -> None:
    """CGT is Arg; TGT Cys, CGA Arg, TGA stop."""
    found = cohort(strand, (snv(16, "T"), "GT 1|0"), (snv(18, "A"), "GT 1|0"))
    assert found.briefly() == ["stop_gained Arg6Ter 1"] * 2
    assert found.calls.impact.to_pylist() == ["HIGH", "HIGH"]


@BOTH
def test_two_missense_variants_in_a_codon_change_nothing(strand: int) -> None:
    """TCT is Ser; ACT Thr, TGT Cys, AGT Ser."""
    found = cohort(strand, (snv(28, "A"), "GT 0|1"), (snv(29, "G"), "GT 0|1"))
    assert found.briefly() == ["synonymous_variant Ser10%3D 1"] * 2


@BOTH
def test_a_stop_is_undone_by_its_neighbour(strand: int) -> None:
    """TGG is Trp; TGA stop, TTG Leu, TTA Leu: the neighbour's own call stays as it is."""
    found = cohort(strand, (snv(20, "T"), "GT 0|1"), (snv(21, "A"), "GT 0|1"))
    assert found.briefly() == [None, "missense_variant Trp7Leu 1"]


@BOTH
def test_a_codon_split_by_an_intron(strand: int) -> None:
    """G|GC to A|CC."""
    found = cohort(strand, (snv(40, "A"), "GT 0|1"), (snv(41, "C"), "GT 0|1"))
    assert found.briefly() == ["missense_variant&splice_region_variant Gly14Thr 1"] * 2


@BOTH
def test_three_variants_in_a_codon(strand: int) -> None:
    """GAC is Asp; TGG Trp."""
    records = [(snv(7, "T"), "GT 0|1"), (snv(8, "G"), "GT 0|1"), (snv(9, "G"), "GT 0|1")]
    found = cohort(strand, *records)
    assert found.briefly() == ["missense_variant Asp3Trp 1"] * 3
    for said, name in zip(found.said(), found.names, strict=True):
        assert said is not None
        assert said.partners == set(found.names) - {name}


@BOTH
def test_a_frameshift_is_restored(strand: int) -> None:
    """GAC TTG AAA without its G and with a C behind TTG: ACT TGC AAA."""
    found = cohort(strand, (deletion(7, 7), "GT 0|1"), (insertion(12, "C"), "GT 0|1"))
    assert found.briefly() == ["missense_variant Asp3_Leu4delinsThrCys 1"] * 2


@BOTH
def test_a_frameshift_is_restored_with_a_missense_variant_in_between(strand: int) -> None:
    """As above, and TTG to TCG: ACT CGC AAA."""
    records = [(deletion(7, 7), "GT 0|1"), (snv(11, "C"), "GT 0|1"), (insertion(12, "C"), "GT 0|1")]
    assert cohort(strand, *records).briefly() == ["missense_variant Asp3_Leu4delinsThrArg 1"] * 3


@BOTH
def test_two_deletions_keep_the_frame_and_lose_a_residue(strand: int) -> None:
    """GCT GAC TTG without a G and without the A and C of GAC: CTG TTG, so Ala and Asp are Leu; then Leu."""
    found = cohort(strand, (deletion(4, 4), "GT 0|1"), (deletion(8, 9), "GT 0|1"))
    assert found.briefly() == ["protein_altering_variant Ala2_Asp3delinsLeu 1"] * 2


@BOTH
def test_a_frameshift_whose_stop_comes_before_its_restoration_stays_one(strand: int) -> None:
    """Without the G of GAC: ACT TGA. What restores the frame behind that stop does nothing."""
    found = cohort(strand, (deletion(7, 7), "GT 0|1"), (insertion(18, "C"), "GT 0|1"))
    assert found.briefly() == [None, "frameshift_variant Asp3ThrfsTer2 1"]


@BOTH
def test_a_stop_is_not_read_behind_a_frameshift(strand: int) -> None:
    """Without the G and A of GAC: CTT GAA ACG TTG; TAG (from TGG) is read as TTA."""
    found = cohort(strand, (deletion(7, 8), "GT 0|1"), (snv(20, "A"), "GT 0|1"))
    assert found.briefly() == [None, "frameshift_variant Asp3LeufsTer38 1"]


@BOTH
def test_a_missense_variant_is_a_stop_behind_a_frameshift(strand: int) -> None:
    """As above; AGG (from TGG) makes TTG to TAG."""
    found = cohort(strand, (deletion(7, 8), "GT 0|1"), (snv(19, "A"), "GT 0|1"))
    assert found.briefly() == ["frameshift_variant Asp3LeufsTer4 1"] * 2


@BOTH
def test_a_stop_behind_a_stop_does_nothing(strand: int) -> None:
    """AAA to TAA, TGG to TAG; the synonymous CAA between them is left alone."""
    records = [(snv(13, "T"), "GT 0|1"), (snv(20, "A"), "GT 0|1"), (snv(24, "A"), "GT 0|1")]
    assert cohort(strand, *records).briefly() == [None, "stop_gained Lys5Ter 1", None]


@BOTH
def test_an_insertion_between_the_bases_of_a_codon_makes_a_stop(strand: int) -> None:
    """CGT to TGT and, behind its second base, ATT: TGA, TTT."""
    found = cohort(strand, (insertion(17, "ATT"), "GT 0|1"), (snv(16, "T"), "GT 0|1"))
    assert found.briefly() == ["stop_gained Arg6Ter 1"] * 2


@BOTH
def test_separate_codons_are_called_apart(strand: int) -> None:
    found = cohort(strand, (snv(5, "A"), "GT 1|1"), (snv(8, "T"), "GT 1|1"))
    assert found.briefly() == [None, None]
    assert found.calls.csq(found.rows).to_pylist() == ["", ""]


@BOTH
def test_residues_put_between_two_codons_touch_neither(strand: int) -> None:
    found = cohort(strand, (snv(11, "C"), "GT 0|1"), (insertion(12, "GCA"), "GT 0|1"), (snv(13, "G"), "GT 0|1"))
    assert found.briefly() == [None, None, None]


@BOTH
def test_the_first_of_two_that_overlap_counts(strand: int) -> None:
    """GAC TTG gone, and a base of it exchanged on the same copy."""
    found = cohort(strand, (deletion(7, 12), "GT 0|1"), (snv(8, "T"), "GT 0|1"))
    assert found.briefly() == [None, None]


def test_the_mitochondrial_code_is_read() -> None:
    """CGT is Arg; AGT Ser, CGA Arg, AGA a stop in mitochondria."""
    records = [([snv(16, "A")], "GT 1 0 1"), ([snv(18, "A")], "GT 1 1 .")]
    found = Cohort(Scene(1, genetic_code=2), *records)
    assert found.briefly() == ["stop_gained Arg6Ter 1"] * 2
    assert found.calls.csq(found.rows)[0].as_py() == f"stop_gained~p.Arg6Ter~{found.names[1]}~1/3"


def test_the_most_frequent_combination_is_reported_and_the_others_are_counted() -> None:
    """GAC with its first two bases exchanged once, with all three twice."""
    found = cohort(1, (snv(7, "T"), "GT 0|1 1|1 0|0"), (snv(8, "G"), "GT 0|1 1|1 0|0"), (snv(9, "G"), "GT 0|0 1|1 1|0"))
    assert found.briefly() == ["missense_variant Asp3Trp 2"] * 3
    shown = found.calls.csq(found.rows).to_pylist()
    assert shown[0] == f"missense_variant~p.Asp3Trp~{found.names[1]}&{found.names[2]}~2/6~+1"
    assert shown[2] == f"missense_variant~p.Asp3Trp~{found.names[0]}&{found.names[1]}~2/6"


def test_copies_that_do_not_change_the_call_are_not_counted() -> None:
    found = cohort(1, (snv(4, "A"), "GT 0|1 0|1 1|1"), (snv(5, "A"), "GT 0|1 1|0 0|1"))
    assert found.briefly() == ["missense_variant Ala2Asn 2"] * 2


def test_alleles_of_one_record_are_on_different_copies() -> None:
    """GCT with A or C first and A second: AAT Asn; CAT His."""
    found = Cohort(Scene(1), ([snv(4, "A"), snv(4, "C")], "GT 1|2 2|0"), ([snv(5, "A")], "GT 1|0 1|0"))
    assert found.briefly() == ["missense_variant Ala2Asn 1", "missense_variant Ala2His 1", "missense_variant Ala2Asn 1"]
    assert found.calls.others.tolist() == [0, 0, 1]


def test_csq_reads_the_field() -> None:
    found = cohort(
        1,
        (deletion(7, 7), "GT 0|1"),
        (insertion(12, "C"), "GT 0|1"),
        (snv(28, "A"), "GT 0|1"),
        (snv(29, "G"), "GT 0|1"),
    )
    for value in found.calls.csq(found.rows).to_pylist():
        assert value
        assert not re.search(r"[|,;=\s%](?!3D)", value)


def test_long_alleles_are_named_by_their_length() -> None:
    found = cohort(1, (insertion(11, "GCA" * 30), "GT 0|1"), (snv(10, "C"), "GT 0|1"))
    second = found.said()[1]
    assert second is not None
    assert {name.partition(">")[2] for name in second.partners} == {"TGCAGCAGCA...91"}


def test_alleles_are_those_with_a_changed_call() -> None:
    found = cohort(1, (snv(4, "A"), "GT 0|1"), (snv(5, "A"), "GT 0|1"), (snv(13, "G"), "GT 0|1"))
    assert found.calls.alleles.tolist() == [0, 1]


def test_more_combinations_than_allowed_are_left_alone_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(haplotypes, "COMBINATIONS", 1)
    records = [(snv(7, "T"), "GT 0|1 1|1"), (snv(8, "G"), "GT 0|1 1|1"), (snv(9, "G"), "GT 0|0 1|1")]
    found = cohort(1, *records)
    assert found.briefly() == ["missense_variant Asp3Trp 2"] * 3
    assert found.calls.others.tolist() == [0, 0, 0]
    assert found.calls.unread == 1


def test_combinations_of_too_many_changes_are_left_alone_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(haplotypes, "CHANGES", 1)
    found = cohort(1, (snv(4, "A"), "GT 0|1"), (snv(5, "A"), "GT 0|1"))
    assert found.briefly() == [None, None]
    assert found.calls.unread == 1


def test_samples_are_looked_at_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(haplotypes, "GENOTYPES", 1)
    found = cohort(1, (snv(4, "A"), "GT 0|1 1|1 0|0 0/1"), (snv(5, "A"), "GT 0|1 1|0 1|1 1/1"))
    assert found.briefly() == ["missense_variant Ala2Asn 3"] * 2
    assert found.calls.others.tolist() == [0, 0]


def test_a_contig_is_cut_beside_coding_regions_alone() -> None:
    cuts = haplotypes.Cuts(Scene(1).model)
    assert [cuts.after(p) for p in (50, 101, 102, 300, 451, 452, 500)] == [50, 101, 452, 452, 452, 452, 500]
    assert [cuts.before(p) for p in (50, 101, 102, 300, 451, 452, 500)] == [50, 101, 101, 101, 101, 452, 500]


def test_a_contig_without_genes_is_cut_anywhere() -> None:
    cuts = haplotypes.Cuts(Scene(1, cds=[]).model)
    assert (cuts.after(300), cuts.before(300)) == (300, 300)
