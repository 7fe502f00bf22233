"""Calls that change when what stands on one copy of a chromosome is read together.

How the pipeline uses it, for the alleles of one contig (or of a part of it, see ``Cuts``)::

    annotation = engine.annotate(alleles)
    calls = read_together(engine, annotation, Genotypes.of(text, record, number), ref, alt)
    calls.columns(rows)     # hap_consequence, hap_impact, hap_hgvsp, hap_with, hap_copies: one value a row, mostly null
    calls.csq(rows)         # the CSQ field HAPLOTYPE of each row, mostly empty
    calls.alleles           # the alleles with a changed call

``rows`` is ``len(annotation.allele)``. Rows are those of ``annotation``: one for each allele and transcript.

**What stands together.** A genotype's alleles stand on the sample's copies in the order of GT. Phased ones (``|``) of one
phase set (PS; those without PS make one set) stand together; so does everything homozygous or haploid with everything
else of the sample. Heterozygous genotypes of different phase sets, and unphased ones, are never put together.

**What is read together.** Changes that touch a common codon, and those between which the reading frame is shifted, up to
the stop that they make. Behind it nothing is read: a frameshift or a stop that lies there does nothing, so what is
called is the stop before it; the calls of residues there are left alone, or one early stop would mark every common
variant behind it. Only changes that lie wholly in the coding sequence take part; of two that overlap the first counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotator_hook.consequence import terms
from annotator_hook.consequence.arrays import Bools, Ints, Text, digits, join, merge, text
from annotator_hook.consequence.coding import Change
from annotator_hook.consequence.engine import Annotation, Engine
from annotator_hook.consequence.haplotype import CODING_TERMS, Placed, Reading, call, readings
from annotator_hook.consequence.models import ContigModel
from annotator_hook.pipeline.phasing import Carriers

MARGIN = 20
"""Bases beside a coding region that are not cut: an indel's POS may lie before what it changes."""
COMBINATIONS = 1000
"""Combinations of one transcript's changes that are read, the most frequent ones first; what is rarer is left alone."""
CHANGES = 200_000
"""Changes in all of them together, likewise."""
GENOTYPES = 10_000_000
"""Samples times alleles that are looked at together."""
LISTED = 20
"""Partners that are named; of more only the number."""
NAMED = 50
"""Bases of an allele up to which it is named in full among the partners."""

COLUMNS = pa.schema(
    [
        ("hap_consequence", pa.string()),
        ("hap_impact", pa.string()),
        ("hap_hgvsp", pa.string()),
        ("hap_with", pa.string()),
        ("hap_copies", pa.int32()),
    ]
)
"""The columns beside the single-record call. All are null where the call is the same."""


@dataclass(frozen=True, eq=False)
class Genotypes:
    """The genotypes of some records, as their file has them.

    Args:
        take: Reads of some records, by their numbers, the columns from FORMAT on, tabs included:
            ``GT:PS\\t0|1:7\\t1|1:7``, as an Arrow array. It is asked for few records at a time, and only for such
            with alleles that may be read together.
        sizes: Bytes that these columns have in each record.
        record: Of each allele, the number of its record.
        number: Of each allele, what GT calls it: 1 for the first ALT.
    """

    take: Callable[[Ints], Text]
    sizes: Ints
    record: Ints
    number: Ints

    @classmethod
    def of(cls, text: Text, record: Ints, number: Ints) -> Genotypes:
        """Of records that are all in memory."""
        sizes = pc.binary_length(text).to_numpy(zero_copy_only=False)
        return cls(lambda records: text.take(pa.array(records)), sizes, record, number)


class Cuts:
    """Where a contig can be cut into parts that are annotated apart without tearing apart what is read together."""

    def __init__(self, model: ContigModel) -> None:
        low, high = (side[model.coding] for side in model.coding_region)
        order = np.argsort(low, kind="stable")
        low, high = low[order] - MARGIN, np.maximum.accumulate(high[order] + MARGIN) if len(low) else high
        first = np.append(True, low[1:] > high[:-1]) if len(low) else np.zeros(0, dtype=np.bool_)
        self._low = low[first]
        self._high = high[np.append(np.flatnonzero(first)[1:] - 1, len(high) - 1)] if len(low) else high

    def after(self, position: int) -> int:
        """The first place from ``position`` on: records with POS less than it make one part, the others another."""
        i = int(np.searchsorted(self._low, position, side="left")) - 1
        return int(self._high[i]) + 1 if i >= 0 and position <= self._high[i] else position

    def before(self, position: int) -> int:
        """The last such place up to ``position``; it may be 0 or less where there is none."""
        i = int(np.searchsorted(self._low, position, side="left")) - 1
        return int(self._low[i]) if i >= 0 and position <= self._high[i] else position


