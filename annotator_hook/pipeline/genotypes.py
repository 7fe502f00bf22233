"""Genotype columns as bytes: can tools read them, what do they count, what does GT say.

The text is that of the columns from FORMAT on, for one allele: 0 is the reference, 1 the allele, ``.`` anything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pysam

from annotator_hook.consequence.arrays import Bools, Bytes, Ints
from annotator_hook.pipeline import columns
from annotator_hook.pipeline.header import Header, column_line

MOST_CELLS: Final = 1 << 20
"""Genotypes that are looked at together."""
_REFERENCE, _ALLELE, _MISSING, _SEPARATOR, _OTHER = range(5)
_KIND: Final = np.full(256, _OTHER, dtype=np.uint8)
_KIND[list(b"123456789")] = _ALLELE
_KIND[ord("0")], _KIND[ord(".")] = _REFERENCE, _MISSING
_KIND[list(b"/|")] = _SEPARATOR
HOM_REF, HET, HOM_ALT, NO_CALL = range(4)
_CALL: Final = np.array([[HOM_REF, HET, NO_CALL], [HET, HOM_ALT, HET], [NO_CALL, HET, NO_CALL]], dtype=np.uint8)
"""Of two alleles, each the reference, the allele, or missing."""


class Counts(NamedTuple):
    """Of each row, how many samples."""

    hom_ref: Ints
    het: Ints
    hom_alt: Ints
    missing: Ints
    """No call, or neither the reference nor the allele."""


def simple(text: Any, samples: int) -> tuple[Ints, npt.NDArray[np.uint8] | None]:
    """Rows in which FORMAT is GT alone and every genotype is like ``0|1``: the rows, and their genotypes' bytes."""
    size = 2 + 4 * samples
    rows = np.flatnonzero(columns.lengths(text) == size)
    if not len(rows):
        return rows, None
    part = text if len(rows) == len(text) else text.take(pa.array(rows))
    low = columns.offsets_of(part)[0]
    data = columns.bytes_of(part)[low : low + size * len(rows)].reshape(len(rows), size)
    cells = data[:, 2:].reshape(len(rows), samples, 4)
    kind = _KIND[cells]
    good = (data[:, 0] == ord("G")) & (data[:, 1] == ord("T")) & (cells[:, :, 0] == columns.TAB).all(axis=1)
    good &= ((kind[:, :, 1] < _SEPARATOR) & (kind[:, :, 3] < _SEPARATOR) & (kind[:, :, 2] == _SEPARATOR)).all(axis=1)
    return rows[good], cells[good]


def unreadable(text: Any, samples: int, header: Header, scratch: Path) -> Bools:
    """Rows whose genotypes htslib cannot read, so that no tool could read the result."""
    bad = np.zeros(len(text), dtype=np.bool_)
    doubtful = np.ones(len(text), dtype=np.bool_)
    doubtful[simple(text, samples)[0]] = False
    rows = np.flatnonzero(doubtful)
    if not len(rows):
        return bad
    with scratch.open("wb") as file:
        head = [f"##fileformat={header.fileformat}", *header.meta, "##contig=<ID=1>", column_line(header)]
        file.write("\n".join(head).encode("utf-8", "surrogateescape") + b"\n")
        for genotypes in text.take(pa.array(rows)).to_pylist():
            file.write(b"1\t1\t.\tN\t.\t.\t.\t.\t" + genotypes + b"\n")
    verbosity = pysam.set_verbosity(0)
    try:
        with pysam.VariantFile(str(scratch)) as lines:
            for row in rows.tolist():
                try:
                    next(lines)
                except (OSError, ValueError):  # htslib goes on with the next line
                    bad[row] = True
    finally:
        pysam.set_verbosity(verbosity)
        scratch.unlink()
    return bad


