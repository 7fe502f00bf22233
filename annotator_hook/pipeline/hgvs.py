"""HGVS names: of the change in the sequence (``m.`` or ``g.``), and of simple changes in a protein (``p.``).

Source: HGVS nomenclature 21 (hgvs-nomenclature.org): three-letter codes, ``Ter``, the 3′ rule, dup before ins.
Like VEP, protein names are written without parentheses.
"""

from __future__ import annotations

from typing import Final

from annotator_hook.pipeline.csq import Call
from annotator_hook.pipeline.normalise import rightmost
from annotator_hook.pipeline.pack import Contig
from annotator_hook.pipeline.reference import Reference
from annotator_hook.pipeline.variant import Variant

THREE_LETTERS: Final = {
    "A": "Ala",
    "C": "Cys",
    "D": "Asp",
    "E": "Glu",
    "F": "Phe",
    "G": "Gly",
    "H": "His",
    "I": "Ile",
    "K": "Lys",
    "L": "Leu",
    "M": "Met",
    "N": "Asn",
    "P": "Pro",
    "Q": "Gln",
    "R": "Arg",
    "S": "Ser",
    "T": "Thr",
    "U": "Sec",
    "V": "Val",
    "W": "Trp",
    "Y": "Tyr",
    "*": "Ter",
}


def genomic(variant: Variant, contig: Contig, reference: Reference) -> str:
    """Such as ``m.3243A>G``, without the accession."""
    start, end = variant.span
    inserted = variant.inserted
    name = variant.contig
    if variant.kind == "SNV":
        change = f"{start}{variant.ref}>{variant.alt}"
    elif variant.kind == "deletion":
        start, bases = rightmost(name, start, reference.bases(name, start, end), reference, deleted=True)
        change = f"{_range(start, start + len(bases) - 1)}del"
    elif variant.kind == "insertion":
        start, bases = rightmost(name, start, inserted, reference, deleted=False)
        if start > len(bases) and reference.bases(name, start - len(bases), start - 1) == bases:
            change = f"{_range(start - len(bases), start - 1)}dup"
        else:
            change = f"{start - 1}_{start}ins{bases}"
    elif inserted.translate(_COMPLEMENT)[::-1] == reference.bases(name, start, end):
        change = f"{_range(start, end)}inv"
    else:
        change = f"{_range(start, end)}delins{inserted}"
    return f"{contig.hgvs_type}.{change}"


_COMPLEMENT: Final = str.maketrans("ACGT", "TGCA")


def _range(start: int, end: int) -> str:
    return f"{start}" if start == end else f"{start}_{end}"


def protein(call: Call, terms: tuple[str, ...]) -> str:
    """For substitutions alone: ``p.Arg340His``, ``p.Trp249Ter``, ``p.Thr3=``, ``p.Met1?``; empty where it is not one.

    ``terms`` are the corrected Sequence Ontology terms.
    """
    ref, alt = call.ref_amino_acids, call.alt_amino_acids
    if call.residue is None or not ref or len(ref) != len(alt) or "?" in alt:
        return ""
    if "start_lost" in terms:
        return f"p.{_name(ref[0])}1?"
    if ref == alt:
        return f"p.{_name(ref[0])}{call.residue}=" if len(ref) == 1 else ""
    first = next(n for n, (before, after) in enumerate(zip(ref, alt, strict=True)) if before != after)
    last = next(n for n in range(len(ref) - 1, -1, -1) if ref[n] != alt[n])
    stop = alt.find("*", first, last + 1)
    if stop == first:
        last = first  # nothing is translated after a new stop
    here, there = call.residue + first, call.residue + last
    if ref[first] == "*":
        return f"p.Ter{here}{_name(alt[first])}extTer?"
    if first == last:
        return f"p.{_name(ref[first])}{here}{_name(alt[first])}"
    changed = "".join(map(_name, alt[first : (stop if stop >= 0 else last) + 1]))
    return f"p.{_name(ref[first])}{here}_{_name(ref[last])}{there}delins{changed}"


def _name(amino_acid: str) -> str:
    return THREE_LETTERS.get(amino_acid, "Xaa")
