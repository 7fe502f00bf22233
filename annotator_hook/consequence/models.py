"""A contig's gene models as compact columns: built once when a pack is installed, loaded in milliseconds by a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from annotator_hook.consequence.arrays import Bools, Bytes, Ints, spread
from annotator_hook.consequence.genetic_code import reverse_complement, translate
from annotator_hook.consequence.gff import GeneModelError, Transcript, flags

FORMAT = 1
"""Version of the file layout; a pack built by another version is to be rebuilt."""

_START_NF, _END_NF, _CANONICAL, _MANE_SELECT, _MANE_CLINICAL = 1, 2, 4, 8, 16
ASSUMED_VERSION = "1"
"""The version of a transcript or protein for which the GFF3 gives none: VEP's choice, kept so that HGVS names agree."""

TEXTS = (
    "transcript_id", "version", "biotype", "gene_id", "symbol", "symbol_source", "hgnc_id", "protein_id",
    "protein_version", "tsl", "ccds", "flags",
)  # fmt: skip
"""The text columns of a transcript, in the order in which the file holds them."""


@dataclass(frozen=True, eq=False)
class ContigModel:
    """Gene models of one contig.

    Transcripts are numbered by the alphabetical order of their ids, which is the order in which VEP lists them. Exons
    are flattened: those of transcript ``t`` are ``exon_offset[t]`` to ``exon_offset[t + 1]``, in genomic order.
    Positions are 1-based and inclusive; cDNA positions are 1-based and run 5' to 3' in the transcript.
    """

    contig: str
    length: int
    """Of the contig, in bases."""
    genetic_code: int
    start: Ints
    end: Ints
    strand: Ints
    """1 or -1."""
    exon_offset: Ints
    exon_start: Ints
    exon_end: Ints
    exon_cdna: Ints
    """cDNA position of the exon's 5' base."""
    coding_start: Ints
    """cDNA position of the first coding base; 0 for a transcript that is not translated."""
    coding_end: Ints
    phase: Ints
    """Bases of the first codon that the model lacks (0 … 2): coding positions are counted from that codon's start."""
    marks: Ints
    mature_offset: Ints
    mature_start: Ints
    mature_end: Ints
    texts: dict[str, list[str]]

    @property
    def transcripts(self) -> int:
        """How many there are."""
        return len(self.start)

    @cached_property
    def coding(self) -> Bools:
        """Transcripts that are translated."""
        return self.coding_start > 0

    @cached_property
    def start_unknown(self) -> Bools:
        """Transcripts whose first codon is not known to be the start."""
        return (self.marks & _START_NF > 0) | (self.phase > 0)

    @cached_property
    def end_unknown(self) -> Bools:
        """Transcripts whose last codon is not known to be the stop."""
        return self.marks & _END_NF > 0

    @cached_property
    def canonical(self) -> Bools:
        """Ensembl's canonical transcripts."""
        return self.marks & _CANONICAL > 0

    @cached_property
    def mane_select(self) -> Bools:
        """The default transcripts of MANE."""
        return self.marks & _MANE_SELECT > 0

    @cached_property
    def mane_plus_clinical(self) -> Bools:
        """MANE's additional transcripts."""
        return self.marks & _MANE_CLINICAL > 0

    @cached_property
    def exon_counts(self) -> Ints:
        """Exons of each transcript."""
        return np.diff(self.exon_offset)

    @cached_property
    def exon_transcript(self) -> Ints:
        """The transcript of each exon."""
        return np.repeat(np.arange(self.transcripts, dtype=np.int64), self.exon_counts)

    @cached_property
    def exon_keys(self) -> Ints:
        """Transcript and start of each exon in one ascending number, so that one binary search serves all."""
        return self.exon_transcript << 32 | self.exon_start

    @cached_property
    def short_intron(self) -> Bools:
        """Transcripts with an intron of at most 13 bases: such introns patch the genome, nothing is spliced there."""
        gaps = self.exon_start[1:] - self.exon_end[:-1] - 2
        same = self.exon_transcript[1:] == self.exon_transcript[:-1]
        found = np.zeros(self.transcripts, dtype=np.bool_)
        found[self.exon_transcript[1:][same & (gaps <= 12)]] = True
        return found

    @cached_property
    def coding_region(self) -> tuple[Ints, Ints]:
        """Genomic start and end of the coding region, intronic parts included; 0 and -1 where there is none."""
        first = np.where(self.strand > 0, self.coding_start, self.coding_end)
        last = np.where(self.strand > 0, self.coding_end, self.coding_start)
        low, high = self.genomic(first), self.genomic(last)
        return np.where(self.coding, low, 0), np.where(self.coding, high, -1)

    def genomic(self, cdna: Ints) -> Ints:
        """The genomic position of one cDNA position in each transcript (0 gives 0)."""
        forward = self.strand[self.exon_transcript] > 0
        lengths = self.exon_end - self.exon_start + 1
        wanted = cdna[self.exon_transcript]
        hit = (wanted >= self.exon_cdna) & (wanted < self.exon_cdna + lengths)
        into = wanted - self.exon_cdna
        position = np.where(forward, self.exon_start + into, self.exon_end - into)
        found = np.zeros(self.transcripts, dtype=np.int64)
        found[self.exon_transcript[hit]] = position[hit]
        return found

    def save(self, path: Path) -> None:
        """Writes the file that ``load`` reads."""
        arrays = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("contig", "length", "texts")}
        for name in TEXTS:
            arrays[f"text_{name}"] = np.frombuffer("\n".join(self.texts[name]).encode(), dtype=np.uint8)
        header = np.frombuffer(f"{FORMAT}\n{self.contig}\n{self.length}".encode(), dtype=np.uint8)
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, header=header, **arrays)

    @classmethod
    def load(cls, path: Path) -> ContigModel:
        """Reads a file of ``save``.

        Raises:
            GeneModelError: the file is damaged or of another version.
        """
        try:
            with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                version, contig, length = file["header"].tobytes().decode().split("\n")
                if int(version) != FORMAT:
                    raise GeneModelError(f"{path.name} was built by another version of GAS; build the pack again.")
                count = len(file["start"])
                texts = {name: file[f"text_{name}"].tobytes().decode().split("\n") if count else [] for name in TEXTS}
                arrays = {name: file[name] for name in file.files if name != "header" and not name.startswith("text_")}
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise GeneModelError(f"The gene models in {path.name} cannot be read: {error}") from error
        code = int(arrays.pop("genetic_code"))
        return cls(contig=contig, length=int(length), genetic_code=code, texts=texts, **arrays)


