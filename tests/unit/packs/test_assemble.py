"""A pack out of a FASTA, a GFF3 and VCFs; sources that contradict themselves or each other are refused in a sentence."""

from __future__ import annotations

import gzip
from pathlib import Path

import pysam
import pytest

from annotator_hook.consequence.gff import GeneModelError
from annotator_hook.packs import format as packs
from annotator_hook.packs.assemble import ContigNames, assemble
from shared.core.errors import Permanent
from tests.unit.packs import genome
from tests.unit.packs.genome import GFF3, contents, fasta, gene, known, pack, vcf, write


def refused(folder: Path, words: str, **changes: object) -> None:
    with pytest.raises(Permanent, match=words):
        pack(folder, **changes)


def test_a_pack_holds_sequence_genes_and_known_variants_of_each_contig(tmp_path: Path) -> None:
    sites = write(tmp_path, "sites.vcf", vcf("20 23 rs7 G C AF=0.25"))
    made = packs.verify(pack(tmp_path, known=[known(sites)]))
    assert [(c.name, c.length, c.genetic_code) for c in made.contigs] == [("20", 138, 1), ("MT", 67, 2)]
    assert made.open("20").model.texts["transcript_id"] == ["AT"]
    assert made.open("MT").sequence.tobytes().decode() == genome.MITOCHONDRION
    assert made.known("20").to_pylist() == [{"pos": 23, "ref": "G", "alt": "C", "dbsnp": "rs7", "af": 0.25}]
    assert made.known("MT") is None
    assert made.af_source == "sites.vcf"


def test_gene_models_are_split_by_contig_without_what_is_no_gene(tmp_path: Path) -> None:
    made = packs.load(pack(tmp_path))
    file = made.csq_gff("20")
    assert file is not None
    kinds = [line.split("\t")[2] for line in file.read_text().splitlines() if not line.startswith("#")]
    assert kinds == ["gene", "mRNA", "exon", "CDS"]


def test_a_contig_without_genes_has_no_gene_models(tmp_path: Path) -> None:
    made = packs.load(pack(tmp_path, gff3=write(tmp_path, "a.gff3", gene("20", 21, 38, "A"))))
    assert made.csq_gff("MT") is None
    assert made.open("MT").model.transcripts == 0


def test_lines_of_a_contig_that_stand_apart_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GeneModelError, match="do not stand together"):
        pack(tmp_path, gff3=write(tmp_path, "a.gff3", GFF3 + gene("20", 60, 65, "C")))


def test_packed_and_plain_sources_give_the_same_pack(tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    for folder in (plain, packed):
        folder.mkdir()
    (packed / "g.gff3.gz").write_bytes(gzip.compress(GFF3.encode()))
    one = packs.load(pack(plain)).manifest
    other = packs.load(pack(packed, gff3=packed / "g.gff3.gz")).manifest
    assert one == other


def test_the_same_contents_have_the_same_version_and_others_another(tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(3)]
    for folder in folders:
        folder.mkdir()
    changed = write(folders[2], "g.gff3", GFF3.replace("Name=A", "Name=Z"))
    versions = [
        packs.load(pack(folders[0])).version,
        packs.load(pack(folders[1])).version,
        packs.load(pack(folders[2], gff3=changed)).version,
    ]
    assert versions[0] == versions[1] != versions[2]


def test_other_names_of_a_contig_are_found(tmp_path: Path) -> None:
    sites = write(tmp_path, "sites.vcf", vcf("chr20 23 rs7 G C ."))
    names = {"20": ContigNames(aliases=("chr20", "NC_000020.11"), accession="NC_000020.11")}
    made = packs.load(pack(tmp_path, names=lambda _: names, known=[known(sites)]))
    assert made.by_alias["CHR20".lower()].accession == "NC_000020.11"
    assert made.known("20").num_rows == 1


def test_a_broken_parent_is_refused_with_its_line(tmp_path: Path) -> None:
    broken = write(tmp_path, "a.gff3", GFF3.replace("Parent=transcript:BT", "Parent=transcript:XT"))
    refused(tmp_path, r"Line 10: exon names the parent transcript:XT, which MT lacks", gff3=broken)


def test_a_second_transcript_of_the_same_id_is_refused(tmp_path: Path) -> None:
    _, again = gene("20", 60, 65, "A").split("\n", 1)
    twice = write(tmp_path, "a.gff3", gene("20", 21, 38, "A") + again + gene("MT", 21, 32, "B"))
    refused(tmp_path, r"Line 6: the ID transcript:AT belongs to the transcript of line 2", gff3=twice)


def test_gene_models_on_missing_contigs_are_refused_and_named(tmp_path: Path) -> None:
    more = write(tmp_path, "a.gff3", GFF3 + gene("KI270728.1", 1, 9, "C") + gene("KI270727.1", 1, 9, "D"))
    refused(
        tmp_path,
        r"a\.gff3 has gene models on contigs that the FASTA lacks: KI270728\.1, KI270727\.1\. "
        r"The FASTA has 20, MT\..*--skip-missing-contigs",
        gff3=more,
    )


def test_gene_models_on_missing_contigs_are_left_out_when_that_is_asked_for(tmp_path: Path) -> None:
    more = write(tmp_path, "a.gff3", gene("KI270728.1", 1, 9, "C") + GFF3)
    made = packs.load(pack(tmp_path, gff3=more, skip_missing_contigs=True))
    assert [contig.name for contig in made.contigs if contig.genes] == ["20", "MT"]


def test_errors_name_lines_of_the_source_even_when_others_were_left_out(tmp_path: Path) -> None:
    more = gene("KI270728.1", 1, 9, "C") + GFF3.replace("Parent=transcript:BT", "Parent=transcript:XT")
    refused(
        tmp_path,
        "Line 15: exon names the parent",
        gff3=write(tmp_path, "a.gff3", more),
        skip_missing_contigs=True,
    )


def test_gene_models_beyond_the_end_are_refused(tmp_path: Path) -> None:
    refused(tmp_path, "ends at 500, but 20 has 138 bases", gff3=write(tmp_path, "a.gff3", gene("20", 400, 500, "A")))


def test_a_sequence_that_the_gene_models_do_not_fit_is_refused(tmp_path: Path) -> None:
    other = write(tmp_path, "a.fa", fasta().replace("ATGGCTAAA", "ATGTAGAAA"))
    refused(tmp_path, "on 20 have a stop inside.*not of one assembly", fasta=other)


def test_a_genetic_code_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, r"on MT have a stop inside.*the genetic code is not 1", genetic_codes={})


