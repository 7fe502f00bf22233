"""What well-known variants do, seen through the whole pipeline; `tests.unit.consequence` asks the engine the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.pipeline.vcf import Annotated, annotated, rcrs, vcf

KNOWN = [
    # name, gene, consequence, impact, protein
    ("9952G>A", "MT-CO3", "stop_gained", "HIGH", "p.Trp249Ter"),
    ("7445A>G", "MT-CO1", "stop_retained_variant", "LOW", "p.Ter514="),
    ("7445A>C", "MT-CO1", "stop_lost", "HIGH", "p.Ter514SerextTer?"),
    ("8528T>C", "MT-ATP8", "missense_variant", "MODERATE", "p.Trp55Arg"),
    ("8528T>C", "MT-ATP6", "start_lost", "HIGH", "p.Met1?"),
    ("3308T>C", "MT-ND1", "start_lost", "HIGH", "p.Met1?"),
    ("3309A>G", "MT-ND1", "start_retained_variant&synonymous_variant", "LOW", "p.Met1="),  # ATA>ATG
    ("4472T>C", "MT-ND2", "synonymous_variant", "LOW", "p.Ile1="),  # ATT>ATC
    ("3243A>G", "MT-TL1", "non_coding_transcript_exon_variant", "MODIFIER", ""),
    ("1555A>G", "MT-RNR1", "non_coding_transcript_exon_variant", "MODIFIER", ""),
    ("3460G>A", "MT-ND1", "missense_variant", "MODERATE", "p.Ala52Thr"),
    ("8993T>G", "MT-ATP6", "missense_variant", "MODERATE", "p.Leu156Arg"),
    ("8993T>C", "MT-ATP6", "missense_variant", "MODERATE", "p.Leu156Pro"),
    ("11778G>A", "MT-ND4", "missense_variant", "MODERATE", "p.Arg340His"),
    ("14484T>C", "MT-ND6", "missense_variant", "MODERATE", "p.Met64Val"),  # the other strand
    ("4769A>G", "MT-ND2", "synonymous_variant", "LOW", "p.Met100="),  # ATA is methionine here
    ("10763C>A", "MT-ND4L", "missense_variant", "MODERATE", "p.Cys98Trp"),  # two genes overlap
    ("10763C>A", "MT-ND4", "missense_variant", "MODERATE", "p.Leu2Met"),
    *(
        (name, gene, "incomplete_terminal_codon_variant&coding_sequence_variant", "LOW", "")
        for name, gene in (
            ("4261T>C", "MT-ND1"),
            ("4262A>G", "MT-ND1"),
            ("5511T>C", "MT-ND2"),
            ("9990T>C", "MT-CO3"),
            ("10404T>C", "MT-ND3"),
            ("12137T>C", "MT-ND4"),
            ("15887T>C", "MT-CYB"),
        )
    ),
]
INDELS = [
    # pos, ref, alt, gene, consequence
    (3312, "CA", "C", "MT-ND1", "frameshift_variant"),  # a stop far down the new frame is not gained
    (3312, "CAT", "C", "MT-ND1", "frameshift_variant"),
    (3312, "C", "CTAA", "MT-ND1", "stop_gained&inframe_insertion"),
    (3309, "ACCC", "A", "MT-ND1", "inframe_deletion"),
    (3311, "C", "CGGG", "MT-ND1", "inframe_insertion"),
    (7441, "CTAGA", "C", "MT-CO1", "frameshift_variant&stop_lost"),
    (14600, "G", "GTTA", "MT-ND6", "protein_altering_variant"),
    (12140, "AAATA", "A", "MT-TH", "non_coding_transcript_exon_variant"),
    (3460, "GCC", "AAA", "MT-ND1", "missense_variant"),
]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Annotated:
    """One run for all that is asked here."""
    records = [f"MT {name[:-3]} . {name[-3]} {name[-1]}" for name in dict.fromkeys(known[0] for known in KNOWN)]
    records += [f"MT {pos} indel{number} {ref} {alt}" for number, (pos, ref, alt, _, _) in enumerate(INDELS)]
    records += ["MT 263 . A G", "MT 9952 . G T"]
    return annotated(tmp_path_factory.mktemp("known"), vcf(*records))


@pytest.mark.parametrize(("name", "gene", "consequence", "impact", "protein"), KNOWN)
def test_a_well_known_variant_comes_out_right(
    result: Annotated, name: str, gene: str, consequence: str, impact: str, protein: str
) -> None:
    row = result.row(name, gene)
    assert (row["consequence"], row["impact"], row["hgvs_p"].rpartition(":")[2]) == (consequence, impact, protein)


@pytest.mark.parametrize("number", range(len(INDELS)))
def test_a_longer_change_comes_out_right(result: Annotated, number: int) -> None:
    *_, gene, consequence = INDELS[number]
    (row,) = [row for row in result.rows if row["id"] == f"indel{number}" and row["gene"] == gene]
    assert row["consequence"] == consequence


def test_codons_and_positions_are_given_on_both_strands(result: Annotated) -> None:
    plus, minus = result.row("11778G>A"), result.row("14484T>C")
    assert (plus["cds_position"], plus["protein_position"], plus["codons"], plus["amino_acids"]) == (
        "1019",
        "340",
        "cGc/cAc",
        "R/H",
    )
    assert (minus["cds_position"], minus["protein_position"], minus["codons"], minus["strand"]) == (
        "190",
        "64",
        "Atg/Gtg",
        "-1",
    )


def test_a_variant_in_the_control_region_has_one_line_for_its_nearest_gene(result: Annotated) -> None:
    row = result.row("263A>G")
    assert (row["gene"], row["consequence"], row["distance"]) == ("MT-TF", "upstream_gene_variant", "314")


def test_the_deletion_of_whole_genes_is_their_ablation(tmp_path: Path) -> None:
    bases = rcrs().bases("MT", 8470, 8470 + 4977)
    found = annotated(tmp_path, vcf(f"MT 8470 common {bases} {bases[0]}"))
    by_gene = {row["gene"]: row["consequence"] for row in found.rows}
    assert {gene for gene, terms in by_gene.items() if terms == "transcript_ablation"} == {
        "MT-ATP6", "MT-CO3", "MT-TG", "MT-ND3", "MT-TR", "MT-ND4L", "MT-ND4", "MT-TH", "MT-TS2", "MT-TL2",
    }  # fmt: skip
    assert {row["hgvs_g"] for row in found.rows} == {"NC_012920.1:m.8483_13459del"}
