"""Sequence Ontology consequence terms, in the words and the order of severity of Ensembl VEP.

A set of terms is a bit mask, bit *i* for ``TERMS[i]``: cheap to compute for whole columns, and since the most severe
term has the lowest bit, the order of two masks' lowest bits is their order of severity.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from annotator_hook.consequence.arrays import Ints


class Impact(StrEnum):
    """VEP's four classes of severity."""

    HIGH = "HIGH"
    MODERATE = "MODERATE"
    LOW = "LOW"
    MODIFIER = "MODIFIER"


_RANKED: tuple[tuple[str, Impact], ...] = (
    ("transcript_ablation", Impact.HIGH),
    ("splice_acceptor_variant", Impact.HIGH),
    ("splice_donor_variant", Impact.HIGH),
    ("stop_gained", Impact.HIGH),
    ("frameshift_variant", Impact.HIGH),
    ("stop_lost", Impact.HIGH),
    ("start_lost", Impact.HIGH),
    ("inframe_insertion", Impact.MODERATE),
    ("inframe_deletion", Impact.MODERATE),
    ("missense_variant", Impact.MODERATE),
    ("protein_altering_variant", Impact.MODERATE),
    ("splice_donor_5th_base_variant", Impact.LOW),
    ("splice_region_variant", Impact.LOW),
    ("splice_donor_region_variant", Impact.LOW),
    ("splice_polypyrimidine_tract_variant", Impact.LOW),
    ("incomplete_terminal_codon_variant", Impact.LOW),
    ("start_retained_variant", Impact.LOW),
    ("stop_retained_variant", Impact.LOW),
    ("synonymous_variant", Impact.LOW),
    ("coding_sequence_variant", Impact.MODIFIER),
    ("mature_miRNA_variant", Impact.MODIFIER),
    ("5_prime_UTR_variant", Impact.MODIFIER),
    ("3_prime_UTR_variant", Impact.MODIFIER),
    ("non_coding_transcript_exon_variant", Impact.MODIFIER),
    ("intron_variant", Impact.MODIFIER),
    ("NMD_transcript_variant", Impact.MODIFIER),
    ("non_coding_transcript_variant", Impact.MODIFIER),
    ("upstream_gene_variant", Impact.MODIFIER),
    ("downstream_gene_variant", Impact.MODIFIER),
    ("intergenic_variant", Impact.MODIFIER),
)

TERMS: tuple[str, ...] = tuple(term for term, _ in _RANKED)
"""Every term that gene models can give, most severe first."""
IMPACTS: tuple[Impact, ...] = tuple(impact for _, impact in _RANKED)
"""The impact of each of ``TERMS``."""


def bit(term: str) -> int:
    """The mask that holds ``term`` alone."""
    return 1 << TERMS.index(term)


ABLATION = bit("transcript_ablation")
ACCEPTOR = bit("splice_acceptor_variant")
DONOR = bit("splice_donor_variant")
STOP_GAINED = bit("stop_gained")
FRAMESHIFT = bit("frameshift_variant")
STOP_LOST = bit("stop_lost")
START_LOST = bit("start_lost")
INFRAME_INSERTION = bit("inframe_insertion")
INFRAME_DELETION = bit("inframe_deletion")
MISSENSE = bit("missense_variant")
PROTEIN_ALTERING = bit("protein_altering_variant")
DONOR_5TH_BASE = bit("splice_donor_5th_base_variant")
SPLICE_REGION = bit("splice_region_variant")
DONOR_REGION = bit("splice_donor_region_variant")
POLYPYRIMIDINE = bit("splice_polypyrimidine_tract_variant")
INCOMPLETE_TERMINAL_CODON = bit("incomplete_terminal_codon_variant")
START_RETAINED = bit("start_retained_variant")
STOP_RETAINED = bit("stop_retained_variant")
SYNONYMOUS = bit("synonymous_variant")
CODING_SEQUENCE = bit("coding_sequence_variant")
MATURE_MIRNA = bit("mature_miRNA_variant")
UTR5 = bit("5_prime_UTR_variant")
UTR3 = bit("3_prime_UTR_variant")
NON_CODING_EXON = bit("non_coding_transcript_exon_variant")
INTRON = bit("intron_variant")
NMD = bit("NMD_transcript_variant")
NON_CODING = bit("non_coding_transcript_variant")
UPSTREAM = bit("upstream_gene_variant")
DOWNSTREAM = bit("downstream_gene_variant")
INTERGENIC = bit("intergenic_variant")


def names(mask: int) -> tuple[str, ...]:
    """The terms in ``mask``, most severe first."""
    return tuple(term for i, term in enumerate(TERMS) if mask >> i & 1)


def joined(mask: int) -> str:
    """The terms in ``mask`` as VEP writes them into a VCF: most severe first, joined with ``&``."""
    return "&".join(names(mask))


def impact(mask: int) -> Impact:
    """The impact of the most severe term in ``mask``, which must not be empty."""
    return IMPACTS[(mask & -mask).bit_length() - 1]


def severity(masks: Ints) -> Ints:
    """For each mask the index in ``TERMS`` of its most severe term (0 is worst)."""
    lowest = masks & -masks
    # float64 holds every power of two below 2^53 exactly, so log2 is exact here
    return np.log2(lowest.astype(np.float64)).astype(np.int64)
