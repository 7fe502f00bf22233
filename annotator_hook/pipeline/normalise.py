"""One way to write each variant: trimmed, and shifted as far to the left as the reference allows.

The algorithm and the proof that its result is unique: Tan, Abecasis and Kang, "Unified representation of genetic
variants", Bioinformatics 2015.
"""

from __future__ import annotations

from annotator_hook.pipeline.reference import Bases
from annotator_hook.pipeline.variant import Variant


def normalise(variant: Variant, reference: Bases) -> Variant:
    """The same change, normalised. ``ref`` must be what the reference has; alleles are upper case and differ."""
    contig, pos, ref, alt = variant
    if len(ref) == 1 == len(alt):
        return variant
    shared = 0
    while shared < min(len(ref), len(alt)) and ref[-1 - shared] == alt[-1 - shared]:
        shared += 1
    if shared:
        ref, alt = ref[: len(ref) - shared], alt[: len(alt) - shared]
    if not ref or not alt:
        return _shift_left(contig, pos, ref or alt, reference, deleted=bool(ref))
    shared = 0
    while shared < min(len(ref), len(alt)) - 1 and ref[shared] == alt[shared]:
        shared += 1
    ref, alt, pos = ref[shared:], alt[shared:], pos + shared
    if len(ref) != len(alt) and ref[0] == alt[0]:  # the anchor of a pure insertion or deletion
        return _shift_left(contig, pos + 1, ref[1:] or alt[1:], reference, deleted=len(ref) > 1)
    return Variant(contig, pos, ref, alt)


def _shift_left(contig: str, pos: int, bases: str, reference: Bases, *, deleted: bool) -> Variant:
    """``bases`` are deleted from, or inserted before, ``pos``."""
    shift = 0
    while (before := reference.base(contig, pos - shift - 1)) and before == bases[-1 - shift % len(bases)]:
        shift += 1
    turn = shift % len(bases)
    bases = bases[len(bases) - turn :] + bases[: len(bases) - turn]
    pos -= shift
    anchor = reference.base(contig, pos - 1)
    if not anchor:  # at the very start of the contig the anchor is the base after it
        after = reference.base(contig, pos + (len(bases) if deleted else 0))
        return Variant(contig, pos, bases + after, after) if deleted else Variant(contig, pos, after, bases + after)
    if deleted:
        return Variant(contig, pos - 1, anchor + bases, anchor)
    return Variant(contig, pos - 1, anchor, anchor + bases)
