"""Every export holds exactly the filtered variants, in a form that an independent reader opens."""

from __future__ import annotations

import contextlib
import csv
import json
import zipfile
from importlib.metadata import version
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import html5lib
import pysam
import pytest

from frontend.exports import slots, spreadsheet, vcf
from frontend.exports.routes import KINDS
from frontend.limits import TooMany
from shared.core.errors import Unavailable
from shared.core.jobs import Job, JobState
from tests.client import Browser
from tests.results_world import SAMPLES, family, variant
from tests.results_world import call as called
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


def positions_tsv(data: bytes) -> list[int]:
    return [int(row["pos"]) for row in tsv_of(data)[1]]


def positions_json(data: bytes) -> list[int]:
    return [item["pos"] for item in json.loads(data)["variants"]]


def positions_xlsx(data: bytes) -> list[int]:
    names, *rows = xlsx_of(data)["Variants"]
    return [int(row[names.index("pos")]) for row in rows]


def positions_vcf(data: bytes) -> list[int]:
    return [record.pos for record in vcf_of_zip(data)[1]]


def positions_html(data: bytes) -> list[int]:
    make: Any = html5lib.HTMLParser  # has no types
    root = make(strict=True, namespaceHTMLElements=False).parse(data.decode())
    found = [table for table in root.iter("table") if table.get("class") == "variants"]
    names = [
        "".join(row.find("th").find("code").itertext()) for table in found for row in table.find("tbody").iter("tr")
    ]
    return [int(name.split(":")[1].split(" ")[0].replace(",", "")) for name in names]


READERS = {
    "tsv": positions_tsv,
    "json": positions_json,
    "xlsx": positions_xlsx,
    "vcf": positions_vcf,
    "html": positions_html,
}


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
        f"GAS {version('gas')}",
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


@pytest.mark.parametrize(
    ("kind", "query", "name"),
    [
        ("tsv", "", "patient_7.filtered.tsv"),
        ("tsv", "transcripts=all", "patient_7.filtered.transcripts.tsv"),
        ("xlsx", "", "patient_7.filtered.xlsx"),
        ("json", "", "patient_7.filtered.json"),
        ("html", "", "patient_7.filtered.html"),
        ("vcf", "", "patient_7.filtered.vcf.zip"),
    ],
)
def test_an_export_is_saved_under_a_name_made_of_the_jobs(
    world: ExportsWorld, alice: Browser, kind: str, query: str, name: str
) -> None:
    job = world.exported(name="../patient 7.vcf.gz")
    response = fetch(alice, job, kind, query)
    assert response.headers["Content-Disposition"] == f"attachment; filename={name}"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


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


EVIL = '=HYPERLINK("http://evil.example","click")'


@pytest.mark.parametrize("text", [EVIL, "+1+cmd|' /C calc'!A0", "-2+3+cmd", "@SUM(1)", "=1"])
def test_nothing_becomes_a_formula(world: ExportsWorld, alice: Browser, text: str) -> None:
    job = world.exported(
        [variant("20", 5, "A", "G", [called(None, "", "intergenic_variant", pick=True)], ids=text, gt=["0/1"])],
        ("=evil()",),
    )
    _, [row] = tsv_of(fetch(alice, job, "tsv").data)
    assert row["ids"] == f"'{text}"
    assert "gt:=evil()" in row
    names, cells = xlsx_of(fetch(alice, job, "xlsx").data)["Variants"]
    assert cells[names.index("ids")] == text
    assert json.loads(fetch(alice, job, "json").data)["variants"][0]["ids"] == text


@pytest.mark.parametrize("text", ["-1", "+5", "-", "-/ATG", "1e-5", "rs1"])
def test_what_only_begins_like_a_formula_is_left_as_it_is(world: ExportsWorld, alice: Browser, text: str) -> None:
    rows = [variant("20", 5, "A", "G", [called(None, "", "intergenic_variant", pick=True)], ids=text)]
    _, [row] = tsv_of(fetch(alice, world.exported(rows, ()), "tsv").data)
    assert row["ids"] == text


