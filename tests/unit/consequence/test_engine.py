"""Transcripts that are special, and the engine's columns as a whole."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from annotator_hook.consequence.alleles import Alleles
from annotator_hook.consequence.engine import Engine
from annotator_hook.consequence.models import build
from annotator_hook.consequence.output import COLUMNS, FIELDS, HEADER, Writer
from shared.core.errors import Permanent
from tests.unit.consequence.scene import CONTIG, PLACES, Scene, c, transcript

SEQUENCE = np.frombuffer(CONTIG, dtype=np.uint8)
BOTH = pytest.mark.parametrize("strand", [1, -1], ids=["forward", "reverse"])


@BOTH
@pytest.mark.parametrize(
    ("place", "terms"),
    [
        ((110, 110, "T"), "non_coding_transcript_exon_variant"),
        ((165, 165, "T"), "splice_donor_5th_base_variant&intron_variant&non_coding_transcript_variant"),
        ((158, 158, "T"), "splice_region_variant&non_coding_transcript_exon_variant"),
    ],
)
def test_transcripts_without_protein(strand: int, place: tuple[int, int, str], terms: str) -> None:
    assert Scene(strand, cds=[], biotype="lncRNA").row(*place).Consequence == terms


@BOTH
def test_nonsense_mediated_decay_is_said_beside_everything(strand: int) -> None:
    scene = Scene(strand, biotype="nonsense_mediated_decay")
    assert scene.row(c(5), c(5), "A").Consequence == "missense_variant&NMD_transcript_variant"
    assert scene.row(210, 210, "G").Consequence == "intron_variant&NMD_transcript_variant"
    assert scene.row(90, 90, "G").Consequence == "upstream_gene_variant"


@BOTH
def test_a_mature_mirna_stands_alone(strand: int) -> None:
    scene = Scene(strand, cds=[], biotype="miRNA", exons=[(101, 160)], mature=[(110, 130)])
    assert scene.row(110, 110, "T").Consequence == "mature_miRNA_variant"
    assert scene.row(109, 109, "A").Consequence == "non_coding_transcript_exon_variant"
    assert scene.row(131, 130, "A").Consequence == "non_coding_transcript_exon_variant"


@BOTH
def test_a_start_that_was_not_found_cannot_be_lost(strand: int) -> None:
    scene = Scene(strand, tags=frozenset({"cds_start_NF"}))
    row = scene.row(c(2), c(2), "A")
    assert (row.Consequence, row.FLAGS, row.HGVSp) == ("missense_variant", "cds_start_NF", "P1.3:p.Met1Lys")


@BOTH
def test_an_incomplete_first_codon_is_unknown_and_counts(strand: int) -> None:
    """The model begins with the second base of a codon: coding positions start at 2."""
    scene = Scene(strand, cds=[(122, 160, 2), (261, 330, 2), (401, 431, 1)], exons=[(122, 160), *PLACES[1:]])
    unknown = scene.row(c(2), c(2), "A")
    assert (unknown.Consequence, unknown.CDS_position, unknown.Amino_acids) == ("coding_sequence_variant", "2", "X")
    known = scene.row(c(5), c(5), "A")
    assert (known.Consequence, known.CDS_position, known.HGVSp) == ("missense_variant", "5", "P1.3:p.Ala2Asp")
    # as VEP: coding SNVs are counted from the codon's start, everything else from the first base there is
    assert (known.HGVSc, scene.row(c(7), c(9), "").HGVSc) == ("T1.2:c.5C>A", "T1.2:c.6_8del")


@BOTH
def test_an_incomplete_last_codon(strand: int) -> None:
    scene = Scene(strand, cds=[(121, 160, 0), (261, 330, 2), (401, 430, 1)], tags=frozenset({"cds_end_NF"}))
    row = scene.row(c(140), c(140), "C")
    assert row.Consequence == "incomplete_terminal_codon_variant&coding_sequence_variant"
    assert (row.Amino_acids, row.Codons, row.HGVSp, row.FLAGS) == ("X", "tA/tC", "", "cds_end_NF")


@BOTH
def test_an_intron_that_patches_the_genome_is_not_spliced(strand: int) -> None:
    exons, cds = [(101, 129), (133, 160), *PLACES[1:]], [(121, 129, 0), (133, 160, 0), (261, 330, 2)]
    scene = Scene(strand, exons=exons, cds=cds)
    inside = scene.row(131, 131, "A")
    assert (inside.Consequence, inside.cDNA_position, inside.HGVSp) == ("coding_sequence_variant", "", "")
    assert "splice" not in inside.Consequence


@BOTH
def test_an_unknown_base_makes_the_residue_unknown(strand: int) -> None:
    row = Scene(strand).row(c(5), c(5), "N")
    assert (row.Consequence, row.HGVSp, row.Amino_acids) == ("coding_sequence_variant", "", "")


def test_positions_of_changes_that_leave_the_exon_are_open() -> None:
    row = Scene(1).row(159, 165, "")
    assert (row.cDNA_position, row.CDS_position, row.Protein_position) == ("59-?", "39-?", "13-?")
    assert (row.EXON, row.INTRON) == ("1/3", "1/2")


def test_insertions_lie_between_two_positions() -> None:
    row = Scene(1).row(c(7), c(6), "CCC")
    assert (row.cDNA_position, row.CDS_position, row.Protein_position) == ("26-27", "6-7", "2-3")
    assert (row.Allele, row.VARIANT_CLASS, row.Codons, row.Amino_acids) == ("CCC", "insertion", "-/CCC", "-/P")


def test_exons_and_introns_are_numbered_5_to_3() -> None:
    for scene in (Scene(1), Scene(-1)):
        assert scene.row(c(5), c(5), "A").EXON == "1/3"
        assert scene.row(340, 340, "A").INTRON == "2/2"
        assert (scene.row(251, 410, "").EXON, scene.row(251, 410, "").INTRON) == ("2-3/3", "1-2/2")


def test_distance_is_that_to_the_nearer_end() -> None:
    assert Scene(1).row(90, 90, "T").DISTANCE == "11"
    assert Scene(-1).row(470, 470, "T").DISTANCE == "9"


def test_alleles_are_shown_as_vep_shows_them() -> None:
    alleles = Alleles.of([10, 10, 10, 10, 10], [b"A", b"A", b"AC", b"AC", b"ACG"], [b"C", b"ACG", b"A", b"GT", b"ATT"])
    assert alleles.names().to_pylist() == ["C", "CG", "-", "GT", "ATT"]
    assert list(zip(alleles.start.tolist(), alleles.end.tolist(), strict=True)) == [
        (10, 10), (11, 10), (11, 11), (10, 11), (10, 12)
    ]  # fmt: skip


def test_alleles_of_other_letters_are_refused() -> None:
    with pytest.raises(Permanent, match="other letters"):
        Alleles.of([10], [b"A"], [b"<DEL>"])


SEVERAL = [
    (125, "C", "A"), (40, "G", "C"), (165, "G", "C"), (300, "CTG", "C"), (210, "C", "A"), (125, "C", "CGG"), (250, "A", "G")
]  # fmt: skip


def _chunk(records: list[tuple[int, str, str]]) -> Alleles:
    positions, refs, alts = zip(*records, strict=True)
    return Alleles.of(positions, [ref.encode() for ref in refs], [alt.encode() for alt in alts])


def test_a_chunk_says_what_its_alleles_say_one_by_one() -> None:
    scene = Scene(1)
    writer = Writer(scene.model)
    together = writer.csq(scene.engine.annotate(_chunk(SEVERAL))).to_pylist()
    apart = [writer.csq(scene.engine.annotate(_chunk([record]))).to_pylist() for record in SEVERAL]
    assert together == [text for column in apart for text in column]


def test_part_of_an_arrow_column_is_annotated_like_a_column_of_its_own() -> None:
    whole, part = _chunk(SEVERAL), slice(2, 6)
    refs, alts = (pa.array([record[i] for record in SEVERAL]) for i in (1, 2))
    sliced = Alleles(whole.position[part], refs[part], alts[part])
    scene = Scene(1)
    expected = scene.engine.annotate(_chunk(SEVERAL[part]))
    assert Writer(scene.model).csq(scene.engine.annotate(sliced)) == Writer(scene.model).csq(expected)


def test_a_contig_without_genes_is_intergenic_throughout() -> None:
    model = build("1", [], SEQUENCE, 1)
    annotation = Engine(model, SEQUENCE).annotate(_chunk(SEVERAL))
    entries = Writer(model).csq(annotation).to_pylist()
    assert len(entries) == 7
    assert entries[0].startswith("A|intergenic_variant|MODIFIER||||||||||")
    assert entries[0].split("|")[COLUMNS.index("HGVSg")] == "1:g.125C>A"


def test_an_empty_chunk_gives_nothing() -> None:
    scene = Scene(1)
    annotation = scene.engine.annotate(Alleles.of([], [], []))
    assert Writer(scene.model).csq(annotation).to_pylist() == []
    assert Writer(scene.model).table(annotation).num_rows == 0


def test_entries_have_the_headers_columns() -> None:
    scene = Scene(1)
    (entry,) = Writer(scene.model).csq(scene.annotate(c(5), c(5), "A")).to_pylist()
    fields = dict(zip(FIELDS, entry.split("|"), strict=True))
    assert HEADER.split("Format: ")[1].rstrip('">').split("|") == list(FIELDS)
    assert fields == dict.fromkeys(FIELDS, "") | {
        "Allele": "A", "Consequence": "missense_variant", "IMPACT": "MODERATE", "SYMBOL": "GENE1", "Gene": "G1",
        "Feature_type": "Transcript", "Feature": "T1", "BIOTYPE": "protein_coding", "EXON": "1/3", "HGVSc": "T1.2:c.5C>A",
        "HGVSp": "P1.3:p.Ala2Asp", "cDNA_position": "25", "CDS_position": "5", "Protein_position": "2",
        "Amino_acids": "A/D", "Codons": "gCt/gAt", "STRAND": "1", "PICK": "1", "VARIANT_CLASS": "SNV", "ENSP": "P1",
        "HGVSg": "1:g.125C>A",
    }  # fmt: skip


def test_entries_and_table_agree() -> None:
    scene = Scene(-1)
    contig = scene.contig.decode()
    records = [(p, contig[p - 1], contig[p - 1] + "AC") for p in (125, 40, 165, 300, 210, 437)]
    annotation, writer = scene.engine.annotate(_chunk(records)), Writer(scene.model)
    for entry, row in zip(writer.entries(annotation).to_pylist(), writer.table(annotation).to_pylist(), strict=True):
        shown = {k: "" if v is None or v is False else "1" if v is True else str(v) for k, v in row.items()}
        fields = dict(zip(FIELDS, entry.split("|"), strict=True))
        assert fields == shown | {"HAPLOTYPE": ""}


def test_records_of_several_alleles_have_one_csq() -> None:
    scene = Scene(1)
    alleles = Alleles.of([125, 125, 126], [b"C", b"C", b"T"], [b"A", b"G", b"A"])
    first, second = Writer(scene.model).csq(scene.engine.annotate(alleles), np.array([0, 2])).to_pylist()
    assert [entry.split("|")[0] for entry in first.split(",")] == ["A", "G"]
    assert second.split("|")[1] == "synonymous_variant"


def test_known_names_are_carried_along() -> None:
    scene = Scene(1)
    annotation = scene.annotate(c(5), c(5), "A")
    (entry,) = Writer(scene.model).csq(annotation, existing=pa.array(["rs1&rs2"])).to_pylist()
    assert entry.split("|")[COLUMNS.index("Existing_variation")] == "rs1&rs2"


def test_one_row_of_an_allele_is_picked_mane_before_severity() -> None:
    mane, other = transcript(1, tags=frozenset({"MANE_Select"})), transcript(1)
    other.transcript_id = "T0"
    mane.cds = []
    model = build("1", [mane, other], SEQUENCE, 1)
    alleles = Alleles.of([125, 10], [b"C", b"G"], [b"A", b"A"])
    annotation = Engine(model, SEQUENCE, distance=10).annotate(alleles)
    rows = Writer(model).table(annotation).to_pylist()
    assert [(row["Feature"], row["PICK"]) for row in rows] == [("T0", False), ("T1", True), (None, True)]
