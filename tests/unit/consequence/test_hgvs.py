"""HGVS names, worked out by hand on ``scene``'s gene from the recommendations at hgvs-nomenclature.org."""

from __future__ import annotations

import pytest

from tests.unit.consequence.scene import CONTIG, Scene, c

# start, end, replacement, and HGVSc of each case
DNA = {
    "substitution": (c(5), c(5), "A", "c.5C>A"),
    "5' UTR": (101, 101, "T", "c.-20C>T"),
    "base before the start": (c(0), c(0), "T", "c.-1C>T"),
    "3' UTR": (461, 461, "T", "c.*30A>T"),
    "base behind the stop": (432, 432, "T", "c.*1G>T"),
    "intron, near its start": (165, 165, "T", "c.40+5G>T"),
    "intron, near its end": (258, 258, "T", "c.41-3C>T"),
    "intron, last base of its first half": (210, 210, "G", "c.40+50C>G"),
    "intron, first base of its second half": (211, 211, "G", "c.41-50T>G"),
    "deletion": (c(7), c(9), "", "c.7_9del"),
    "deletion of one of two": (c(38), c(38), "", "c.39del"),
    "deletion in a repeat": (c(56), c(58), "", "c.61_63del"),
    "deletion that moves into the intron": (160, 160, "", "c.40+1del"),
    "deletion over a border": (159, 165, "", "c.39_40+5del"),
    "deletion of an exon": (251, 340, "", "c.41-10_110+10del"),
    "deletion over the stop": (c(140), 433, "", "c.140_*2del"),
    "duplication of a base": (c(8), c(7), "G", "c.7dup"),
    "duplication in a repeat": (c(58), c(57), "GCA", "c.61_63dup"),
    "duplication within the intron": (169, 168, "CT", "c.40+8_40+9dup"),
    "insertion": (c(7), c(6), "CCC", "c.6_7insCCC"),
    "insertion before the start": (c(1), c(0), "G", "c.-1_1insG"),
    "insertion that moves": (c(100), c(99), "GGGTAGCCC", "c.100_101insGGTAGCCCG"),
    "replacement by more": (c(7), c(9), "CGGTGT", "c.7_9delinsCGGTGT"),
    "replacement by less": (c(19), c(24), "TAA", "c.20_24delinsAA"),
    "two bases": (c(4), c(5), "AA", "c.4_5delinsAA"),
    "inversion": (c(7), c(10), "AGTC", "c.7_10inv"),
    "inversion among unchanged bases": (c(16), c(21), "CCAACG", "c.17_20inv"),
    "one base among unchanged ones": (c(7), c(9), "GTC", "c.8A>T"),
}  # fmt: skip

# start, end, replacement, and HGVSp of each case
PROTEIN = {
    "missense": (c(5), c(5), "A", "p.Ala2Asp"),
    "synonymous": (c(6), c(6), "A", "p.Ala2%3D"),
    "nonsense": (c(20), c(20), "A", "p.Trp7Ter"),
    "start": (c(2), c(2), "A", "p.Met1?"),
    "start deleted": (c(1), c(3), "", "p.Met1?"),
    "start out of frame": (c(2), c(2), "", "p.Met1?"),
    "stop to stop": (c(140), c(140), "G", "p.Ter47%3D"),
    "stop lost, four residues more": (c(139), c(139), "C", "p.Ter47GlnextTer4"),
    "stop deleted": (c(139), c(141), "", "p.Ter47delextTer3"),
    "residue deleted": (c(7), c(9), "", "p.Asp3del"),
    "last residue deleted over its border": (c(137), c(139), "", "p.Phe46del"),
    "residues deleted": (c(7), c(12), "", "p.Asp3_Leu4del"),
    "residue deleted from a repeat": (c(56), c(58), "", "p.Ala21del"),
    "residue doubled": (c(7), c(6), "GCT", "p.Ala2dup"),
    "residue of a repeat doubled": (c(58), c(57), "GCA", "p.Ala21dup"),
    "residues doubled": (c(13), c(12), "GACTTG", "p.Asp3_Leu4dup"),
    "residue inserted": (c(7), c(6), "CCC", "p.Ala2_Asp3insPro"),
    "residue inserted before the stop": (c(139), c(138), "GGC", "p.Phe46_Ter47insGly"),
    "residue and stop inserted": (c(100), c(99), "GGGTAGCCC", "p.Pro33_Glu34insGlyTer"),
    "one residue for two": (c(7), c(9), "CGGTGT", "p.Asp3delinsArgCys"),
    "two residues for one": (c(7), c(12), "CAC", "p.Asp3_Leu4delinsHis"),
    "two residues for two": (c(8), c(11), "TTTC", "p.Asp3_Leu4delinsValSer"),
    "two residues kept": (c(6), c(9), "AGAT", "p.Ala2_Asp3%3D"),
    "frame, nonsense at once": (c(7), c(6), "TAGC", "p.Asp3Ter"),
    "frame, first residue kept": (c(6), c(6), "", "p.Asp3ThrfsTer2"),
    "frame, stop further on": (c(8), c(7), "G", "p.Asp3GlyfsTer39"),
    "frame, no stop": (c(13), c(13), "", "p.Lys5AsnfsTer?"),
    "into the intron": (160, 160, "", ""),
    "over a border": (159, 165, "", ""),
    "in the UTR": (101, 101, "T", ""),
}  # fmt: skip


