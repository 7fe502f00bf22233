"""The files that people upload in the storm, and what GAS makes of each: to be compared byte for byte."""

from __future__ import annotations

import gzip
import json
import random
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pysam

from shared.aws.items import from_attribute
from tests.whole import Gas

_META = "##fileformat=VCFv4.2\n##contig=<ID=MT,length=16569>\n"
_COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
_SEQUENCE = Path("annotator_hook/packs/rcrs/sequence.fa")


def _variants(number: int, count: int, *, samples: int = 0, filler: int = 0) -> bytes:
    """A VCF of ``count`` changes of single bases, always the same ones for a ``number``."""
    dice = random.Random(number)
    sequence = "".join(line.strip() for line in _SEQUENCE.read_text().splitlines() if line[0] != ">")
    columns = _COLUMNS + ("\tFORMAT" + "".join(f"\ts{n}" for n in range(samples)) if samples else "")
    lines = []
    for position in sorted(dice.choices(range(1, len(sequence) + 1), k=count)):
        ref = sequence[position - 1].upper()
        alt = dice.choice([base for base in "ACGT" if base != ref])
        if ref in "ACGT":
            calls = "\tGT" + "".join(f"\t{dice.choice('01')}|{dice.choice('01')}" for _ in range(samples))
            text = "." if not filler else "X=" + "y" * filler
            lines.append(f"MT\t{position}\t.\t{ref}\t{alt}\t.\tPASS\t{text}{calls if samples else ''}")
    return (_META + columns + "\n" + "\n".join(lines) + "\n").encode()


CASES: Mapping[str, Callable[[], bytes]] = {
    "few.vcf": lambda: _variants(1, 5),
    "some.vcf": lambda: _variants(2, 60),
    "broken.vcf.gz": lambda: gzip.compress(_variants(3, 40), mtime=0)[:-20],
    "phased.vcf": lambda: _variants(4, 40, samples=3),
    "packed.vcf.gz": lambda: gzip.compress(_variants(5, 400), mtime=0),
    "large.vcf": lambda: _variants(6, 6000, filler=200),
    "nothing.vcf": lambda: _variants(7, 0),
}
"""Name → content, the most telling ones first."""


class Result:
    """What GAS made of one file."""

    def __init__(self, gas: Gas, bucket: str, job: Mapping[str, Any]) -> None:
        self.state: str = job["state"]
        s3 = gas.aws("s3")
        stored = job.get("results") or {}
        self._files = {
            kind: s3.get_object(Bucket=bucket, Key=file["key"])["Body"].read() for kind, file in stored.items()
        }
        self._sizes = {kind: file["size"] for kind, file in stored.items()}
        self._job = job

    def comparable(self) -> dict[str, Any]:
        """What has to be the same whenever this file is annotated. Left out: how many seconds each stage took (in the
        VCF's header, the variant table's metadata, the summary and the log), when it was started (in the log), and the
        file offsets that shift with these (the index is compared by what it finds)."""
        same: dict[str, Any] = {
            kind: data for kind, data in self._files.items() if kind in {"tsv", "consequences", "genes"}
        }
        same |= {"state": self.state, "error": self._job.get("error"), "ledger": self._job.get("ledger")}
        same["summary"] = {name: value for name, value in (self._job.get("summary") or {}).items() if name != "seconds"}
        same["sizes are right"] = {kind: len(data) for kind, data in self._files.items()} == self._sizes
        if "log" in self._files:
            lines = self._files["log"].decode().splitlines()
            same["log"] = [line for line in lines if not line.startswith(("Started: ", "Seconds: "))]
        if "vcf" in self._files:
            lines = gzip.decompress(self._files["vcf"]).decode().splitlines()
            same["vcf"] = [line for line in lines if not line.startswith("##GAS_seconds=")]
            same["index"] = self._found_by_index()
            table = pq.read_table(pa.BufferReader(self._files["variants"]))
            metadata = {name.decode(): value.decode() for name, value in (table.schema.metadata or {}).items()}
            provenance = json.loads(metadata.pop("provenance"))
            provenance.pop("seconds")
            same["variants"] = table.replace_schema_metadata(None)
            same["metadata"] = (metadata, provenance)
        return same

    def _found_by_index(self) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "annotated.vcf.gz"
            path.write_bytes(self._files["vcf"])
            path.with_name("annotated.vcf.gz.tbi").write_bytes(self._files["tbi"])
            with pysam.TabixFile(str(path)) as index:
                return [line for contig in index.contigs for line in index.fetch(contig)]


def jobs(gas: Gas, table: str) -> list[dict[str, Any]]:
    """Every job as the table has it."""
    pages = gas.aws("dynamodb").get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return [{name: from_attribute(value) for name, value in item.items()} for page in pages for item in page["Items"]]
