"""The words that results use: Sequence Ontology terms in VEP's order of severity, impacts, classes, genotypes.

Source: https://www.ensembl.org/info/genome/variation/prediction/predicted_data.html. A test compares the terms with those
that the annotator gives.
"""

from __future__ import annotations

from typing import Final

IMPACTS: Final = ("HIGH", "MODERATE", "LOW", "MODIFIER")
"""Worst first."""

TERMS: Final[tuple[str, ...]] = (
    "transcript_ablation",
    "splice_acceptor_variant",
    "splice_donor_variant",
    "stop_gained",
    "frameshift_variant",
    "stop_lost",
    "start_lost",
    "transcript_amplification",
    "feature_elongation",
    "feature_truncation",
    "inframe_insertion",
    "inframe_deletion",
    "missense_variant",
    "protein_altering_variant",
    "splice_donor_5th_base_variant",
    "splice_region_variant",
    "splice_donor_region_variant",
    "splice_polypyrimidine_tract_variant",
    "incomplete_terminal_codon_variant",
    "start_retained_variant",
    "stop_retained_variant",
    "synonymous_variant",
    "coding_sequence_variant",
    "mature_miRNA_variant",
    "5_prime_UTR_variant",
    "3_prime_UTR_variant",
    "non_coding_transcript_exon_variant",
    "intron_variant",
    "NMD_transcript_variant",
    "non_coding_transcript_variant",
    "coding_transcript_variant",
    "upstream_gene_variant",
    "downstream_gene_variant",
    "intergenic_variant",
    "sequence_variant",
)
"""Every consequence, most severe first."""

BESIDE: Final = ("upstream_gene_variant", "downstream_gene_variant")
"""What is said of transcripts that a variant does not touch."""

CLASSES: Final = ("SNV", "transition", "transversion", "insertion", "deletion", "indel", "substitution")
"""What a variant does to the sequence. Every SNV is a transition (within purines or within pyrimidines) or a transversion
besides."""
TRANSITIONS: Final = ("AG", "GA", "CT", "TC")

ZYGOSITIES: Final = {"ref": 0, "het": 1, "hom": 2, "missing": 3}
"""What a sample's genotype says of an allele → its code in an index."""

_FIRST_OF: Final = {"inframe_insertion": 1, "splice_donor_5th_base_variant": 2, "coding_sequence_variant": 3}
"""Where in `TERMS` each impact begins after the first one: impacts never fall back as severity goes down."""


def impact_of(term: str) -> str:
    """The impact of a term, as VEP has it."""
    rank = severity(term)
    return IMPACTS[max((number for first, number in _FIRST_OF.items() if severity(first) <= rank), default=0)]


def severity(term: str) -> int:
    """The place of a term in `TERMS`; what is unknown comes last."""
    return TERMS.index(term) if term in TERMS else len(TERMS)
