"""Changes that stand on one copy of a chromosome, read together.

Two SNVs in one codon make one residue, and a frameshift is undone by the next one: annotated apart, both are called
wrongly. Changes are put together when they touch a common codon or when the frame between them is shifted; what lies
behind a stop that the copy has got is not read at all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from annotator_hook.consequence import terms
from annotator_hook.consequence.alleles import SNV, Alleles
from annotator_hook.consequence.arrays import Ints
from annotator_hook.consequence.coding import Change, Place
from annotator_hook.consequence.geometry import Geometry
from annotator_hook.consequence.inside import Prepared
from annotator_hook.consequence.protein import protein_name

CODING_TERMS = (
    terms.STOP_GAINED
    | terms.FRAMESHIFT
    | terms.STOP_LOST
    | terms.START_LOST
    | terms.INFRAME_INSERTION
    | terms.INFRAME_DELETION
    | terms.MISSENSE
    | terms.PROTEIN_ALTERING
    | terms.INCOMPLETE_TERMINAL_CODON
    | terms.START_RETAINED
    | terms.STOP_RETAINED
    | terms.SYNONYMOUS
    | terms.CODING_SEQUENCE
)
"""What codons decide, as ``coding.Change.mask`` gives it; a variant's other terms follow from where it lies."""

_NOTHING_BUT_A_STOP = re.compile(r"^([A-Z][a-z]{2}\d+)(_[A-Z][a-z]{2}\d+)?delinsTer$")
"""A stop in place of some residues is written as one that replaces the first of them."""


class Placed:
    """Rows of an annotation that lie wholly in coding sequence, in the order in which it is read.

    Args:
        prepared: Of the contig.
        alleles: A chunk of it.
        row: Rows of translated transcripts.
        allele: Of each row.
        transcript: Of each row.
    """

    def __init__(self, prepared: Prepared, alleles: Alleles, row: Ints, allele: Ints, transcript: Ints) -> None:
        placed = (column[allele] for column in (alleles.start, alleles.end, alleles.kind))
        geometry = Geometry(prepared.model, transcript, *placed)
        start, end = geometry.cds
        order = np.lexsort((end, start, transcript))
        order = order[(start[order] > 0) & (end[order] > 0)]
        self._prepared, self._alleles, self._geometry = prepared, alleles, geometry.part(order)
        self.row, self.allele, self.transcript = row[order], allele[order], transcript[order]
        self.start, self.end = start[order], end[order]
        """In the coding sequence; of an insertion the end is one less than the start."""
        bases = np.ones(len(order), dtype=np.int64)
        other = np.flatnonzero(alleles.kind[self.allele] != SNV)
        bases[other] = [len(alleles.replacement(i)) for i in self.allele[other].tolist()]
        self.growth = bases - (self.end - self.start + 1)
        """Bases that the coding sequence gains."""

    def __len__(self) -> int:
        return len(self.row)

    def changes(self, which: Ints) -> list[Change]:
        """Some of them as changes."""
        return list(self._prepared.changes(self._geometry.part(which), self._alleles, self.allele[which]))


@dataclass(frozen=True, eq=False)
class Reading:
    """Changes of one copy that decide together, and those that they keep from being read."""

    changes: tuple[Change, ...]
    behind: tuple[Change, ...]
    """Behind the stop that ``changes`` make."""


def readings(changes: Sequence[Change]) -> list[Reading]:
    """How the changes of one transcript on one copy are read, in the order of the coding sequence.

    Args:
        changes: As ``interacting`` wants them.
    """
    found = list[Reading]()
    groups = interacting(changes)
    for number, group in enumerate(groups):
        read, stops = _until_stop(group)
        unread = [*group[read:], *(change for later in groups[number + 1 :] for change in later)] if stops else []
        found.append(Reading(tuple(group[:read]), tuple(unread)))
        if stops:
            break
    return found


def interacting(changes: Sequence[Change]) -> list[list[Change]]:
    """Groups of a transcript's changes that must be read together, in the order of the coding sequence.

    Args:
        changes: Those of one copy of the chromosome that lie wholly in the coding sequence (``Change.placed``).
            Of changes that overlap, which cannot stand on one copy, the first one counts.
    """
    groups: list[list[Change]] = []
    last_codon, behind, inserted, shift = 0, 0, 0, 0
    for change in sorted(changes, key=lambda change: (change.place.cds_start, change.place.cds_end)):
        start, end = change.place.cds_start, change.place.cds_end
        if start < behind or (end < start == inserted):
            continue
        if groups and (change.first_codon <= last_codon or shift % 3):
            groups[-1].append(change)
        else:
            groups.append([change])
            shift = 0
        shift += change.growth
        last_codon, behind = max(last_codon, change.last_codon), end + 1
        inserted = start if end < start else 0
    return groups


def _until_stop(group: Sequence[Change]) -> tuple[int, bool]:
    """(how many of a group are read before a stop that they make, whether there is one before the protein's end)."""
    taken = 0
    while True:
        # a shifted frame mostly ends soon, so that few of many changes need be put together
        taken = min(2 * taken or _FIRST, len(group))
        made = together(group[:taken])
        stop = _own_stop(made)
        shift = 0
        for read, change in enumerate(group[: taken + 1] if stop >= 0 else ()):
            if (change.place.cds_start - 1 + shift) // 3 > stop:
                return read, True
            shift += change.growth
        if taken == len(group):
            return taken, stop >= 0 and not made.frameshift


_FIRST = 8


def _own_stop(change: Change) -> int:
    """How many codons there are before the first stop that a change makes, also in a frame that it shifts; -1 if none."""
    if change.frameshift:
        after = change.sequence.translated(change.edited[3 * change.first_codon - 3 :])
    elif change.stop_gained:
        after = change.residues[1]
    else:
        return -1
    stop = after.find("*")
    return stop if stop < 0 else stop + change.first_codon - 1


def together(changes: Sequence[Change]) -> Change:
    """One change that does what all of a group of ``interacting`` do."""
    if len(changes) == 1:
        return changes[0]
    first, last = changes[0], changes[-1]
    start, end = first.place.cds_start, max(change.place.cds_end for change in changes)
    bases, at = b"", start
    for change in changes:
        bases += first.sequence.cds[at - 1 : change.place.cds_start - 1] + change.alt
        at = change.place.cds_end + 1
    bases += first.sequence.cds[at - 1 : end]
    place = Place(first.place.cdna_start, max(last.place.cdna_end, last.place.cdna_start - 1), start, end)
    return Change(first.sequence, place, bases, end - start + 1)


def call(changes: Sequence[Change]) -> tuple[int, str]:
    """What changes that are read together do: (terms of the coding sequence, HGVSp behind ``p.``).

    A frame that stays shifted is called by its first new residue, as for a single change: a stop further on is what
    becomes of every shifted frame, and what a window up to the last change shows of it means nothing.
    """
    change = together(changes)
    mask, name = change.mask(), protein_name(change, change)
    if len(changes) > 1 and change.frameshift and mask & terms.FRAMESHIFT and "fs" in name:
        mask &= ~(terms.STOP_GAINED | terms.STOP_LOST)
    return mask, _NOTHING_BUT_A_STOP.sub(r"\1Ter", name)
