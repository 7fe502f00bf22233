"""NCBI's genetic codes and translation.

Source of the tables: NCBI, "The Genetic Codes" (https://www.ncbi.nlm.nih.gov/Taxonomy/Utils/wprintgc.cgi), here as
differences from the standard code.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np

from annotator_hook.consequence.arrays import Bytes
from shared.core.errors import Permanent

STANDARD = 1
VERTEBRATE_MITOCHONDRIAL = 2

_STANDARD_RESIDUES = "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG"
"""Residues of TTT, TTC, TTA, TTG, TCT, … in NCBI's order of codons."""

_DIFFERENCES: Mapping[int, Mapping[str, str]] = {
    1: {},
    2: {"TGA": "W", "ATA": "M", "AGA": "*", "AGG": "*"},
    3: {"TGA": "W", "ATA": "M", "CTT": "T", "CTC": "T", "CTA": "T", "CTG": "T"},
    4: {"TGA": "W"},
    5: {"TGA": "W", "ATA": "M", "AGA": "S", "AGG": "S"},
    6: {"TAA": "Q", "TAG": "Q"},
    9: {"TGA": "W", "AAA": "N", "AGA": "S", "AGG": "S"},
    10: {"TGA": "C"},
    11: {},
    12: {"CTG": "S"},
    13: {"TGA": "W", "ATA": "M", "AGA": "G", "AGG": "G"},
    14: {"TGA": "W", "TAA": "Y", "AAA": "N", "AGA": "S", "AGG": "S"},
    16: {"TAG": "L"},
    21: {"TGA": "W", "ATA": "M", "AAA": "N", "AGA": "S", "AGG": "S"},
    22: {"TCA": "*", "TAG": "L"},
    23: {"TTA": "*"},
    24: {"TGA": "W", "AGA": "S", "AGG": "K"},
    25: {"TGA": "G"},
    26: {"CTG": "A"},
    33: {"TGA": "W", "TAA": "Y", "AGA": "S", "AGG": "K"},
}

THREE_LETTERS: Mapping[str, str] = {
    "A": "Ala", "R": "Arg", "N": "Asn", "D": "Asp", "C": "Cys", "Q": "Gln", "E": "Glu", "G": "Gly", "H": "His",
    "I": "Ile", "L": "Leu", "K": "Lys", "M": "Met", "F": "Phe", "P": "Pro", "S": "Ser", "T": "Thr", "W": "Trp",
    "Y": "Tyr", "V": "Val", "*": "Ter", "X": "Xaa", "U": "Sec",
}  # fmt: skip
"""HGVS' names of the residues; ``Ter`` is the stop."""

RESIDUES = "ACDEFGHIKLMNPQRSTVWY*X"
"""What a codon can mean: twenty residues, stop, and X for what cannot be told."""

BASE_CODE = np.full(256, 4, dtype=np.uint8)
"""From a base's ASCII byte to 0 … 3 for A, C, G, T in either case, 4 for anything else."""
for _code, _base in enumerate("ACGT"):
    BASE_CODE[ord(_base)] = BASE_CODE[ord(_base.lower())] = _code

_COMPLEMENT = bytes.maketrans(b"ACGTNacgtn", b"TGCANtgcan")


def reverse_complement(sequence: bytes) -> bytes:
    """The other strand, read 5' to 3'."""
    return sequence.translate(_COMPLEMENT)[::-1]


@cache
def codon_table(number: int) -> Mapping[bytes, str]:
    """From each of the 64 codons to its residue, in NCBI's table ``number``.

    Raises:
        Permanent: NCBI has no such table.
    """
    if number not in _DIFFERENCES:
        raise Permanent(f"There is no genetic code {number} among NCBI's tables {', '.join(map(str, _DIFFERENCES))}.")
    codons = [a + b + c for a in "TCAG" for b in "TCAG" for c in "TCAG"]
    table = dict(zip(codons, _STANDARD_RESIDUES, strict=True)) | dict(_DIFFERENCES[number])
    return {codon.encode(): residue for codon, residue in table.items()}


@cache
def residue_codes(number: int) -> Bytes:
    """Table ``number`` for columns: index 16a + 4b + c (bases as in ``BASE_CODE``) gives an index into ``RESIDUES``."""
    codes = np.empty(64, dtype=np.uint8)
    for codon, residue in codon_table(number).items():
        a, b, c = BASE_CODE[list(codon)].tolist()
        codes[16 * a + 4 * b + c] = RESIDUES.index(residue)
    return codes


@cache
def _residue_letters(number: int) -> Bytes:
    """The ASCII letter of each codon's residue, indexed like ``residue_codes``; the last is X for any other codon."""
    letters: Bytes = np.frombuffer(RESIDUES.encode(), dtype=np.uint8).take(
        [*residue_codes(number), RESIDUES.index("X")]
    )
    return letters


def translate(sequence: bytes, number: int) -> str:
    """The peptide of the whole codons in ``sequence`` (upper case); codons with other than ACGT are X."""
    if len(sequence) < 60:
        table = codon_table(number)
        return "".join([table.get(sequence[i : i + 3], "X") for i in range(0, len(sequence) - 2, 3)])
    codes = BASE_CODE[np.frombuffer(sequence, dtype=np.uint8)[: len(sequence) // 3 * 3]].reshape(-1, 3).astype(np.intp)
    codon = np.where((codes > 3).any(axis=1), 64, codes @ np.array([16, 4, 1]))
    return _residue_letters(number)[codon].tobytes().decode()
