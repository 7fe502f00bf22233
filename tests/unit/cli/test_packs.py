"""`gas packs`: what it says, and what it answers to a script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.main import gas
from shared.core.errors import GasError
from tests.unit.packs.genome import GFF3, fasta, vcf, write


class Operator:
    """Somebody at a terminal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.packs = folder / "packs"

    def run(self, command: str, *arguments: str) -> Result:
        given = ["packs", command, *arguments, "--packs-dir", str(self.packs)]
        return CliRunner().invoke(gas, given, env={"COLUMNS": "200"})

    def says(self, command: str, *arguments: str) -> str:
        result = self.run(command, *arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    def answer(self, command: str, *arguments: str, code: int = 0) -> Any:
        result = self.run(command, *arguments, "--json")
        assert result.exit_code == code
        return json.loads(result.stdout)

    def files(self) -> list[str]:
        genome, genes = write(self.folder, "a.fa", fasta()), write(self.folder, "a.gff3", GFF3)
        return ["--fasta", str(genome), "--gff3", str(genes), "--genetic-code", "MT=2", "--assembly", "Tiny1"]

    def build(self, *more: str) -> Any:
        return self.answer("build", "tiny", *self.files(), *more)


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path)


def test_without_packs_there_is_the_one_that_comes_with_gas(operator: Operator) -> None:
    text = operator.says("list")
    assert "rcrs" in text
    assert "comes with GAS" in text
    assert "grch37, grch38" in text


def test_a_built_pack_is_listed_with_its_version_size_and_date(operator: Operator) -> None:
    built = operator.build("--title", "A tiny genome", "--version", "7")
    listed = {entry["name"]: entry for entry in operator.answer("list")["packs"]}
    assert list(listed) == ["rcrs", "tiny"]
    assert listed["rcrs"]["built_in"]
    assert listed["rcrs"]["installed"] is None
    assert (listed["tiny"]["title"], listed["tiny"]["assembly"], listed["tiny"]["version"]) == (
        "A tiny genome",
        "Tiny1",
        "7",
    )
    assert listed["tiny"]["bytes"] > 1000
    assert listed["tiny"]["installed"]
    assert listed["tiny"]["folder"] == built["folder"]
    assert "A tiny genome" in operator.says("list")


def test_the_same_files_again_are_said_to_be_installed_already(operator: Operator) -> None:
    assert not operator.build()["already_installed"]
    assert operator.build()["already_installed"]
    assert "is installed already" in operator.says("build", "tiny", *operator.files())


def test_known_variants_and_clinvar_come_with_dates_and_licence(operator: Operator) -> None:
    clinvar = write(operator.folder, "clinvar.vcf", vcf("20 23 7 G A CLNSIG=Benign;CLNREVSTAT=x"))
    sites = write(operator.folder, "sites.vcf", vcf("20 23 rs1 G A AF=0.5"))
    operator.build("--clinvar", str(clinvar), "--vcf", str(sites), "--licence", "ours")
    shown = operator.answer("show", "tiny")
    assert [(source["name"], source["version"], source["licence"]) for source in shown["sources"]] == [
        ("Reference sequence", "Tiny1", "ours"),
        ("Genes", "", "ours"),
        ("ClinVar", "2025-11-03", "ours"),
        ("sites.vcf", "2025-11-03", "ours"),
    ]
    assert [(contig["name"], contig["genetic_code"]) for contig in shown["contigs"]] == [("20", 1), ("MT", 2)]


def test_a_pack_is_shown_in_words(operator: Operator) -> None:
    text = operator.says("show", "rcrs")
    assert "Human mitochondrial genome" in text
    assert "16,569" in text
    assert "2024-12-15" in text
    assert "NC_012920.1" in text


def test_a_report_gives_the_contigs_their_other_names(operator: Operator) -> None:
    columns = "# Sequence-Name\tSequence-Role\tAssigned-Molecule\tAssigned-Molecule-Location/Type\tGenBank-Accn\tRelationship\tRefSeq-Accn\tAssembly-Unit\tSequence-Length\tUCSC-style-name\n"
    row = "20\tassembled-molecule\t20\tChromosome\tCM000682.2\t=\tNC_000020.11\tPrimary Assembly\t138\tchr20\n"
    operator.build("--aliases", str(write(operator.folder, "report.txt", columns + row)))
    assert operator.answer("show", "tiny")["contigs"][0]["aliases"] == ["chr20", "NC_000020.11", "CM000682.2"]


def test_a_sound_pack_is_verified(operator: Operator) -> None:
    operator.build()
    assert operator.answer("verify", "tiny")["sound"]
    assert "tiny" in operator.says("verify", "tiny")
    assert operator.answer("verify", "rcrs")["sound"]


def test_a_damaged_pack_is_found_by_verify_and_list(operator: Operator) -> None:
    folder = Path(operator.build()["folder"])
    (folder / "genes" / "0.gff3").write_text("")
    assert "genes/0.gff3 has 0 bytes" in operator.answer("verify", "tiny", code=1)["error"]
    listed = {entry["name"]: entry for entry in operator.answer("list")["packs"]}
    assert "damaged" in listed["tiny"]["problem"]
    assert "damaged" in operator.says("list")


def test_a_removed_pack_is_no_longer_listed(operator: Operator) -> None:
    operator.build()
    assert operator.answer("remove", "tiny") == {"name": "tiny", "removed": True, "files_gone": True}
    assert [entry["name"] for entry in operator.answer("list")["packs"]] == ["rcrs"]
    assert "no pack tiny" in operator.answer("remove", "tiny", code=1)["error"]


def test_an_error_is_one_sentence_and_exit_code_one(operator: Operator) -> None:
    result = operator.run("build", "Tiny!", *operator.files())
    assert isinstance(result.exception, GasError)  # `main` prints it
    assert "cannot be a pack's name" in str(result.exception)
    assert "no pack grch38" in operator.answer("show", "grch38", code=1)["error"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["build", "tiny"],
        ["build", "tiny", "--fasta", "/nowhere.fa", "--gff3", "/nowhere.gff3", "--assembly", "x"],
        ["install", "grcm39"],
        ["show"],
    ],
)
def test_a_wrong_command_has_exit_code_two(operator: Operator, arguments: list[str]) -> None:
    assert operator.run(*arguments).exit_code == 2


def test_a_genetic_code_is_contig_and_number(operator: Operator) -> None:
    result = operator.run("build", "tiny", *operator.files(), "--genetic-code", "MT")
    assert result.exit_code == 2
    assert "CONTIG=NUMBER" in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--with", "cadd"], "no extra cadd; there is: dbsnp, gnomad"), (["--contigs", "20,99"], "no chromosome 99")],
)
def test_what_a_recipe_lacks_is_said(operator: Operator, arguments: list[str], words: str) -> None:
    assert words in operator.answer("install", "grch38", *arguments, code=1)["error"]


def test_packs_lie_where_gas_up_lets_the_annotator_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAS_LOCAL_DATA_DIR", str(tmp_path))
    answer = CliRunner().invoke(gas, ["packs", "list", "--json"])
    assert json.loads(answer.stdout)["folder"] == str(tmp_path / "packs")
    monkeypatch.setenv("GAS_PACKS_DIR", str(tmp_path / "elsewhere"))
    answer = CliRunner().invoke(gas, ["packs", "list", "--json"])
    assert json.loads(answer.stdout)["folder"] == str(tmp_path / "elsewhere")
