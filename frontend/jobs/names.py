"""File names are untrusted text: shown, never trusted, never part of a key."""

from __future__ import annotations

import re
import unicodedata

MAX_NAME = 255
UNNAMED = "unnamed.vcf"

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of text: `gpj.exe` could be shown as `exe.jpg`."""
_INVISIBLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories: control characters, lone surrogates (which cannot be stored), line and paragraph separators."""

_ENDINGS = {
    "vcf": ".annotated.vcf.gz",
    "tbi": ".annotated.vcf.gz.tbi",
    "tsv": ".annotated.tsv.gz",
    "log": ".log.txt",
    "variants": ".variants.parquet",
    "consequences": ".consequences.parquet",
    "genes": ".genes.bed",
}
_INPUT_ENDING = re.compile(r"(\.vcf)?(\.b?gz)?$", re.IGNORECASE)
_MAX_STEM = 100


def display_name(raw: str) -> str:
    """``raw`` as it is stored and shown: one line, nothing invisible, at most `MAX_NAME` characters."""
    visible = "".join(
        "" if character in _BIDI or unicodedata.category(character) in _INVISIBLE else character
        for character in raw.replace("\t", " ").replace("\n", " ")
    )
    return visible.strip()[:MAX_NAME].strip() or UNNAMED


def download_name(name: str, kind: str) -> str:
    """What a result is saved as: letters, digits, ``.``, ``_``, ``-`` and the ending of ``kind``, a `ResultKind`.

    ``patient 7.vcf.gz`` gives ``patient_7.annotated.vcf.gz``.
    """
    return file_stem(name) + _ENDINGS[kind]


def file_stem(name: str) -> str:
    """What the names of a job's files begin with: ``patient 7.vcf.gz`` gives ``patient_7``."""
    stem = _INPUT_ENDING.sub("", name.strip())
    safe = re.sub(r"[^\w.-]+", "_", unicodedata.normalize("NFC", stem))[:_MAX_STEM].strip("._-")
    return safe or "variants"
