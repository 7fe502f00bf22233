"""What bad input gets, through the pages, S3 and the pushes: a sentence or a result, and nobody is disturbed.

All files go in at once, so that each case also shows that the others did not hold it up.
"""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from html import unescape

import pytest
import requests

from tests.person import Person
from tests.whole import Gas

HEADER = "##fileformat=VCFv4.2\n"
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
ND4 = "MT\t11778\t.\tG\tA\t.\tPASS\t."
TL1 = "MT\t3243\t.\tA\tG\t.\tPASS\t."
SECONDS = 60.0


def vcf(*records: str, columns: str = COLUMNS, end: str = "\n") -> bytes:
    return end.join([HEADER.strip(), columns, *records, ""]).encode()


def record(ref: str, alt: str, contig: str = "MT", pos: int = 11778, info: str = ".") -> str:
    return f"{contig}\t{pos}\t.\t{ref}\t{alt}\t.\tPASS\t{info}"


def other_assembly() -> bytes:
    """Variants of a chromosome 1 that somebody renamed: REF agrees by chance alone."""
    choose = random.Random(1)
    places = sorted(choose.sample(range(1000, 16000), 200))
    bases = [choose.sample("ACGT", 2) for _ in places]
    return vcf(*(record(ref, alt, pos=pos) for pos, (ref, alt) in zip(places, bases, strict=True)))


def bomb() -> bytes:
    """A gibibyte in a megabyte."""
    packer = zlib.compressobj(9, wbits=31)
    comment = b"##padding=" + b"A" * ((1 << 20) - 11) + b"\n"
    return b"".join(
        [packer.compress(HEADER.encode()), *(packer.compress(comment) for _ in range(1024)), packer.flush()]
    )


def many_alleles() -> bytes:
    choose = random.Random(2)
    alleles = {"G" + "".join(choose.choices("ACGT", k=9)) for _ in range(10_000)}
    return vcf(record("G", ",".join(sorted(alleles))), TL1)


def many_samples() -> bytes:
    samples = "\t".join(f"S{number}" for number in range(1000))
    calls = "\t".join("0/1" if number % 3 else "./." for number in range(1000))
    records = [f"{ND4}\tGT\t{calls}", f"{TL1}\tGT\t{calls}"]
    return vcf(*records, columns=f"{COLUMNS}\tFORMAT\t{samples}")


@dataclass(frozen=True)
class Case:
    """A file, and what becomes of it."""

    content: Callable[[], bytes]
    code: str = ""
    """Of the failure; empty when the job completes."""
    says: tuple[str, ...] = ()
    """Parts of the sentence for the owner."""
    annotated: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    name: str = "variants.vcf"
    insists: bool = False
    """Whether GAS asks which reference the file is for, and its owner takes the mitochondrial one all the same."""


def failing(
    content: bytes | Callable[[], bytes], code: str, *says: str, name: str = "variants.vcf", insists: bool = False
) -> Case:
    made = (lambda: content) if isinstance(content, bytes) else content
    return Case(made, code, says, name=name, insists=insists)


def completing(
    content: bytes | Callable[[], bytes], annotated: int, skipped: dict[str, int] | None = None, name: str = "my.vcf"
) -> Case:
    made = (lambda: content) if isinstance(content, bytes) else content
    return Case(made, annotated=annotated, skipped=skipped or {}, name=name)


PACKED = gzip.compress(vcf(*[ND4] * 500))
CASES: dict[str, Case] = {
    "not a VCF": failing(b"Dear colleague,\nplease find attached\n", "not-vcf", "not a VCF"),
    "gzip of something else": failing(gzip.compress(b"\x89PNG\r\n\x1a\n" + bytes(100)), "not-vcf", "picture"),
    "a truncated gzip": failing(PACKED[:-20], "truncated-gzip", "ends too early", name="cut.vcf.gz"),
    "a damaged gzip": failing(PACKED[:40] + b"\xff" * 8 + PACKED[48:], "damaged-gzip", "damaged"),
    "a gzip bomb": failing(bomb, "gzip-bomb", "unpacks to more than", name="bomb.vcf.gz"),
    "a gzip bomb of zeros": failing(lambda: gzip.compress(bytes(200 << 20)), "binary", "binary data"),
    "a BAM": failing(gzip.compress(b"BAM\x01" + bytes(64)), "not-vcf", "BAM", "aligned reads"),
    "UTF-16": failing(vcf(ND4).decode().encode("utf-16"), "utf-16", "UTF-16", "UTF-8"),
    "no header": failing(f"{ND4}\n".encode(), "no-header", "no header"),
    "too few columns": failing(vcf(ND4, "MT\t3243\tA"), "columns", "Line 4", "3 columns"),
    "too many columns": failing(vcf(ND4 + "\tGT\t0/1"), "columns", "Line 3", "10 columns"),
    "duplicate samples": failing(
        vcf(ND4 + "\tGT\t0/1\t0/1", columns=f"{COLUMNS}\tFORMAT\tS1\tS1"), "duplicate-samples", "same name", "S1"
    ),
    "all contigs outside": failing(
        vcf(record("G", "A", "chr1"), record("G", "A", "scaffold_7")),
        "contigs",
        "chr1",
        "scaffold_7",
        "The pack has MT",
        insists=True,
    ),
    "another assembly": failing(other_assembly, "assembly", "another assembly", "REF differs", "%"),
    "CRLF": completing(vcf(ND4, TL1, end="\r\n"), 2),
    "a header without records": completing(vcf(), 0),
    "unsorted": completing(vcf(ND4, TL1, record("A", "G", pos=73)), 3),
    "some contigs outside": completing(vcf(ND4, record("G", "A", "chr1")), 1, {"contig": 1}),
    **{f"the contig {name}": completing(vcf(record("G", "A", name)), 1) for name in ("chrM", "M", "MT", "NC_012920.1")},
    "ambiguous bases": completing(vcf(ND4, record("G", "R")), 1, {"iupac": 1}),
    "symbolic alleles": completing(vcf(ND4, record("G", "<DEL>")), 1, {"symbolic": 1}),
    "10,000 alternative alleles": completing(many_alleles, 1, {"too-many-alleles": 1}),
    "1,000 samples": completing(many_samples, 2),
    "a record of 10 MB": completing(
        lambda: vcf(record("G", "A", info="X=" + "A" * 10_000_000), TL1), 1, {"record-too-long": 1}
    ),
    "a name with spaces": completing(vcf(ND4), 1, name="my own variants .vcf"),
    "a name with quotes": completing(vcf(ND4), 1, name="a \"b\" 'c' `d`; e.vcf"),
    "a name with slashes": completing(vcf(ND4), 1, name="../../etc/pass\\wd/my.vcf"),
    "a name with a script": completing(vcf(ND4), 1, name="<script>alert(1)</script>.vcf"),
    "a name of 300 characters": completing(vcf(ND4), 1, name="n" * 296 + ".vcf"),
    "a name in Unicode": completing(vcf(ND4), 1, name="Ünïcode 变异 \u202egpj🧬.vcf"),
}


