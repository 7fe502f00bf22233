"""Exports of a job that was really annotated: what one format says, the others say too."""

from __future__ import annotations

import gzip
import io
import json
import zipfile

import pytest

from tests.person import Person


@pytest.fixture(scope="module")
def job_id(demo: Person) -> str:
    """The example, annotated."""
    started = demo.start_example()
    assert demo.wait_until_final(started) == "COMPLETED"
    return started


def export(demo: Person, job_id: str, kind: str) -> bytes:
    answer = demo.ask("GET", f"/jobs/{job_id}/export.{kind}")
    assert answer.status_code == 200, answer.text[:2000]
    return answer.content


def tsv_rows(data: bytes) -> list[dict[str, str]]:
    names, *rows = (line.split("\t") for line in data.decode().splitlines() if not line.startswith("## "))
    return [dict(zip(names, row, strict=True)) for row in rows]


def vcf_lines(data: bytes) -> list[list[str]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        name = archive.namelist()[0]
        assert archive.namelist() == [name, f"{name}.tbi"]
        text = gzip.decompress(archive.read(name)).decode()
    return [line.split("\t") for line in text.splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("query", ["", "?impact=MODERATE", "?gene=MT-ND4", "?clinvar=any", "?q=nothing+like+it"])
def test_all_formats_hold_the_same_alleles(demo: Person, job_id: str, query: str) -> None:
    rows = tsv_rows(export(demo, job_id, f"tsv{query}"))
    alleles = [(row["contig"], row["pos"], row["ref"], row["alt"]) for row in rows]
    assert bool(alleles) == ("nothing" not in query)
    variants = json.loads(export(demo, job_id, f"json{query}"))["variants"]
    assert [(item["contig"], str(item["pos"]), item["ref"], item["alt"]) for item in variants] == alleles
    lines = vcf_lines(export(demo, job_id, f"vcf{query}"))
    assert [(line[0], line[1], line[3], line[4]) for line in lines] == alleles
    with zipfile.ZipFile(io.BytesIO(export(demo, job_id, f"xlsx{query}"))) as archive:
        assert archive.read("xl/worksheets/sheet1.xml").count(b"<row ") == len(alleles) + 1
    assert f"{len(alleles)} of " in export(demo, job_id, f"html{query}").decode()


def test_every_transcript_of_the_vcf_is_in_the_json_and_in_the_table(demo: Person, job_id: str) -> None:
    lines = vcf_lines(export(demo, job_id, "vcf"))
    entries = [
        len(field.removeprefix("CSQ=").split(","))
        for line in lines
        for field in line[7].split(";")
        if field.startswith("CSQ=")
    ]
    variants = json.loads(export(demo, job_id, "json"))["variants"]
    assert [len(item["consequences"]) for item in variants] == entries
    assert len(tsv_rows(export(demo, job_id, "tsv?transcripts=all"))) == sum(entries)
