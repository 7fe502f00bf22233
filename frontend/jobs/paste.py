"""Variants typed or pasted by a person → a VCF.

Three kinds of text are taken: a VCF with its header; VCF data lines without one; one variant a line in the ways in
which people write them (HGVS m., ``MT:3243:A:G``, ``20-1234-A-G``, ``chr20:1234 A G``, columns separated by blanks).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.core.errors import Permanent

MAX_CHARACTERS = 1_000_000
MAX_COMPLAINTS = 10
DEFAULT_CONTIG = "MT"

_HEADER = (
    "##fileformat=VCFv4.2\n##source=GAS (variants pasted on the page)\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
)

_CONTIG = r"[A-Za-z0-9][A-Za-z0-9_.]*?"
_ALLELE = r"[ACGTUN]+"
_HGVS = re.compile(
    rf"(?:(?P<contig>{_CONTIG}):)?(?:(?P<type>[cgmnpr])\.)?(?P<pos>[0-9]+)\s*(?P<ref>{_ALLELE})\s*>\s*(?P<alt>{_ALLELE})",
    re.IGNORECASE,
)
_AROUND = re.compile(rf"(?:(?P<type>[m])\.)?(?P<ref>{_ALLELE})(?P<pos>[0-9]+)(?P<alt>{_ALLELE})", re.IGNORECASE)
_SEPARATED = re.compile(
    rf"(?P<contig>{_CONTIG})(?:[:\-_/]|\s+)(?P<pos>[0-9]+)(?:[:\-_/]|\s+)(?P<ref>{_ALLELE})(?:[:\-_/>]|\s+)(?P<alt>{_ALLELE})",
    re.IGNORECASE,
)
_OTHER_HGVS = re.compile(r"(?:[^\s:]+:)?(?P<type>[cgmnpr])\.\S+", re.IGNORECASE)
_COLUMN_ALLELE = re.compile(r"[A-Za-z*.,]+|<[^<>]+>|.*[\[\]].*")
"""Bases, VCF's ``*`` and ``.``, symbolic alleles and breakends: what the annotator cannot use it skips, with a reason."""

_FORMS = "Write it like m.3243A>G, 20:1234:A:G or MT 3243 A G."


@dataclass(frozen=True)
class Complaint:
    """What is wrong with one line."""

    line: int
    """Counted from 1, as the person sees it."""
    text: str
    """The line, shortened."""
    message: str
    """What is wrong and how to mend it."""


class NotVariants(Permanent):
    """The text cannot be made into a VCF. ``complaints``: at most `MAX_COMPLAINTS`; ``more``: how many more lines."""

    def __init__(self, sentence: str, complaints: list[Complaint] | None = None) -> None:
        super().__init__(sentence)
        self.complaints = (complaints or [])[:MAX_COMPLAINTS]
        self.more = max(0, len(complaints or []) - MAX_COMPLAINTS)


@dataclass(frozen=True)
class Pasted:
    """A VCF, and what to call it."""

    vcf: bytes
    name: str


class _LineError(Exception):
    """The sentence about one line."""


@dataclass(frozen=True)
class _Variant:
    contig: str
    pos: int
    ref: str
    alt: str
    id: str = "."

    def record(self) -> str:
        return f"{self.contig}\t{self.pos}\t{self.id}\t{self.ref}\t{self.alt}\t.\t.\t."

    def title(self) -> str:
        place = "m." if self.contig == DEFAULT_CONTIG else f"{self.contig}:"
        return f"{place}{self.pos}{self.ref}>{self.alt}"


