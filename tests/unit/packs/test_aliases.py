"""What contigs are called elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotator_hook.packs import aliases, recipes
from shared.core.assemblies import of_contig
from shared.core.errors import NotFound, Permanent

REPORT = """\
# Assembly name:  GRCh38.p14
# Sequence-Name\tSequence-Role\tAssigned-Molecule\tAssigned-Molecule-Location/Type\tGenBank-Accn\tRelationship\tRefSeq-Accn\tAssembly-Unit\tSequence-Length\tUCSC-style-name
20\tassembled-molecule\t20\tChromosome\tCM000682.2\t=\tNC_000020.11\tPrimary Assembly\t138\tchr20
HSCHR1_CTG1\tunlocalized-scaffold\t1\tChromosome\tKI270706.1\t=\tna\tPrimary Assembly\t99\tchr1_KI270706v1_random
MT\tassembled-molecule\tMT\tMitochondrion\tJ01415.2\t=\tNC_012920.1\tnon-nuclear\t67\tchrM
"""


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.txt"
    path.write_text(REPORT)
    return path


def test_a_report_gives_all_names_of_a_contig(report: Path) -> None:
    found = aliases.of_report(report, {"chr20": 138, "KI270706.1": 99, "MT": 67, "mine": 5})
    assert set(found) == {"chr20", "KI270706.1", "MT"}
    assert found["chr20"].aliases == ("20", "NC_000020.11", "CM000682.2")
    assert (found["chr20"].accession, found["chr20"].molecule) == ("NC_000020.11", "g")
    assert (found["KI270706.1"].aliases, found["KI270706.1"].accession) == (
        ("HSCHR1_CTG1", "chr1_KI270706v1_random"),
        "",
    )
    assert found["MT"].molecule == "m"


def test_a_report_of_another_assembly_is_refused(report: Path) -> None:
    with pytest.raises(Permanent, match=r"20 has 138 bases; the FASTA has 139"):
        aliases.of_report(report, {"20": 139})


@pytest.mark.parametrize("text", ["", "20\tx\n", REPORT.replace("Sequence-Length", "Size"), "# x\nhello\n"])
def test_a_file_that_is_no_report_is_refused(report: Path, text: str) -> None:
    report.write_text(text)
    with pytest.raises(Permanent, match=r"report\.txt"):
        aliases.of_report(report, {"20": 138})


def test_a_damaged_line_is_named(report: Path) -> None:
    report.write_text(REPORT.replace("\t99\t", "\tmany\t"))
    with pytest.raises(Permanent, match="Line 4"):
        aliases.of_report(report, {"20": 138})


def test_human_chromosomes_are_known_by_name_and_length() -> None:
    found = aliases.of_known_genomes({"chr20": 64444167, "20": 63025520, "21": 5})
    assert found["chr20"].accession == "NC_000020.11"
    assert found["20"].accession == "NC_000020.10"
    assert found["20"].aliases == ("chr20", "NC_000020.10", "CM000682.1")
    assert "21" not in found


def test_mitochondria_are_known_by_their_name() -> None:
    found = aliases.of_known_genomes({"chrM": 16299, "MT": 16569})
    assert (found["chrM"].molecule, found["chrM"].accession) == ("m", "")
    assert found["MT"].accession == "NC_012920.1"
    assert 16571 in found["MT"].other_lengths


@pytest.mark.parametrize("name", recipes.available())
def test_a_recipe_has_every_chromosome_under_every_name(name: str) -> None:
    recipe = recipes.load(name)
    assert recipe.chromosomes == (*(str(number) for number in range(1, 23)), "X", "Y", "MT")
    names = recipe.names(recipe.lengths)
    for chromosome in recipe.chromosomes[:-1]:
        assert of_contig(chromosome, recipe.lengths[chromosome]) == recipe.assembly
        assert f"chr{chromosome}" in names[chromosome].aliases
        assert names[chromosome].accession.startswith("NC_0000")
    assert (recipe.lengths["MT"], names["MT"].molecule, recipe.genetic_codes) == (16569, "m", {"MT": 2})


@pytest.mark.parametrize("name", recipes.available())
def test_a_recipe_names_licence_and_address_of_every_source(name: str) -> None:
    recipe = recipes.load(name)
    for source in (recipe.sequence, recipe.genes, recipe.clinvar, *recipe.extras.values()):
        described = source.describe("1")
        assert all(described.values()), described
        assert described["url"].startswith("https://")


def test_chromosomes_are_chosen_by_any_name_in_the_genomes_order() -> None:
    recipe = recipes.load("grch38")
    assert recipe.choose(("chrM", "x", "NC_000020.11", "20")) == ("20", "X", "MT")
    with pytest.raises(Permanent, match=r"no chromosome 99, KI270728\.1"):
        recipe.choose(("99", "KI270728.1"))


def test_a_recipe_that_is_not_there_is_said_so() -> None:
    with pytest.raises(NotFound, match=r"no recipe for a pack grcm39; there is: grch37, grch38"):
        recipes.load("grcm39")