@pytest.fixture(scope="module")
def jobs(gas: Gas) -> dict[str, str]:
    """Case → id of its job, which has come to its end."""
    person = Person(gas).join("mallory@example.org", name="Mallory")

    def send(case: Case) -> str:
        job_id = person.upload(case.name, case.content())
        if case.insists:
            assert "Which reference is this file for?" in person.page(f"/jobs/{job_id}")
            answered = person.fill(f"/jobs/{job_id}", f"/jobs/{job_id}/reference", {"pack": "rcrs"})
            assert answered.ok, answered.text[:2000]
        return job_id

    with ThreadPoolExecutor(6) as pool:
        ids = dict(zip(CASES, pool.map(send, CASES.values()), strict=True))
    for job_id in ids.values():
        person.wait_until_final(job_id, SECONDS)
    return ids


@pytest.fixture(scope="module")
def mallory(gas: Gas, jobs: dict[str, str]) -> Person:
    return Person(gas).sign_in("mallory@example.org", "correct horse battery")


def cases(*, complete: bool) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("name", [name for name, case in CASES.items() if (not case.code) == complete])


@cases(complete=False)
def test_it_fails_with_a_sentence_on_the_page_and_in_the_log(jobs: dict[str, str], mallory: Person, name: str) -> None:
    case, job_id = CASES[name], jobs[name]
    job = mallory.job(job_id)
    assert job["state"] == "FAILED"
    error = {key: next(iter(value.values())) for key, value in job["error"].items()}
    assert error["code"] == case.code
    for part in case.says:
        assert part in error["message"] + error["hint"]
    page = unescape(mallory.page(f"/jobs/{job_id}"))
    assert error["message"] in page
    log = mallory.download(job_id, "log").decode()
    assert error["message"] in log


@cases(complete=True)
def test_it_completes_and_every_record_is_accounted_for(jobs: dict[str, str], mallory: Person, name: str) -> None:
    case, job_id = CASES[name], jobs[name]
    job = mallory.job(job_id)
    assert job["state"] == "COMPLETED", job.get("error")
    ledger = job["ledger"]
    assert int(ledger["annotated"]["N"]) == case.annotated
    assert {reason: int(count["N"]) for reason, count in ledger["skipped"]["M"].items()} == case.skipped
    assert int(ledger["records_in"]["N"]) == case.annotated + sum(case.skipped.values())
    result = gzip.decompress(mallory.download(job_id, "vcf")).decode()
    assert sum(not line.startswith("#") for line in result.splitlines()) == case.annotated


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("a name")])
def test_a_strange_name_is_only_ever_text(jobs: dict[str, str], mallory: Person, name: str) -> None:
    job_id = jobs[name]
    for path in (f"/jobs/{job_id}", f"/jobs/{job_id}/log", f"/jobs/{job_id}/delete", "/jobs"):
        page = mallory.page(path)
        assert "<script>alert" not in page
        assert "\u202e" not in page
    target = mallory.ask("GET", f"/jobs/{job_id}/files/vcf", allow_redirects=False).headers["Location"]
    header = requests.get(target, timeout=10).headers["Content-Disposition"]
    assert header.startswith("attachment; ")
    assert not set(header) & set("/\\<>\r\n")


def test_the_example_still_works_afterwards(mallory: Person, jobs: dict[str, str]) -> None:
    assert jobs
    assert mallory.wait_until_final(mallory.start_example()) == "COMPLETED"
