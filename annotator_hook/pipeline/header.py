"""The header of a VCF: checked, and written anew for the result.

Source: "The Variant Call Format Specification, VCFv4.3", sections 1.2 to 1.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from annotator_hook.pipeline.outcome import InputRejected
from annotator_hook.pipeline.source import Line

COLUMNS: Final = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO")
MOST_LINES: Final = 200_000
_STRUCTURED: Final = re.compile(r"##(INFO|FORMAT|FILTER|contig)=<(?:.*?,)?ID=([^,>]+)")
_NUMBER: Final = re.compile(r"[<,]Number=([^,>]+)")
_LENGTH: Final = re.compile(r"[<,]length=(\d+)")
_TEMPLATE: Final = (
    "A VCF starts with ##fileformat=VCFv4.2, then come lines with ##, then the line #CHROM POS ID … with tabs."
)


@dataclass
class Header:
    """What the header says that matters here."""

    fileformat: str = ""
    meta: list[str] = field(default_factory=list)
    """Lines that start with ##, but for ``fileformat`` and ``contig``."""
    declared: dict[str, dict[str, str]] = field(default_factory=lambda: {"INFO": {}, "FORMAT": {}, "FILTER": {}})
    """Kind → ID → Number (empty for FILTER)."""
    contig_lengths: dict[str, int] = field(default_factory=dict)
    samples: list[str] = field(default_factory=list)
    """Untrusted text."""
    columns: int = 8
    renamed: dict[str, str] = field(default_factory=dict)
    """INFO keys that GAS writes itself → the name under which values that the input has for them are kept."""
    warnings: list[str] = field(default_factory=list)


def read(lines: Iterator[Line], own_keys: Iterable[str]) -> Header:
    """Consumes the header. ``own_keys`` are the INFO keys that GAS adds. Raises `InputRejected`."""
    header = Header()
    for number, text, cut in lines:
        if cut:
            raise InputRejected("header-line", "A line of the header is longer than 8 MiB.", "Shorten it.", number)
        if number > MOST_LINES:
            raise InputRejected("header", f"The header has more than {MOST_LINES:,} lines.", "Shorten it.", number)
        if text.startswith("##"):
            _meta(header, text, number)
        elif text.startswith("#"):
            _column_line(header, text, number)
            if not header.fileformat:
                header.fileformat = "VCFv4.2"
                header.warnings.append("The line ##fileformat is missing; the file is read as VCFv4.2.")
            _rename(header, own_keys)
            return header
        elif text.strip():
            raise _no_header(text, number)
    raise InputRejected("no-column-line", "The file has no line that starts with #CHROM.", _TEMPLATE)


def _meta(header: Header, text: str, number: int) -> None:
    if text.startswith("##fileformat="):
        version = text.removeprefix("##fileformat=").strip()
        if not version.startswith("VCFv4."):
            raise InputRejected(
                "version",
                f"The file says that its format is {version[:40]!r}; GAS reads VCF 4.",
                "Convert it to VCF 4.2, for instance with vcf-convert.",
                number,
            )
        header.fileformat = version
        if number > 1:
            header.warnings.append(f"Line {number}: ##fileformat should be the first line.")
        return
    match = _STRUCTURED.match(text)
    if match is None:
        if re.match(r"##[^=\s]+=.", text):
            header.meta.append(text)
        else:
            header.warnings.append(f"Line {number} of the header says nothing and was left out.")
        return
    kind, name = match.groups()
    if kind == "contig":
        length = _LENGTH.search(text)
        if length:
            header.contig_lengths[name] = int(length.group(1)[:12])
        return
    number_of_values = _NUMBER.search(text)
    if name not in header.declared[kind]:
        header.declared[kind][name] = number_of_values.group(1) if number_of_values else ""
        header.meta.append(text)


def _column_line(header: Header, text: str, number: int) -> None:
    columns = text.split("\t")
    if tuple(columns[:8]) != COLUMNS:
        if tuple(text.split()[:8]) == COLUMNS or (text.startswith("#CHROM") and len(columns) == 1):
            raise InputRejected(
                "spaces",
                "The columns are separated by spaces, but a VCF needs tabs.",
                "Replace the spaces by tabs; copying from a terminal or an e-mail often turns tabs into spaces.",
                number,
            )
        raise InputRejected(
            "column-line",
            f"The line with the column names must be {' '.join(COLUMNS)}; this one starts with {text[:60]!r}.",
            _TEMPLATE,
            number,
        )
    if len(columns) > 8 and columns[8] != "FORMAT":
        raise InputRejected(
            "column-line", f"The ninth column must be FORMAT, not {columns[8][:40]!r}.", _TEMPLATE, number
        )
    header.columns = len(columns)
    header.samples = columns[9:]
    seen: set[str] = set()
    for column, sample in enumerate(header.samples, 10):
        if not sample:
            raise InputRejected("sample-name", f"Column {column} has no sample name.", "Name every sample.", number)
        if sample in seen:
            raise InputRejected(
                "duplicate-samples",
                f"Two samples have the same name: {sample[:80]!r}.",
                "Give each sample a name of its own.",
                number,
            )
        seen.add(sample)


def _no_header(text: str, number: int) -> InputRejected:
    fields = text.split("\t")
    if len(fields) >= 5 and fields[1].isdigit():
        return InputRejected(
            "no-header", "The file has no header: records come before the line #CHROM.", _TEMPLATE, number
        )
    return InputRejected("not-vcf", "This is not a VCF: its first line does not start with ##fileformat.", _TEMPLATE)


def _rename(header: Header, own_keys: Iterable[str]) -> None:
    """What was annotated before is kept under other names: INPUT_CSQ beside the new CSQ."""
    declared = header.declared["INFO"]
    found: list[str] = []
    for key in own_keys:
        names = (f"INPUT{n if n > 1 else ''}_{key}" for n in range(1, len(declared) + 2))
        header.renamed[key] = next(name for name in names if name not in declared)
        if key in declared:
            declared[header.renamed[key]] = declared.pop(key)
            found.append(key)
    if found:
        pattern = re.compile(r"(##INFO=<(?:.*?,)?ID=)(" + "|".join(map(re.escape, found)) + r")(?=[,>])")
        header.meta = [
            pattern.sub(lambda match: match.group(1) + header.renamed[match.group(2)], line) for line in header.meta
        ]
        kept = ", ".join(f"{key} is now {header.renamed[key]}" for key in found)
        header.warnings.append(f"The file was annotated before; its own values are kept: {kept}.")


def column_line(header: Header) -> str:
    """The line that starts with #CHROM."""
    return "\t".join([*COLUMNS, "FORMAT", *header.samples] if header.samples else COLUMNS)
