"""Gene models from GFF3: what is read, and what is refused in words that name the record."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from annotator_hook.consequence.gff import GeneModelError, Transcript, read_transcripts
from annotator_hook.consequence.models import TEXTS, ContigModel, Neighbourhood, build
from tests.unit.consequence.scene import CONTIG, Scene, transcript

ENSEMBL = """\
##gff-version 3
1\tensembl\tgene\t101\t461\t.\t+\t.\tID=gene:ENSG1;Name=ABC1;biotype=protein_coding;gene_id=ENSG1;\
description=a gene %5BSource:HGNC Symbol%3BAcc:HGNC:5%5D
1\tensembl\tmRNA\t101\t461\t.\t+\t.\tID=transcript:ENST1;Parent=gene:ENSG1;biotype=protein_coding;\
transcript_id=ENST1;version=4;tag=basic,Ensembl_canonical,MANE_Select;transcript_support_level=1 (assigned);ccdsid=CCDS9
1\tensembl\texon\t101\t160\t.\t+\t.\tParent=transcript:ENST1
1\tensembl\tfive_prime_UTR\t101\t120\t.\t+\t.\tParent=transcript:ENST1
1\tensembl\tCDS\t121\t160\t.\t+\t0\tID=CDS:ENSP1;Parent=transcript:ENST1;protein_id=ENSP1;version=2
1\tensembl\texon\t261\t330\t.\t+\t.\tParent=transcript:ENST1
1\tensembl\tCDS\t261\t330\t.\t+\t2\tID=CDS:ENSP1;Parent=transcript:ENST1;protein_id=ENSP1;version=2
1\tensembl\texon\t401\t461\t.\t+\t.\tParent=transcript:ENST1
1\tensembl\tCDS\t401\t431\t.\t+\t1\tID=CDS:ENSP1;Parent=transcript:ENST1;protein_id=ENSP1;version=2
"""
SEQUENCE = np.frombuffer(CONTIG, dtype=np.uint8)


def read(text: str) -> dict[str, list[Transcript]]:
    return dict(read_transcripts(text.splitlines()))


def test_ensembls_attributes_are_read() -> None:
    ((name, (found,)),) = read(ENSEMBL).items()
    assert name == "1"
    assert (found.transcript_id, found.version, found.biotype) == ("ENST1", "4", "protein_coding")
    assert (found.protein_id, found.protein_version) == ("ENSP1", "2")
    assert (found.tsl, found.ccds) == ("1", "CCDS9")
    assert (found.gene.gene_id, found.gene.symbol) == ("ENSG1", "ABC1")
    assert (found.gene.symbol_source, found.gene.hgnc_id) == ("HGNC", "HGNC:5")
    assert {"Ensembl_canonical", "MANE_Select"} <= found.tags
    assert found.exons == [(101, 160), (261, 330), (401, 461)]


def test_a_coding_gene_without_transcript_is_its_own_transcript() -> None:
    """Bacteria and organelles, as RefSeq writes them."""
    ((_, (found,)),) = read(
        "c\tRefSeq\tgene\t10\t30\t.\t-\t.\tID=gene-dnaA;Name=dnaA\nc\tRefSeq\tCDS\t10\t30\t.\t-\t0\tParent=gene-dnaA"
    ).items()
    assert (found.transcript_id, found.gene.symbol, found.exons, found.strand) == ("dnaA", "dnaA", [(10, 30)], -1)
    assert found.biotype == "protein_coding"


def test_names_that_would_break_csq_are_mended() -> None:
    text = ENSEMBL.replace("Name=ABC1", "Name=A|B%2CC")
    assert read(text)["1"][0].gene.symbol == "A_B_C"


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("Parent=transcript:ENST1\n1\tensembl\tfive", "Parent=transcript:NONE\n1\tensembl\tfive", "Line 4: exon names the parent transcript:NONE"),
        ("Parent=gene:ENSG1", "Parent=gene:NONE", "names the parent gene:NONE, which is not in the file"),
        ("\t101\t160\t", "\t160\t101\t", "start 160 and end 101 are no interval"),
        ("\t101\t160\t", "\tx\t160\t", "must be numbers"),
        ("1\tensembl\texon\t261", "1 ensembl exon\t261", "nine, separated by tabs"),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_by_line(before: str, after: str, sentence: str) -> None:
    with pytest.raises(GeneModelError, match=sentence):
        read(ENSEMBL.replace(before, after, 1))


def test_contigs_must_stand_together() -> None:
    with pytest.raises(GeneModelError, match="contig 1 do not stand together"):
        read(ENSEMBL + "2\tx\tgene\t1\t2\t.\t+\t.\tID=g\n" + "1\tx\tgene\t1\t2\t.\t+\t.\tID=h\n")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"exons": [(101, 160), (150, 330)]}, "exons that overlap at 150"),
        ({"cds": [(90, 130, 0)]}, "coding sequence 90-130 outside its exons"),
        ({"exons": [(101, 9999)], "cds": []}, "ends at 9999, but 1 has 561 bases"),
    ],
)
def test_models_that_contradict_themselves_are_refused(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(GeneModelError, match=sentence):
        build("1", [transcript(1, **changes)], SEQUENCE, 1)


def test_models_of_another_assembly_are_refused() -> None:
    shifted = np.frombuffer(b"A" + CONTIG[:-1], dtype=np.uint8)
    with pytest.raises(GeneModelError, match="not of one assembly"):
        build("1", [transcript(1)], shifted, 1)


def test_two_transcripts_of_one_name_are_refused() -> None:
    with pytest.raises(GeneModelError, match="two transcripts T1"):
        build("1", [transcript(1), transcript(1)], SEQUENCE, 1)


def test_a_model_survives_its_file(tmp_path: Path) -> None:
    model = build("1", read(ENSEMBL)["1"], SEQUENCE, 1)
    model.save(tmp_path / "1.npz")
    again = ContigModel.load(tmp_path / "1.npz")
    assert again.texts == model.texts
    assert (again.contig, again.length, again.genetic_code) == ("1", 561, 1)
    assert again.canonical.tolist() == again.mane_select.tolist() == [True]
    assert again.exon_cdna.tolist() == [1, 61, 131]
    assert again.coding_region[0].tolist() == [121]
    assert set(again.texts) == set(TEXTS)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "1.npz"
    Scene(1).model.save(path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(GeneModelError, match=r"1\.npz cannot be read"):
        ContigModel.load(path)


def test_every_transcript_within_reach_is_found() -> None:
    """Against a search that looks at every pair."""
    rng = np.random.default_rng(3)
    starts = rng.integers(1, 3000, 60)
    model = Scene(1).model
    many = ContigModel(
        **{
            **{name: getattr(model, name) for name in ContigModel.__dataclass_fields__},
            "start": starts,
            "end": starts + rng.integers(0, 900, 60),
        }
    )
    low = rng.integers(1, 4500, 500)
    high = low + rng.choice([0, 0, 0, 1, 50, 2000], 500)
    variant, found = Neighbourhood(many, 30).pairs(low, high)
    expected = [
        (v, t) for v in range(500) for t in range(60) if high[v] >= many.start[t] - 30 and low[v] <= many.end[t] + 30
    ]
    assert list(zip(variant.tolist(), found.tolist(), strict=True)) == expected
