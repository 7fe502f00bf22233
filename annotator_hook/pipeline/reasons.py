"""Why a record, or one allele of it, is not annotated: code → sentence."""

from __future__ import annotations

from typing import Final

SKIP_REASONS: Final[dict[str, str]] = {
    "contig": "The contig is not part of the reference pack.",
    "outside-contig": "The position lies outside the contig.",
    "ref-mismatch": "REF is not what the reference has at this position: the file may be of another assembly.",
    "no-alt": "There is no alternative allele (a site without a variant, or a block of a gVCF).",
    "spanning-deletion": "The allele * only says that a deletion recorded elsewhere spans the site.",
    "symbolic": "The allele is symbolic (such as <DEL>): its sequence is not given.",
    "breakend": "The allele is a breakend: it joins two places and has no consequence of its own here.",
    "iupac": "The allele has an ambiguous base (an IUPAC code such as R or N).",
    "not-a-sequence": "REF or ALT is not a sequence of A, C, G and T.",
    "same-as-reference": "ALT is the same as REF.",
    "allele-too-long": "An allele is longer than 20,000 bases: that is a structural variant.",
    "too-many-alleles": "The record has so many alternative alleles that splitting it is out of bounds.",
    "record-too-long": "The line is longer than 8 MiB.",
    "unreadable-genotypes": "The genotype columns cannot be read: their values do not fit the FORMAT column.",
}
