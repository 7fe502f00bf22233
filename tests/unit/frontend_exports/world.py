"""The frontend with a job of alice, its results as tables and as a VCF."""

from __future__ import annotations

import re
import tempfile
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pysam

from shared.core.jobs import Job, StoredFile
from tests.client import Browser
from tests.results_world import SAMPLES, family
from tests.unit.frontend_results.world import MORE_SUMMARY, ResultsWorld

PACK = {
    "name": "grch38",
    "title": "Human GRCh38",
    "assembly": "GRCh38.p14",
    "version": "ensembl115",
    "sources": [{"name": "ClinVar", "version": "2025-11-03"}],
}
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


class ExportsWorld(ResultsWorld):
    """`ResultsWorld` whose jobs have a VCF with a line for each of their variants."""

    def exported(
        self, variants: list[dict[str, Any]] | None = None, samples: tuple[str, ...] = SAMPLES, **more: Any
    ) -> Job:
        """A finished job with these variants, or with those of `family`."""
        variants = family() if variants is None else variants
        job = self.explored(variants, samples, summary={**MORE_SUMMARY, "pack": PACK}, **more)
        path = self.folder / "annotated.vcf"
        path.write_text(vcf_of(variants, samples), encoding="utf-8")
        pysam.tabix_compress(str(path), f"{path}.gz", force=True)
        stored = StoredFile(
            job.results["vcf"].key,
            self.results.upload(path.with_name("annotated.vcf.gz"), job.results["vcf"].key, content_type=""),
        )
        job = replace(job, results={**job.results, "vcf": stored})
        self.jobs.jobs[job.job_id] = job
        return job


def vcf_of(variants: list[dict[str, Any]], samples: tuple[str, ...]) -> str:
    """As the annotator writes it: one allele a line."""
    head = ["##fileformat=VCFv4.2", "##contig=<ID=20>", "##contig=<ID=MT>", '##FILTER=<ID=LowQual,Description="x">',
            '##INFO=<ID=CSQ,Number=.,Type=String,Description="x">', '##FORMAT=<ID=GT,Number=1,Type=String,Description="x">']  # fmt: skip
    columns = [
        "#CHROM",
        "POS",
        "ID",
        "REF",
        "ALT",
        "QUAL",
        "FILTER",
        "INFO",
        *(("FORMAT", *samples) if samples else ()),
    ]
    lines = [
        [item["contig"], str(item["pos"]), item.get("ids") or ".", item["ref"], item["alt"], "." if item.get("qual") is None else f"{item['qual']:g}",
         item.get("filter") or ".", f"CSQ={number}", *(("GT", *item["gt"]) if samples else ())]
        for number, item in enumerate(variants)
    ]  # fmt: skip
    return "\n".join([*head, *("\t".join(line) for line in (columns, *lines))]) + "\n"


def fetch(browser: Browser, job: Job, kind: str, query: str = "") -> Any:
    """The response, read to its end: ``.data``, ``.status_code``, ``.headers``."""
    return browser.client.get(f"/jobs/{job.job_id}/export.{kind}?{query}", buffered=True)


def vcf_of_zip(data: bytes) -> tuple[str, list[Any]]:
    """The header and the records, as htslib reads them."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(BytesIO(data)) as archive:
        assert len(archive.namelist()) == 2
        archive.extractall(folder)
        with pysam.VariantFile(str(Path(folder) / archive.namelist()[0])) as file:
            return str(file.header), list(file)


def tsv_of(data: bytes) -> tuple[dict[str, str], list[dict[str, str]]]:
    """What it says of itself, and its rows."""
    lines = data.decode().splitlines()
    about = dict(line.removeprefix("## ").split(": ", 1) for line in lines if line.startswith("## "))
    names, *rows = (line.split("\t") for line in lines if not line.startswith("## "))
    return about, [dict(zip(names, row, strict=True)) for row in rows]


def _xml(data: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(data)  # noqa: S314 - it is ours


def xlsx_of(data: bytes) -> dict[str, list[list[Any]]]:
    """Sheet → rows, read as the standard says: shared and inline strings, numbers, booleans, formulas refused."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        assert archive.testzip() is None
        book = _xml(archive.read("xl/workbook.xml"))
        shared = ["".join(part.itertext()) for part in _xml(archive.read("xl/sharedStrings.xml")).iter(f"{_MAIN}si")]
        names = [sheet.get("name", "") for sheet in book.iter(f"{_MAIN}sheet")]
        return {
            name: _rows(_xml(archive.read(f"xl/worksheets/sheet{place}.xml")), shared)
            for place, name in enumerate(names, 1)
        }


def _rows(sheet: ElementTree.Element, shared: list[str]) -> list[list[Any]]:
    assert not list(sheet.iter(f"{_MAIN}f")), "there is a formula"
    rows: list[list[Any]] = []
    for row in sheet.iter(f"{_MAIN}row"):
        assert int(row.get("r", "0")) == len(rows) + 1
        cells: dict[int, Any] = {}
        for cell in row:
            match = re.fullmatch(r"([A-Z]+)(\d+)", cell.get("r", ""))
            assert match is not None
            assert int(match.group(2)) == len(rows) + 1
            place = 0
            for letter in match.group(1):
                place = place * 26 + ord(letter) - 64
            text = "".join(cell.itertext())
            kind = cell.get("t")
            cells[place - 1] = (
                shared[int(text)]
                if kind == "s"
                else text
                if kind == "inlineStr"
                else text == "1"
                if kind == "b"
                else float(text)
            )
        rows.append([cells.get(place) for place in range(max(cells, default=-1) + 1)])
    return rows
