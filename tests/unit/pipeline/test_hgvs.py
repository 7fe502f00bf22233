"""HGVS names of changes in the sequence and in proteins."""

from __future__ import annotations

import pytest

from annotator_hook.pipeline import hgvs
from annotator_hook.pipeline import pack as packs
from annotator_hook.pipeline.csq import parse
from annotator_hook.pipeline.normalise import normalise
from annotator_hook.pipeline.variant import Variant
from tests.unit.pipeline.vcf import RCRS

PACK = packs.load(RCRS)


@pytest.mark.parametrize(
    ("pos", "ref", "alt", "name"),
    [
        (3243, "A", "G", "m.3243A>G"),
        (310, "T", "TC", "m.315dup"),  # the 3' rule
        (303, "C", "CCC", "m.308_309dup"),
        (513, "GCA", "G", "m.523_524del"),
        (8270, "CACCCCCTCT", "C", "m.8281_8289del"),
        (3106, "CN", "C", "m.3107del"),
        (3242, "G", "GTT", "m.3242_3243insTT"),
        (3902, "ACCTTGC", "GCAAGGT", "m.3902_3908inv"),
        (3243, "AT", "GG", "m.3243_3244delinsGG"),
        (3243, "A", "GGG", "m.3243delinsGGG"),
    ],
)
def test_changes_in_the_sequence(pos: int, ref: str, alt: str, name: str) -> None:
    variant = normalise(Variant("MT", pos, ref, alt), PACK.reference)
    assert hgvs.genomic(variant, PACK.contigs[0], PACK.reference) == name


@pytest.mark.parametrize(
    ("amino_acids", "terms", "name"),
    [
        ("340R>340H", "missense_variant", "p.Arg340His"),
        ("249W>249*", "stop_gained", "p.Trp249Ter"),
        ("3T", "synonymous_variant", "p.Thr3="),
        ("514*", "stop_retained_variant", "p.Ter514="),
        ("514*>514S", "stop_lost", "p.Ter514SerextTer?"),
        ("1M>1T", "start_lost", "p.Met1?"),
        ("1MP>1TS", "start_lost", "p.Met1?"),
        ("52AM>52AF", "missense_variant", "p.Met53Phe"),
        ("52AM>52TF", "missense_variant", "p.Ala52_Met53delinsThrPhe"),
        ("52AM>52*F", "stop_gained", "p.Ala52Ter"),
        ("91VFFFAG>91V", "inframe_deletion", ""),
        ("1M>1?", "start_lost", ""),
    ],
)
def test_simple_changes_in_proteins(amino_acids: str, terms: str, name: str) -> None:
    (call,) = parse(f"x|G|T|protein_coding|+|{amino_acids}|1A>C").values()
    assert hgvs.protein(call, (terms,)) == name
