"""What the built-in pack knows of an allele."""

from __future__ import annotations

from annotator_hook.pipeline.clinvar import ClinVar
from annotator_hook.pipeline.variant import Variant
from tests.unit.pipeline.vcf import RCRS


def test_clinvar_knows_exactly_the_allele_that_was_asked_for() -> None:
    clinvar = ClinVar(RCRS / "clinvar.vcf.gz")
    record = clinvar.of(Variant("MT", 11778, "G", "A"))
    assert record is not None
    assert (record.accession, record.significance, record.stars, record.dbsnp) == (
        "VCV000009708",
        "Pathogenic",
        3,
        "rs199476112",
    )
    assert "Leber optic atrophy" in record.conditions_in_words
    assert clinvar.of(Variant("MT", 11778, "G", "T")) is None
    assert clinvar.of(Variant("7", 11778, "G", "A")) is None


def test_a_missing_dbsnp_number_is_none_rather_than_rs1() -> None:
    record = ClinVar(RCRS / "clinvar.vcf.gz").of(Variant("MT", 3258, "T", "C"))
    assert record is not None
    assert record.dbsnp == ""