def count(text: Any, samples: int) -> Counts:
    """What the genotypes of each row are."""
    found = Counts(*(np.zeros(len(text), dtype=np.int64) for _ in Counts._fields))
    step = max(1, MOST_CELLS // samples)
    for start in range(0, len(text), step):
        part = text.slice(start, step)
        rows, cells = simple(part, samples)
        done = np.zeros(len(part), dtype=np.bool_)
        done[rows] = True
        if cells is not None:
            call = _CALL[_KIND[cells[:, :, 1]], _KIND[cells[:, :, 3]]]
            for kind, column in enumerate(found):
                column[start + rows] = (call == kind).sum(axis=1)
        others = np.flatnonzero(~done)
        if len(others):
            kinds = _calls(part.take(pa.array(others)), samples)
            for kind, column in enumerate(found):
                column[start + others] = (kinds == kind).sum(axis=1)
    return found


def _calls(text: Any, samples: int) -> npt.NDArray[np.uint8]:
    """Rows × samples: the kind of call, for genotypes of any form."""
    starts, ends = places(text, samples)
    data = np.append(columns.bytes_of(text), np.zeros(4, dtype=np.uint8))
    size = ends - starts
    first, middle, last = (_KIND[data[starts + step]] for step in range(3))
    call = np.full(starts.shape, NO_CALL, dtype=np.uint8)
    one = (size == 1) & (first < _SEPARATOR)
    call[one] = _CALL[first[one], first[one]]
    two = (size == 3) & (first < _SEPARATOR) & (middle == _SEPARATOR) & (last < _SEPARATOR)
    call[two] = _CALL[first[two], last[two]]
    for row, sample in np.argwhere((size > 0) & ~one & ~two).tolist():
        call[row, sample] = _call(data[starts[row, sample] : ends[row, sample]].tobytes())
    return call


def _call(genotype: bytes) -> int:
    """Of any ploidy."""
    alleles = genotype.replace(b"|", b"/").split(b"/")
    alleles = [allele for allele in alleles if allele]  # VCF 4.4 may begin with the separator
    alt = sum(allele not in (b"0", b".") for allele in alleles)
    if alt:
        return HOM_ALT if alt == len(alleles) else HET
    return NO_CALL if b"." in alleles or not alleles else HOM_REF


def places(text: Any, samples: int) -> tuple[Ints, Ints]:
    """Rows × samples: where GT begins and ends among the column's bytes; nowhere for rows without GT."""
    offsets, data = columns.offsets_of(text).astype(np.int64), columns.bytes_of(text)
    tabs = columns.find(data[: offsets[-1]], columns.TAB)
    tabs = tabs[np.searchsorted(tabs, offsets[0]) :].reshape(len(text), samples)
    ends = np.concatenate([tabs[:, 1:], offsets[1:, None]], axis=1)
    starts = tabs + 1
    formats = columns.cut(data, offsets[:-1], tabs[:, 0]).dictionary_encode()
    for number, name in enumerate(formats.dictionary.to_pylist()):
        keys = name.split(b":")
        rows = np.flatnonzero(formats.indices.to_numpy() == number)
        if b"GT" not in keys:
            ends[rows] = starts[rows]
            continue
        if keys == [b"GT"]:
            continue
        for _ in range(keys.index(b"GT")):  # not the first, as it should be
            colon = _next_colon(data, starts[rows], ends[rows])
            starts[rows] = np.minimum(colon + 1, ends[rows])
        ends[rows] = _next_colon(data, starts[rows], ends[rows])
    return starts, ends


def _next_colon(data: Bytes, starts: Ints, ends: Ints) -> Ints:
    """The first colon of each range, or its end."""
    colons = np.append(columns.find(data, ord(":")), len(data))
    found: Ints = np.minimum(colons[np.searchsorted(colons, starts)], ends)
    return found


def texts(text: Any, samples: int) -> Iterator[Any]:
    """For each sample the column of its GT; empty where there is none."""
    starts, ends = places(text, samples)
    for sample in range(samples):
        yield columns.cut(columns.bytes_of(text), starts[:, sample], ends[:, sample])
