"""A reference pack as a job reads it: sequence, gene models, known variants, and what they are called, in one folder.

``manifest.json`` names the parts and carries size and SHA-256 of each file. A pack that does not match it is not used:
no job is annotated with something else than what its page says. docs/packs.md describes the layout.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from annotator_hook.consequence import store
from annotator_hook.consequence.arrays import Ints
from annotator_hook.packs import known
from annotator_hook.pipeline.outcome import PackProblem
from shared.core.errors import Permanent
from shared.core.packs import CardContig, PackCard

FORMAT: Final = 1
"""Version of the folder's layout."""
MANIFEST: Final = "manifest.json"
STORE: Final = "engine"
"""The folder of what the consequence engine prepared."""
SMALL: Final = 1 << 20
"""Bytes below which a pack is verified in full at every start: that costs a millisecond."""
_END_OF_CONTIG: Final = 2**31 - 1
_LOOK: Final = "Look at it with: gas packs verify {name}"
_AGAIN: Final = "Install or build it again."


@dataclass(frozen=True)
class PackContig:
    """One sequence of the pack."""

    name: str
    length: int
    genetic_code: int
    """NCBI's number of the table by which its coding sequences are read: 1 is the standard code."""
    accession: str
    """Before the colon in HGVS."""
    molecule: str
    """``m`` for mitochondria, ``g`` otherwise: HGVS's prefix."""
    aliases: tuple[str, ...]
    """Other names of the contig in files."""
    other_lengths: Mapping[int, str]
    """Length → which other sequence under the same name is that long."""
    genes: str | None
    """Its gene models, a GFF3 for `bcftools csq`; null where there are none."""
    known: str | None
    """Its known variants; null where there are none."""


class _Hold:
    """Keeps a release from being removed for as long as this object, or a copy of it in another process, lives."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        with contextlib.suppress(OSError):  # a file system without locks: the release is kept until the next install
            fcntl.flock(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)

    def __del__(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            os.close(self._descriptor)

    def __reduce__(self) -> tuple[type[_Hold], tuple[Path]]:
        return (_Hold, (self._path,))


@dataclass(frozen=True, eq=False)
class Pack:
    """A pack that is there. Every method raises `PackProblem` when a file turns out to be damaged."""

    folder: Path
    manifest: Mapping[str, Any]
    contigs: tuple[PackContig, ...]
    hold: _Hold

    @property
    def name(self) -> str:
        return str(self.manifest["name"])

    @property
    def title(self) -> str:
        return str(self.manifest["title"])

    @property
    def assembly(self) -> str:
        return str(self.manifest["assembly"])

    @property
    def version(self) -> str:
        """Of the data, such as ``ensembl115-clinvar20251103``."""
        return str(self.manifest["version"])

    @property
    def sources(self) -> list[dict[str, str]]:
        """Of each thing that the pack was made from: name, version, from (whom, with which choice), licence."""
        return list(self.manifest["sources"])

    @property
    def af_source(self) -> str | None:
        """Whose allele frequencies the known variants carry."""
        found = self.manifest.get("af_source")
        return None if found is None else str(found)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(int(entry["bytes"]) for entry in self.manifest["files"].values())

    @property
    def fasta(self) -> Path:
        """The sequence, plain or bgzip, indexed."""
        return self.folder / str(self.manifest["sequence"])

    @property
    def card(self) -> PackCard:
        """What everybody may know of the pack."""
        return PackCard(
            name=self.name,
            title=self.title,
            assembly=self.assembly,
            version=self.version,
            sources=tuple(self.sources),
            contigs=tuple(CardContig(contig.name, contig.length, contig.aliases) for contig in self.contigs),
        )

    @cached_property
    def by_alias(self) -> dict[str, PackContig]:
        """Any name of a contig, in lower case → the contig."""
        return {alias.lower(): contig for contig in self.contigs for alias in (contig.name, *contig.aliases)}

    @cached_property
    def by_name(self) -> dict[str, PackContig]:
        """The pack's own name of a contig → the contig."""
        return {contig.name: contig for contig in self.contigs}

    def contig_names(self) -> str:
        """For sentences: each contig with its other names."""
        return "; ".join(
            contig.name + (f" (also called {', '.join(contig.aliases)})" if contig.aliases else "")
            for contig in self.contigs
        )

    def open(self, contig_name: str) -> store.Contig:
        """What the consequence engine needs to know of a contig."""
        with _named(self.name):
            return store.open_contig(self.folder / STORE, contig_name)

    def csq_gff(self, contig_name: str) -> Path | None:
        """The contig's gene models for `bcftools csq`; None where there are none."""
        file = self.by_name[contig_name].genes
        return None if file is None else self.folder / file

    def known(self, contig_name: str, first: int = 1, last: int = _END_OF_CONTIG) -> Any:
        """The known alleles at positions ``first … last``, sorted by position; None where the contig has none.

        A `pyarrow.Table` with ``pos``, ``ref``, ``alt`` (normalised as the pipeline does) and some of the columns of
        `annotator_hook.packs.known.SCHEMA`. Ask for a contig piece by piece: a whole chromosome of dbSNP is large.
        """
        file = self.by_name[contig_name].known
        if file is None:
            return None
        with _named(self.name):
            return known.read(self.folder / file, first, last)

    def known_at(self, contig_name: str, places: Ints) -> Any:
        """As `known`, but only the alleles at exactly these positions (ascending); it reads what they need."""
        file = self.by_name[contig_name].known
        if file is None or len(places) == 0:
            return None
        with _named(self.name):
            return known.read_at(self.folder / file, places)


