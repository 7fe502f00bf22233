"""VCFs for tests, and ways to put them through the pipeline."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from annotator_hook.packs import format as packs
from annotator_hook.pipeline import parts, work
from annotator_hook.pipeline.check import Check
from annotator_hook.pipeline.genome import Genome
from annotator_hook.pipeline.job import Limits, Result, Spec, run
from annotator_hook.pipeline.report import Log
from annotator_hook.pipeline.source import Source
from annotator_hook.pipeline.spool import Reader
from annotator_hook.services import BUILT_IN_PACKS
from shared.core.version import VERSION

RCRS = BUILT_IN_PACKS / "rcrs"
LIMITS = Limits(memory_bytes=2 << 30, seconds=60.0, output_bytes=1 << 30)
META = "##fileformat=VCFv4.2\n##contig=<ID=MT,length=16569>\n"
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"


def rcrs() -> Genome:
    """The mitochondrial genome."""
    return Genome(packs.load(RCRS))


def vcf(*records: str, meta: str = "", samples: tuple[str, ...] = ()) -> str:
    """``records`` are written with blanks between the columns; a missing end (``. . .``) is filled in."""
    lines = [META + meta + "\t".join([COLUMNS, "FORMAT", *samples] if samples else [COLUMNS])]
    for record in records:
        fields = record.split(" ")
        lines.append("\t".join(fields + ["."] * (8 - len(fields))))
    return "\n".join(lines) + "\n"


def checked(folder: Path, content: str | bytes, *, genome: Genome | None = None, workers: int = 1) -> Check:
    """The first pass over the content. Raises what it raises."""
    path = folder / "input"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with Log(folder / "log.txt") as log:
        source = Source(path, most_bytes=LIMITS.output_bytes)
        check = Check(source, genome or rcrs(), folder, log, workers)
        check.run(lambda _: None)
    return check


def spooled(check: Check, genome: Genome | None = None) -> list[list[str]]:
    """The columns of each allele that would be annotated, in the order of the genome.

    INFO ends with what GAS says of where it comes from.
    """
    found = []
    for part in parts.divide(check.pieces, genome or rcrs()):
        reader = Reader(part)
        for row in reader.read(0, reader.rows).to_pylist():
            text = {
                name: value.decode("utf-8", "surrogateescape") for name, value in row.items() if type(value) is bytes
            }
            own = [text["info"]] if text["info"] else []
            own.append(f"GAS_LINE={row['line']}")
            if text["original"]:
                own += [f"GAS_ORIGINAL={text['original']}", f"GAS_ALLELE={row['number']}"]
            columns = [part.contig, str(row["pos"]), text["id"], row["ref"], row["alt"], text["qual"], text["filter"]]
            calls = text["genotypes"].split("\t") if text["genotypes"] else []
            found.append([*columns, ";".join(own), *calls])
    return found


def a_spec(folder: Path, content: str | bytes, *, limits: Limits = LIMITS, name: str = "my.vcf") -> Spec:
    """An order for the pipeline on that content."""
    (folder / "input").write_bytes(content.encode() if isinstance(content, str) else content)
    output = folder / "output"
    output.mkdir()
    return Spec(folder / "input", output, RCRS, name, limits)


@dataclass
class Annotated:
    """A result, read back."""

    result: Result

    @cached_property
    def vcf_lines(self) -> list[str]:
        return gzip.decompress(self.result.files["vcf"].read_bytes()).decode().splitlines()

    @cached_property
    def records(self) -> list[list[str]]:
        return [line.split("\t") for line in self.vcf_lines if not line.startswith("#")]

    @cached_property
    def tsv(self) -> str:
        return gzip.decompress(self.result.files["tsv"].read_bytes()).decode()

    @cached_property
    def rows(self) -> list[dict[str, str]]:
        head, *lines = self.tsv.splitlines()
        return [dict(zip(head.split("\t"), line.split("\t"), strict=True)) for line in lines]

    @cached_property
    def variants(self) -> list[dict[str, Any]]:
        return list(pq.read_table(self.result.files["variants"]).to_pylist())

    @cached_property
    def consequences(self) -> list[dict[str, Any]]:
        return list(pq.read_table(self.result.files["consequences"]).to_pylist())

    @property
    def log(self) -> str:
        return self.result.files["log"].read_text(encoding="utf-8")

    def row(self, name: str, gene: str = "") -> dict[str, str]:
        """The table's row of a variant, such as ``3243A>G``."""
        (found,) = [
            row for row in self.rows if row["hgvs_g"] == f"NC_012920.1:m.{name}" and (not gene or row["gene"] == gene)
        ]
        return found


def annotated(folder: Path, content: str | bytes, *, workers: int = 1, pack: Path = RCRS) -> Annotated:
    """The content, put through the pipeline, in this process where one is enough: a child takes longer to start than
    to do such a job."""
    spec = replace(a_spec(folder, content), workers=workers, pack_dir=pack)
    if workers > 1:
        return Annotated(run(spec, on_progress=lambda _: None, should_stop=lambda: False))
    work_dir = folder / "work"
    work_dir.mkdir()
    return Annotated(work.annotate(spec, work_dir, VERSION, lambda _: None))


def info(record: list[str]) -> dict[str, str]:
    """INFO of a record as a dictionary; flags are empty."""
    return dict(item.partition("=")[::2] for item in record[7].split(";"))
