"""What one allele does to one coding sequence: the terms, codons and residues of Ensembl VEP.

This is the complete account, pair by pair in Python. Columns take a quicker way for the many SNVs that only exchange a
residue (``snv``); everything else that touches a coding sequence comes here.

VEP compares *windows*: the whole codons that the change touches, before and after it. Where VEP 115 contradicts the
sequence GAS follows the sequence; docs/annotation.md lists the cases.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from annotator_hook.consequence import terms
from annotator_hook.consequence.arrays import Bytes
from annotator_hook.consequence.genetic_code import codon_table, reverse_complement, translate
from annotator_hook.consequence.models import ContigModel

if TYPE_CHECKING:
    from functools import cached_property as once
else:

    class once:  # noqa: N801 - used as a decorator, like `cached_property`
        """``functools.cached_property`` without the lock that it takes before Python 3.12: a third of all the time."""

        def __init__(self, method: Callable[[Any], Any]) -> None:
            self._method, self._name, self.__doc__ = method, method.__name__, method.__doc__

        def __get__(self, instance: Any, owner: type | None = None) -> Any:
            value = instance.__dict__[self._name] = self._method(instance)
            return value


class CodingSequence:
    """The spliced sequence of one translated transcript, taken apart."""

    def __init__(self, model: ContigModel, transcript: int, sequence: Bytes) -> None:
        exons = slice(int(model.exon_offset[transcript]), int(model.exon_offset[transcript + 1]))
        pieces = zip(model.exon_start[exons].tolist(), model.exon_end[exons].tolist(), strict=True)
        spliced = b"".join([sequence[low - 1 : high].tobytes() for low, high in pieces])
        if model.strand[transcript] < 0:
            spliced = reverse_complement(spliced)
        self.genetic_code = model.genetic_code
        self.coding_start = int(model.coding_start[transcript])
        """cDNA position of the first coding base, and below of the last."""
        self.coding_end = int(model.coding_end[transcript])
        self.cds = b"N" * int(model.phase[transcript]) + spliced[self.coding_start - 1 : self.coding_end]
        """From the start of the first codon; bases of it that the model lacks are N."""
        self.utr5, self.utr3 = spliced[: self.coding_start - 1], spliced[self.coding_end :]
        self.start_unknown = bool(model.start_unknown[transcript])
        self.end_unknown = bool(model.end_unknown[transcript])

    @once
    def peptide(self) -> str:
        """The protein without its stop. Stops inside it stay ``*``."""
        peptide = self.translated(self.cds)
        return peptide.removesuffix("*")

    def translated(self, sequence: bytes) -> str:
        """Whole codons only."""
        return translate(sequence, self.genetic_code)


class Place(NamedTuple):
    """Where a change lies in a transcript, as ``geometry`` says it: 0 for an end that is not in an exon or the CDS.

    Coding positions count from the start of the first codon. For an insertion each end is one less than its start.
    """

    cdna_start: int
    cdna_end: int
    cds_start: int
    cds_end: int


class Change:
    """An allele placed in a coding sequence.

    Args:
        sequence: Of the transcript.
        place: In it.
        alt: The bases put there, as the transcript reads them.
        replaced: Bases of the genome that they replace.
    """

    def __init__(self, sequence: CodingSequence, place: Place, alt: bytes, replaced: int) -> None:
        self.sequence, self.place, self.alt, self._replaced = sequence, place, alt, replaced
        self._cdna_start, self._cdna_end, self._cds_start, self._cds_end = place

    @once
    def placed(self) -> bool:
        """Both ends lie in the coding sequence, so codons can be told."""
        return self._cds_start > 0 and self._cds_end > 0

    @once
    def first_codon(self) -> int:
        """Number of the first codon touched; 0 when the 5' end lies elsewhere."""
        return (self._cds_start + 2) // 3

    @once
    def last_codon(self) -> int:
        """Number of the last codon touched; one less than the first for an insertion between codons."""
        return (self._cds_end + 2) // 3

    @once
    def growth(self) -> int:
        """Bases that the coding sequence gains, negative when it loses some."""
        return len(self.alt) - (self._cds_end - self._cds_start + 1 if self.placed else self._replaced)

    @once
    def frameshift(self) -> bool:
        """The reading frame behind the change is another one."""
        return self.placed and self.growth % 3 != 0

    @once
    def edited(self) -> bytes:
        """The coding sequence after the change, followed by the 3' UTR."""
        cds = self.sequence.cds
        return cds[: self._cds_start - 1] + self.alt + cds[self._cds_end :] + self.sequence.utr3

    @once
    def codons(self) -> tuple[bytes, bytes]:
        """The window before and after; both empty when it cannot be told."""
        if not self.placed:
            return b"", b""
        start, end = 3 * self.first_codon - 3, 3 * self.last_codon
        # an exchange leaves an incomplete last codon incomplete; a shift of the frame fills it from the UTR
        reach = end + self.growth if self.growth else min(end, len(self.sequence.cds))
        return self.sequence.cds[start:end], self.edited[start : max(reach, start)]

    @once
    def known(self) -> bool:
        """The windows can be translated."""
        return self.placed and b"N" not in self.alt

    @once
    def residues(self) -> tuple[str, str]:
        """The windows translated; X stands for an incomplete or ambiguous codon."""
        return self._window(self.codons[0]), self._window(self.codons[1])

    def _window(self, codons: bytes) -> str:
        peptide = self.sequence.translated(codons)
        return peptide + "X" if len(codons) % 3 and peptide != "*" else peptide

    def codons_text(self) -> str:
        """VEP's Codons: what changes in upper case."""
        if not self.known:
            return ""
        at = (self._cds_start - 1) % 3
        before, after = (codons.decode().lower() for codons in self.codons)
        size = self._cds_end - self._cds_start + 1
        before = before[:at] + before[at : at + size].upper() + before[at + size :]
        size = len(self.alt)
        after = after[:at] + after[at : at + size].upper() + after[at + size :]
        return f"{before or '-'}/{after or '-'}"

    def residues_text(self) -> str:
        """VEP's Amino_acids: one peptide when the change does not alter it."""
        if not self.known:
            return ""
        before, after = (peptide or "-" for peptide in self.residues)
        return before if before == after else f"{before}/{after}"

    @once
    def incomplete_codon(self) -> bool:
        """It begins in a last codon of fewer than three bases."""
        return self.first_codon > 0 and 0 < len(self.sequence.cds) - 3 * (self.first_codon - 1) < 3

    def _overlaps(self, first: int, last: int) -> bool:
        return bool(self._cdna_start and self._cdna_end) and self._cdna_end >= first and self._cdna_start <= last

    @once
    def at_start(self) -> bool:
        """The start codon is touched."""
        start = self.sequence.coding_start
        return not self.sequence.start_unknown and self._overlaps(start, start + 2)

    @once
    def at_stop(self) -> bool:
        """The stop codon is touched."""
        end = self.sequence.coding_end
        return not self.sequence.end_unknown and self._overlaps(end - 2, end)

    @once
    def _start(self) -> tuple[bool, bool, bool]:
        """(the coding sequence is whole, if elsewhere; the start codon still is one; it still is one at its place)."""
        sequence = self.sequence
        whole = sequence.utr5 + sequence.cds
        edited = whole[: self._cdna_start - 1] + self.alt + whole[self._cdna_end :]
        starts = (b"ATG", sequence.cds[:3])
        at = len(sequence.utr5)
        in_place = edited[at : at + 3] in starts
        size = len(sequence.cds)
        intact = len(edited) >= size and edited.endswith(sequence.cds)
        if self.growth:
            return intact, intact or (in_place and edited[:at] == sequence.utr5), in_place
        suffix = edited[len(edited) - size :]
        return intact, suffix[:3] in starts, in_place

    @once
    def start_retained(self) -> bool:
        """The start codon is touched and still there."""
        return self.at_start and self._start[1]

    @once
    def coding_sequence_intact(self) -> bool:
        """An insertion or deletion at the start behind which the whole coding sequence stands as it did."""
        return self.at_start and self.growth != 0 and self._start[0] and not self._start[2]

    @once
    def start_lost(self) -> bool:
        """The start codon is touched and gone."""
        if not self.at_start or self.start_retained:
            return False
        if self.growth and not (self._inframe_insertion or self.inframe_deletion):
            return True
        if self.sequence.utr5 and not self._start[2]:
            return True
        before, after = self.residues if self.known else ("", "")
        return self.first_codon == 1 and bool(before) and not (after.endswith(before) or after.startswith(before))

    @once
    def _stop_altered(self) -> bool:
        """No stop stands where the stop codon was, as far as a window cannot tell."""
        if not self.at_stop or not self.growth:
            return False
        if not self._cds_start:
            return True
        cds = self.sequence.cds
        inside = self._cdna_end - self._cdna_start + 1
        edited = (cds + self.sequence.utr3)[: self._cds_start - 1] + self.alt
        edited += (cds + self.sequence.utr3)[self._cds_start - 1 + inside :]
        codon = edited[len(cds) - 3 : len(cds)]
        return len(edited) < len(cds) or codon_table(self.sequence.genetic_code).get(codon) != "*"

    @once
    def _stop_rebuilt(self) -> bool:
        """Bases of the stop codon alone are lost or added, and what follows completes a stop in its place."""
        return self.known and self.residues == ("*", "X") and self.at_stop and not self._stop_altered

    @once
    def stop_lost(self) -> bool:
        """A stop is gone and none takes its place."""
        if self.known:
            before, after = self.residues
            return "*" in before and "*" not in after and not self.stop_retained
        return self._stop_altered

    @once
    def stop_retained(self) -> bool:
        """A stop is touched, and the protein still ends where it did."""
        before, after = self.residues if self.known else ("", "")
        if not after:
            return self.at_stop and self.growth != 0 and not self._stop_altered
        if before == after == "X" or self._stop_rebuilt:
            return self._stop_rebuilt
        if "*" in before:
            return before.index("*") == after.find("*")
        peptide = self.sequence.peptide
        if after.startswith("*") and self.first_codon > len(peptide):
            return True
        edited = peptide[: self.first_codon - 1] + after + peptide[max(self.last_codon, self.first_codon - 1) :]
        return edited.startswith(peptide) and edited[len(peptide) :].startswith("*")

    @once
    def stop_gained(self) -> bool:
        """A stop stands before the protein's end."""
        if not self.known or self.stop_retained:
            return False
        before, after = self.residues
        if "*" in before:
            return self.growth == 0 and 0 <= after.find("*") < before.index("*")
        return "*" in after

    @once
    def shifts_frame(self) -> bool:
        """VEP's frameshift: the frame changes before the protein's end."""
        if self.incomplete_codon or self.stop_retained or self.coding_sequence_intact:
            return False
        return self.frameshift

    @once
    def _inframe_insertion(self) -> bool:
        if not self.known or self.growth <= 0 or self.growth % 3:
            return False
        before, after = self.residues
        if self.start_retained and after.endswith(before):
            return False
        if self.coding_sequence_intact:
            return False
        after = after[: after.index("*") + 1] if "*" in after else after
        return after.startswith(before) or after.endswith(before)

    @once
    def inframe_insertion(self) -> bool:
        """Residues are added, none is altered."""
        return self._inframe_insertion and not self.start_lost

    @once
    def inframe_deletion(self) -> bool:
        """Whole codons' worth of bases is lost, nothing else."""
        if not self.placed or self.growth >= 0 or self.growth % 3 or self.incomplete_codon:
            return False
        if self.coding_sequence_intact:
            return False
        before, after = self.codons
        if before.startswith(after) or before.endswith(after):
            return True
        shared = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), len(after))
        return before[shared:].endswith(after[shared:])

    @once
    def protein_altering(self) -> bool:
        """The number of residues changes, and others besides."""
        if not self.known or self.inframe_deletion or self.start_lost or self.shifts_frame:
            return False
        before, after = self.residues
        if len(before) == len(after) or before.startswith("*") or after.startswith("*"):
            return False
        return not (after.startswith(before) or after.endswith(before))

    def mask(self) -> int:
        """The terms of the coding sequence."""
        before, after = self.residues if self.known else ("", "")
        same_length = self.growth == 0
        unknown = not self.known or not (before or after) or "X" in before or "X" in after
        explained = (
            self.shifts_frame
            or self.inframe_deletion
            or self.protein_altering
            or self.start_retained
            or self.start_lost
            or self.stop_retained
            or self.stop_lost
        )
        missense = same_length and bool(before) and before != after and len(before) == len(after)
        missense &= not (self.start_lost or self.stop_lost or self.stop_gained or self.incomplete_codon)
        missense &= not (self.start_retained and self.last_codon == 1) and not self.stop_retained
        synonymous = bool(before) and before == after and not self.stop_retained and "X" not in before
        found = {
            terms.STOP_GAINED: self.stop_gained,
            terms.FRAMESHIFT: self.shifts_frame,
            terms.STOP_LOST: self.stop_lost,
            terms.START_LOST: self.start_lost,
            terms.INFRAME_INSERTION: self.inframe_insertion,
            terms.INFRAME_DELETION: self.inframe_deletion,
            terms.MISSENSE: missense,
            terms.PROTEIN_ALTERING: self.protein_altering,
            terms.INCOMPLETE_TERMINAL_CODON: self.incomplete_codon,
            terms.START_RETAINED: self.start_retained,
            terms.STOP_RETAINED: self.stop_retained,
            terms.SYNONYMOUS: synonymous,
            terms.CODING_SEQUENCE: unknown and not explained,
        }
        mask = sum(term for term, holds in found.items() if holds)
        return mask or terms.CODING_SEQUENCE