def build(contig: str, transcripts: Sequence[Transcript], sequence: Bytes, genetic_code: int) -> ContigModel:
    """The columns of one contig's transcripts.

    Args:
        contig: Its name.
        transcripts: As ``gff.read_transcripts`` gives them.
        sequence: The contig's bases as ASCII, upper case.
        genetic_code: NCBI's number of the table that its coding sequences are read with.

    Raises:
        GeneModelError: an exon lies outside the contig or overlaps another one of its transcript, a CDS lies outside
            its exons, or most coding sequences do not translate, so that sequence and models are not of one assembly.
    """
    ordered = sorted(transcripts, key=lambda t: t.transcript_id)
    for previous, following in pairwise(ordered):
        if previous.transcript_id == following.transcript_id:
            raise GeneModelError(f"Line {following.line}: there are two transcripts {following.transcript_id}.")
    columns: dict[str, list[int]] = {name: [] for name in _NUMBERS}
    exon_offset, mature_offset = [0], [0]
    broken = []
    for transcript in ordered:
        _check_exons(transcript, contig, len(sequence))
        placed = _place(transcript)
        for name, values in placed.items():
            columns[name].extend(values)
        exon_offset.append(len(columns["exon_start"]))
        mature_offset.append(len(columns["mature_start"]))
        if transcript.cds and _stops_early(transcript, placed, sequence, genetic_code):
            broken.append(transcript.transcript_id)
    coding = sum(bool(transcript.cds) for transcript in ordered)
    if broken and 2 * len(broken) > coding:
        raise GeneModelError(
            f"{len(broken)} of {coding} coding sequences on {contig} have a stop inside ({', '.join(broken[:3])}, …): "
            f"the sequence and the gene models are not of one assembly, or the genetic code is not {genetic_code}."
        )
    return ContigModel(
        contig=contig,
        length=len(sequence),
        genetic_code=genetic_code,
        exon_offset=np.array(exon_offset, dtype=np.int64),
        mature_offset=np.array(mature_offset, dtype=np.int64),
        texts={name: [_text(transcript, name) for transcript in ordered] for name in TEXTS},
        **{name: np.array(values, dtype=np.int64) for name, values in columns.items()},
    )


_NUMBERS = (
    "start", "end", "strand", "exon_start", "exon_end", "exon_cdna", "coding_start", "coding_end", "phase", "marks",
    "mature_start", "mature_end",
)  # fmt: skip


def _text(transcript: Transcript, name: str) -> str:
    if name in ("gene_id", "symbol", "symbol_source", "hgnc_id"):
        return str(getattr(transcript.gene, name))
    if name == "flags":
        return flags(transcript.tags)
    return str(getattr(transcript, name))


