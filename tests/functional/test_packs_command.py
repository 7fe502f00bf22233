"""`gas packs` as a process: a disk that fills, a `kill -9`, a mirror, and chromosome 20 in a few seconds."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from annotator_hook.packs import format as packs
from shared.core.errors import Permanent
from tests.file_server import serving
from tests.unit.packs.genome import GFF3, fasta, write
from tests.whole import wait_for

GAS = [sys.executable, "-m", "cli", "packs"]


def gas(folder: Path, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    command = [*GAS, *arguments, "--packs-dir", str(folder / "packs")]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, **more)


def listed(folder: Path) -> dict[str, str]:
    """Name → version of what is installed."""
    answer = json.loads(gas(folder, "list", "--json").stdout)
    return {pack["name"]: pack.get("version", pack["problem"]) for pack in answer["packs"]}


def sources(folder: Path, *, bases: int = 0) -> list[str]:
    chromosome = "".join(random.Random(1).choices("ACGT", k=bases))
    genome = write(folder, "a.fa", fasta() + (f">21\n{chromosome}\n" if bases else ""))
    return [
        "--fasta",
        str(genome),
        "--gff3",
        str(write(folder, "a.gff3", GFF3)),
        "--genetic-code",
        "MT=2",
        "--assembly",
        "x",
    ]


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "packs").iterdir() if path.name.startswith("."))


@pytest.mark.parametrize("most", [60_000, 300_000, 1_900_000])
def test_a_disk_that_fills_leaves_everything_as_it_was(tmp_path: Path, most: int) -> None:
    assert gas(tmp_path, "build", "tiny", *sources(tmp_path), "--version", "1").returncode == 0
    files = sources(tmp_path, bases=2_000_000)

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    result = gas(tmp_path, "build", "tiny", *files, "--version", "2", preexec_fn=fill)
    assert result.returncode == 1
    assert "is full. Nothing was changed" in result.stderr
    assert "Traceback" not in result.stderr
    assert listed(tmp_path)["tiny"] == "1"
    assert hidden(tmp_path) == [".releases"]


HANGING = """
import sys, time
from annotator_hook.packs import assemble
from cli.main import main
assemble._Assembly._manifest = lambda *_, **__: time.sleep(600)
main()
"""
"""`gas`, but a build never gets to its last step."""


def test_a_build_that_is_killed_half_way_is_never_served_and_is_swept(tmp_path: Path) -> None:
    assert gas(tmp_path, "build", "tiny", *sources(tmp_path), "--version", "1").returncode == 0
    arguments = ["packs", "build", "tiny", *sources(tmp_path), "--packs-dir", str(tmp_path / "packs")]
    command = [sys.executable, "-c", HANGING, *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            made = tmp_path / "packs"
            wait_for("the engine's files", lambda: list(made.glob(".building-tiny-*/engine/contigs.json")))
        finally:
            process.send_signal(signal.SIGKILL)
    assert len(hidden(tmp_path)) == 2
    assert listed(tmp_path)["tiny"] == "1"
    assert gas(tmp_path, "build", "tiny", *sources(tmp_path), "--version", "2").returncode == 0
    assert listed(tmp_path)["tiny"] == "2"
    assert hidden(tmp_path) == [".releases"]


def test_a_damaged_pack_names_itself_and_the_command(tmp_path: Path) -> None:
    gas(tmp_path, "build", "tiny", *sources(tmp_path))
    release = (tmp_path / "packs" / "tiny").resolve()
    (release / "engine" / "0.npz").write_bytes(b"")
    with pytest.raises(Permanent, match=r"pack tiny is damaged: engine/0\.npz.*gas packs verify tiny"):
        packs.load(release)
    result = gas(tmp_path, "verify", "tiny")
    assert result.returncode == 1
    assert result.stderr.strip().endswith("Install or build it again.")


def test_the_mirror_is_a_setting(tmp_path: Path) -> None:
    with serving() as site:
        result = gas(tmp_path, "install", "grch38", env={**os.environ, "GAS_PACKS_MIRROR": f"{site.url}/ensembl"})
        assert result.returncode == 1
        assert f"{site.url}/ensembl/pub/clinvar/vcf_GRCh38/clinvar.vcf.gz does not exist (404" in result.stderr
        assert site.asked[0][1] == "/ensembl/pub/clinvar/vcf_GRCh38/clinvar.vcf.gz"


@pytest.mark.skipif(
    "GAS_TEST_CHR20_DIR" not in os.environ, reason="GAS_TEST_CHR20_DIR names no folder with chromosome 20"
)
def test_chromosome_20_is_built_in_a_few_seconds(tmp_path: Path) -> None:
    folder = Path(os.environ["GAS_TEST_CHR20_DIR"])
    files = ["--fasta", str(folder / "GRCh37.20.fa.gz"), "--gff3", str(folder / "genes.gff3.gz")]
    sites = ["--vcf", str(folder / "1000G.20.1-4Mb.vcf.gz")]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    result = gas(tmp_path, "build", "grch37c20", *files, *sites, "--assembly", "GRCh37")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert result.returncode == 0, result.stderr
    print(f"built in {time.monotonic() - started:.1f} s")
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 20
    pack = packs.verify(tmp_path / "packs" / "grch37c20")
    assert pack.open("20").model.transcripts > 1700
    assert pack.by_alias["nc_000020.10"].name == "20"
    assert pack.known("20").num_rows > 24_000
