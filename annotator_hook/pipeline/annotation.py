"""Everything that is said of one allele, and how VCF and VEP write it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from annotator_hook.pipeline.clinvar import ClinVarRecord
from annotator_hook.pipeline.consequences import Consequences
from annotator_hook.pipeline.variant import Variant

CSQ_FIELDS: Final = (
    "Allele|Consequence|IMPACT|SYMBOL|Gene|Feature_type|Feature|BIOTYPE|EXON|INTRON|HGVSc|HGVSp|cDNA_position|"
    "CDS_position|Protein_position|Amino_acids|Codons|Existing_variation|DISTANCE|STRAND|FLAGS"
)
"""VEP's default fields. INTRON, HGVSc and FLAGS stay empty so far."""

INFO_LINES: Final[dict[str, str]] = {
    "GAS_LINE": 'Number=1,Type=Integer,Description="Line of the input that the record comes from"',
    "GAS_ORIGINAL": "Number=1,Type=String,"
    'Description="The record as it came, where GAS writes it otherwise: CHROM:POS:REF:ALT, / between ALT alleles"',
    "GAS_ALLELE": 'Number=1,Type=Integer,Description="Which of the ALT alleles of GAS_ORIGINAL this is, from 1"',
    "GAS_HGVS": 'Number=1,Type=String,Description="HGVS name of the change in the sequence"',
    "BCSQ": "Number=.,Type=String,"
    'Description="Consequences as bcftools csq writes them: '
    'consequence|gene|transcript|biotype|strand|amino_acid_change|dna_change"',
    "CSQ": f'Number=.,Type=String,Description="Consequence annotations from GAS. Format: {CSQ_FIELDS}"',
    "ClinVar_ACC": 'Number=1,Type=String,Description="Accession in ClinVar"',
    "ClinVar_CLNSIG": 'Number=.,Type=String,Description="Clinical significance in ClinVar"',
    "ClinVar_STARS": 'Number=1,Type=Integer,Description="Review stars in ClinVar, 0 to 4"',
    "ClinVar_CLNREVSTAT": 'Number=.,Type=String,Description="Review status in ClinVar"',
    "ClinVar_CLNDN": 'Number=.,Type=String,Description="Conditions in ClinVar, separated by |"',
}
"""The INFO keys that GAS adds → their declarations, without the ID."""


@dataclass(frozen=True)
class Annotation:
    """Of one allele."""

    variant: Variant
    kind: str
    """`Variant.kind`."""
    hgvs_g: str
    """With the accession, such as ``NC_012920.1:m.3243A>G``."""
    consequences: Consequences
    clinvar: ClinVarRecord | None
    bcsq: str

    @cached_property
    def info(self) -> str:
        """What is added to INFO."""
        parts = [f"GAS_HGVS={self.hgvs_g}"]
        if self.bcsq:
            parts.append(f"BCSQ={self.bcsq}")
        known = self.clinvar
        entries = [*(item.csq() for item in self.consequences.touching), *self.consequences.flanking_csq]
        if known and known.dbsnp:
            entries = [_with_existing_variation(entry, known.dbsnp) for entry in entries]
        allele = self.variant.inserted or "-"
        parts.append(f"CSQ={allele}" + f",{allele}".join(entries))
        if known:
            parts += [f"ClinVar_ACC={known.accession}", f"ClinVar_CLNSIG={known.significance}"]
            parts += [f"ClinVar_STARS={known.stars}", f"ClinVar_CLNREVSTAT={known.review_status}"]
            parts.append(f"ClinVar_CLNDN={known.conditions}")
        return ";".join(parts)


def _with_existing_variation(csq: str, identifier: str) -> str:
    head, distance, strand, flags = csq.rsplit("|", 3)
    return f"{head}{identifier}|{distance}|{strand}|{flags}"
