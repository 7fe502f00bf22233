"""A genome prepared in a folder, and opened again."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from annotator_hook.consequence.alleles import Alleles
from annotator_hook.consequence.engine import Engine
from annotator_hook.consequence.gff import GeneModelError
from annotator_hook.consequence.output import Writer
from annotator_hook.consequence.store import INDEX, contigs, open_contig, prepare
from tests.unit.consequence.scene import CONTIG
from tests.unit.consequence.test_models import ENSEMBL


def _genome(folder: Path, gff3: str = ENSEMBL) -> Path:
    fasta, genes, out = folder / "genome.fa.gz", folder / "genes.gff3", folder / "prepared"
    text = "".join(
        f">{name} a contig\n{CONTIG.decode().lower()[:200]}\n{CONTIG.decode()[200:]}\n" for name in ("1", "odd/name")
    )
    fasta.write_bytes(gzip.compress(text.encode()))
    genes.write_text(gff3)
    out.mkdir()
    prepare(fasta, genes, out, {"odd/name": 2})
    return out


def test_contigs_are_opened_by_name(tmp_path: Path) -> None:
    folder = _genome(tmp_path)
    assert contigs(folder) == {"1": 561, "odd/name": 561}
    contig = open_contig(folder, "1")
    annotation = Engine(contig.model, contig.sequence).annotate(Alleles.of([125], [b"C"], [b"A"]))
    assert annotation.hgvsp.to_pylist() == ["ENSP1.2:p.Ala2Asp"]
    other = open_contig(folder, "odd/name")
    assert (other.model.transcripts, other.model.genetic_code) == (0, 2)
    annotation = Engine(other.model, other.sequence).annotate(Alleles.of([125], [b"C"], [b"A"]))
    assert "intergenic_variant" in Writer(other.model).csq(annotation).to_pylist()[0]


def test_gene_models_of_another_contig_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GeneModelError, match="contig chr1 that the FASTA lacks"):
        _genome(tmp_path, ENSEMBL.replace("\n1\t", "\nchr1\t"))


def test_a_file_that_is_no_fasta_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.fa").write_text("ACGT\n")
    (tmp_path / "x.gff3").write_text(ENSEMBL)
    with pytest.raises(GeneModelError, match=r"x\.fa is no FASTA"):
        prepare(tmp_path / "x.fa", tmp_path / "x.gff3", tmp_path)


def test_an_unknown_contig_is_named(tmp_path: Path) -> None:
    with pytest.raises(GeneModelError, match="no contig 7"):
        open_contig(_genome(tmp_path), "7")


@pytest.mark.parametrize(("file", "sentence"), [("0.seq", "has 10 bases instead of 561"), ("0.npz", "cannot be read"), (INDEX, "cannot be read")])  # fmt: skip
def test_a_truncated_file_is_noticed(tmp_path: Path, file: str, sentence: str) -> None:
    path = _genome(tmp_path) / file
    path.write_bytes(path.read_bytes()[:10])
    with pytest.raises(GeneModelError, match=sentence):
        open_contig(path.parent, "1")


def test_a_missing_file_is_noticed(tmp_path: Path) -> None:
    folder = _genome(tmp_path)
    (folder / "0.seq").unlink()
    with pytest.raises(GeneModelError, match=r"0\.seq is missing"):
        open_contig(folder, "1")
