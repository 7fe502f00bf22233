"""Which alleles are known to stand on one copy, by their genotypes."""

from __future__ import annotations

import random

import pytest

from tests.unit.consequence.scene import Scene
from tests.unit.pipeline.copies import Cohort, cohort, deletion, insertion, snv

ASN = "missense_variant Ala2Asn"
"""GCT with A first and A second."""


def joined(*genotypes: str) -> int:
    """Copies on which the two variants of a codon are found together, for the genotypes of both records."""
    found = cohort(1, (snv(4, "A"), genotypes[0]), (snv(5, "A"), genotypes[1]))
    if found.briefly() == [None, None]:
        return 0
    (call,) = {said.rpartition(" ")[0] for said in found.briefly() if said}
    assert call == ASN
    return int(found.calls.copies[0])


@pytest.mark.parametrize(
    ("first", "second", "copies"),
    [
        pytest.param("GT 0|1", "GT 0|1", 1, id="phased on one copy"),
        pytest.param("GT 0|1", "GT 1|0", 0, id="phased on different copies"),
        pytest.param("GT 0/1", "GT 0/1", 0, id="not phased"),
        pytest.param("GT 0|1", "GT 0/1", 0, id="one of them not phased"),
        pytest.param("GT 1/1", "GT 1/1", 2, id="both homozygous"),
        pytest.param("GT 1/1", "GT 0/1", 1, id="a homozygous one stands with an unphased one"),
        pytest.param("GT 1|1", "GT 1|0", 1, id="a homozygous one stands with a phased one"),
        pytest.param("GT 1", "GT 1", 1, id="haploid"),
        pytest.param("GT 1", "GT 0", 0, id="haploid, only one"),
        pytest.param("GT .|.", "GT 0|1", 0, id="missing"),
        pytest.param("GT .", "GT .", 0, id="all missing"),
        pytest.param("GT .|1", "GT 0|1", 1, id="half missing"),
        pytest.param("GT ./1", "GT ./1", 0, id="half missing, not phased"),
        pytest.param("GT 0|1|1", "GT 0|0|1", 1, id="triploid"),
        pytest.param("GT 1/1/1", "GT 0/0/1", 1, id="triploid, homozygous"),
        pytest.param("GT 0|1/1", "GT 0|1/1", 0, id="triploid, partly phased"),
        pytest.param("GT |0|1", "GT |0|1", 1, id="a sign in front as VCF 4.4 has it"),
        pytest.param("GT /0/1", "GT /0/1", 0, id="a sign in front, not phased"),
        pytest.param("GT:PS 0|1:7", "GT:PS 0|1:7", 1, id="one phase set"),
        pytest.param("GT:PS 0|1:7", "GT:PS 0|1:8", 0, id="two phase sets"),
        pytest.param("GT:PS 1|1:7", "GT:PS 0|1:8", 1, id="homozygous in another phase set"),
        pytest.param("GT:PS 0|1:7", "GT 0|1", 0, id="one in a phase set, one in none"),
        pytest.param("GT:PS 0|1:.", "GT 0|1", 1, id="both in no phase set"),
        pytest.param("GT:PS 0|1", "GT:PS 0|1", 1, id="the phase set left out"),
        pytest.param("GT:DP:PS 0|1:3:7", "GT:PS:DP 0|1:7:4", 1, id="FORMAT in another order"),
        pytest.param("GT:PS 0/1:7", "GT:PS 0/1:7", 0, id="a phase set of what is not phased"),
        pytest.param(f"GT:PS 0|1:{'7' * 40}", f"GT:PS 0|1:{'7' * 40}", 0, id="a phase set with an endless name"),
        pytest.param("DP 3", "GT 0|1", 0, id="no genotypes"),
        pytest.param("GT 0|1:5", "GT 0|1", 1, id="more values than FORMAT has"),
        pytest.param("GT x|1", "GT 0|1", 1, id="nonsense is missing"),
        pytest.param("GT ", "GT ", 0, id="nothing"),
        pytest.param("GT " + "|".join("1" * 9), "GT " + "|".join("1" * 9), 0, id="more copies than are read"),
    ],
)
def test_what_stands_together(first: str, second: str, copies: int) -> None:
    assert joined(first, second) == copies


