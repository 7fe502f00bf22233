"""Which pack a header is for, and the sentences that say so."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from shared.core.assemblies import _CHROMOSOMES, _LENGTHS, named_in, of_contig
from shared.core.pack_choice import Choice, choose, read_facts
from shared.core.packs import PackCard
from tests.unit.core.cards import GRCH37, GRCH38, RCRS, YEAST

ALL = (RCRS, GRCH37, GRCH38)


def header(*lines: str) -> str:
    return "".join(
        f"{line}\n" for line in ("##fileformat=VCFv4.2", *lines, "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO")
    )


def records(*places: str) -> str:
    return "".join(f"{place.replace(':', chr(9))}\t.\tA\tG\t.\t.\t.\n" for place in places)


def contigs(assembly: str, prefix: str = "chr", more: str = "", mitochondria: int = 16569) -> list[str]:
    lengths = zip(_CHROMOSOMES, _LENGTHS[assembly], strict=True)
    last = "chrM" if prefix else "MT"
    return [
        *(f"##contig=<ID={prefix}{name},length={length}{more}>" for name, length in lengths),
        f"##contig=<ID={last},length={mitochondria}{more}>",
    ]


def chosen(vcf: str, cards: Sequence[PackCard] = ALL, wanted: str = "") -> Choice:
    return choose(read_facts(vcf.encode()), cards, wanted)


GATK = header(*contigs("GRCh38", more=",assembly=hg38"), "##source=HaplotypeCaller")
DRAGEN = header("##reference=file:///staging/hg38_alt_aware/reference.bin", *contigs("GRCh38"))
BCFTOOLS = header("##bcftoolsVersion=1.19", "##reference=file://GRCh37.fa", "##contig=<ID=20>")
THOUSAND_GENOMES = header("##reference=ftp://x/hs37d5.fa.gz", *contigs("GRCh37", "", ",assembly=b37"))
HG19 = header(*contigs("GRCh37", more=",assembly=hg19", mitochondria=16571))


# ---- what fits ----


@pytest.mark.parametrize(
    ("vcf", "pack"),
    [
        (GATK + records("chr1:10000"), "grch38"),
        (GATK, "grch38"),
        (DRAGEN + records("chr20:64000000"), "grch38"),
        (BCFTOOLS + records("20:60343"), "grch37"),
        (THOUSAND_GENOMES + records("20:60343"), "grch37"),
        (HG19 + records("chr1:1000", "chr2:500"), "grch37"),
        (header("##contig=<ID=20,length=63025520>") + records("20:1"), "grch37"),
        (header("##contig=<ID=NC_000020.11,length=64444167>") + records("NC_000020.11:1"), "grch38"),
        (header("##assembly=GRCh38.p13") + records("7:100"), "grch38"),
        (header() + records("20:63025521"), "grch38"),
    ],
    ids=[
        "GATK",
        "no records",
        "DRAGEN",
        "bcftools",
        "1000G",
        "hg19",
        "37 length",
        "RefSeq",
        "assembly line",
        "position",
    ],
)
def test_the_pack_is_found(vcf: str, pack: str) -> None:
    found = chosen(vcf)
    assert (found.pack, found.mismatch) == (pack, None)
    assert found.why


@pytest.mark.parametrize(
    "vcf",
    [
        header() + records("MT:3243"),
        header("##contig=<ID=chrM,length=16569>") + records("chrM:3243"),
        header("##contig=<ID=MT>"),
    ],
)
def test_mitochondria_alone_go_to_the_small_pack_which_has_the_same_sequence(vcf: str) -> None:
    assert chosen(vcf).pack == "rcrs"
    assert chosen(vcf, [GRCH38, RCRS]).pack == "rcrs"


def test_a_file_of_a_whole_genome_goes_to_the_genome_although_its_first_records_are_mitochondrial() -> None:
    assert chosen(GATK + records("chrM:3243")).pack == "grch38"


def test_why_names_a_contig_of_the_records_and_its_length() -> None:
    assert chosen(GATK + records("chr20:5")).why == (
        "The header says chr20 is 64,444,167 long, as in GRCh38, and 24 more contigs as well."
    )


def test_why_names_what_the_header_calls_its_reference() -> None:
    assert chosen(BCFTOOLS + records("20:60343")).why == "The header names GRCh37 as its reference."


def test_why_names_the_contigs_where_there_is_nothing_else() -> None:
    assert chosen(header() + records("MT:3243")).why == (
        "The file speaks of MT, which Human mitochondrial genome (rCRS) has."
    )


def test_lengths_are_believed_more_than_words() -> None:
    vcf = header("##reference=hg19.fa", *contigs("GRCh38")) + records("chr1:5")
    assert chosen(vcf).pack == "grch38"


def test_hg19s_own_mitochondria_are_pointed_out() -> None:
    why = chosen(HG19 + records("chr1:1000")).why
    assert "But it says chrM is 16,571 long: that is NC_001807, the Yoruba sequence that UCSC's hg19 calls chrM." in why


@pytest.mark.parametrize("vcf", ["", "nonsense", header()])
def test_a_file_that_says_nothing_is_left_to_the_annotator(vcf: str) -> None:
    found = chosen(vcf)
    assert (found.pack, found.why) == ("rcrs", "The file does not say what its reference is.")


def test_another_organism_is_known_by_its_contigs_and_the_word_in_the_header() -> None:
    assert chosen(header() + records("chrI:200"), [*ALL, YEAST]).pack == "yeast"
    both = header("##reference=/genomes/R64-1-1.fa") + records("chrM:300")
    assert chosen(both, [*ALL, YEAST]).pack == "yeast"


# ---- what does not ----


def test_the_wrong_assembly_is_told_by_a_length() -> None:
    found = chosen(header("##contig=<ID=chr20,length=63025520>") + records("chr20:1"), [RCRS, GRCH38])
    assert found.pack is None
    assert found.mismatch == (
        "The header says chr20 is 63,025,520 long: that is GRCh37; GRCh38 has 64,444,167. "
        "Whoever runs this server can add the right one: gas packs install grch37."
    )
    assert found.fitting == ()
    assert set(found.candidates) == {"rcrs", "grch38"}


def test_mitochondria_of_the_right_length_do_not_outweigh_24_chromosomes_of_the_wrong_one() -> None:
    found = chosen(GATK + records("chr1:1"), [RCRS, GRCH37])
    assert found.pack is None
    assert "chr1 is 248,956,422 long: that is GRCh38; GRCh37 has 249,250,621" in (found.mismatch or "")


def test_records_on_hg19s_mitochondria_alone_fit_no_pack_with_the_cambridge_sequence() -> None:
    found = chosen(HG19 + records("chrM:3243"))
    assert found.pack is None
    assert "chrM is 16,571 long: that is NC_001807" in (found.mismatch or "")


def test_a_position_beyond_the_end_of_its_contig_is_told() -> None:
    found = chosen(header() + records("20:64000000"), [RCRS, GRCH37])
    assert "There is a record at 20:64,000,000, but in GRCh37 that contig ends at 63,025,520." in (found.mismatch or "")


def test_words_of_another_assembly_are_told_where_there_are_no_lengths() -> None:
    found = chosen(BCFTOOLS + records("20:60343"), [RCRS, GRCH38])
    assert "names its reference as “file://GRCh37.fa”, which is not GRCh38." in (found.mismatch or "")


def test_with_the_mitochondrial_pack_alone_a_genome_is_told_what_is_missing() -> None:
    found = chosen(GATK + records("chr1:5", "chr2:7"), [RCRS])
    assert found.mismatch == (
        "The first records are on chr1, chr2. Installed is Human mitochondrial genome (rCRS), which has nothing of that "
        "name. Whoever runs this server can add the right one: gas packs install grch38."
    )


def test_several_packs_of_which_none_fits_are_spoken_of_as_several() -> None:
    found = chosen(header() + records("chrUn:5"), [RCRS, GRCH37])
    assert " and " in (found.mismatch or "")
    assert "Installed are " in (found.mismatch or "")
    assert ", which have nothing of that name." in (found.mismatch or "")


def test_two_assemblies_that_nothing_tells_apart_are_asked_about() -> None:
    found = chosen(header() + records("20:1234"))
    assert found.pack is None
    assert "GRCh37 and GRCh38 have contigs of these names" in (found.mismatch or "")
    assert found.fitting == ("grch37", "grch38")


# ---- what a person asked for ----


def test_a_wish_that_fits_is_granted() -> None:
    assert chosen(header() + records("20:1234"), wanted="grch37").pack == "grch37"
    assert chosen(header() + records("MT:1234"), wanted="grch38").pack == "grch38"


def test_a_wish_that_the_file_contradicts_is_asked_about_with_the_pack_that_fits() -> None:
    found = chosen(THOUSAND_GENOMES + records("20:60343"), wanted="grch38")
    assert (found.pack, found.fitting) == (None, ("grch37",))
    assert found.mismatch == (
        "The header says 20 is 63,025,520 long: that is GRCh37; GRCh38 has 64,444,167. "
        "It fits GRCh37, which is installed too."
    )


def test_a_wish_for_contigs_that_the_pack_has_not_is_asked_about() -> None:
    found = chosen(header() + records("chr7:5"), wanted="rcrs")
    assert found.pack is None
    assert "The file speaks of chr7; Human mitochondrial genome (rCRS) has nothing of that name." in (
        found.mismatch or ""
    )


def test_a_wish_for_what_is_gone_is_told() -> None:
    found = chosen(header() + records("MT:5"), wanted="mm39")
    assert (found.pack, found.fitting) == (None, ("rcrs",))
    assert "is not installed any more" in (found.mismatch or "")


# ---- assemblies ----


@pytest.mark.parametrize(
    ("text", "assembly"),
    [
        ("hg19", "GRCh37"),
        ("file:///ref/human_g1k_v37_decoy.fasta", "GRCh37"),
        ("b37", "GRCh37"),
        ("GCF_000001405.25_GRCh37.p13", "GRCh37"),
        ("/x/Homo_sapiens_assembly38.fasta", "GRCh38"),
        ("GCA_000001405.15_GRCh38_no_alt_analysis_set.fna", "GRCh38"),
        ("hg38_alt_aware", "GRCh38"),
        ("ucsc.hg18.fa", "NCBI36"),
        ("chm13v2.0.fa", "T2T-CHM13v2.0"),
    ],
)
def test_assemblies_are_known_by_what_people_call_them(text: str, assembly: str) -> None:
    assert named_in(text) == {assembly}


@pytest.mark.parametrize("text", ["", "mm10", "/data/5b37f/genome.fa", "R64-1-1", "abhg19x"])
def test_other_words_name_none(text: str) -> None:
    assert not named_in(text)


@pytest.mark.parametrize(("name", "length"), [("20", 64444167), ("chr20", 64444167), ("CHR20", 64444167)])
def test_a_chromosome_is_known_by_its_length(name: str, length: int) -> None:
    assert of_contig(name, length) == "GRCh38"
    assert of_contig(name, length + 1) is None
