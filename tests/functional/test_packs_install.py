"""`gas packs install` from a server that is laid out like Ensembl's, NCBI's and gnomAD's, on good days and bad ones."""

from __future__ import annotations

import gzip
import hashlib
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pysam
import pytest

from annotator_hook.packs import format as packs
from annotator_hook.packs import recipes
from annotator_hook.packs.download import Fetcher
from annotator_hook.packs.install import Installed, Wish, install
from annotator_hook.packs.shelf import Shelf
from shared.core.errors import NotFound, Permanent
from tests.file_server import Broken, Failing, Site, serving
from tests.unit.packs.genome import GFF3, MITOCHONDRION, gene, vcf

ENSEMBL = "/pub/release-115"
FASTA_20 = f"{ENSEMBL}/fasta/homo_sapiens/dna/Homo_sapiens.GRCh38.dna.chromosome.20.fa.gz"
FASTA_MT = FASTA_20.replace("chromosome.20", "chromosome.MT")
GFF3_20 = f"{ENSEMBL}/gff3/homo_sapiens/Homo_sapiens.GRCh38.115.chromosome.20.gff3.gz"
GFF3_MT = GFF3_20.replace("chromosome.20", "chromosome.MT")
DBSNP_20 = f"{ENSEMBL}/variation/vcf/homo_sapiens/homo_sapiens-chr20.vcf.gz"
DBSNP_MT = DBSNP_20.replace("chr20", "chrMT")
CLINVAR = "/pub/clinvar/vcf_GRCh38/clinvar.vcf.gz"
GNOMAD_20 = "/gcp-public-data--gnomad/release/4.1/vcf/genomes/gnomad.genomes.v4.1.sites.chr20.vcf.bgz"

BASES = "".join(random.Random(20).choices("ACGT", k=400_000))
CHROMOSOME = BASES[:20] + "ATGGCTAAAGGTTGCTAA" + BASES[38:]
CONTIGS = (("20", len(BASES), "NC_000020.11", "CM000682.2", "chr20"), ("MT", 67, "NC_012920.1", "J01415.2", "chrM"))
RECIPE = recipes.load("grch38").model_copy(update={"contigs": CONTIGS})
"""The real one, of a genome that is quickly made."""
WISH = Wish(RECIPE, ("20", "MT"))


class Told:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.sentences: list[str] = []
        self.bytes: dict[str, int] = {}
        self.sizes: dict[str, int | None] = {}
        self.file = ""

    def tell(self, sentence: str) -> None:
        self.sentences.append(sentence)

    def begin(self, file: str, size: int | None) -> None:
        self.file, self.sizes[file], self.bytes[file] = file, size, 0

    def advance(self, more: int) -> None:
        self.bytes[self.file] += more

    def end(self) -> None:
        pass