@pytest.mark.parametrize(
    ("codes", "words"),
    [({"MT": 99}, "no genetic code 99"), ({"chrM": 2}, "chrM is given a genetic code, but the FASTA lacks it")],
)
def test_a_genetic_code_that_does_not_exist_is_refused(tmp_path: Path, codes: dict[str, int], words: str) -> None:
    refused(tmp_path, words, genetic_codes=codes)


def test_two_contigs_of_one_name_are_refused(tmp_path: Path) -> None:
    names = {"20": ContigNames(aliases=("chrM",)), "MT": ContigNames(aliases=("chrM",))}
    refused(tmp_path, "20 and MT are both called chrM", names=lambda _: names)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("ACGT\n", "does not begin with >"),
        ("\n\n", "no line that begins with >"),
        (">\nACGT\n", "does not begin with > and a name"),
        (">20\n>MT\nACGT\n", "The sequence 20 in a.fa is empty"),
        (">20\nACGT\n>20\nACGT\n", "two sequences named 20"),
        (">20\nACGTACGTAJ\n", "'J' at position 10"),
    ],
)
def test_a_fasta_that_is_none_is_refused(tmp_path: Path, text: str, words: str) -> None:
    refused(tmp_path, words, fasta=write(tmp_path, "a.fa", text))


def test_a_fasta_of_uneven_lines_is_taken(tmp_path: Path) -> None:
    bases = genome.CHROMOSOME
    text = f">20 x\n{bases[:7]}\n{bases[7:90]}\r\n\n{bases[90:]}\n>MT\n{genome.MITOCHONDRION.lower()}"
    made = packs.load(pack(tmp_path, fasta=write(tmp_path, "a.fa", text)))
    assert made.open("20").sequence.tobytes().decode() == bases
    assert made.open("MT").sequence.tobytes().decode() == genome.MITOCHONDRION


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("##gff-version 3\n", "no gene models"),
        ("20\tensembl\tgene\t5\n", "no gene models|nine"),
        (GFF3.replace("\t21\t38", "\tx\t38"), "Line 3: start and end must be numbers"),
    ],
)
def test_gene_models_that_are_none_are_refused(tmp_path: Path, text: str, words: str) -> None:
    refused(tmp_path, words, gff3=write(tmp_path, "a.gff3", text))


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    cut = tmp_path / "g.gff3.gz"
    cut.write_bytes(gzip.compress(GFF3.encode())[:-20])
    refused(tmp_path, r"g\.gff3\.gz is damaged", gff3=cut)


def test_known_variants_of_another_genome_are_refused(tmp_path: Path) -> None:
    sites = write(tmp_path, "sites.vcf", vcf("7 23 rs7 G C .", "8 23 rs7 G C ."))
    refused(
        tmp_path,
        r"sites\.vcf has no variant on the pack's contigs: 0 alleles; left out 2 records on contigs that the pack lacks",
        known=[known(sites)],
    )


def test_a_large_sequence_is_bgzipped_and_can_be_read_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("annotator_hook.packs.sequence.SMALL", 0)
    made = packs.verify(pack(tmp_path))
    assert made.fasta.name == "sequence.fa.gz"
    assert pysam.FastaFile(str(made.fasta)).fetch("MT", 20, 32) == "ATGTGATGAAGA"


def test_every_step_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    (tmp_path / "tiny").mkdir()
    assemble(contents(tmp_path), tmp_path / "tiny", told.append)
    assert told[0] == "Writing the sequence"
    assert told[-1] == "Writing the manifest"