def read_together(engine: Engine, annotation: Annotation, genotypes: Genotypes, ref: Text, alt: Text) -> Calls:
    """The calls that change.

    Args:
        engine: Of the contig.
        annotation: What it said of the alleles.
        genotypes: Of their records.
        ref: REF of each allele, as it was given to the engine and as partners are to be named.
        alt: ALT, likewise.
    """
    placed = engine.placed(annotation)
    groups = _groups(placed, annotation)
    found = _Found(engine, annotation, placed)
    if groups:
        wanted = np.unique(np.concatenate([placed.allele[group.members] for group in groups]))
        carriers = Carriers(genotypes.take, genotypes.sizes, genotypes.record, genotypes.number, wanted)
        for transcript, some in groupby(groups, key=lambda group: int(placed.transcript[group.members[0]])):
            found.read(transcript, list(some), carriers)
        return found.calls(carriers, ref, alt)
    return found.calls(None, ref, alt)


@dataclass(frozen=True, eq=False)
class _Group:
    """Changes of one transcript, in the order of its coding sequence, that may have to be read together."""

    members: Ints
    """Rows of ``Placed``."""
    cutting: Bools
    """Those that shift the frame or make a stop: everything behind them depends on them."""
    codons: list[Ints]
    """Members (as indices into ``members``) with codons in common, two or more: all that matters on copies without
    any that is ``cutting``."""


def _groups(placed: Placed, annotation: Annotation) -> list[_Group]:
    if len(placed) < 2:
        return []
    first, last = (placed.start + 2) // 3, (placed.end + 2) // 3
    reach = np.maximum.accumulate(placed.transcript << 32 | last)
    new = np.append(True, (placed.transcript[1:] << 32 | first[1:]) > reach[:-1])
    cluster = np.cumsum(new) - 1
    begin = np.append(np.flatnonzero(new), len(placed))
    cutting = _cutting(placed, annotation)
    groups = []
    bounds = np.append(np.flatnonzero(np.append(True, np.diff(placed.transcript) != 0)), len(placed))
    several = np.diff(begin) > 1
    for low, high in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        cuts = np.flatnonzero(cutting[low:high])
        tail = int(begin[cluster[low + cuts[0]]]) if len(cuts) else high
        shared = [
            np.arange(begin[c], begin[c + 1])
            for c in range(int(cluster[low]), int(cluster[high - 1]) + 1)
            if several[c]
        ]
        groups += [_Group(m, np.zeros(len(m), dtype=np.bool_), [np.arange(len(m))]) for m in shared if m[0] < tail]
        if high - tail > 1:
            inside = [members - tail for members in shared if members[0] >= tail]
            groups.append(_Group(np.arange(tail, high), cutting[tail:high], inside))
    return groups


def _cutting(placed: Placed, annotation: Annotation) -> Bools:
    """Changes that shift the frame or make a stop."""
    cutting: Bools = (placed.growth % 3 != 0) | (annotation.mask[placed.row] & terms.STOP_GAINED != 0)
    return cutting