class World:
    """The server, a folder for packs, and somebody who installs."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site = site
        self.folder = folder / "packs"
        self.shelf = Shelf(self.folder)
        self.waits: list[float] = []
        self.told = Told()
        self.scratch = folder
        self.put(FASTA_20, gzip.compress(f">20 dna:chromosome\n{CHROMOSOME}\n".encode(), mtime=0))
        self.put(FASTA_MT, gzip.compress(f">MT dna:chromosome\n{MITOCHONDRION}\n".encode(), mtime=0))
        head = "##gff-version 3\n"
        self.put(GFF3_20, gzip.compress((head + gene("20", 21, 38, "A")).encode(), mtime=0))
        self.put(GFF3_MT, gzip.compress((head + gene("MT", 21, 32, "B")).encode(), mtime=0))
        self.clinvar("2025-11-03", "20 24 7 G A CLNSIG=Benign;CLNREVSTAT=x", "X 1 8 G A CLNSIG=Benign;CLNREVSTAT=x")
        self.put(DBSNP_20, self.bgzip(vcf("20 24 rs20 G A .", "20 25 rs21 C A .")))
        self.put(DBSNP_MT, self.bgzip(vcf("MT 1 rs30 G A .")))
        sites = [
            f"chr20 {pos} . {CHROMOSOME[pos - 1]} {'A' if CHROMOSOME[pos - 1] != 'A' else 'C'} AF=0.5"
            for pos in range(1, 90_000)
        ]
        self.put(GNOMAD_20, self.bgzip(vcf(*sites)))

    def bgzip(self, text: str) -> bytes:
        path = self.scratch / "x.gz"
        with pysam.BGZFile(str(path), "wb", None) as file:
            file.write(text.encode())
        return path.read_bytes()

    def put(self, path: str, data: bytes, *, checksum: bool = True) -> None:
        self.site.files[path] = data
        if path.startswith("/pub/release") and checksum:
            (self.scratch / "x").write_bytes(data)
            folder, _, name = path.rpartition("/")
            line = subprocess.check_output(["sum", "x"], cwd=self.scratch, text=True).strip() + f" {name}\n"
            before = self.site.files.get(f"{folder}/CHECKSUMS", b"").decode().splitlines(keepends=True)
            kept = [other for other in before if other.split()[-1] != name]
            self.site.files[f"{folder}/CHECKSUMS"] = "".join([*kept, line]).encode()

    def clinvar(self, date: str, *records: str) -> None:
        data = self.bgzip(vcf(*records).replace("2025-11-03", date))
        self.site.files[CLINVAR] = data
        self.site.files[f"{CLINVAR}.md5"] = (
            f"{hashlib.md5(data, usedforsecurity=False).hexdigest()}  /x/clinvar.vcf.gz\n".encode()
        )

    def install(self, wish: Wish = WISH) -> Installed:
        self.told = Told()
        fetcher = Fetcher(self.site.url, sleep=self.waits.append)
        try:
            return install(wish, self.shelf, fetcher, self.told)
        finally:
            fetcher.close()

    def nothing_is_installed(self) -> bool:
        names = {path.name for path in self.folder.iterdir()}
        return names <= {".downloads"} and [entry.name for entry in self.shelf.entries()] == ["rcrs"]

    def kept(self, path: str) -> Path:
        return self.folder / ".downloads" / "grch38" / Path(path).name


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with serving() as site:
        yield World(site, tmp_path)


def test_a_pack_is_made_of_what_three_publishers_have(world: World) -> None:
    done = world.install()
    pack = packs.verify(world.folder / "grch38")
    assert done == Installed(done.folder, "ensembl115-clinvar20251103-only20.MT", already=False)
    assert [(c.name, c.length, c.genetic_code) for c in pack.contigs] == [("20", 400_000, 1), ("MT", 67, 2)]
    assert pack.open("20").model.texts["symbol"] == ["A"]
    assert [row["clinvar_accession"] for row in pack.known("20").to_pylist()] == ["VCV000000007"]
    assert {source["name"]: source["version"] for source in pack.sources} == {
        "Reference sequence": "GRCh38",
        "Genes": "Ensembl 115",
        "ClinVar": "2025-11-03",
    }
    assert not (world.folder / ".downloads" / "grch38").exists()
    assert world.told.bytes == world.told.sizes


def test_extras_are_read_as_they_come_and_not_kept(world: World) -> None:
    done = world.install(Wish(RECIPE, WISH.contigs, ("dbsnp", "gnomad")))
    pack = packs.load(done.folder)
    assert pack.version == "ensembl115-clinvar20251103-dbsnp-gnomad4.1-only20.MT"
    assert pack.af_source == "gnomAD 4.1 genomes"
    rows = pack.known("20", 24, 25).to_pylist()
    assert [(row["pos"], row["alt"], row["clinvar_significance"], row["dbsnp"], row["af"]) for row in rows] == [
        (24, "A", "Benign", "rs20", 0.5),
        (25, "A", None, "rs21", 0.5),
    ]
    assert pack.known("20").num_rows == 89_999
    assert pack.known("MT").to_pylist() == [{"pos": 1, "ref": "G", "alt": "A", "dbsnp": "rs30"}]
    assert world.told.bytes == world.told.sizes


def test_a_connection_that_breaks_is_taken_up_where_it_broke(world: World) -> None:
    world.site.trouble[FASTA_20] = [Broken(after=50_000), Broken(after=20_000)]
    world.install()
    assert world.site.gets(FASTA_20) == ["", "bytes=50000-", "bytes=70000-"]
    assert world.site.sent[FASTA_20] == len(world.site.files[FASTA_20])
    assert packs.verify(world.folder / "grch38").open("20").sequence.tobytes().decode() == CHROMOSOME


def test_a_stream_that_breaks_is_taken_up_where_it_broke(world: World) -> None:
    world.site.trouble[GNOMAD_20] = [Broken(after=70_000), Failing(503)]
    done = world.install(Wish(RECIPE, ("20",), ("gnomad",)))
    assert world.site.gets(GNOMAD_20) == ["", "bytes=70000-", "bytes=70000-"]
    assert packs.load(done.folder).known("20").num_rows == 89_999


def test_a_download_that_was_given_up_goes_on_at_the_next_installation(world: World) -> None:
    world.site.trouble[FASTA_20] = [Broken(after=50_000), *[Failing(500)] * 6]
    with pytest.raises(Permanent, match=r"could not be read, 6 times in a row \(500 .*What was downloaded is kept"):
        world.install()
    assert world.nothing_is_installed()
    world.install()
    assert world.site.gets(FASTA_20)[-1] == "bytes=50000-"
    assert world.site.sent[FASTA_20] == len(world.site.files[FASTA_20])
    assert world.told.bytes == world.told.sizes
    packs.verify(world.folder / "grch38")


def test_a_file_that_changed_in_the_meantime_starts_anew(world: World) -> None:
    world.site.trouble[FASTA_20] = [Broken(after=50_000), *[Failing(500)] * 6]
    with pytest.raises(Permanent):
        world.install()
    changed = CHROMOSOME[:-1] + "N"
    world.put(FASTA_20, gzip.compress(f">20\n{changed}\n".encode(), mtime=0))
    world.install()
    assert packs.verify(world.folder / "grch38").open("20").sequence.tobytes().decode() == changed


def test_a_file_that_changes_between_two_pieces_starts_anew(world: World) -> None:
    world.site.trouble[FASTA_20] = [Broken(after=50_000), Failing(500)]
    changed = CHROMOSOME[:-1] + "N"

    def wait(seconds: float) -> None:
        world.put(FASTA_20, gzip.compress(f">20\n{changed}\n".encode(), mtime=0))

    fetcher = Fetcher(world.site.url, sleep=wait)
    install(WISH, world.shelf, fetcher, world.told)
    fetcher.close()
    assert packs.verify(world.folder / "grch38").open("20").sequence.tobytes().decode() == changed
    assert world.told.bytes[Path(FASTA_20).name] == len(world.site.files[FASTA_20])


@pytest.mark.parametrize(
    ("path", "words"), [(GFF3_20, "its sum is"), (CLINVAR, "its MD5 is"), (DBSNP_20, "its sum is")]
)
def test_a_wrong_checksum_is_refused_and_thrown_away(world: World, path: str, words: str) -> None:
    data = world.site.files[path]
    world.put(path, data[:-12] + bytes(byte ^ 1 for byte in data[-12:-8]) + data[-8:], checksum=False)
    if path == DBSNP_20:  # what is not kept must be readable to be found out
        world.put(path, world.bgzip(vcf("20 24 rs99 G A .")), checksum=False)
    with pytest.raises(Permanent, match=rf"{Path(path).name} is damaged or was replaced while it was read: {words}"):
        world.install(Wish(RECIPE, WISH.contigs, ("dbsnp",)))
    assert world.nothing_is_installed()
    assert not world.kept(path).exists()
    assert not world.kept(path + ".part").exists()


def test_a_file_without_a_checksum_is_refused(world: World) -> None:
    folder = GFF3_20.rpartition("/")[0]
    world.site.files[f"{folder}/CHECKSUMS"] = b"12345 1 Homo_sapiens.GRCh38.115.chr.gff3.gz\n"
    with pytest.raises(
        Permanent, match=r"CHECKSUMS says nothing of Homo_sapiens\.GRCh38\.115\.chromosome\.20\.gff3\.gz"
    ):
        world.install()
    assert world.nothing_is_installed()


def test_a_file_that_does_not_exist_is_named(world: World) -> None:
    del world.site.files[GFF3_MT]
    with pytest.raises(NotFound, match=rf"http://127\.0\.0\.1.*{Path(GFF3_MT).name} does not exist \(404"):
        world.install()
    assert world.nothing_is_installed()
    assert world.waits == []


def test_a_server_that_is_busy_is_asked_again_later_and_later(world: World) -> None:
    world.site.trouble[GFF3_20] = [Failing(500), Failing(503), Failing(429)]
    world.install()
    assert world.waits == [1.0, 2.0, 4.0]


def test_a_server_that_is_not_there_is_given_up(world: World, tmp_path: Path) -> None:
    fetcher = Fetcher("http://127.0.0.1:9", sleep=world.waits.append)
    with pytest.raises(Permanent, match=r"http://127\.0\.0\.1:9/pub/clinvar.* could not be read, 6 times in a row"):
        install(WISH, world.shelf, fetcher, world.told)
    assert world.waits == [1.0, 2.0, 4.0, 8.0, 16.0]


def test_the_same_version_is_not_installed_twice(world: World) -> None:
    first = world.install()
    world.site.asked.clear()
    again = world.install()
    assert again == Installed(first.folder, first.version, already=True)
    assert {path for _, path, _ in world.site.asked} == {CLINVAR}


def test_a_newer_clinvar_is_a_new_version_and_the_old_one_stays_for_jobs_that_run(world: World) -> None:
    world.install()
    job = packs.load((world.folder / "grch38").resolve())
    world.clinvar("2025-12-01", "20 24 7 G A CLNSIG=Pathogenic;CLNREVSTAT=x")
    assert world.install().version == "ensembl115-clinvar20251201-only20.MT"
    world.clinvar("2026-01-05", "20 24 7 G A CLNSIG=Pathogenic;CLNREVSTAT=x")
    world.install()
    assert [row["clinvar_significance"] for row in job.known("20").to_pylist()] == ["Benign"]
    now = packs.load(world.folder / "grch38")
    assert [row["clinvar_significance"] for row in now.known("20").to_pylist()] == ["Pathogenic"]


def test_a_damaged_pack_is_installed_anew(world: World) -> None:
    done = world.install()
    (done.folder / "engine" / "0.npz").unlink()
    again = world.install()
    assert not again.already
    assert any("damaged" in sentence for sentence in world.told.sentences)
    packs.verify(world.folder / "grch38")


def test_too_little_room_is_found_before_anything_is_downloaded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "annotator_hook.packs.install.shutil.disk_usage", lambda _: type("Usage", (), {"free": 100_000})()
    )
    with pytest.raises(Permanent, match=r"has 0\.0 GiB free, and grch38 needs about .* GiB"):
        world.install()
    assert world.site.gets(FASTA_20) == []
    assert world.nothing_is_installed()


def test_what_is_no_clinvar_is_refused_before_anything_is_downloaded(world: World) -> None:
    world.site.files[CLINVAR] = b"<html>moved</html>"
    with pytest.raises(Permanent, match="is not ClinVar's VCF"):
        world.install()
    assert len(world.site.asked) == 1


def test_the_whole_assembly_is_two_files(world: World) -> None:
    whole = FASTA_20.replace("chromosome.20", "primary_assembly")
    text = f">20\n{CHROMOSOME}\n>MT\n{MITOCHONDRION}\n>KI270728.1\n{'ACGT' * 10}\n"
    world.put(whole, gzip.compress(text.encode()))
    world.put(GFF3_20.replace(".chromosome.20", ""), gzip.compress(GFF3.encode()))
    done = world.install(Wish(RECIPE))
    assert done.version == "ensembl115-clinvar20251103"
    assert [contig.name for contig in packs.load(done.folder).contigs] == ["20", "MT", "KI270728.1"]
    assert world.site.gets(FASTA_20) == []