def test_tabs_and_line_ends_in_a_value_break_no_line(world: ExportsWorld, alice: Browser) -> None:
    rows = [
        variant(
            "20", 5, "A", "G", [called(None, "", "intergenic_variant", pick=True)], clinvar_conditions='a\tb\nc\r"d"'
        )
    ]
    _, [row] = tsv_of(fetch(alice, world.exported(rows, ()), "tsv").data)
    assert row["clinvar_conditions"] == 'a b c "d"'


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


def test_json_of_a_file_without_samples_has_no_genotypes(world: ExportsWorld, alice: Browser) -> None:
    rows = [{**item, "gt": None} for item in family()]
    item = json.loads(fetch(alice, world.exported(rows, ()), "json").data)["variants"][0]
    assert item["genotypes"] is None


def test_a_sample_with_any_name_is_exported(world: ExportsWorld, alice: Browser) -> None:
    name = "a'b\"c; DROP TABLE variants <b>é"
    rows = [variant("20", 5, "A", "G", [called(None, "", "intergenic_variant", pick=True)], gt=["1/1"])]
    job = world.exported(rows, (name,))
    assert json.loads(fetch(alice, job, "json").data)["variants"][0]["genotypes"] == {name: "1/1"}
    assert tsv_of(fetch(alice, job, "tsv").data)[1][0][f"gt:{name}"] == "1/1"
    assert f"gt:{name}" in xlsx_of(fetch(alice, job, "xlsx").data)["Variants"][0]


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


def test_markup_control_characters_and_long_text_stay_within_a_cell(world: ExportsWorld, alice: Browser) -> None:
    text = "<b>&amp; \x01\x0b" + "x" * 40_000
    rows = [variant("20", 5, "A", "G", [called(None, "", "intergenic_variant", pick=True)], clinvar_conditions=text)]
    names, row = xlsx_of(fetch(alice, world.exported(rows, ()), "xlsx").data)["Variants"]
    cell = row[names.index("clinvar_conditions")]
    assert cell.startswith("<b>&amp; xxx")
    assert len(cell) <= 32_767


