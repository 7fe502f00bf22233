"""Normalised variants: the same haplotype, written in one way."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotator_hook.pipeline.normalise import normalise
from annotator_hook.pipeline.variant import Variant
from tests.unit.pipeline.vcf import rcrs

REFERENCE = rcrs()
SEQUENCE = REFERENCE.bases("MT", 1, 16569)


def applied(variant: Variant) -> str:
    """The whole sequence with the variant in it."""
    assert SEQUENCE[variant.pos - 1 :].startswith(variant.ref)
    return SEQUENCE[: variant.pos - 1] + variant.alt + SEQUENCE[variant.pos - 1 + len(variant.ref) :]


@pytest.mark.parametrize(
    ("pos", "ref", "alt", "expected"),
    [
        (3243, "A", "G", (3243, "A", "G")),
        (310, "T", "TC", (310, "T", "TC")),
        (315, "C", "CC", (310, "T", "TC")),  # 315.1C
        (522, "CAC", "C", (513, "GCA", "G")),  # 523_524del
        (8280, "ACCCCCTCTA", "A", (8270, "CACCCCCTCT", "C")),  # the 9 bp deletion
        (3242, "GAT", "GGT", (3243, "A", "G")),
        (3243, "AT", "GT", (3243, "A", "G")),
        (3902, "ACCTTGC", "GCAAGGT", (3902, "ACCTTGC", "GCAAGGT")),
        (1, "GA", "A", (1, "GA", "A")),  # nothing stands before the first base to anchor it
        (1, "G", "TG", (1, "G", "TG")),
    ],
)
def test_known_variants_are_written_as_everybody_writes_them(
    pos: int, ref: str, alt: str, expected: tuple[int, str, str]
) -> None:
    assert normalise(Variant("MT", pos, ref, alt), REFERENCE)[1:] == expected


@settings(max_examples=300, deadline=None)
@given(
    pos=st.integers(1, 16_500),
    length=st.integers(1, 12),
    alt=st.text("ACGT", min_size=1, max_size=12),
    repeat=st.booleans(),
)
def test_normalising_changes_the_writing_and_never_the_haplotype(pos: int, length: int, alt: str, repeat: bool) -> None:
    ref = SEQUENCE[pos - 1 : pos - 1 + length]
    alt = ref[0] + ref[1:] * 2 + ref[-1] if repeat and "N" not in ref else alt
    variant = Variant("MT", pos, ref, alt)
    if ref == alt:
        return
    result = normalise(variant, REFERENCE)
    assert applied(result) == applied(variant)
    assert normalise(result, REFERENCE) == result
    assert result.pos <= pos + length
    shared_end = result.ref[-1] == result.alt[-1]
    assert not shared_end or result.pos == 1


@settings(deadline=None)
@given(pos=st.integers(2, 16_000), shift=st.integers(0, 20), length=st.integers(1, 6))
def test_every_writing_of_one_deletion_becomes_the_same(pos: int, shift: int, length: int) -> None:
    here = normalise(Variant("MT", pos, SEQUENCE[pos - 1 : pos + length], SEQUENCE[pos - 1]), REFERENCE)
    there = pos + shift
    moved = Variant("MT", there, SEQUENCE[there - 1 : there + length], SEQUENCE[there - 1])
    assert (normalise(moved, REFERENCE) == here) == (applied(moved) == applied(here))
