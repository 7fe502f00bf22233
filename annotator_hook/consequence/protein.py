"""HGVS names of what a change in a coding sequence does to the protein (``p.``).

Nomenclature: https://hgvs-nomenclature.org/stable/recommendations/protein/, in the style of Ensembl VEP: three-letter
residues, predicted consequences without parentheses, ``%3D`` for ``=`` since ``=`` means something in a VCF.
"""

from __future__ import annotations

from annotator_hook.consequence.coding import Change
from annotator_hook.consequence.genetic_code import THREE_LETTERS


def protein_name(change: Change, moved: Change) -> str:
    """The part of HGVSp behind ``p.``; empty when nothing can be said.

    Args:
        change: Where it was found: this decides about start and stop codon.
        moved: The same at its 3'-most place, where HGVS names it.
    """
    if not moved.known:
        return ""
    first = _three(change.sequence.peptide[:1] or "M")
    if change.start_lost:
        return f"{first}1?"
    if change.coding_sequence_intact:
        return f"{first}1%3D"
    return _moved_name(moved, stop_lost=change.stop_lost)


def _moved_name(change: Change, *, stop_lost: bool) -> str:
    if change.frameshift:
        return _frameshift(change)
    before, after = change.residues
    if "X" in before or "X" in after or not (before or after):
        return ""
    if before == after or _until_stop(before) == _until_stop(after):
        shown = before if before == after else _until_stop(before)
        return _range(shown, change.first_codon) + "%3D"
    return _in_frame(change, before, after, stop_lost=stop_lost)


def _in_frame(change: Change, before: str, after: str, *, stop_lost: bool) -> str:
    at, before, after = _clip(before, after)
    start = change.first_codon + at
    protein = change.sequence.peptide + ("*" if change.sequence.translated(change.sequence.cds).endswith("*") else "")
    if not before:
        return _insertion(protein, start, after)
    if not after:
        start += _steps(protein, start - 1 + len(before), before)
        before = protein[start - 1 : start - 1 + len(before)]
        return _range(before, start) + ("del" + _extension(change) if stop_lost else "del")
    if len(before) == len(after) == 1:
        return f"{_three(before)}{start}{_three(after)}{_extension(change) if stop_lost else ''}"
    return f"{_range(before, start)}delins{_three(_until_stop(after))}"


def _insertion(protein: str, start: int, added: str) -> str:
    """Residues ``added`` before residue ``start``."""
    if "*" not in added:
        steps = _steps(protein, start - 1, added)
        turn = steps % len(added)
        added, start = added[turn:] + added[:turn], start + steps
        first = start - len(added)
        if first >= 1 and protein[first - 1 : start - 1] == added:
            return _range(added, first) + "dup"
    left, right = protein[start - 2 : start - 1], protein[start - 1 : start]
    if start < 2 or not right:
        return ""
    return f"{_three(left)}{start - 1}_{_three(right)}{start}ins{_three(_until_stop(added))}"


def _steps(protein: str, behind: int, pattern: str) -> int:
    """How far deleting or inserting ``pattern`` can move when ``protein[behind:]`` follows it."""
    step = 0
    while behind + step < len(protein) and protein[behind + step] == pattern[step % len(pattern)]:
        step += 1
    return step


def _frameshift(change: Change) -> str:
    """Names the first residue that changes, and counts from it to the new stop."""
    start = change.first_codon
    before = change.sequence.peptide[start - 1 :] + "*"
    after = change.sequence.translated(change.edited[3 * start - 3 :])
    same = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b or a == "*"), None)
    if same is None:
        same = min(len(before), len(after))
        return f"{_range(before[same:].rstrip('*') or '*', start + same)}del" if same < len(before) else ""
    old, new, start = before[same], after[same], start + same
    if "X" in (old, new):
        return ""
    if old == new:
        return f"Ter{start}%3D"
    if new == "*":
        return f"{_three(old)}{start}Ter"
    stop = after.find("*", same)
    return f"{_three(old)}{start}{_three(new)}fsTer{stop - same + 1 if stop >= 0 else '?'}"


def _extension(change: Change) -> str:
    """Residues until the next stop when the stop codon is gone."""
    stop = change.sequence.translated(change.edited).find("*")
    extra = stop - len(change.sequence.peptide)
    return f"extTer{extra if extra > 0 else '?'}"


def _clip(before: str, after: str) -> tuple[int, str, str]:
    """Takes away what both share, first at the start, then at the end: (residues lost at the start, rest, rest)."""
    shorter = min(len(before), len(after))
    at = next((i for i in range(shorter) if before[i] != after[i]), shorter)
    before, after, shorter = before[at:], after[at:], shorter - at
    end = next((i for i in range(shorter) if before[-1 - i] != after[-1 - i]), shorter)
    return at, before[: len(before) - end], after[: len(after) - end]


def _until_stop(residues: str) -> str:
    stop = residues.find("*")
    return residues if stop < 0 else residues[: stop + 1]


def _range(residues: str, start: int) -> str:
    """``Leu5``, or ``Leu5_Val7`` for several."""
    first = f"{_three(residues[0])}{start}"
    return first if len(residues) == 1 else f"{first}_{_three(residues[-1])}{start + len(residues) - 1}"


def _three(residues: str) -> str:
    return "".join([THREE_LETTERS[residue] for residue in residues])