def _check_exons(transcript: Transcript, contig: str, length: int) -> None:
    where = f"Line {transcript.line}: transcript {transcript.transcript_id}"
    if transcript.exons[-1][1] > length:
        raise GeneModelError(f"{where} ends at {transcript.exons[-1][1]}, but {contig} has {length} bases.")
    for (_, end), (start, _) in pairwise(transcript.exons):
        if start <= end:
            raise GeneModelError(f"{where} has exons that overlap at {start}.")
    for start, end, _ in transcript.cds:
        if not any(low <= start and end <= high for low, high in transcript.exons):
            raise GeneModelError(f"{where} has coding sequence {start}-{end} outside its exons.")


def _place(transcript: Transcript) -> dict[str, list[int]]:
    """One transcript's rows of the columns."""
    exons, forward = transcript.exons, transcript.strand > 0
    cdna, at = [0] * len(exons), 1
    for i in range(len(exons)) if forward else reversed(range(len(exons))):
        cdna[i] = at
        at += exons[i][1] - exons[i][0] + 1

    def position(genomic: int) -> int:
        i = next(i for i, (low, high) in enumerate(exons) if low <= genomic <= high)
        return cdna[i] + (genomic - exons[i][0] if forward else exons[i][1] - genomic)

    coding_start = coding_end = phase = 0
    if transcript.cds:
        low, high = transcript.cds[0][0], max(end for _, end, _ in transcript.cds)
        first = transcript.cds[0] if forward else transcript.cds[-1]
        coding_start, coding_end = position(low if forward else high), position(high if forward else low)
        phase = -first[2] % 3
    tags = transcript.tags
    marks = (
        (_START_NF if "cds_start_NF" in tags else 0)
        | (_END_NF if "cds_end_NF" in tags else 0)
        | (_CANONICAL if "Ensembl_canonical" in tags else 0)
        | (_MANE_SELECT if "MANE_Select" in tags else 0)
        | (_MANE_CLINICAL if "MANE_Plus_Clinical" in tags else 0)
    )
    return {
        "start": [exons[0][0]],
        "end": [exons[-1][1]],
        "strand": [transcript.strand],
        "exon_start": [low for low, _ in exons],
        "exon_end": [high for _, high in exons],
        "exon_cdna": cdna,
        "coding_start": [coding_start],
        "coding_end": [coding_end],
        "phase": [phase],
        "marks": [marks],
        "mature_start": [low for low, _ in transcript.mature],
        "mature_end": [high for _, high in transcript.mature],
    }


def _stops_early(transcript: Transcript, placed: dict[str, list[int]], sequence: Bytes, genetic_code: int) -> bool:
    spliced = b"".join(sequence[low - 1 : high].tobytes() for low, high in transcript.exons)
    if transcript.strand < 0:
        spliced = reverse_complement(spliced)
    cds = spliced[placed["coding_start"][0] - 1 : placed["coding_end"][0]]
    skip = -placed["phase"][0] % 3
    return "*" in translate(cds[skip:], genetic_code)[:-1]


class Neighbourhood:
    """Finds the transcripts within ``distance`` bases of variants, for whole columns at once.

    The contig is cut wherever the reach of a transcript begins or ends; every piece knows its transcripts. A variant's
    transcripts are those of the piece in which it begins, and those whose reach begins inside the variant.
    """

    def __init__(self, model: ContigModel, distance: int) -> None:
        low, high = model.start - distance, model.end + distance
        self._cuts = np.unique(np.concatenate([low, high + 1]))
        first, last = np.searchsorted(self._cuts, low), np.searchsorted(self._cuts, high + 1)
        transcript, step = spread(last - first)
        piece = first[transcript] + step
        order = np.lexsort((transcript, piece))
        self._members = transcript[order]
        self._offset = np.searchsorted(piece[order], np.arange(len(self._cuts) + 1))
        self._by_reach = np.argsort(low, kind="stable")
        self._reach = low[self._by_reach]

    def pairs(self, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """Variants ``low … high`` and their transcripts: (variant, transcript) for each pair, in ascending order."""
        if len(self._cuts) == 0:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        piece = np.searchsorted(self._cuts, low, side="right") - 1
        known = piece >= 0
        start = np.where(known, self._offset[piece], 0)
        counts = np.where(known, self._offset[np.maximum(piece, 0) + 1] - start, 0)
        variant, step = spread(counts)
        transcript = self._members[start[variant] + step] if len(variant) else step
        since = np.searchsorted(self._reach, low, side="right")
        until = np.searchsorted(self._reach, high, side="right")
        if not (until > since).any():
            return variant, transcript
        more, step = spread(until - since)
        variant = np.concatenate([variant, more])
        transcript = np.concatenate([transcript, self._by_reach[since[more] + step]])
        order = np.lexsort((transcript, variant))
        return variant[order], transcript[order]
