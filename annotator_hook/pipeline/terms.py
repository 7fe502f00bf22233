"""Sequence Ontology terms of consequences, from the most to the least severe, with Ensembl's IMPACT.

Source: Ensembl, "Calculated variant consequences" (release 115), the table's order and its IMPACT column.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

IMPACTS: Final = ("HIGH", "MODERATE", "LOW", "MODIFIER")

IMPACT: Final[dict[str, str]] = {
    "transcript_ablation": "HIGH",
    "splice_acceptor_variant": "HIGH",
    "splice_donor_variant": "HIGH",
    "stop_gained": "HIGH",
    "frameshift_variant": "HIGH",
    "stop_lost": "HIGH",
    "start_lost": "HIGH",
    "transcript_amplification": "HIGH",
    "feature_elongation": "HIGH",
    "feature_truncation": "HIGH",
    "inframe_insertion": "MODERATE",
    "inframe_deletion": "MODERATE",
    "missense_variant": "MODERATE",
    "protein_altering_variant": "MODERATE",
    "splice_donor_5th_base_variant": "LOW",
    "splice_region_variant": "LOW",
    "splice_donor_region_variant": "LOW",
    "splice_polypyrimidine_tract_variant": "LOW",
    "incomplete_terminal_codon_variant": "LOW",
    "start_retained_variant": "LOW",
    "stop_retained_variant": "LOW",
    "synonymous_variant": "LOW",
    "coding_sequence_variant": "MODIFIER",
    "mature_miRNA_variant": "MODIFIER",
    "5_prime_UTR_variant": "MODIFIER",
    "3_prime_UTR_variant": "MODIFIER",
    "non_coding_transcript_exon_variant": "MODIFIER",
    "intron_variant": "MODIFIER",
    "NMD_transcript_variant": "MODIFIER",
    "non_coding_transcript_variant": "MODIFIER",
    "coding_transcript_variant": "MODIFIER",
    "upstream_gene_variant": "MODIFIER",
    "downstream_gene_variant": "MODIFIER",
    "intergenic_variant": "MODIFIER",
}
"""Term → IMPACT; the order is the rank."""

RANK: Final[dict[str, int]] = {term: rank for rank, term in enumerate(IMPACT)}
"""Term → rank; 0 is the most severe."""


def by_severity(terms: Iterable[str]) -> tuple[str, ...]:
    """The terms, the most severe first."""
    return tuple(sorted(terms, key=RANK.__getitem__))
