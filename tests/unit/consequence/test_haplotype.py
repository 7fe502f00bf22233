"""Changes on one copy of a chromosome, read together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotator_hook.consequence import terms
from annotator_hook.consequence.alleles import Alleles
from annotator_hook.consequence.coding import Change
from annotator_hook.consequence.haplotype import interacting, together
from annotator_hook.consequence.protein import protein_name
from tests.unit.consequence.scene import CDS, SIZE, UTR3, Scene, c

BOTH = pytest.mark.parametrize("strand", [1, -1], ids=["forward", "reverse"])


def changes(strand: int, *events: tuple[int, int, str]) -> list[Change]:
    """Each event (start, end, replacement) on the forward strand as a change."""
    scene = Scene(strand)
    return [change for event in events for change in placed(scene, scene.alleles(*event))]


def placed(scene: Scene, alleles: Alleles) -> list[Change]:
    """The alleles that take part, as changes."""
    found = scene.engine.placed(scene.engine.annotate(alleles))
    return found.changes(np.arange(len(found)))


def read(group: list[Change]) -> tuple[str, str]:
    change = together(group)
    return terms.joined(change.mask()), protein_name(change, change)


@BOTH
def test_two_snvs_in_a_codon_make_one_residue(strand: int) -> None:
    (group,) = interacting(changes(strand, (c(4), c(4), "A"), (c(5), c(5), "A")))
    assert read(group) == ("missense_variant", "Ala2Asn")


@BOTH
def test_two_snvs_that_apart_are_nonsense_and_missense(strand: int) -> None:
    """TGG: TGA is a stop, TTG is Leu, TTA is Leu."""
    (group,) = interacting(changes(strand, (c(21), c(21), "A"), (c(20), c(20), "T")))
    assert read(group) == ("missense_variant", "Trp7Leu")


@BOTH
def test_a_frameshift_and_its_restoration(strand: int) -> None:
    """GAC TTG AAA without its G and with a C behind TTG: ACT TGC AAA."""
    (group,) = interacting(changes(strand, (c(7), c(7), ""), (c(13), c(12), "C")))
    assert read(group) == ("missense_variant", "Asp3_Leu4delinsThrCys")


@BOTH
def test_changes_of_separate_codons_stay_apart(strand: int) -> None:
    groups = interacting(changes(strand, (c(5), c(5), "A"), (c(8), c(8), "T")))
    assert [read(group) for group in groups] == [("missense_variant", "Ala2Asp"), ("missense_variant", "Asp3Val")]


@BOTH
def test_changes_in_a_codon_split_by_an_intron(strand: int) -> None:
    """G|GC to A|CC."""
    (group,) = interacting(changes(strand, (c(40), c(40), "A"), (c(41), c(41), "C")))
    assert read(group) == ("missense_variant", "Gly14Thr")


@BOTH
def test_two_insertions_in_a_codon(strand: int) -> None:
    (group,) = interacting(changes(strand, (c(8), c(7), "CA"), (c(9), c(8), "T")))
    assert read(group) == ("protein_altering_variant", "Asp3delinsAlaIle")


@BOTH
def test_of_changes_that_overlap_the_first_one_counts(strand: int) -> None:
    (group,) = interacting(changes(strand, (c(7), c(12), ""), (c(8), c(8), "T")))
    assert read(group) == ("inframe_deletion", "Asp3_Leu4del")


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(2, 130), st.integers(0, 4), st.text("ACGT", max_size=4)), min_size=2, max_size=4),
    st.sampled_from([1, -1]),
)
def test_read_together_changes_make_the_sequence_that_all_of_them_make(
    drawn: list[tuple[int, int, str]], strand: int
) -> None:
    events, behind = [], 1
    for position, size, alt in sorted(drawn):
        border = next((end for end in (40, 110) if position <= end), 141)
        last = min(position + size - 1, border)
        if position > behind and (size or alt) and CDS[position - 1 : last] != alt:
            events.append((position, last, alt))
            behind = last + 1
    made, at = "", 0
    for position, last, alt in events:
        made, at = made + CDS[at : position - 1] + alt, last
    group = changes(strand, *((c(p) if last >= p else c(p - 1) + 1, c(last), alt) for p, last, alt in events))
    if group:
        assert together(group).edited.decode() == made + CDS[at:] + UTR3


def test_changes_that_leave_the_coding_sequence_are_not_among_them() -> None:
    scene = Scene(1)
    assert placed(scene, scene.alleles(159, 165, "")) == []
    assert placed(scene, scene.alleles(110, 110, "T")) == []
    assert placed(scene, Alleles.of([SIZE], [scene.contig[-1:]], [b"N"])) == []
