"""Every export holds exactly the filtered variants, in a form that an independent reader opens."""

from __future__ import annotations

import contextlib
import csv
import json
import zipfile
from io import BytesIO, StringIO
from pathlib import Path

import pysam
import pytest

from frontend.exports import slots
from frontend.exports.routes import KINDS
from frontend.limits import TooMany
from shared.core.jobs import Job
from shared.core.version import VERSION
from tests.client import Browser
from tests.results_world import SAMPLES
from tests.unit.frontend_exports.readers import READERS, positions_tsv
from tests.unit.frontend_exports.world import ExportsWorld, fetch, tsv_of, vcf_of_zip, xlsx_of

FILTERS = {
    "": [1000, 2000, 3000, 3001, 3500, 9000, 9100, 3243, 11778],
    "impact=HIGH": [3000, 3001, 3500],
    "gene=MT-ND4": [11778],
    "region=20:3000-3500&match=picked&consequence=missense_variant": [3001],
    "clinvar=any": [3000, 3001, 9100, 3243, 11778],
    "sample=mother:het": [3500, 9000, 9100],
    "q=no+such+thing": [],
}
"""Query → positions."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> ExportsWorld:
    """One for all of these tests: they read alone."""
    return ExportsWorld(tmp_path_factory.mktemp("exports"))


@pytest.fixture(scope="module")
def alice(world: ExportsWorld) -> Browser:
    return world.browser(world.alice)


@pytest.fixture(scope="module")
def job(world: ExportsWorld) -> Job:
    return world.exported()


def unpacked(data: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        archive.extractall(folder)
        return folder / archive.namelist()[0]


# ---- the filter ----


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("query", list(FILTERS))
def test_an_export_holds_exactly_the_filtered_variants_in_the_genomes_order(
    alice: Browser, job: Job, kind: str, query: str
) -> None:
    response = fetch(alice, job, kind, query)
    assert response.status_code == 200
    assert READERS[kind](response.data) == FILTERS[query]


@pytest.mark.parametrize("kind", list(KINDS))
def test_what_a_table_shows_besides_the_filter_changes_nothing(alice: Browser, job: Job, kind: str) -> None:
    response = fetch(alice, job, kind, "impact=HIGH&sort=-qual&columns=gene&page=7&nonsense=1&gene=")
    assert READERS[kind](response.data) == FILTERS["impact=HIGH"]


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("query", ["af=many", "impact=TERRIBLE", "region=20:5-1", "sample=stranger:het"])
def test_a_filter_that_means_nothing_exports_nothing_and_says_why(
    alice: Browser, job: Job, kind: str, query: str
) -> None:
    page = alice.get(f"/jobs/{job.job_id}/export.{kind}?{query}")
    assert page.status == 400
    assert "The filter cannot be read: “" in page.words or "The filter cannot be read: The" in page.words


@pytest.mark.parametrize("text", ["'; DROP TABLE variants; --", '" OR 1=1', "%' OR '1'='1", "\\x00"])
def test_sql_in_the_filter_has_no_effect(alice: Browser, job: Job, text: str) -> None:
    response = alice.client.get(f"/jobs/{job.job_id}/export.tsv", query_string={"q": text})
    assert positions_tsv(response.data) == []
    assert positions_tsv(fetch(alice, job, "tsv").data) == FILTERS[""]


# ---- provenance ----


def about_of(kind: str, data: bytes) -> str:
    """What an export says of itself, as text."""
    match kind:
        case "tsv":
            return str(tsv_of(data)[0])
        case "json":
            return str(json.loads(data)["about"])
        case "xlsx":
            return str(xlsx_of(data)["About"])
        case "vcf":
            return vcf_of_zip(data)[0]
    return data.decode()


@pytest.mark.parametrize("kind", list(KINDS))
def test_an_export_says_where_it_comes_from(alice: Browser, job: Job, kind: str) -> None:
    said = about_of(kind, fetch(alice, job, kind, "impact=HIGH&gene=JAG1").data)
    for text in (
        "Human GRCh38 (GRCh38.p14)",
        "grch38, version ensembl115",
        "ClinVar 2025-11-03",
        "GAS 0.1.0, bcftools 1.24",
        "Gene: JAG1; Impact: HIGH",
        "3 of 9 alternative alleles",
        f"GAS {VERSION}",
        "2026-03-06 12:00:00 UTC",
        job.job_id,
    ):
        assert text in said, text


def test_the_filter_is_told_in_words(alice: Browser, job: Job) -> None:
    about, _ = tsv_of(fetch(alice, job, "tsv", "impact=HIGH&impact=LOW&sample=child:het&sample=mother:ref").data)
    assert about["Filter"] == "Impact: HIGH or LOW; Sample: child heterozygous and mother reference only"
    assert about["Filter as query"] == "impact=HIGH&impact=LOW&sample=child%3Ahet&sample=mother%3Aref"


def test_without_a_filter_it_says_so(alice: Browser, job: Job) -> None:
    about, _ = tsv_of(fetch(alice, job, "tsv").data)
    assert about["Filter"] == "none (all variants)"
    assert "Filter as query" not in about


# ---- TSV ----


def test_tsv_has_the_picked_transcript_and_every_samples_genotype(alice: Browser, job: Job) -> None:
    _, rows = tsv_of(fetch(alice, job, "tsv", "region=20:3000").data)
    [row] = rows
    assert (row["ref"], row["alt"], row["gene"], row["picked_consequence"]) == ("C", "T", "JAG1", "stop_gained")
    assert (row["hgvsc"], row["af"], row["qual"]) == ("JAG1-201:c.2473C>T", "2e-05", "99.0")
    assert [row[f"gt:{name}"] for name in SAMPLES] == ["0/1", "0/0", "0/1"]


def test_tsv_can_have_a_line_for_each_transcript_the_picked_one_first(alice: Browser, job: Job) -> None:
    _, rows = tsv_of(fetch(alice, job, "tsv", "region=20:3000&transcripts=all").data)
    assert [(row["pos"], row["Feature"], row["Consequence"]) for row in rows] == [
        ("3000", "JAG1-201", "stop_gained"),
        ("3000", "JAG1-202", "intron_variant"),
        ("3000", "NEXT-201", "downstream_gene_variant"),
    ]
    assert rows[0]["Codons"] == "Cag/Tag"


def test_the_standard_librarys_reader_reads_the_tsv(alice: Browser, job: Job) -> None:
    text = fetch(alice, job, "tsv").data.decode()
    body = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("## "))
    rows = list(csv.DictReader(StringIO(body), delimiter="\t"))
    assert [int(row["pos"]) for row in rows] == FILTERS[""]


# ---- JSON ----


def test_json_has_all_transcripts_and_genotypes_of_a_variant(alice: Browser, job: Job) -> None:
    [item] = json.loads(fetch(alice, job, "json", "region=20:3001").data)["variants"]
    assert (item["contig"], item["pos"], item["af"], item["haplotype"]) == ("20", 3001, 0.004, True)
    assert item["genotypes"] == {"child": "0|1", "mother": "0|0", "father": "1|1"}
    assert [(call["Feature"], call["PICK"]) for call in item["consequences"]] == [
        ("JAG1-201", True),
        ("JAG1-202", False),
    ]
    assert item["consequences"][0]["hap_with"] == "3000:C>T"


# ---- XLSX ----


def test_a_spreadsheet_has_numbers_as_numbers_and_text_as_text(alice: Browser, job: Job) -> None:
    names, row = xlsx_of(fetch(alice, job, "xlsx", "region=20:3000").data)["Variants"]
    found = dict(zip(names, row, strict=False))
    assert (found["pos"], found["af"], found["clinvar_stars"]) == (3000.0, 2e-05, 2.0)
    assert (found["contig"], found["gt:child"], found["haplotype"]) == ("20", "0/1", False)


def test_a_spreadsheet_can_have_a_row_for_each_transcript(alice: Browser, job: Job) -> None:
    names, *rows = xlsx_of(fetch(alice, job, "xlsx", "region=20:3000&transcripts=all").data)["Variants"]
    assert [row[names.index("Feature")] for row in rows] == ["JAG1-201", "JAG1-202", "NEXT-201"]


def test_a_spreadsheets_heading_stays_in_sight_and_filters(alice: Browser, job: Job) -> None:
    with zipfile.ZipFile(BytesIO(fetch(alice, job, "xlsx").data)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert 'state="frozen"' in sheet
    assert '<autoFilter ref="A1:AG10"/>' in sheet


# ---- VCF ----


def test_the_vcf_comes_with_its_index(alice: Browser, job: Job, tmp_path: Path) -> None:
    path = unpacked(fetch(alice, job, "vcf", "clinvar=any").data, tmp_path / "zip")
    assert path.name == "exome.filtered.vcf.gz"
    with pysam.VariantFile(str(path)) as file:
        assert [record.pos for record in file.fetch("MT", 3000, 4000)] == [3243]
        assert [record.pos for record in file.fetch("20")] == [3000, 3001, 9100]


def test_the_vcfs_lines_are_those_of_the_annotated_vcf_untouched(alice: Browser, job: Job, tmp_path: Path) -> None:
    path = unpacked(fetch(alice, job, "vcf", "region=20:3001").data, tmp_path / "zip")
    with pysam.BGZFile(str(path), "rb", None) as file:
        lines = file.read().decode().splitlines()
    assert lines[-1] == "20\t3001\t.\tA\tG\t99\tPASS\tCSQ=3\tGT\t0|1\t0|0\t1|1"
    assert lines[0] == "##fileformat=VCFv4.2"
    assert "##GAS_export_filter=Region: 20:3,001" in lines


# ---- the report ----


def test_the_report_needs_nothing_from_anywhere(alice: Browser, job: Job) -> None:
    text = fetch(alice, job, "html").data.decode()
    for forbidden in ("<script", "http://", "https://", "url(", "src=", "<link", "@import", "javascript:"):
        assert forbidden not in text, forbidden
    assert "<svg" in text
    assert "default-src 'none'" in text


def test_the_report_draws_the_filtered_variants_alone(alice: Browser, job: Job) -> None:
    text = fetch(alice, job, "html", "gene=MT-ND4").data.decode()
    assert "1 along MT" in text
    assert "along 20" not in text
    assert "JAG1" not in text


@pytest.mark.parametrize("kind", ["csv", "TSV", "exe", "vcf.gz", "%00"])
def test_another_format_is_not_there(alice: Browser, job: Job, kind: str) -> None:
    assert fetch(alice, job, kind).status_code == 404


def test_one_process_makes_no_more_than_a_few_at_once() -> None:
    all_slots = slots.Slots()
    with contextlib.ExitStack() as under_way:
        for name in "abcd":
            under_way.enter_context(all_slots.one(name))
        with pytest.raises(TooMany):
            under_way.enter_context(all_slots.one("e"))
    with all_slots.one("e"):
        pass


@pytest.mark.parametrize("kind", list(KINDS))
def test_what_failed_gives_its_place_back(alice: Browser, job: Job, kind: str) -> None:
    for _ in range(slots.AT_ONCE + 1):
        assert fetch(alice, job, kind, "af=many").status_code == 400
