"""Reads gene models from a GFF3 file in the manner of Ensembl, contig by contig.

Format: the Sequence Ontology's GFF3 1.26; attributes as Ensembl writes them (``biotype``, ``version``, ``tag``,
``protein_id``, ``transcript_support_level``, ``ccdsid``), with RefSeq's and GENCODE's spellings where they differ.
A transcript is any record that exons or CDS name as parent; a gene is a transcript's parent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from shared.core.errors import Permanent

_PREFIX = re.compile(r"^(gene|transcript|CDS|rna|exon)[:-]", re.IGNORECASE)
_SOURCE = re.compile(r"\[Source:([^;\]]+?)(?: Symbol)?(?:;Acc:([^\]]+))?\]")
_FLAGS = ("cds_start_NF", "cds_end_NF", "mRNA_start_NF", "mRNA_end_NF")
_UNSAFE = re.compile(r"[|,;=&\s]")


class GeneModelError(Permanent):
    """The gene models contradict themselves or the sequence. The sentence names the record."""


@dataclass(slots=True)
class Gene:
    """What a gene lends its transcripts."""

    gene_id: str
    symbol: str = ""
    symbol_source: str = ""
    hgnc_id: str = ""
    biotype: str = ""


@dataclass(slots=True)
class Transcript:
    """One transcript as the file gives it; positions are 1-based and inclusive, intervals in genomic order."""

    transcript_id: str
    line: int
    start: int
    end: int
    strand: int
    biotype: str
    gene: Gene
    version: str = ""
    protein_id: str = ""
    protein_version: str = ""
    tags: frozenset[str] = frozenset()
    tsl: str = ""
    ccds: str = ""
    exons: list[tuple[int, int]] = field(default_factory=list)
    cds: list[tuple[int, int, int]] = field(default_factory=list)
    """Start, end and phase (bases to drop before the first whole codon) of each piece of coding sequence."""
    mature: list[tuple[int, int]] = field(default_factory=list)
    """Mature miRNA products."""


@dataclass(slots=True)
class _Record:
    line: int
    kind: str
    start: int
    end: int
    strand: int
    attributes: dict[str, str]
    exons: list[tuple[int, int]] = field(default_factory=list)
    cds: list[tuple[int, int, int]] = field(default_factory=list)
    cds_attributes: dict[str, str] = field(default_factory=dict)
    mature: list[tuple[int, int]] = field(default_factory=list)
    again: int = 0
    """The line that has the same ID a second time; 0 when there is none."""


def read_transcripts(lines: Iterable[str]) -> Iterator[tuple[str, list[Transcript]]]:
    """Each contig of a GFF3 file with its transcripts, in the file's order; contigs without any are left out.

    Raises:
        GeneModelError: a line is not GFF3, a parent is missing, or a contig's lines do not stand together.
    """
    seen: set[str] = set()
    contig, records, children = "", dict[str, _Record](), list[tuple[int, list[str], _Record]]()
    for number, raw in enumerate(lines, start=1):
        if raw.startswith("#") or not raw.strip():
            if raw.startswith("##FASTA"):
                break
            continue
        name, record = _parse(raw.rstrip("\r\n"), number)
        if name != contig:
            if contig:
                yield from _finished(contig, records, children)
            if name in seen:
                raise GeneModelError(f"Line {number}: the lines of contig {name} do not stand together; sort the GFF3.")
            seen.add(name)
            contig, records, children = name, {}, []
        identity, parents = record.attributes.get("ID", ""), record.attributes.get("Parent", "")
        if record.kind in ("exon", "CDS") or (record.kind == "miRNA" and parents):
            children.append((number, parents.split(",") if parents else [], record))
        if identity and record.kind not in ("exon", "CDS") and records.setdefault(identity, record) is not record:
            records[identity].again = records[identity].again or number
    if contig:
        yield from _finished(contig, records, children)


def _parse(raw: str, number: int) -> tuple[str, _Record]:
    columns = raw.split("\t")
    if len(columns) != 9:
        raise GeneModelError(f"Line {number} has {len(columns)} columns; GFF3 has nine, separated by tabs.")
    try:
        start, end = int(columns[3]), int(columns[4])
    except ValueError:
        raise GeneModelError(f"Line {number}: start and end must be numbers.") from None
    if not 1 <= start <= end:
        raise GeneModelError(f"Line {number}: start {start} and end {end} are no interval.")
    attributes = {}
    for item in columns[8].split(";"):
        key, _, value = item.strip().partition("=")
        if key:
            attributes[key] = unquote(value) if "%" in value else value
    if columns[2] == "CDS":
        attributes["phase"] = columns[7] if columns[7] in ("0", "1", "2") else "0"
    return unquote(columns[0]), _Record(number, columns[2], start, end, -1 if columns[6] == "-" else 1, attributes)


def _finished(
    contig: str, records: dict[str, _Record], children: list[tuple[int, list[str], _Record]]
) -> Iterator[tuple[str, list[Transcript]]]:
    for number, parents, child in children:
        for parent in parents:
            owner = records.get(parent)
            if owner is None:
                raise GeneModelError(f"Line {number}: {child.kind} names the parent {parent}, which {contig} lacks.")
            if child.kind == "exon":
                owner.exons.append((child.start, child.end))
            elif child.kind == "CDS":
                owner.cds.append((child.start, child.end, int(child.attributes["phase"])))
                owner.cds_attributes = owner.cds_attributes or child.attributes
            elif owner.kind != "gene" and not owner.kind.endswith("_gene"):
                owner.mature.append((child.start, child.end))
    transcripts = [
        _transcript(identity, record, records) for identity, record in records.items() if record.exons or record.cds
    ]
    if transcripts:
        yield contig, transcripts


def _transcript(identity: str, record: _Record, records: dict[str, _Record]) -> Transcript:
    attributes = record.attributes
    if record.again and "part" not in attributes:  # RefSeq numbers the parts of what is spliced from several places
        raise GeneModelError(f"Line {record.again}: the ID {identity} belongs to the transcript of line {record.line}.")
    parent = attributes.get("Parent", "").split(",")[0]
    if parent and parent not in records:
        raise GeneModelError(f"Line {record.line}: {identity} names the parent {parent}, which is not in the file.")
    holder = records.get(parent, record)
    gene = _gene(parent or identity, attributes, holder.attributes)
    coding = record.cds_attributes
    protein = coding.get("protein_id") or _PREFIX.sub("", coding.get("ID", ""))
    tags = frozenset(attributes.get("tag", "").split(","))
    return Transcript(
        transcript_id=_safe(attributes.get("transcript_id") or _PREFIX.sub("", identity)),
        line=record.line,
        start=record.start,
        end=record.end,
        strand=record.strand,
        biotype=_safe(_biotype(record)),
        gene=gene,
        version=attributes.get("version", ""),
        protein_id=_safe(protein),
        protein_version=coding.get("version") or coding.get("protein_version", ""),
        tags=tags,
        tsl=attributes.get("transcript_support_level", "").split(" ")[0].replace("NA", ""),
        ccds=_safe(attributes.get("ccdsid", "")),
        exons=sorted(record.exons or [(start, end) for start, end, _ in record.cds]),
        cds=sorted(record.cds),
        mature=sorted(record.mature),
    )


def _gene(identity: str, own: dict[str, str], holder: dict[str, str]) -> Gene:
    gene_id = own.get("gene_id") or holder.get("gene_id") or _dbxref(own) or _PREFIX.sub("", identity)
    symbol = own.get("gene_name") or own.get("gene") or holder.get("gene_name") or holder.get("gene")
    source = _SOURCE.search(holder.get("description", ""))
    accession = (source[2] or "") if source else ""
    return Gene(
        gene_id=_safe(gene_id),
        symbol=_safe(symbol or holder.get("Name", "")),
        symbol_source=_safe(source[1]) if source else "",
        hgnc_id=_safe(accession) if accession.startswith("HGNC:") else "",
        biotype=holder.get("biotype", ""),
    )


def _dbxref(attributes: dict[str, str]) -> str:
    pairs = (item.partition(":") for item in attributes.get("Dbxref", "").split(","))
    return next((value for key, _, value in pairs if key == "GeneID"), "")


def _biotype(record: _Record) -> str:
    attributes = record.attributes
    named = attributes.get("biotype") or attributes.get("transcript_type") or attributes.get("transcript_biotype")
    if named:
        return named
    return "protein_coding" if record.kind == "mRNA" or record.cds else record.kind


def _safe(name: str) -> str:
    """CSQ separates with ``|``, ``,`` and ``;``: none may stand in a name."""
    return _UNSAFE.sub("_", name)


def flags(tags: frozenset[str]) -> str:
    """The tags that VEP shows as FLAGS: the coding sequence's start or end was not found."""
    return "&".join(flag for flag in _FLAGS if flag in tags and flag.startswith("cds_"))
