"""Human genome assemblies, told apart by the lengths of their chromosomes and by what people call them.

Lengths are those of the assemblies' own reports (NCBI: GCF_000001405.12, .13 and .26, GCF_009914755.1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_CHROMOSOMES = (*(str(number) for number in range(1, 23)), "X", "Y")

# fmt: off
_LENGTHS: Mapping[str, tuple[int, ...]] = {
    "NCBI36": (
        247249719, 242951149, 199501827, 191273063, 180857866, 170899992, 158821424, 146274826, 140273252, 135374737,
        134452384, 132349534, 114142980, 106368585, 100338915, 88827254, 78774742, 76117153, 63811651, 62435964,
        46944323, 49691432, 154913754, 57772954,
    ),
    "GRCh37": (
        249250621, 243199373, 198022430, 191154276, 180915260, 171115067, 159138663, 146364022, 141213431, 135534747,
        135006516, 133851895, 115169878, 107349540, 102531392, 90354753, 81195210, 78077248, 59128983, 63025520,
        48129895, 51304566, 155270560, 59373566,
    ),
    "GRCh38": (
        248956422, 242193529, 198295559, 190214555, 181538259, 170805979, 159345973, 145138636, 138394717, 133797422,
        135086622, 133275309, 114364328, 107043718, 101991189, 90338345, 83257441, 80373285, 58617616, 64444167,
        46709983, 50818468, 156040895, 57227415,
    ),
    "T2T-CHM13v2.0": (
        248387328, 242696752, 201105948, 193574945, 182045439, 172126628, 160567428, 146259331, 150617247, 134758134,
        135127769, 133324548, 113566686, 101161492, 99753195, 96330374, 84276897, 80542538, 61707364, 66210255,
        45090682, 51324926, 154259566, 62460029,
    ),
}
# fmt: on

_BY_LENGTH = {
    (name, length): assembly
    for assembly, lengths in _LENGTHS.items()
    for name, length in zip(_CHROMOSOMES, lengths, strict=True)
}

YORUBA_LENGTH = 16571
"""Of NC_001807, the sequence that UCSC's hg19 calls chrM; the revised Cambridge sequence has 16,569 bases."""

_WORDS = {
    "NCBI36": r"hg18|ncbi_?36|build_?36|b36",
    "GRCh37": r"hg_?19\w*|assembly19|(?:grch|ncbi|hs)_?37\w*|b37\w*|g1k_v37\w*|human_v37\w*|GCF_000001405\.(?:1[3-9]|2[0-5])",
    "GRCh38": r"hg_?38\w*|assembly38|(?:grch|ncbi|hs)_?38\w*|b38\w*|GCF_000001405\.(?:2[6-9]|[3-9]\d)",
    "T2T-CHM13v2.0": r"t2t\w*|chm13\w*|hs1",
}
_NAMED = {
    assembly: re.compile(rf"(?<![a-z0-9])(?:{words})(?![a-z0-9])", re.IGNORECASE) for assembly, words in _WORDS.items()
}
_PREFIX = re.compile(r"^(?:chromosome|chrom|chr)?_?", re.IGNORECASE)


def of_contig(name: str, length: int) -> str | None:
    """Which assembly's chromosome under this name (``20``, ``chr20``) is that long; None for any other."""
    return _BY_LENGTH.get((_PREFIX.sub("", name, count=1).upper(), length))


def named_in(text: str) -> frozenset[str]:
    """The assemblies that are named in a path or a sentence, by any of their names."""
    return frozenset(assembly for assembly, pattern in _NAMED.items() if pattern.search(text))
