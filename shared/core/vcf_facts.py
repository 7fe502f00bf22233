"""What the first bytes of a VCF say of the genome that its positions are counted on."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

HEAD_BYTES = 64 * 1024
"""How much of a file is enough: a header with its contigs, and the first records."""
_MAX_UNPACKED = 8 * 1024 * 1024
_MAX_HINT = 300  # characters

_ID = re.compile(r"[<,]ID=([^,>]+)")
_LENGTH = re.compile(r"[<,]length=(\d{1,12})\b")
_ASSEMBLY = re.compile(r"[<,]assembly=\"?([^,>\"]+)")
_RECORD = re.compile(r"([^\t]+)\t(\d{1,12})\t")


@dataclass(frozen=True)
class VcfFacts:
    """Empty where the bytes are no VCF: whoever reads the whole file says what is wrong with it."""

    contigs: Mapping[str, int | None] = field(default_factory=dict)
    """The header's contigs, each with its length where that is given."""
    hints: tuple[str, ...] = ()
    """What it says of the assembly, in its own words: a path, a name."""
    records: Mapping[str, int] = field(default_factory=dict)
    """Contigs of the first records, each with the highest position seen on it."""


def read_facts(head: bytes) -> VcfFacts:
    """The facts in the first bytes of a plain, gzip or bgzip file; it may be cut anywhere, and never raises."""
    lines = _unpacked(head).decode("utf-8", "replace").split("\n")
    contigs: dict[str, int | None] = {}
    hints: dict[str, None] = {}
    records: dict[str, int] = {}
    lengths_are_true = True
    for line in lines:
        text = line.rstrip("\r")
        if text.startswith("##"):
            key, _, value = text[2:].partition("=")
            if key == "contig" and text.endswith(">"):
                _contig(text, contigs, hints)
            elif key.lower() in {"reference", "assembly", "genome_build", "genomebuild"} and value:
                hints[value[:_MAX_HINT]] = None
            elif key == "source" and value.upper().startswith("PLINK"):
                lengths_are_true = False  # PLINK writes the last record's position + 1
        elif not text.startswith("#") and (found := _RECORD.match(text)):
            name, position = found.group(1), int(found.group(2))
            records[name] = max(position, records.get(name, 0))
    if not lengths_are_true:
        contigs = dict.fromkeys(contigs)
    return VcfFacts(contigs, tuple(hints), records)


def _contig(line: str, contigs: dict[str, int | None], hints: dict[str, None]) -> None:
    name, length, assembly = (pattern.search(line) for pattern in (_ID, _LENGTH, _ASSEMBLY))
    if name:
        contigs.setdefault(name.group(1), int(length.group(1)) if length else None)
    if assembly:
        hints[assembly.group(1)[:_MAX_HINT]] = None


def _unpacked(head: bytes) -> bytes:
    """At most `_MAX_UNPACKED` bytes: a few kilobytes of gzip can hold gigabytes."""
    if not head.startswith(b"\x1f\x8b"):
        return head
    unpacked, rest = bytearray(), head
    while rest and len(unpacked) < _MAX_UNPACKED:  # bgzip writes one gzip member after the other
        member = zlib.decompressobj(wbits=31)
        try:
            unpacked += member.decompress(rest, _MAX_UNPACKED - len(unpacked))
        except zlib.error:
            break
        rest = member.unused_data if member.eof else b""
    return bytes(unpacked)