@pytest.mark.parametrize("strand", [1, -1], ids=["forward", "reverse"])
@pytest.mark.parametrize("case", DNA)
def test_changes_of_the_dna_are_named(case: str, strand: int) -> None:
    start, end, alt, expected = DNA[case]
    assert Scene(strand).row(start, end, alt).HGVSc == f"T1.2:{expected}"


@pytest.mark.parametrize("strand", [1, -1], ids=["forward", "reverse"])
@pytest.mark.parametrize("case", PROTEIN)
def test_changes_of_the_protein_are_named(case: str, strand: int) -> None:
    start, end, alt, expected = PROTEIN[case]
    assert Scene(strand).row(start, end, alt).HGVSp == (f"P1.3:{expected}" if expected else "")


def test_hgvsg_names_the_3_prime_most_place_on_the_contig() -> None:
    assert Scene(1).row(c(56), c(58), "").HGVSg == "1:g.281_283del"
    assert Scene(-1).row(c(56), c(58), "").HGVSg == "1:g.285_287del"


def test_the_offset_says_how_far_hgvs_moved_the_variant() -> None:
    assert Scene(1).row(c(56), c(58), "").HGVS_OFFSET == "5"
    assert Scene(-1).row(c(56), c(58), "").HGVS_OFFSET == "-5"


def test_a_deletion_behind_which_the_coding_sequence_is_whole_keeps_the_protein() -> None:
    """A|ATG without the first A of the start is A|TG… with the start one base earlier."""
    scene = Scene(1, contig=CONTIG[:119] + b"A" + CONTIG[120:])
    row = scene.row(c(1), c(1), "")
    assert (row.Consequence, row.HGVSc, row.HGVSp) == ("start_retained_variant", "T1.2:c.1del", "P1.3:p.Met1%3D")


def test_non_coding_transcripts_are_named_from_their_first_base() -> None:
    scene = Scene(1, cds=[], biotype="lncRNA")
    assert scene.row(101, 101, "T").HGVSc == "T1.2:n.1C>T"
    assert scene.row(165, 165, "T").HGVSc == "T1.2:n.60+5G>T"


def test_a_variant_reaching_beyond_the_transcript_has_no_name_in_it() -> None:
    assert Scene(1).row(95, 105, "").HGVSc == ""


@pytest.mark.parametrize("strand", [1, -1], ids=["forward", "reverse"])
def test_the_middle_base_of_an_intron_is_counted_from_its_5_prime_exon(strand: int) -> None:
    scene = Scene(strand, cds=[], biotype="lncRNA", exons=[(101, 160), (262, 330)])
    assert scene.row(211, 211, "A").HGVSc == "T1.2:n.60+51T>A"
    assert scene.row(212, 212, "A").HGVSc == "T1.2:n.61-50G>A"