def load(folder: Path) -> Pack:
    """The pack in ``folder``, checked quickly: manifest, names and sizes of files, index of the sequence.

    Raises `PackProblem` when it is missing or damaged.
    """
    return _load(folder, _LOOK)


def _load(folder: Path, remedy: str) -> Pack:
    name = folder.name
    try:
        hold = _Hold(folder / MANIFEST)
        text = (folder / MANIFEST).read_bytes()
    except OSError:
        raise PackProblem(f"The reference pack {name} is not installed in {folder.parent}.") from None
    try:
        manifest = json.loads(text)
        if manifest["format"] != FORMAT:
            raise PackProblem(
                f"The reference pack {name} has format {manifest['format']}, this version of GAS reads {FORMAT}: "
                f"install or build it again."
            )
        contigs = tuple(_contig(item) for item in manifest["contigs"])
        pack = Pack(folder=folder, manifest=manifest, contigs=contigs, hold=hold)
        _check_name(pack)
        name = pack.name
        _check_index(pack, remedy)
        small = pack.size <= SMALL
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(name, f"its manifest is wrong ({type(error).__name__}: {error})", remedy) from error
    for problem in problems(pack, in_full=small):
        raise _damaged(name, problem, remedy)
    return pack


def verify(folder: Path, on_progress: Callable[[int], None] = lambda _: None) -> Pack:
    """The pack in ``folder``, every byte of it checked. ``on_progress`` is told the bytes of each piece read.

    Raises `PackProblem`, naming each damaged file.
    """
    pack = _load(folder, _AGAIN)
    found = list(problems(pack, in_full=True, on_progress=on_progress))
    if found:
        raise _damaged(pack.name, "; ".join(found), _AGAIN)
    return pack


def problems(pack: Pack, *, in_full: bool, on_progress: Callable[[int], None] = lambda _: None) -> Iterator[str]:
    """What is wrong with the pack's files, a sentence's end each. In full: also their contents."""
    for file, expected in pack.manifest["files"].items():
        path = pack.folder / file
        try:
            size = path.stat().st_size
            if size != expected["bytes"]:
                yield f"{file} has {size:,} bytes instead of {expected['bytes']:,}"
            elif in_full and sha256(path, on_progress) != expected["sha256"]:
                yield f"{file} does not match its checksum"
        except FileNotFoundError:
            yield f"{file} is missing"
        except OSError as error:
            yield f"{file} cannot be read ({error.strerror})"


def release_name(name: str, version: str) -> str:
    """The folder of one version of a pack."""
    return f"{name}-{version}"


def sha256(path: Path, on_progress: Callable[[int], None] = lambda _: None) -> str:
    """The file's SHA-256, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
            on_progress(len(piece))
    return digest.hexdigest()


def _check_name(pack: Pack) -> None:
    """The folder bears the pack's name, or is one of its releases (`Shelf` numbers those of the same version)."""
    folder = pack.folder.name
    if folder != pack.name and not folder.startswith(release_name(pack.name, pack.version)):
        raise ValueError(f"the folder {folder} holds the pack {pack.name}")


def _check_index(pack: Pack, remedy: str) -> None:
    """The sequence's index and the engine's files speak of the manifest's contigs."""
    expected = [(contig.name, contig.length) for contig in pack.contigs]
    lines = Path(f"{pack.fasta}.fai").read_text(encoding="utf-8").splitlines()
    indexed = [(fields[0], int(fields[1])) for fields in (line.split("\t") for line in lines)]
    with _named(pack.name, remedy):
        prepared = list(store.contigs(pack.folder / STORE).items())
    if not expected or indexed != expected or prepared != expected:
        raise ValueError("it speaks of another sequence")


@contextlib.contextmanager
def _named(name: str, remedy: str = _LOOK) -> Iterator[None]:
    """Failures of a file become failures of the pack."""
    try:
        yield
    except PackProblem:
        raise
    except (Permanent, OSError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOMEM:
            raise  # of the job, not of the pack
        raise _damaged(name, str(error).rstrip("."), remedy) from error


def _damaged(name: str, how: str, remedy: str) -> PackProblem:
    return PackProblem(f"The reference pack {name} is damaged: {how}. {remedy.format(name=name)}")


def _contig(item: Mapping[str, Any]) -> PackContig:
    return PackContig(
        name=item["name"],
        length=item["length"],
        genetic_code=item["genetic_code"],
        accession=item["accession"],
        molecule=item["molecule"],
        aliases=tuple(item["aliases"]),
        other_lengths={int(length): name for length, name in item["other_lengths"].items()},
        genes=item["genes"],
        known=item["known"],
    )