def test_samples_are_counted_together() -> None:
    first = "GT:PS 0|1:1 1/1:. 0/1:. 1|0:5 0|0:."
    second = "GT:PS 0|1:1 0/1:. 0/1:. 1|0:6 1|1:."
    assert joined(first, second) == 2


def test_with_several_phase_sets_each_stands_with_what_all_copies_have() -> None:
    """Homozygous c.7G>T; c.8A>G in one set and c.9C>G in another: TGC Cys and TAG stop, not TGG."""
    found = cohort(1, (snv(7, "T"), "GT 1/1"), (snv(8, "G"), "GT:PS 0|1:1"), (snv(9, "G"), "GT:PS 0|1:2"))
    assert found.briefly() == ["stop_gained Asp3Ter 1", "missense_variant Asp3Cys 1", "stop_gained Asp3Ter 1"]
    assert found.calls.others.tolist() == [1, 0, 0]


def test_homozygous_changes_are_counted_once_a_copy_beside_a_heterozygous_one() -> None:
    """Two homozygous ones on both copies, an unphased one more on one of them."""
    found = cohort(1, (snv(7, "T"), "GT 1/1"), (snv(8, "G"), "GT 1/1"), (snv(9, "G"), "GT 0/1"))
    assert found.briefly()[2] == "missense_variant Asp3Trp 1"
    assert (found.calls.copies.tolist(), found.calls.others.tolist()) == ([1, 1, 1], [1, 1, 0])


def test_copies_of_all_samples_are_counted() -> None:
    found = cohort(1, (snv(4, "A"), "GT 0|1 . ./. 0"), (snv(5, "A"), "GT 0|1 0|0 0|0 0|0"))
    assert found.calls.of.tolist() == [6, 8]


def test_a_record_with_another_number_of_samples_is_passed_over() -> None:
    found = cohort(1, (snv(4, "A"), "GT 0|1 0|1"), (snv(5, "A"), "GT 0|1"))
    assert found.briefly() == [None, None]


def test_a_tenth_alternate_allele_is_read() -> None:
    alts = [snv(4, "A")] * 9 + [snv(4, "C")]
    found = Cohort(Scene(1), (alts, "GT 0|10"), ([snv(5, "A")], "GT 0|1"))
    assert found.briefly() == [None] * 9 + ["missense_variant Ala2His 1"] * 2


def test_plain_genotypes_and_those_with_more_fields_are_read_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    random.seed(3)
    events = [
        snv(7, "T"),
        snv(8, "G"),
        snv(9, "G"),
        deletion(20, 20),
        insertion(25, "C"),
        snv(30, "A"),
        deletion(33, 33),
    ]
    calls = [[random.choice(("0|0", "0|1", "1|0", "1|1", "0/1", ".|1")) for _ in range(60)] for _ in events]

    def found(decorate: str, head: str) -> list[tuple[str | None, int]]:
        records = [
            (event, " ".join([head, *(call + decorate for call in row)]))
            for event, row in zip(events, calls, strict=True)
        ]
        cohorted = cohort(1, *records)
        copies = dict(zip(cohorted.calls.row.tolist(), cohorted.calls.copies.tolist(), strict=True))
        return [(said, copies.get(i, 0)) for i, said in enumerate(cohorted.briefly())]

    plain = found("", "GT")
    assert sum(said is not None for said, _ in plain) > 4
    assert found(":12", "GT:DP") == plain
    assert found(":.", "GT:PS") == plain
    monkeypatch.setattr("annotator_hook.pipeline.phasing._BATCH", 1)
    assert found("", "GT") == plain