class _Found:
    """Collects what the copies say."""

    def __init__(self, engine: Engine, annotation: Annotation, placed: Placed) -> None:
        self._engine, self._annotation, self._placed = engine, annotation, placed
        self._cutting = _cutting(placed, annotation)
        self._options = dict[int, dict[tuple[int, ...], list[Ints]]]()
        """Of each row of ``Placed`` the rows that are read instead of it alone, and the copies on which they are."""
        self._calls = dict[tuple[int, ...], tuple[int, str]]()
        self._single = dict[int, tuple[int, str]]()
        self._readings = dict[tuple[int, ...], list[Reading]]()
        self._changes = dict[int, Change]()
        self._number = dict[Change, int]()
        self._work = 0
        self.unread = set[int]()

    def read(self, transcript: int, groups: list[_Group], carriers: Carriers) -> None:
        """Looks at every combination of a transcript's changes that stands on a copy."""
        # readings are needed again by other samples of the transcript alone, and sequences are large
        self._readings, self._changes, self._number, self._work = {}, {}, {}, 0
        for group in groups:
            alleles = self._placed.allele[group.members].tolist()
            samples = carriers.samples(alleles)
            block = max(GENOTYPES // len(alleles), 1)
            for some in (samples[low : low + block] for low in range(0, len(samples), block)):
                carried, copy = carriers.together(alleles, some)
                cut = carried[:, group.cutting].any(axis=1)
                self._combinations(transcript, group.members, carried[cut], copy[cut])
                carried, copy = carried[~cut], copy[~cut]
                for codon in group.codons:
                    self._combinations(transcript, group.members[codon], carried[:, codon], copy)

    def _combinations(self, transcript: int, members: Ints, carried: Bools, copy: Ints) -> None:
        """Reads the combinations of some changes.

        Args:
            transcript: Of all of them.
            members: Their rows of ``Placed``.
            carried: For each copy which it carries.
            copy: Its number.
        """
        several = carried.sum(axis=1) > 1
        carried, copy = carried[several], copy[several]
        if not len(copy):
            return
        self._prepare(members[carried.any(axis=0)].tolist())
        packed = np.ascontiguousarray(np.packbits(carried, axis=1))
        _, sample, which, counts = np.unique(
            packed.view(f"V{packed.shape[1]}").ravel(), return_index=True, return_inverse=True, return_counts=True
        )
        by_combination = np.split(copy[np.argsort(which, kind="stable")], np.cumsum(counts)[:-1])
        for combination in np.argsort(-counts, kind="stable").tolist():
            rows = tuple(members[carried[sample[combination]]].tolist())
            if rows not in self._readings:
                if len(self._readings) == COMBINATIONS or self._work + len(rows) > CHANGES:
                    self.unread.add(transcript)
                    continue
                self._work += len(rows)
                self._readings[rows] = readings([self._changes[row] for row in rows])
            for reading in self._readings[rows]:
                self._note(reading, by_combination[combination])

    def _prepare(self, rows: list[int]) -> None:
        missing = [row for row in rows if row not in self._changes]
        if missing:
            found = self._placed.changes(np.array(missing, dtype=np.int64))
            self._changes.update(zip(missing, found, strict=True))
            self._number.update(zip(found, missing, strict=True))

    def _note(self, reading: Reading, copies: Ints) -> None:
        together = tuple(self._number[change] for change in reading.changes)
        undone = tuple(row for change in reading.behind if self._cutting[row := self._number[change]])
        concerned = undone if len(together) == 1 else together + undone
        if concerned and together not in self._calls:
            self._calls[together] = self._alone(together[0]) if len(together) == 1 else call(reading.changes)
        for row in concerned:
            if self._instead(row, together) != self._alone(row):
                self._options.setdefault(row, {}).setdefault(together, []).append(copies)

    def _alone(self, row: int) -> tuple[int, str]:
        """Terms and protein of the single-record call."""
        if row not in self._single:
            at = int(self._placed.row[row])
            self._single[row] = int(self._annotation.mask[at]), str(self._annotation.hgvsp[at]).partition(":p.")[2]
        return self._single[row]

    def _instead(self, row: int, together: tuple[int, ...]) -> tuple[int, str]:
        """Terms and protein of a row when others are read with it or instead of it."""
        mask, name = self._calls[together]
        return self._alone(row)[0] & ~CODING_TERMS | mask & CODING_TERMS, name

    def calls(self, carriers: Carriers | None, ref: Text, alt: Text) -> Calls:
        """The outcome."""
        placed, positions = self._placed, self._annotation.alleles.position
        rows = sorted(self._options, key=lambda row: int(placed.row[row]))
        chosen = [self._most_frequent(row) for row in rows]
        said = [self._instead(row, together) for row, (together, _) in zip(rows, chosen, strict=True)]
        allele = placed.allele[rows] if rows else np.zeros(0, dtype=np.int64)
        prefixes = [self._engine.protein_prefix(t) for t in placed.transcript[rows].tolist()] if rows else []

        def name(row: int) -> str:
            i = int(placed.allele[row])
            return f"{positions[i]}:{_short(str(ref[i]))}>{_short(str(alt[i]))}"

        def partners(row: int, together: tuple[int, ...]) -> str:
            # on the reverse strand the coding sequence runs against the positions
            others = sorted(
                (other for other in together if other != row), key=lambda o: int(positions[placed.allele[o]])
            )
            more = [f"+{len(others) - LISTED}"] if len(others) > LISTED else []
            return "&".join([*(name(other) for other in others[:LISTED]), *more])

        return Calls(
            row=placed.row[rows] if rows else np.zeros(0, dtype=np.int64),
            alleles=np.unique(allele),
            consequence=text([terms.joined(mask) for mask, _ in said]),
            impact=text([str(terms.impact(mask)) for mask, _ in said]),
            hgvsp=text([prefix + name if name else "" for prefix, (_, name) in zip(prefixes, said, strict=True)]),
            partners=text([partners(row, together) for row, (together, _) in zip(rows, chosen, strict=True)]),
            copies=np.array([copies for _, copies in chosen], dtype=np.int64),
            of=np.array([carriers.copies[i] if carriers else 0 for i in allele.tolist()], dtype=np.int64),
            others=np.array([len(self._options[row]) - 1 for row in rows], dtype=np.int64),
            unread=len(self.unread),
        )

    def _most_frequent(self, row: int) -> tuple[tuple[int, ...], int]:
        """The combination that most copies have, of equally frequent ones the gravest, and their number."""
        counted = {together: len(np.unique(np.concatenate(copies))) for together, copies in self._options[row].items()}

        def merit(together: tuple[int, ...]) -> tuple[int, int, tuple[int, ...]]:
            mask = self._instead(row, together)[0]
            return -counted[together], mask & -mask, together

        best = min(counted, key=merit)
        return best, counted[best]


@dataclass(frozen=True, eq=False)
class Calls:
    """Rows of an annotation whose call changes, ascending, and what is said instead."""

    row: Ints
    alleles: Ints
    """The alleles of these rows, ascending, each once."""
    consequence: Text
    """SO terms of the combination, with the row's own terms that are not about the coding sequence."""
    impact: Text
    hgvsp: Text
    partners: Text
    """``pos:ref>alt`` of the others that are read with it or instead of it, joined with ``&``; of more than ``LISTED``
    the number of the rest, ``+12``."""
    copies: Ints
    """Copies that carry exactly this combination, the most frequent one that changes the call."""
    of: Ints
    """Copies that the record's genotypes have, missing ones included."""
    others: Ints
    """Further combinations that change the call."""
    unread: int
    """Transcripts of which not every combination was read, see ``COMBINATIONS`` and ``CHANGES``."""

    def columns(self, rows: int) -> pa.Table:
        """``COLUMNS`` for all rows of the annotation."""
        place = np.full(rows, -1, dtype=np.int64)
        place[self.row] = np.arange(len(self.row))
        index = pa.array(place, mask=place < 0)
        hgvsp = pc.if_else(pc.equal(self.hgvsp, ""), pa.scalar(None, pa.string()), self.hgvsp)
        values = (self.consequence, self.impact, hgvsp, self.partners, pa.array(self.copies, pa.int32()))
        return pa.table([column.take(index) for column in values], schema=COLUMNS)

    def csq(self, rows: int) -> Text:
        """The CSQ field HAPLOTYPE of all rows, empty where the call is the same.

        ``missense_variant~p.Arg5Gln~12346:A>G~3/600``: terms, protein, partners, copies of all copies; with ``~+2``
        behind it where two further combinations change the call otherwise.
        """
        proteins = ["".join(name.rpartition(":p.")[1:])[1:] for name in self.hgvsp.to_pylist()]
        others = [f"~+{more}" if more else "" for more in self.others.tolist()]
        fields = (self.consequence, "~", text(proteins), "~", self.partners, "~", digits(self.copies))
        return merge(rows, (self.row, join(*fields, "/", digits(self.of), text(others))))


def _short(bases: str) -> str:
    """An allele, or of a long one the first bases and how many there are."""
    return bases if len(bases) <= NAMED else f"{bases[:10]}...{len(bases)}"
