"""One allele's columns out of a record with several."""

from __future__ import annotations

import pytest

from annotator_hook.pipeline.split import split_genotypes, split_info

NUMBERS = {"AC": "A", "AD": "R", "PL": "G", "DP": "1", "X": "."}


@pytest.mark.parametrize(
    ("item", "first", "second"),
    [
        ("AC=3,4", "AC=3", "AC=4"),
        ("AD=9,3,4", "AD=9,3", "AD=9,4"),
        ("PL=0,1,2,3,4,5", "PL=0,1,2", "PL=0,3,5"),
        ("PL=0,1,2", "PL=0,1", "PL=0,2"),  # haploid
        ("DP=7", "DP=7", "DP=7"),
        ("X=a,b", "X=a,b", "X=a,b"),
        ("AC=3", "AC=3", "AC=3"),  # not as many as declared: left as it is
        ("FLAG", "FLAG", "FLAG"),
        ("AF=0.1,0.2", "AF=0.1", "AF=0.2"),  # reserved by the specification, not declared here
    ],
)
def test_values_that_come_one_an_allele_are_picked(item: str, first: str, second: str) -> None:
    assert split_info([item], 0, 2, NUMBERS) == [first]
    assert split_info([item], 1, 2, NUMBERS) == [second]


@pytest.mark.parametrize(
    ("genotype", "first", "second"),
    [
        ("0/1", "0/1", "0/."),
        ("1|2", "1|.", ".|1"),
        ("2/2", "./.", "1/1"),
        ("0/0", "0/0", "0/0"),
        ("./.", "./.", "./."),
        ("1", "1", "."),
        ("0/1/2", "0/1/.", "0/./1"),
    ],
)
def test_another_alternative_allele_is_neither_this_one_nor_the_reference(
    genotype: str, first: str, second: str
) -> None:
    assert split_genotypes(f"GT\t{genotype}", 0, 2, {}) == f"GT\t{first}"
    assert split_genotypes(f"GT\t{genotype}", 1, 2, {}) == f"GT\t{second}"


def test_each_field_of_each_sample_is_split_and_missing_ends_stay_missing() -> None:
    assert split_genotypes("GT:AD:DP\t0/2:9,1,4:14\t0/1\t.", 1, 2, NUMBERS) == "GT:AD:DP\t0/1:9,4:14\t0/.\t."