@pytest.mark.parametrize("query", ["", "transcripts=all"])
def test_more_rows_than_a_spreadsheet_holds_are_refused_with_a_way_out(
    alice: Browser, job: Job, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr(spreadsheet, "MOST_ROWS", 8)
    page = alice.get(f"/jobs/{job.job_id}/export.xlsx?{query}")
    assert page.status == 400
    assert "and a spreadsheet holds 8. Narrow the filter" in page.words
    assert fetch(alice, job, "xlsx", "impact=HIGH&match=picked").status_code == 200


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


def test_a_vcf_that_is_gone_is_not_there(world: ExportsWorld, alice: Browser, job: Job) -> None:
    del world.results.objects[job.results["vcf"].key]
    assert fetch(alice, job, "vcf").status_code == 404
    assert fetch(alice, job, "tsv").status_code == 200


@pytest.mark.parametrize("content", [b"nonsense", b""])
def test_a_vcf_that_is_damaged_exports_nothing(world: ExportsWorld, alice: Browser, job: Job, content: bytes) -> None:
    world.results.objects[job.results["vcf"].key] = content
    assert fetch(alice, job, "vcf").status_code == 503


def test_a_vcf_with_fewer_lines_than_chosen_exports_nothing(world: ExportsWorld, alice: Browser, job: Job) -> None:
    short = world.folder / "short.vcf"
    short.write_text("##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n", encoding="utf-8")
    pysam.tabix_compress(str(short), f"{short}.gz", force=True)
    world.results.objects[job.results["vcf"].key] = (world.folder / "short.vcf.gz").read_bytes()
    assert fetch(alice, job, "vcf").status_code == 503


def test_making_the_vcf_ends_when_it_takes_too_long(
    alice: Browser, job: Job, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    slow = tmp_path / "slow.py"
    slow.write_text("import time\ntime.sleep(60)\n", encoding="utf-8")
    monkeypatch.setattr(vcf, "WORKER", slow)
    monkeypatch.setattr(vcf, "MOST_SECONDS", 0.2)
    assert fetch(alice, job, "vcf").status_code == 503


def test_nothing_is_left_on_the_disk(world: ExportsWorld, alice: Browser, job: Job) -> None:
    root = world.settings.results_cache_dir / "exports"
    fetch(alice, job, "vcf").close()
    world.results.objects[job.results["vcf"].key] = b"nonsense"
    fetch(alice, job, "vcf").close()
    assert list(root.iterdir()) == []


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


def test_the_reports_table_has_the_most_severe_when_there_are_too_many(
    alice: Browser, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frontend.exports.report.MOST_ROWS", 3)
    data = fetch(alice, job, "html").data
    assert positions_html(data) == [3000, 3001, 3500]
    assert "The 3 with the most severe consequences of 9" in data.decode()


def test_markup_in_data_is_text_in_the_report(world: ExportsWorld, alice: Browser) -> None:
    evil = "<script>alert(1)</script>"
    rows = [
        variant(
            "20", 5, "A", "G", [called(None, "", "intergenic_variant", pick=True)], ids=evil, clinvar_significance=evil
        )
    ]
    text = fetch(alice, world.exported(rows, (), name=f"{evil}.vcf"), "html").data.decode()
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in text


# ---- whose, and how many ----


@pytest.mark.parametrize("kind", list(KINDS))
def test_an_export_of_somebody_elses_job_is_not_there(world: ExportsWorld, job: Job, kind: str) -> None:
    assert fetch(world.browser(world.bob), job, kind).status_code == 404
    assert fetch(world.browser(), job, kind).status_code == 302


@pytest.mark.parametrize("kind", ["csv", "TSV", "exe", "vcf.gz", "%00"])
def test_another_format_is_not_there(alice: Browser, job: Job, kind: str) -> None:
    assert fetch(alice, job, kind).status_code == 404


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("state", [JobState.RUNNING, JobState.FAILED, JobState.COMPLETED])
def test_a_job_without_a_table_of_variants_has_no_exports(
    world: ExportsWorld, alice: Browser, kind: str, state: JobState
) -> None:
    assert fetch(alice, world.job(state), kind).status_code == 404


def test_one_person_cannot_make_more_than_a_few_at_once(world: ExportsWorld, alice: Browser, job: Job) -> None:
    under_way = [alice.client.get(f"/jobs/{job.job_id}/export.tsv") for _ in range(slots.AT_ONCE_EACH)]
    refused = fetch(alice, job, "tsv")
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "20"
    for response in under_way:
        response.close()
    assert fetch(alice, job, "tsv").status_code == 200


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


def test_storage_that_is_away_gives_its_place_back_too(world: ExportsWorld, alice: Browser, job: Job) -> None:
    fetch(alice, job, "tsv")
    world.results.fail_with = Unavailable("S3 is away.")
    for _ in range(slots.AT_ONCE + 1):
        assert fetch(alice, job, "vcf").status_code == 503


def test_an_export_names_the_commands_and_seconds_of_its_job(world: ExportsWorld, alice: Browser) -> None:
    pack = {"sources": [{"name": "Genes", "version": ""}, {"name": "ClinVar", "version": "1"}]}
    job = world.explored(summary={"pack": pack, "commands": ["bcftools csq -l"], "seconds": {"checking": 0.25}})
    about, _ = tsv_of(fetch(alice, job, "tsv").data)
    assert about["Commands"] == "bcftools csq -l"
    assert about["Seconds"] == "checking 0.25"
    assert about["Sources"] == "Genes, ClinVar 1"


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_many_samples_is_exported_without_their_genotypes(
    world: ExportsWorld, alice: Browser, kind: str
) -> None:
    cohort = tuple(f"person{number}" for number in range(21))
    gt = ["0/1", *["0/0"] * 20]
    job = world.exported(
        [variant("20", 7, "A", "G", [called(None, "", "intergenic_variant", pick=True)], gt=gt)], cohort
    )
    answer = fetch(alice, job, kind)
    assert answer.status_code == 200
    assert READERS[kind](answer.data) == [7]
