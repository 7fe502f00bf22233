"""Changes that stand on one copy of a chromosome, taken together.

Two SNVs in one codon make one residue, and a frameshift is undone by the next one: annotated apart, both are called
wrongly. Changes are put together when they touch a common codon or when the frame between them is shifted.
"""

from __future__ import annotations

from collections.abc import Sequence

from annotator_hook.consequence.coding import Change, Place


def interacting(changes: Sequence[Change]) -> list[list[Change]]:
    """Groups of a transcript's changes that must be read together, in the order of the coding sequence.

    Args:
        changes: Those of one copy of the chromosome that lie wholly in the coding sequence (``Change.placed``).
            Of changes that overlap, which cannot stand on one copy, the first one counts.
    """
    groups: list[list[Change]] = []
    last_codon, behind, shift = 0, 0, 0
    for change in sorted(changes, key=lambda change: (change.place.cds_start, change.place.cds_end)):
        if groups and change.place.cds_start <= behind and change.place.cds_end < behind:
            continue
        if groups and (change.first_codon <= last_codon or shift % 3):
            groups[-1].append(change)
        else:
            groups.append([change])
            shift = 0
        shift += change.growth
        last_codon, behind = max(change.first_codon, change.last_codon), change.place.cds_end + 1
    return groups


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
