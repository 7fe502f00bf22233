"""The folder of installed packs: what is there, how a new release takes an old one's place, how it goes away.

``NAME`` is a link to ``.releases/NAME-VERSION``, so that a release replaces another by one rename. A job resolves the
link once and keeps the release that it found; a release is not removed while a process holds it (`format._Hold`). What
is being made lies in ``.building-*``, locked by its maker: what nobody holds any more is a leftover and is swept away.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
from pysam.utils import SamtoolsError

from annotator_hook.packs import format as packs
from annotator_hook.packs.format import Pack, release_name
from shared.core.errors import GasError, NotFound, Permanent

BUILT_IN: Final = Path(__file__).parent
"""The folder of the packs that come with GAS."""
RELEASES: Final = ".releases"
_BUILDING: Final = ".building-"
_REMOVING: Final = ".removing-"
_LINK: Final = ".link-"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_LITTLE: Final = 1 << 20
"""Free bytes below which a failure to write is a full disk, whatever the library said."""


@dataclass(frozen=True)
class Entry:
    """An installed pack, or what should be one."""

    name: str
    folder: Path
    built_in: bool
    installed: datetime | None
    """None for one that comes with GAS."""
    pack: Pack | None
    problem: str | None
    """Why there is no `pack`."""


class Shelf:
    """The packs in one folder, and those that come with GAS."""

    def __init__(self, folder: Path, built_in: Path = BUILT_IN) -> None:
        """``folder`` need not exist yet."""
        self.folder = folder
        self._built_in = built_in

    def entries(self) -> list[Entry]:
        """Every pack, by name. An installed one hides the one of its name that comes with GAS."""
        found = {path.name: _entry(path, built_in=True) for path in _packs_in(self._built_in)}
        found |= {path.name: _entry(path, built_in=False) for path in _packs_in(self.folder)}
        return [found[name] for name in sorted(found)]

    def entry(self, name: str) -> Entry:
        """One pack. Raises `NotFound`."""
        for entry in self.entries():
            if entry.name == name:
                return entry
        there = ", ".join(entry.name for entry in self.entries())
        raise NotFound(f"There is no pack {name} in {self.folder}. There is: {there}.")

    @contextmanager
    def building(self, name: str) -> Iterator[Path]:
        """An empty folder to make a release in, which is gone afterwards unless it was published.

        Raises `Permanent` when the name is none, when the folder cannot be written, and when the disk is full.
        """
        if not _NAME.fullmatch(name):
            raise Permanent(f"{name!r} cannot be a pack's name: use lower-case letters, digits and _, a letter first.")
        with self._explained():
            self.sweep()
            with self._locked():
                place = Path(tempfile.mkdtemp(prefix=f"{_BUILDING}{name}-", dir=self.folder))
                lock = _lock(place)
            try:
                yield place
            finally:
                shutil.rmtree(place, ignore_errors=True)
                if lock is not None:
                    os.close(lock)

    def publish(self, place: Path, manifest: dict[str, Any]) -> Path:
        """Puts a release that was made in `building` where jobs find it; answers its folder.

        What is installed already, and sound, stays. A job that comes before the one rename finds the old release, one that comes after it the new one, whole.
        """
        name, version = str(manifest["name"]), str(manifest["version"])
        if not _VERSION.fullmatch(version):
            raise Permanent(f"{version!r} cannot be a version: use letters, digits, and . _ + - between them.")
        place.chmod(0o755)
        for path in (*place.rglob("*"), place):
            _sync(path)
        with self._locked():
            link = self.folder / name
            if link.exists() and not link.is_symlink():
                raise Permanent(f"{link} is a folder that `gas packs` did not make: move it away first.")
            previous = link.resolve().name if link.is_symlink() else None
            if previous is not None and _same(link.resolve(), place):
                return link.resolve()
            release: Path = self._vacant(release_name(name, version))
            place.rename(release)
            _sync(release.parent)
            fresh = self.folder / f"{_LINK}{os.getpid()}"
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(Path(RELEASES) / release.name)
            fresh.replace(link)
            _sync(self.folder)
            self._prune(name, {release.name, previous})
        return release

    def remove(self, name: str) -> bool:
        """Removes an installed pack. False when a job still reads it: it is gone for new jobs, its files go later.

        Raises `NotFound`, and `Permanent` for a pack that comes with GAS.
        """
        if self.entry(name).built_in:
            raise Permanent(f"The pack {name} comes with GAS and cannot be removed.")
        link = self.folder / name
        if not link.is_symlink():
            raise Permanent(f"{link} is a folder that `gas packs` did not make: remove it yourself.")
        with self._explained(), self._locked():
            link.unlink()
            _sync(self.folder)
            self._prune(name, set())
            return not self._releases(name)

    def sweep(self) -> None:
        """Removes what a killed installation and past jobs have left behind."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._locked():
            for path in self.folder.iterdir():
                if path.name.startswith(_LINK):
                    path.unlink(missing_ok=True)
                elif path.name.startswith(_REMOVING):
                    shutil.rmtree(path, ignore_errors=True)
                elif path.name.startswith(_BUILDING) and (lock := _lock(path)) is not None:
                    shutil.rmtree(path, ignore_errors=True)
                    os.close(lock)
            linked = {path.name for path in _packs_in(self.folder)}
            for name in {release.name.partition("-")[0] for release in self._releases("")} - linked:
                self._prune(name, set())

    def _releases(self, name: str) -> list[Path]:
        """All releases of a pack, or of all."""
        folder = self.folder / RELEASES
        start = f"{name}-" if name else ""
        return [path for path in folder.iterdir() if path.name.startswith(start)] if folder.is_dir() else []

    def _vacant(self, name: str) -> Path:
        folder = self.folder / RELEASES
        folder.mkdir(exist_ok=True)
        path, number = folder / name, 1
        while path.exists():  # the same version again, because the installed one is damaged
            number += 1
            path = folder / f"{name}.{number}"
        return path

    def _prune(self, name: str, keep: set[str | None]) -> None:
        """Removes the pack's releases but those to keep and those that somebody reads."""
        for release in self._releases(name):
            if release.name in keep:
                continue
            lock = _lock(release / packs.MANIFEST)
            if lock is None and (release / packs.MANIFEST).exists():
                continue
            away = self.folder / f"{_REMOVING}{release.name}"
            release.rename(away)
            shutil.rmtree(away, ignore_errors=True)
            if lock is not None:
                os.close(lock)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time changes the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """A full disk, and whatever else goes wrong with files, in a sentence."""
        try:
            yield
        except GasError:
            raise
        except (OSError, EOFError, SamtoolsError, duckdb.Error, pa.ArrowException) as error:
            with contextlib.suppress(OSError):
                full = shutil.disk_usage(self.folder).free < _LITTLE
                if full or getattr(error, "errno", None) in _NO_SPACE or "No space left" in str(error):
                    raise Permanent(
                        f"The disk of {self.folder} is full. Nothing was changed; what was installed before still is. "
                        f"Make room and start again: what was downloaded is kept."
                    ) from error
            raise Permanent(f"The pack could not be made: {' '.join(str(error).split())}.") from error


def is_name(name: str) -> bool:
    """Whether a pack may be called so."""
    return _NAME.fullmatch(name) is not None


def _packs_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if is_name(path.name) and (path.is_symlink() or _is_pack(path))]


def _is_pack(path: Path) -> bool:
    return (path / packs.MANIFEST).is_file()


def _same(installed: Path, made: Path) -> bool:
    try:
        packs.load(installed)
        return (installed / packs.MANIFEST).read_bytes() == (made / packs.MANIFEST).read_bytes()
    except (Permanent, OSError):
        return False


def _entry(path: Path, *, built_in: bool) -> Entry:
    installed = None if built_in else datetime.fromtimestamp(path.lstat().st_mtime, UTC)
    try:
        pack, problem = packs.load(path), None
    except Permanent as error:
        pack, problem = None, str(error)
    return Entry(path.name, path.resolve(), built_in, installed, pack, problem)


def _lock(path: Path) -> int | None:
    """An open descriptor that holds the file or folder alone; None when somebody else holds it, or it is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
