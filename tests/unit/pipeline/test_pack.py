"""The built-in pack: whole, or not used; made from its sources, byte for byte."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest

from annotator_hook.packs import build_rcrs
from annotator_hook.pipeline import pack as packs
from annotator_hook.pipeline.clinvar import ClinVar
from annotator_hook.pipeline.variant import Variant
from shared.core.errors import Permanent
from tests.unit.pipeline.vcf import RCRS


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(RCRS, tmp_path / "rcrs"))


def test_the_pack_has_the_mitochondrion_and_its_37_genes() -> None:
    pack = packs.load(RCRS)
    assert [(contig.name, contig.length, contig.genetic_code) for contig in pack.contigs] == [("MT", 16569, 2)]
    assert len(list(pack.genes)) == 37
    assert sum(transcript.is_coding for transcript in pack.genes) == 13


@pytest.mark.parametrize("name", ["MT.fa", "MT.fa.fai", "genes.gff3", "clinvar.vcf.gz", "clinvar.vcf.gz.tbi"])
def test_a_pack_with_a_changed_or_missing_file_is_damaged(copy: Path, name: str) -> None:
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(Permanent, match=rf"rcrs is damaged.*{name}"):
        packs.load(copy)
    (copy / name).unlink()
    with pytest.raises(Permanent, match=r"rcrs is damaged"):
        packs.load(copy)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"files": {}}', '{"files": {"../x": ""}}'])
def test_a_pack_with_a_broken_manifest_is_damaged(copy: Path, text: str) -> None:
    (copy / "manifest.json").write_text(text)
    with pytest.raises(Permanent, match=r"rcrs is damaged"):
        packs.load(copy)


def test_a_pack_that_speaks_of_another_sequence_is_damaged(copy: Path) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["contigs"][0]["length"] = 16571
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(Permanent, match=r"rcrs is damaged"):
        packs.load(copy)


def test_a_pack_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match=r"pack grch38 is not installed"):
        packs.load(tmp_path / "grch38")


def test_the_builder_makes_the_same_pack_again(tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    sources.mkdir()
    shutil.copy(RCRS / "MT.fa", sources / "rCRS.fa")
    shutil.copy(RCRS / "genes.tsv", sources)
    (sources / "clinvar.vcf").write_bytes(gzip.decompress((RCRS / "clinvar.vcf.gz").read_bytes()))
    build_rcrs.build(sources, tmp_path / "rcrs")
    for path in RCRS.iterdir():
        assert (tmp_path / "rcrs" / path.name).read_bytes() == path.read_bytes(), path.name


def test_the_builder_refuses_another_sequence(tmp_path: Path) -> None:
    text = (RCRS / "MT.fa").read_text()
    (tmp_path / "rCRS.fa").write_text(text.replace("GATCACAGG", "GATCACAGC"))
    with pytest.raises(ValueError, match=r"NC_012920\.1"):
        build_rcrs.build(tmp_path, tmp_path / "rcrs")


def test_clinvar_knows_exactly_the_allele_that_was_asked_for() -> None:
    clinvar = ClinVar(RCRS / "clinvar.vcf.gz")
    record = clinvar.of(Variant("MT", 11778, "G", "A"))
    assert record is not None
    assert (record.accession, record.significance, record.stars, record.dbsnp) == (
        "VCV000009708",
        "Pathogenic",
        3,
        "rs199476112",
    )
    assert "Leber optic atrophy" in record.conditions_in_words
    assert clinvar.of(Variant("MT", 11778, "G", "T")) is None
    assert clinvar.of(Variant("7", 11778, "G", "A")) is None


def test_a_missing_dbsnp_number_is_none_rather_than_rs1() -> None:
    record = ClinVar(RCRS / "clinvar.vcf.gz").of(Variant("MT", 3258, "T", "C"))
    assert record is not None
    assert record.dbsnp == ""
