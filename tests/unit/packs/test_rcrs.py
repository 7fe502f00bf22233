"""The built-in pack: what is in it, and that it is made from its sources byte for byte."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from annotator_hook.packs import build_rcrs
from annotator_hook.packs import format as packs
from annotator_hook.services import BUILT_IN_PACKS

RCRS = BUILT_IN_PACKS / "rcrs"


def test_it_has_the_mitochondrion_and_its_37_genes() -> None:
    pack = packs.load(RCRS)
    assert [(contig.name, contig.length, contig.genetic_code) for contig in pack.contigs] == [("MT", 16569, 2)]
    model = pack.open("MT").model
    assert model.transcripts == 37
    assert int(model.coding.sum()) == 13


def test_its_contig_is_found_under_any_name() -> None:
    pack = packs.load(RCRS)
    assert {pack.by_alias[name].name for name in ("mt", "m", "chrm", "chrmt", "nc_012920.1")} == {"MT"}


def test_its_card_says_which_clinvar_it_has() -> None:
    card = packs.load(RCRS).card
    assert (card.name, [s["version"] for s in card.sources if s["name"] == "ClinVar"]) == ("rcrs", ["2024-12-15"])
    assert card.contigs[0].aliases[:2] == ("M", "chrM")


def test_clinvar_says_of_one_allele_what_it_says_of_that_one() -> None:
    (found,) = packs.load(RCRS).known("MT", 11778, 11778).to_pylist()
    assert (found["ref"], found["alt"]) == ("G", "A")
    assert (found["clinvar_accession"], found["clinvar_significance"]) == ("VCV000009708", "Pathogenic")
    assert (found["clinvar_stars"], found["dbsnp"]) == (3, "rs199476112")
    assert "Leber optic atrophy" in found["clinvar_conditions"]


def test_a_missing_dbsnp_number_is_none_rather_than_rs1() -> None:
    (found,) = packs.load(RCRS).known("MT", 3258, 3258).to_pylist()
    assert found["dbsnp"] is None


def sources(folder: Path) -> Path:
    shutil.copytree(RCRS / "sources", folder)
    shutil.copy(RCRS / "sequence.fa", folder / "rCRS.fa")
    return folder


def test_the_builder_makes_the_same_pack_again(tmp_path: Path) -> None:
    build_rcrs.build(sources(tmp_path / "sources"), tmp_path / "rcrs")
    made = {str(path.relative_to(tmp_path / "rcrs")): path for path in (tmp_path / "rcrs").rglob("*") if path.is_file()}
    assert set(packs.load(RCRS).manifest["files"]) == made.keys() - {packs.MANIFEST}
    for name, path in made.items():
        assert path.read_bytes() == (RCRS / name).read_bytes(), name


def test_the_builder_refuses_another_sequence(tmp_path: Path) -> None:
    folder = sources(tmp_path / "sources")
    text = (folder / "rCRS.fa").read_text()
    (folder / "rCRS.fa").write_text(text.replace("GATCACAGG", "GATCACAGC"))
    with pytest.raises(ValueError, match=r"NC_012920\.1"):
        build_rcrs.build(folder, tmp_path / "rcrs")