def parse(text: str) -> Pasted:
    """The VCF that ``text`` means. Raises `NotVariants`, naming each line that cannot be read."""
    if len(text) > MAX_CHARACTERS:
        raise NotVariants(
            f"This is {len(text):,} characters; the box takes {MAX_CHARACTERS:,}. Save it as a .vcf file and upload that."
        )
    lines = text.replace("\ufeff", "", 1).splitlines()
    if not any(line.strip() for line in lines):
        raise NotVariants("There is nothing here yet. Paste at least one variant, such as m.3243A>G.")
    if any(line.lstrip().startswith(("##fileformat", "#CHROM")) for line in lines):
        return Pasted(_whole_vcf(lines), "Pasted VCF")
    variants: list[_Variant] = []
    complaints: list[Complaint] = []
    for number, line in enumerate(lines, start=1):
        written = line.strip()
        if not written or written.startswith("#"):
            continue
        try:
            variants.append(_variant(written))
        except _LineError as error:
            complaints.append(Complaint(number, _short(written), str(error)))
    if complaints:
        count = len(complaints)
        raise NotVariants("One line cannot be read." if count == 1 else f"{count:,} lines cannot be read.", complaints)
    if not variants:
        raise NotVariants("There are only comments here. Paste at least one variant, such as m.3243A>G.")
    vcf = _HEADER + "".join(f"{variant.record()}\n" for variant in variants)
    return Pasted(vcf.encode(), _name(variants))


def _whole_vcf(lines: list[str]) -> bytes:
    """The VCF as pasted. Many programs turn tabs into blanks when text is copied: lines without a tab get them back.

    Everything else is left to the annotator, which names the line of whatever is wrong.
    """
    mended = [_retabbed(line) for line in lines if line.strip()]
    if not mended[0].startswith("##fileformat"):
        mended.insert(0, "##fileformat=VCFv4.2")
    return ("\n".join(mended) + "\n").encode("utf-8", "replace")


def _retabbed(line: str) -> str:
    stripped = line.strip(" \r")
    return stripped if "\t" in stripped or stripped.startswith("##") else "\t".join(stripped.split())


def _variant(written: str) -> _Variant:
    """Raises `_LineError`."""
    for pattern in (_HGVS, _AROUND, _SEPARATED):
        match = pattern.fullmatch(written)
        if match:
            return _checked(match.groupdict())
    columns = written.split() if re.search(r"\s", written) else written.split(",")
    if len(columns) >= 2:
        return _from_columns(columns)
    if _OTHER_HGVS.fullmatch(written):
        raise _LineError(
            "This form of HGVS needs a sequence to be translated; GAS reads substitutions such as m.3243A>G. "
            "Write insertions and deletions as VCF does: MT 8270 . CACCCCCTCT C."
        )
    raise _LineError(f"This is not a variant that GAS can read. {_FORMS}")


def _checked(parts: dict[str, str | None]) -> _Variant:
    if (parts.get("type") or "m").lower() not in "mg":
        raise _LineError(
            f"“{parts['type']}.” counts along a transcript or protein; GAS needs the place on the genome, "
            "such as m.3243A>G."
        )
    return _Variant(
        parts.get("contig") or DEFAULT_CONTIG,
        _position(parts["pos"] or ""),
        (parts["ref"] or "").upper().replace("U", "T"),
        (parts["alt"] or "").upper().replace("U", "T"),
    )


def _from_columns(columns: list[str]) -> _Variant:
    """``contig pos ref alt``, or VCF's ``contig pos id ref alt …``, of which the first five columns are used."""
    if len(columns) < 4:
        raise _LineError(f"Four columns are needed: contig, position, reference, alternative. {_FORMS}")
    contig, position = columns[0], columns[1]
    identifier, ref, alt = (".", *columns[2:4]) if len(columns) == 4 else columns[2:5]
    for what, allele in (("reference", ref), ("alternative", alt)):
        if not _COLUMN_ALLELE.fullmatch(allele):
            raise _LineError(f"The {what} allele “{_short(allele)}” is not made of bases. {_FORMS}")
    return _Variant(contig, _position(position), ref, alt, identifier)


def _position(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text):
        raise _LineError(f"The position “{_short(text)}” is not a number. {_FORMS}")
    position = int(text)
    if position == 0:
        raise _LineError("Positions are counted from 1.")
    return position


def _name(variants: list[_Variant]) -> str:
    first = _short(variants[0].title())
    return first if len(variants) == 1 else f"{first} and {len(variants) - 1:,} more"


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
