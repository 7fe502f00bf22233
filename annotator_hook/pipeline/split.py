"""The columns of one allele out of a record with several.

Values that come one an allele (Number=A, R or G) are picked for the allele; everything else is repeated. In genotypes
the allele becomes 1; another alternative allele becomes ``.``: it is neither this allele nor the reference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

RESERVED: Final[Mapping[str, tuple[str, str]]] = {
    "AC": ("A", "Integer"),
    "AD": ("R", "Integer"),
    "ADF": ("R", "Integer"),
    "ADR": ("R", "Integer"),
    "AF": ("A", "Float"),
    "AN": ("1", "Integer"),
    "BQ": ("1", "Float"),
    "DB": ("0", "Flag"),
    "DP": ("1", "Integer"),
    "FT": ("1", "String"),
    "GL": ("G", "Float"),
    "GP": ("G", "Float"),
    "GQ": ("1", "Integer"),
    "GT": ("1", "String"),
    "MLEAC": ("A", "Integer"),
    "MLEAF": ("A", "Float"),
    "MQ": ("1", "Float"),
    "NS": ("1", "Integer"),
    "PL": ("G", "Integer"),
    "PS": ("1", "Integer"),
}
"""Number and Type of fields that the VCF specification and GATK reserve, for files that do not declare them."""

_ALLELE: Final = re.compile(r"\d+")


def number_of(key: str, declared: Mapping[str, str]) -> str:
    """How many values the field has; empty where nobody says so."""
    return declared.get(key) or RESERVED.get(key, ("", ""))[0]


def split_info(items: Sequence[str], index: int, alleles: int, numbers: Mapping[str, str]) -> list[str]:
    """``items`` are ``key=value`` or flags; ``alleles`` counts the alternative alleles of the record."""
    picked: list[str] = []
    for item in items:
        key, equals, value = item.partition("=")
        number = number_of(key, numbers)
        picked.append(f"{key}={_pick(value, number, index, alleles)}" if equals and number in ("A", "R", "G") else item)
    return picked


def split_genotypes(columns: str, index: int, alleles: int, numbers: Mapping[str, str]) -> str:
    """``columns`` are FORMAT and the samples, tabs between them."""
    keys, *samples = columns.split("\t")
    names = keys.split(":")
    kinds = [("GT" if name == "GT" else number_of(name, numbers)) for name in names]
    if not any(kind in ("GT", "A", "R", "G") for kind in kinds):
        return columns
    picked = [keys]
    for sample in samples:
        values = sample.split(":")
        for place, (value, kind) in enumerate(zip(values, kinds, strict=False)):
            if kind == "GT":
                values[place] = _recode(value, index)
            elif kind in ("A", "R", "G"):
                values[place] = _pick(value, kind, index, alleles)
        picked.append(":".join(values))
    return "\t".join(picked)


def _pick(value: str, number: str, index: int, alleles: int) -> str:
    """The allele's part of the value; the whole value where it does not have as many parts as ``number`` says."""
    parts = value.split(",")
    if number == "A" and len(parts) == alleles:
        return parts[index]
    if number in ("R", "G") and len(parts) == alleles + 1:  # G of a haploid genotype counts alleles like R
        return f"{parts[0]},{parts[index + 1]}"
    if number == "G" and len(parts) == (alleles + 1) * (alleles + 2) // 2:
        allele = index + 1  # genotypes are ordered 0/0, 0/1, 1/1, 0/2, 1/2, 2/2, …
        first = allele * (allele + 1) // 2
        return f"{parts[0]},{parts[first]},{parts[first + allele]}"
    return value


@lru_cache(maxsize=4096)
def _recode(genotype: str, index: int) -> str:
    def allele(match: re.Match[str]) -> str:
        number = int(match.group()[:9])
        return "0" if number == 0 else "1" if number == index + 1 else "."

    return _ALLELE.sub(allele, genotype)
