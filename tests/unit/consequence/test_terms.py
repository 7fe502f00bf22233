"""Consequence terms, worked out by hand on ``scene``'s gene, for both strands.

Definitions: Sequence Ontology; geometry of splice terms: VEP's documentation of its consequences.
"""

from __future__ import annotations

import pytest

from annotator_hook.consequence.coding import CodingSequence
from tests.unit.consequence.scene import CDS, SIZE, Scene, c

# start, end, replacement, terms of each case
CASES = {
    # beside the transcript (scene's engine looks 50 bases far)
    "51 bases before": (50, 50, "T", "intergenic_variant"),
    "50 bases before": (51, 51, "T", "upstream_gene_variant"),
    "inserted just before": (101, 100, "A", "upstream_gene_variant"),
    "inserted just behind": (462, 461, "A", "downstream_gene_variant"),
    "50 bases behind": (511, 511, "T", "downstream_gene_variant"),
    "51 bases behind": (512, 512, "T", "intergenic_variant"),
    # untranslated regions
    "first base": (101, 101, "T", "5_prime_UTR_variant"),
    "inserted after the first base": (102, 101, "A", "5_prime_UTR_variant"),
    "last base before the start": (120, 120, "T", "5_prime_UTR_variant"),
    "inserted before the start": (121, 120, "T", "5_prime_UTR_variant"),
    "inserted behind the stop": (432, 431, "A", "3_prime_UTR_variant"),
    "first base behind the stop": (432, 432, "T", "3_prime_UTR_variant"),
    "last base": (461, 461, "T", "3_prime_UTR_variant"),
    # exon to intron (donor); exon 1 ends at 160
    "4th last of exon": (157, 157, "G", "missense_variant"),
    "3rd last of exon": (158, 158, "T", "missense_variant&splice_region_variant"),
    "last of exon": (160, 160, "A", "missense_variant&splice_region_variant"),
    "1st of intron": (161, 161, "A", "splice_donor_variant"),
    "2nd of intron": (162, 162, "A", "splice_donor_variant"),
    "3rd of intron": (163, 163, "T", "splice_donor_region_variant&intron_variant"),
    "4th of intron": (164, 164, "T", "splice_donor_region_variant&intron_variant"),
    "5th of intron": (165, 165, "T", "splice_donor_5th_base_variant&intron_variant"),
    "6th of intron": (166, 166, "A", "splice_donor_region_variant&intron_variant"),
    "7th of intron": (167, 167, "A", "splice_region_variant&intron_variant"),
    "8th of intron": (168, 168, "A", "splice_region_variant&intron_variant"),
    "9th of intron": (169, 169, "A", "intron_variant"),
    "inserted between exon and intron": (161, 160, "A", "frameshift_variant&splice_region_variant"),
    "inserted within the donor": (162, 161, "A", "splice_donor_variant"),
    "inserted behind the donor": (163, 162, "A", "splice_region_variant&intron_variant"),
    "inserted between 7 and 8": (168, 167, "A", "splice_region_variant&intron_variant"),
    "inserted between 8 and 9": (169, 168, "A", "intron_variant"),
    # intron to exon (acceptor); exon 2 begins at 261
    "18th last of intron": (243, 243, "A", "intron_variant"),
    "17th last of intron": (244, 244, "A", "splice_polypyrimidine_tract_variant&intron_variant"),
    "9th last of intron": (252, 252, "A", "splice_polypyrimidine_tract_variant&intron_variant"),
    "8th last of intron": (
        253, 253, "A", "splice_region_variant&splice_polypyrimidine_tract_variant&intron_variant"
    ),
    "3rd last of intron": (
        258, 258, "T", "splice_region_variant&splice_polypyrimidine_tract_variant&intron_variant"
    ),
    "2nd last of intron": (259, 259, "T", "splice_acceptor_variant"),
    "last of intron": (260, 260, "T", "splice_acceptor_variant"),
    "1st of exon": (261, 261, "A", "missense_variant&splice_region_variant"),
    "3rd of exon": (263, 263, "C", "missense_variant&splice_region_variant"),
    "4th of exon": (264, 264, "G", "missense_variant"),
    "inserted between intron and exon": (261, 260, "A", "frameshift_variant&splice_region_variant"),
    "inserted within the acceptor": (260, 259, "A", "splice_acceptor_variant"),
    "inserted before the acceptor": (
        259, 258, "T", "splice_region_variant&splice_polypyrimidine_tract_variant&intron_variant"
    ),
    "inserted between last 7 and 8": (
        254, 253, "A", "splice_region_variant&splice_polypyrimidine_tract_variant&intron_variant"
    ),
    "inserted between last 8 and 9": (253, 252, "A", "splice_polypyrimidine_tract_variant&intron_variant"),
    "inserted at the tract's far edge": (244, 243, "A", "splice_polypyrimidine_tract_variant&intron_variant"),
    "inserted beyond the tract": (243, 242, "A", "intron_variant"),
    # deletions over borders
    "exon 2 and a little more": (
        251, 340, "",
        ("splice_acceptor_variant&splice_donor_variant&splice_donor_5th_base_variant&coding_sequence_variant"
         "&intron_variant"),
    ),
    "donor and 5th base": (
        159, 165, "",
        "splice_donor_variant&splice_donor_5th_base_variant&coding_sequence_variant&intron_variant",
    ),
    "acceptor and the exon's first base": (260, 261, "", "splice_acceptor_variant&coding_sequence_variant"),
    "an intron wholly": (
        161, 260, "",
        ("splice_acceptor_variant&splice_donor_variant&splice_donor_5th_base_variant"
         "&splice_polypyrimidine_tract_variant&intron_variant"),
    ),
    "the whole transcript": (101, 461, "", "transcript_ablation"),
    "all but one base of it": (
        102, 461, "",
        ("splice_acceptor_variant&splice_donor_variant&stop_lost&start_lost&splice_donor_5th_base_variant"
         "&5_prime_UTR_variant&3_prime_UTR_variant&intron_variant"),
    ),
    # single residues
    "missense": (c(5), c(5), "A", "missense_variant"),
    "synonymous": (c(6), c(6), "A", "synonymous_variant"),
    "nonsense": (c(20), c(20), "A", "stop_gained"),
    "codon split by an intron": (c(42), c(42), "T", "splice_region_variant&synonymous_variant"),
    "codon split by the other intron": (c(111), c(111), "A", "missense_variant&splice_region_variant"),
    "two bases of a codon": (c(4), c(5), "AA", "missense_variant"),
    "two codons, both altered": (c(6), c(7), "GC", "missense_variant"),
    "three codons, none altered": (c(6), c(10), "AGATC", "synonymous_variant"),
    "six bases, two residues kept": (c(55), c(60), "GCTGCC", "synonymous_variant"),
    "stop among several": (c(19), c(24), "TGATAA", "stop_gained"),
    # start
    "start, first base": (c(1), c(1), "G", "start_lost"),
    "start, second base": (c(2), c(2), "A", "start_lost"),
    "start, third base": (c(3), c(3), "A", "start_lost"),
    "start deleted": (c(1), c(3), "", "start_lost&inframe_deletion"),
    "one base of the start deleted": (c(2), c(2), "", "frameshift_variant&start_lost"),
    "UTR and start deleted": (c(-2), c(2), "", "start_lost&5_prime_UTR_variant"),
    "start rebuilt by what is inserted": (c(3), c(2), "GCAAT", "frameshift_variant&start_retained_variant"),
    "codon inserted behind ATG's AT": (c(3), c(2), "GCA", "inframe_insertion&start_retained_variant"),
    "start moved by what is inserted": (c(3), c(2), "CAT", "start_retained_variant"),
    "start kept, UTR before it altered": (c(-1), c(1), "TGA", "start_retained_variant&5_prime_UTR_variant"),
    "UTR and start altered": (c(0), c(1), "AC", "start_lost&5_prime_UTR_variant"),
    # stop
    "stop to residue": (c(139), c(139), "C", "stop_lost"),
    "stop to stop": (c(140), c(140), "G", "stop_retained_variant"),
    "stop deleted": (c(139), c(141), "", "stop_lost&inframe_deletion"),
    "one base of the stop deleted, TAG follows": (c(140), c(140), "", "stop_retained_variant"),
    "two bases of the stop deleted, TGC follows": (c(140), c(141), "", "frameshift_variant&stop_lost"),
    "stop of which a base is doubled": (c(141), c(140), "A", "stop_retained_variant"),
    "base inserted into the stop": (c(140), c(139), "C", "frameshift_variant&stop_lost"),
    "stop and UTR deleted": (c(140), 433, "", "stop_lost&3_prime_UTR_variant"),
    "three bases of the last residue and the stop deleted": (c(137), c(139), "", "inframe_deletion"),
    "stop one residue earlier": (c(136), c(141), "TGATTC", "stop_gained"),
    "stop rewritten": (c(139), c(141), "TGA", "stop_retained_variant"),
    "stop overwritten": (c(139), c(141), "GGG", "stop_lost"),
    "residue inserted before the stop": (c(139), c(138), "GGC", "inframe_insertion"),
    "stop inserted before the stop": (c(139), c(138), "TGA", "inframe_insertion&stop_retained_variant"),
    "stop inserted earlier": (c(100), c(99), "TAA", "stop_gained&inframe_insertion"),
    "residue and stop inserted earlier": (c(100), c(99), "GGGTAGCCC", "stop_gained&inframe_insertion"),
    # insertions and deletions in frame
    "residue inserted between codons": (c(7), c(6), "CCC", "inframe_insertion"),
    "residue inserted within a codon, kept": (c(9), c(8), "CGA", "inframe_insertion"),
    "residues inserted within a codon, altered": (c(8), c(7), "TTT", "protein_altering_variant"),
    "codon deleted": (c(7), c(9), "", "inframe_deletion"),
    "three bases of two codons deleted": (c(8), c(10), "", "inframe_deletion"),
    "codon exchanged for two": (c(7), c(9), "CGGTGT", "protein_altering_variant"),
    "two codons exchanged for another": (c(7), c(12), "CAC", "protein_altering_variant"),
    "codons deleted so that a stop arises": (c(19), c(24), "TAA", "stop_gained"),
    # frame
    "base inserted": (c(8), c(7), "G", "frameshift_variant"),
    "two bases deleted": (c(7), c(8), "", "frameshift_variant"),
    "four bases inserted with a stop": (c(7), c(6), "TAGC", "stop_gained&frameshift_variant"),
    "delins out of frame": (c(7), c(8), "TCTA", "frameshift_variant"),
}  # fmt: skip


@pytest.mark.parametrize("strand", [1, -1], ids=["forward", "reverse"])
@pytest.mark.parametrize("case", CASES)
def test_terms_follow_from_place_and_sequence(case: str, strand: int) -> None:
    start, end, alt, expected = CASES[case]
    assert Scene(strand).row(start, end, alt).Consequence == expected


def test_scene_is_what_the_expectations_assume() -> None:
    scene = Scene(1)
    assert SIZE == 561
    assert len(CDS) == 141
    assert CodingSequence(scene.model, 0, scene.sequence).cds.decode() == CDS
    turned = Scene(-1)
    assert CodingSequence(turned.model, 0, turned.sequence).cds.decode() == CDS
