"""Which copies of which samples carry an allele, read from the text of genotypes.

Format: https://samtools.github.io/hts-specs/VCFv4.5.pdf, GT and PS. Genotypes are read as columns of bytes; the few that
have more than one digit or other than one or two alleles are read one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from annotator_hook.consequence.arrays import Bools, Bytes, Ints, Text

PLOIDY = 8
"""Alleles of one genotype; those that have more are taken as missing."""
_BATCH = 2 << 20
"""Bytes of genotypes that are looked at together."""
_SET_NAME = 24
"""Bytes of a phase set's name; a longer one is a set of its own."""
_MISSING, _ABSENT = -1, -2
_TAB, _COLON, _DOT, _ZERO = b"\t:.0"

Numbers = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class _Block:
    """Genotypes of some records: axes record, sample, and, for ``alleles``, copy."""

    alleles: Numbers
    phased: Bools
    phase_set: Ints
    """0 for none."""

    @property
    def alike(self) -> Bools:
        """Homozygous or haploid: it is known what every copy has."""
        first = self.alleles[:, :, :1]
        alike: Bools = ((self.alleles == first) | (self.alleles == _ABSENT)).all(axis=2) & (first[:, :, 0] >= 0)
        return alike


class Carriers:
    """The copies that carry alleles.

    A copy has the number ``sample * ploidy + place in GT``.

    Args:
        take: Reads of some records, by their numbers, the columns from FORMAT on.
        sizes: Bytes that these have in each record.
        record: Of each allele, its record.
        number: Of each allele, its number in GT.
        wanted: The alleles to be looked up.
    """

    def __init__(self, take: Callable[[Ints], Text], sizes: Ints, record: Ints, number: Ints, wanted: Ints) -> None:
        self._sets = dict[bytes, int]()
        self._rows = dict[int, tuple[Bytes, Bytes, int]]()
        self._local = dict[int, tuple[Ints, Ints, Ints]]()
        self.copies = dict[int, int]()
        """Of each allele: how many copies its record's genotypes have, missing ones included."""
        self._ploidy, self._samples = 1, 0
        records, owner = np.unique(record[wanted], return_inverse=True)
        by_record = np.argsort(owner, kind="stable")
        first = np.searchsorted(owner[by_record], np.arange(len(records) + 1))
        for low, high in _batches(sizes[records]):
            texts = take(records[low:high])
            tabs = pc.count_substring(texts, "\t").to_numpy(zero_copy_only=False)
            self._samples = self._samples or int(tabs.max())
            for some, block in self._blocks(texts, np.flatnonzero(tabs == self._samples)):
                which = some + low
                self._keep(block, [wanted[by_record[first[r] : first[r + 1]]] for r in which.tolist()], number, which)

    def _blocks(self, texts: Text, records: Ints) -> Iterator[tuple[Ints, _Block]]:
        """Each record once, those with the plainest genotypes together."""
        lengths = pc.binary_length(texts.take(pa.array(records))).to_numpy(zero_copy_only=False)
        short = lengths == 2 + 4 * self._samples
        plain = records[short]
        if len(plain):
            block, plain = self._plain(texts, plain)
            yield plain, block
        other = np.setdiff1d(records, plain)
        if len(other):
            yield other, self._general(texts, other)

    def _plain(self, texts: Text, records: Ints) -> tuple[_Block, Ints]:
        """Of records that may be so: those whose samples are all ``0|1`` or ``0/1`` with one digit."""
        fields = _bytes(texts.take(pa.array(records)), b"\t").reshape(len(records), -1)
        head, calls = fields[:, :3], fields[:, 3:].reshape(len(records), self._samples, 4)
        digits = calls[:, :, 0:3:2].astype(np.int32) - _ZERO
        digits[digits == _DOT - _ZERO] = _MISSING
        between = calls[:, :, 1]
        fits = (head == np.frombuffer(b"GT\t", dtype=np.uint8)).all(axis=1)
        fits &= ((between == ord("|")) | (between == ord("/"))).all(axis=1) & (calls[:, :, 3] == _TAB).all(axis=1)
        fits &= ((digits >= _MISSING) & (digits <= 9)).all(axis=(1, 2))
        digits, phased = digits[fits], between[fits] == ord("|")
        return _Block(digits, phased, np.zeros(phased.shape, dtype=np.int64)), records[fits]

    def _general(self, texts: Text, records: Ints) -> _Block:
        data = _bytes(texts.take(pa.array(records)), b"\t")
        ends = np.flatnonzero(data == _TAB).reshape(len(records), -1)
        starts = np.concatenate([[0], ends.ravel()[:-1] + 1]).reshape(ends.shape)
        formats = [
            data[a:z].tobytes().split(b":") for a, z in zip(starts[:, 0].tolist(), ends[:, 0].tolist(), strict=True)
        ]
        colons = np.append(np.flatnonzero(data == _COLON), len(data))
        start, end = starts[:, 1:].ravel(), ends[:, 1:].ravel()
        colon = np.searchsorted(colons, start)
        size = np.minimum(colons[colon], end) - start
        size[np.repeat([keys[0] != b"GT" for keys in formats], self._samples)] = 0
        block = self._genotypes(data, start, size, len(records))
        sets = np.array([keys.index(b"PS") if b"PS" in keys else 0 for keys in formats])
        asked = (block.phased & ~block.alike & (block.alleles > 0).any(axis=2) & (sets > 0)[:, None]).ravel()
        which = np.flatnonzero(asked)
        before = colon[which] + sets[which // max(self._samples, 1)] - 1
        there = colons[np.minimum(before, len(colons) - 1)] < end[which]
        which, before = which[there & (before < len(colons) - 1)], before[there & (before < len(colons) - 1)]
        name_end = np.minimum(colons[before + 1], end[which])
        block.phase_set.ravel()[which], unnamed = self._set_numbers(data, colons[before] + 1, name_end)
        block.phased.ravel()[which[unnamed]] = False
        return block

    def _genotypes(self, data: Bytes, start: Ints, size: Ints, records: int) -> _Block:
        fields = len(start)
        padded = np.append(data, np.zeros(2, dtype=np.uint8))
        alleles = np.full((fields, 2), _ABSENT, dtype=np.int32)
        first, between, second = (padded[start + i].astype(np.int32) for i in range(3))
        for place, byte, where in ((0, first, (size == 1) | (size == 3)), (1, second, size == 3)):
            alleles[where, place] = np.where(byte[where] == _DOT, _MISSING, byte[where] - _ZERO)
        phased = (size == 3) & (between == ord("|"))
        odd = (alleles < _ABSENT) | (alleles > 9)
        simple = (size == 0) | (size == 1) | ((size == 3) & (phased | (between == ord("/"))))
        hard = np.flatnonzero(~simple | (odd & (size > 0)[:, None]).any(axis=1))
        for i in hard.tolist():
            numbers, phased[i] = _genotype(data[start[i] : start[i] + size[i]].tobytes())
            if len(numbers) > alleles.shape[1]:
                more = len(numbers) - alleles.shape[1]
                alleles = np.pad(alleles, ((0, 0), (0, more)), constant_values=_ABSENT)
            alleles[i] = _ABSENT
            alleles[i, : len(numbers)] = numbers
        shape = (records, self._samples)
        return _Block(alleles.reshape(*shape, -1), phased.reshape(shape), np.zeros(shape, dtype=np.int64))

    def _set_numbers(self, data: Bytes, start: Ints, end: Ints) -> tuple[Ints, Bools]:
        """Numbers of the phase sets named in the data, and which of them have a name that is too long."""
        if not len(start):
            return start, np.zeros(0, dtype=np.bool_)
        index = start[:, None] + np.arange(_SET_NAME)
        names = np.where(index < end[:, None], data[np.minimum(index, len(data) - 1)], 0).astype(np.uint8)
        distinct, which = np.unique(np.ascontiguousarray(names).view(f"S{_SET_NAME}").ravel(), return_inverse=True)
        numbers = [
            0 if name in (b".", b"") else self._sets.setdefault(name, len(self._sets) + 1) for name in distinct.tolist()
        ]
        return np.array(numbers, dtype=np.int64)[which], end - start > _SET_NAME

    def _keep(self, block: _Block, alleles: list[Ints], number: Ints, records: Ints) -> None:
        ploidy = block.alleles.shape[2]
        self._ploidy = max(self._ploidy, ploidy)
        alike = block.alike
        setless = block.phased & (block.phase_set == 0)
        for i, record in enumerate(records.tolist()):
            copies = int((block.alleles[i] != _ABSENT).sum())
            for allele in alleles[i].tolist():
                hits = block.alleles[i] == number[allele]
                fixed = hits & alike[i][:, None]
                carried = fixed | (hits & setless[i][:, None])
                self._rows[allele] = np.packbits(carried), np.packbits(fixed), ploidy
                self.copies[allele] = copies
                sample, slot = np.nonzero(hits & ~carried)
                if len(sample):
                    own = np.where(block.phased[i, sample], block.phase_set[i, sample], -1 - record)
                    self._local[allele] = sample, own, slot

    def _row(self, allele: int, samples: Ints, *, alike: bool = False) -> Bools:
        """Samples × copies: which carry the allele, of all or only of those that have it on every copy."""
        found = np.zeros((len(samples), self._ploidy), dtype=np.bool_)
        if allele in self._rows:
            carried, fixed, ploidy = self._rows[allele]
            bits = np.unpackbits(fixed if alike else carried, count=self._samples * ploidy)
            found[:, :ploidy] = bits.reshape(self._samples, ploidy)[samples]
        return found

    def samples(self, alleles: list[int]) -> Ints:
        """The samples that carry any of some alleles."""
        carrying = np.zeros(self._samples, dtype=np.bool_)
        everyone = np.arange(self._samples)
        for allele in alleles:
            carrying |= self._row(allele, everyone).any(axis=1)
            if allele in self._local:
                carrying[self._local[allele][0]] = True
        return np.flatnonzero(carrying)

    def together(self, alleles: list[int], samples: Ints) -> tuple[Bools, Ints]:
        """What is known to stand together: for each copy which of some alleles it carries, and the copy's number.

        A sample whose alleles are of several phase sets has its copies several times, once with the alleles of each
        set and with those that all its copies have.
        """
        base = np.array([self._row(allele, samples) for allele in alleles])
        number = samples[:, None] * self._ploidy + np.arange(self._ploidy)
        entries = [
            (np.full(len(local[0]), i), *local)
            for i, allele in enumerate(alleles)
            if (local := self._local.get(allele)) is not None
        ]
        kept = np.ones(len(samples), dtype=np.bool_)
        rows, numbers = [], []
        if entries:
            member, sample, phase_set, slot = (np.concatenate(parts) for parts in zip(*entries, strict=True))
            inside = np.isin(sample, samples)
            member, phase_set, slot = member[inside], phase_set[inside], slot[inside]
            place = np.searchsorted(samples, sample[inside])
            (owner, _), unit = np.unique(np.stack([place, phase_set]), axis=1, return_inverse=True)
            fixed = np.array([self._row(allele, samples, alike=True) for allele in alleles])
            extra = fixed[:, owner]
            extra[member, unit.ravel(), slot] = True
            kept[owner] = (base & ~fixed).any(axis=(0, 2))[owner]
            rows.append(extra.reshape(len(alleles), -1).T)
            numbers.append(number[owner].ravel())
        rows.insert(0, base[:, kept].reshape(len(alleles), -1).T)
        numbers.insert(0, number[kept].ravel())
        return np.concatenate(rows), np.concatenate(numbers)


def _batches(sizes: Ints) -> Iterator[tuple[int, int]]:
    """Ranges of records whose text has about ``_BATCH`` bytes."""
    low, total = 0, 0
    for i, size in enumerate(sizes.tolist()):
        total += size
        if total >= _BATCH or i == len(sizes) - 1:
            yield low, i + 1
            low, total = i + 1, 0


def _bytes(texts: Text, behind: bytes) -> Bytes:
    """The strings one after the other, each with ``behind`` behind it."""
    joined = b"".join([value + behind for value in texts.cast(pa.large_binary()).to_pylist()])
    return np.frombuffer(joined, dtype=np.uint8)


def _genotype(field: bytes) -> tuple[list[int], bool]:
    """The alleles of one GT and whether it is phased: any ploidy, any number of digits, VCF 4.4's sign in front."""
    phased = b"/" not in field[1:]
    parts = field.lstrip(b"|/").replace(b"/", b"|").split(b"|")
    if len(parts) > PLOIDY:
        return [], False
    return [int(part) if part.isdigit() and len(part) < 10 else _MISSING for part in parts], phased
