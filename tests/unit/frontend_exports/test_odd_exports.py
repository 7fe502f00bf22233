"""Exports of what is odd, damaged, too large, too much at once or somebody else's."""

from __future__ import annotations

import json
from pathlib import Path

import pysam
import pytest

from frontend.exports import slots, spreadsheet, vcf
from frontend.exports.routes import KINDS
from shared.core.errors import Unavailable
from shared.core.jobs import Job, JobState
from tests.client import Browser
from tests.results_world import call as called
from tests.results_world import family, variant
from tests.unit.frontend_exports.readers import READERS, positions_html
from tests.unit.frontend_exports.world import ExportsWorld, fetch, tsv_of, xlsx_of


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
