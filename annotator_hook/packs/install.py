"""Installs a pack that a recipe describes: resolves versions, downloads, builds, and puts it in the old one's place."""

from __future__ import annotations

import gzip
import io
import shutil
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol, cast

from annotator_hook.packs.assemble import Contents, KnownVariants, assemble
from annotator_hook.packs.build import file_date, head_of
from annotator_hook.packs.download import Digest, Fetcher, Remote, download
from annotator_hook.packs.format import release_name
from annotator_hook.packs.recipes import Recipe, Source
from annotator_hook.packs.shelf import Shelf
from annotator_hook.packs.unpack import unpacked
from shared.core.errors import NotFound, Permanent

DOWNLOADS: Final = ".downloads"
_HEADER_BYTES: Final = 65_536
_GIB: Final = 1 << 30

_PER_BASE: Final = 1.4
"""Bytes that a base takes in a pack: once as plain text, once in the bgzipped FASTA."""
_GENES_GROW: Final = 24
"""Gene models unpacked, whole and by contig, and prepared, over their packed size."""
_KNOWN_GROW: Final = 4
"""Known variants while they are merged, over their packed size."""
_STREAMED_GROW: Final = 0.3
"""What is kept of streamed files while they are merged, over their packed size."""


class Reporter(Protocol):
    """Is told how an installation gets on."""

    def tell(self, sentence: str) -> None:
        """A step begins, or something is to be known."""

    def begin(self, file: str, size: int | None) -> None:
        """A file begins to come."""

    def advance(self, more: int) -> None:
        """So many more bytes of it have come; fewer when it has to begin anew."""

    def end(self) -> None:
        """It is there."""


@dataclass(frozen=True)
class Wish:
    """What is to be installed."""

    recipe: Recipe
    contigs: tuple[str, ...] = ()
    """Chromosomes, in the recipe's order; empty: the whole primary assembly."""
    extras: tuple[str, ...] = ()


@dataclass
class _Plan:
    """What will be downloaded."""

    version: str = ""
    clinvar_date: str = ""
    sequence: list[tuple[Remote, Source]] = field(default_factory=list)
    genes: list[tuple[Remote, Source]] = field(default_factory=list)
    clinvar: list[tuple[Remote, Source]] = field(default_factory=list)
    streamed: list[tuple[Remote, Source]] = field(default_factory=list)


@dataclass(frozen=True)
class Installed:
    """How it ended."""

    folder: Path
    version: str
    already: bool
    """It was there already; nothing was done."""


def install(wish: Wish, shelf: Shelf, fetcher: Fetcher, reporter: Reporter) -> Installed:
    """Installs it, unless this very version is installed and sound.

    Raises `Permanent` with what went wrong; what was downloaded is kept for the next try.
    """
    return _Installation(wish, shelf, fetcher, reporter).run()


class _Installation:
    def __init__(self, wish: Wish, shelf: Shelf, fetcher: Fetcher, reporter: Reporter) -> None:
        self.wish = wish
        self.recipe = wish.recipe
        self.shelf = shelf
        self.fetcher = fetcher
        self.reporter = reporter
        self.downloads = shelf.folder / DOWNLOADS / self.recipe.name

    def run(self) -> Installed:
        date = self._clinvar_date()
        version = self._version(date)
        present = self._present(version)
        if present is not None:
            return Installed(present, version, already=True)
        with self.shelf.building(self.recipe.name) as place:
            plan = self._plan(date)
            self._check_space(plan)
            self.downloads.mkdir(parents=True, exist_ok=True)
            fasta = self._whole([self._download(*item) for item in plan.sequence], "sequence.fa.gz")
            genes = self._whole([self._download(*item) for item in plan.genes], "genes.gff3.gz")
            (clinvar,) = [self._download(*item) for item in plan.clinvar]
            date = file_date(head_of(clinvar)) or date  # it may have been renewed in the meantime
            contents = self._contents(self._version(date), date, fasta, genes, clinvar, plan)
            manifest = assemble(contents, place, self.reporter.tell)
            release = self.shelf.publish(place, manifest)
        shutil.rmtree(self.downloads, ignore_errors=True)
        return Installed(release, contents.version, already=False)

    def _clinvar_date(self) -> str:
        url = self.recipe.clinvar.url
        self.reporter.tell("Asking which ClinVar is the newest")
        packed = self.fetcher.head(url, _HEADER_BYTES)
        try:
            date = file_date(zlib.decompressobj(wbits=31).decompress(packed))
        except zlib.error:
            date = ""
        if not date:
            raise Permanent(f"{url} is not ClinVar's VCF: it does not say its date.")
        return date

    def _version(self, clinvar_date: str) -> str:
        parts = [f"ensembl{self.recipe.release}", f"clinvar{clinvar_date.replace('-', '')}"]
        parts += [self.recipe.extras[name].tag for name in self.wish.extras]
        if self.wish.contigs:
            parts.append("only" + ".".join(self.wish.contigs))
        return "-".join(parts)

    def _present(self, version: str) -> Path | None:
        try:
            entry = self.shelf.entry(self.recipe.name)
        except NotFound:
            return None
        sound = entry.pack is not None and entry.pack.version == version
        if not sound and entry.folder.name.startswith(release_name(self.recipe.name, version)):
            self.reporter.tell(f"{entry.problem} It is installed anew.")
        return entry.folder if sound else None

    def _plan(self, date: str) -> _Plan:
        recipe, contigs = self.recipe, self.wish.contigs
        self.reporter.tell("Asking for the sizes of the files")
        plan = _Plan(version=self._version(date), clinvar_date=date)
        for source, files in ((recipe.sequence, plan.sequence), (recipe.genes, plan.genes)):
            files += [(self.fetcher.look(url), source) for url in _addresses(source, contigs)]
        plan.clinvar.append((self.fetcher.look(recipe.clinvar.url), recipe.clinvar))
        for name in self.wish.extras:
            extra = recipe.extras[name]
            wanted = [contig for contig in contigs or recipe.chromosomes if contig in (extra.contigs or contigs)]
            plan.streamed += [(self.fetcher.look(extra.by_contig.format(contig=contig)), extra) for contig in wanted]
        return plan

    def _check_space(self, plan: _Plan) -> None:
        sizes = {
            name: sum(remote.size or 0 for remote, _ in getattr(plan, name))
            for name in ("sequence", "genes", "clinvar", "streamed")
        }
        there = sum(path.stat().st_size for path in self.downloads.glob("*")) if self.downloads.is_dir() else 0
        lengths = self.recipe.lengths
        bases = sum(lengths[contig] for contig in self.wish.contigs or lengths)
        stored = sizes["sequence"] + sizes["genes"] + sizes["clinvar"]
        needed = (
            max(0, stored - there)
            + (sizes["sequence"] + sizes["genes"] if self.wish.contigs else 0)
            + _PER_BASE * bases
            + _GENES_GROW * sizes["genes"]
            + _KNOWN_GROW * sizes["clinvar"]
            + _STREAMED_GROW * sizes["streamed"]
        )
        free = shutil.disk_usage(self.shelf.folder).free
        if needed > free:
            raise Permanent(
                f"{self.shelf.folder} has {free / _GIB:.1f} GiB free, and {self.recipe.name} needs about "
                f"{needed / _GIB:.1f} GiB while it is installed. Make room, or choose another folder with --packs-dir."
            )
        total = stored + sizes["streamed"]
        self.reporter.tell(
            f"{total / _GIB:.2f} GiB to download, about {needed / _GIB:.1f} GiB of disk needed meanwhile"
        )

    def _download(self, remote: Remote, source: Source) -> Path:
        self.reporter.begin(remote.name, remote.size)
        path = download(self.fetcher, remote, source.checksum, self.downloads, self.reporter.advance)
        self.reporter.end()
        return path

    def _whole(self, parts: Sequence[Path], name: str) -> Path:
        """One file of several: gzip files one after the other are a gzip file."""
        if len(parts) == 1:
            return parts[0]
        whole = self.downloads / f".{name}"
        with whole.open("wb") as out:
            for part in parts:
                with part.open("rb") as file:
                    shutil.copyfileobj(file, out, 1 << 20)
        return whole

    def _contents(self, version: str, date: str, fasta: Path, genes: Path, clinvar: Path, plan: _Plan) -> Contents:
        recipe, contigs = self.recipe, self.wish.contigs
        extras = [recipe.extras[name] for name in self.wish.extras]
        chosen = f" (chromosomes {', '.join(contigs)})" if contigs else ""
        return Contents(
            name=recipe.name,
            title=recipe.title + chosen,
            assembly=recipe.assembly,
            version=version,
            sources=[
                recipe.sequence.describe(),
                recipe.genes.describe(),
                recipe.clinvar.describe(date),
                *(extra.describe() for extra in extras),
            ],
            fasta=fasta,
            gff3=genes,
            known=[
                KnownVariants("ClinVar", "clinvar", lambda: unpacked(clinvar)),
                *(
                    KnownVariants(remote.name, "sites", self._opener(remote, source))
                    for remote, source in plan.streamed
                ),
            ],
            genetic_codes={name: code for name, code in recipe.genetic_codes.items() if not contigs or name in contigs},
            names=recipe.names,
            af_source=next((extra.af_source for extra in extras if extra.af_source), None),
        )

    def _opener(self, remote: Remote, source: Source) -> Callable[[], Any]:
        @contextmanager
        def opened() -> Iterator[BinaryIO]:
            """Unpacks the file as it comes, and keeps none of it: the frequencies of gnomAD are a percent of it."""
            self.reporter.begin(remote.name, remote.size)
            digest = self.fetcher.checksum(remote, source.checksum)
            raw = _Stream(self.fetcher.pieces(remote), digest, self.reporter.advance)
            try:
                with cast("BinaryIO", gzip.GzipFile(fileobj=io.BufferedReader(raw, 1 << 20))) as lines:
                    yield lines
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise Permanent(f"{remote.url} is damaged: {error}.") from error
            while raw.read(1 << 20):
                pass
            wrong = digest.check(raw.size)
            if wrong is not None:
                raise Permanent(f"{remote.url} is damaged or was replaced while it was read: {wrong}.")
            self.reporter.end()

        return opened


class _Stream(io.RawIOBase):
    """Pieces as a file."""

    def __init__(self, pieces: Iterator[bytes], digest: Digest, on_bytes: Callable[[int], None]) -> None:
        self._pieces = pieces
        self._digest = digest
        self._on_bytes = on_bytes
        self._rest = memoryview(b"")
        self.size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            piece = next(self._pieces, b"")
            self._digest.update(piece)
            self._on_bytes(len(piece))
            self.size += len(piece)
            self._rest = memoryview(piece)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _addresses(source: Source, contigs: tuple[str, ...]) -> list[str]:
    return [source.by_contig.format(contig=contig) for contig in contigs] if contigs else [source.url]
