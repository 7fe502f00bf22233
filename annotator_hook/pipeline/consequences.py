"""What an allele does, transcript by transcript, in the Sequence Ontology's terms.

Proteins are `csq`'s business; where a variant lies is the gene model's. `csq` is corrected where it is known to be
wrong (each correction says how), and asked nothing that geometry answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from annotator_hook.pipeline import hgvs
from annotator_hook.pipeline.csq import Call
from annotator_hook.pipeline.gene_model import GeneModel, Transcript
from annotator_hook.pipeline.reference import Reference
from annotator_hook.pipeline.terms import IMPACT, RANK, by_severity
from annotator_hook.pipeline.variant import Variant

FROM_CSQ: Final[Mapping[str, str]] = {
    "missense": "missense_variant",
    "synonymous": "synonymous_variant",
    "stop_gained": "stop_gained",
    "stop_lost": "stop_lost",
    "stop_retained": "stop_retained_variant",
    "start_lost": "start_lost",
    "start_retained": "start_retained_variant",
    "frameshift": "frameshift_variant",
    "inframe_insertion": "inframe_insertion",
    "inframe_deletion": "inframe_deletion",
    "inframe_altering": "protein_altering_variant",
    "coding_sequence": "coding_sequence_variant",
}
"""`csq`'s names of changes to proteins; all its other names are answered by geometry."""


@dataclass(frozen=True)
class Consequence:
    """Of one allele in one transcript, or between all."""

    terms: tuple[str, ...]
    """The most severe first."""
    transcript: Transcript | None = None
    """None for an intergenic variant."""
    exon: str = ""
    """Such as ``1/1``."""
    cdna: str = ""
    """Position or range along the transcript."""
    cds: str = ""
    residues: str = ""
    """Position or range along the protein."""
    amino_acids: str = ""
    """Such as ``R/H``; one where it stays the same."""
    codons: str = ""
    """Such as ``cGc/cAc``: what changes is in capitals."""
    hgvs_p: str = ""
    distance: int | None = None
    """Bases between the variant and the transcript, where they do not overlap."""

    @property
    def impact(self) -> str:
        return IMPACT[self.terms[0]]

    def csq(self) -> str:
        """The fields of VEP's CSQ after Allele; Existing_variation is empty."""
        head = f"|{'&'.join(self.terms)}|{self.impact}"
        transcript = self.transcript
        if transcript is None:
            return f"{head}|||||||||||||||||"
        protein = self.hgvs_p.replace("=", "%3D")  # as VEP: an equals sign has a meaning in INFO
        return (
            f"{head}|{transcript.symbol}|{transcript.gene_id}|Transcript|{transcript.transcript_id}|"
            f"{transcript.biotype}|{self.exon}|||{protein}|{self.cdna}|{self.cds}|{self.residues}|"
            f"{self.amino_acids}|{self.codons}||{'' if self.distance is None else self.distance}|{transcript.strand}|"
        )


class Consequences(NamedTuple):
    """Of one allele, everywhere."""

    touching: list[Consequence]
    """In the transcripts that it touches, the most severe first."""
    nearest: Consequence | None
    """Beside the nearest transcript that it does not touch, or intergenic; None where it touches all near by."""
    flanking_csq: tuple[str, ...]
    """`Consequence.csq` beside every transcript near by, the nearest first."""

    @property
    def worst(self) -> Consequence:
        found = self.touching[0] if self.touching else self.nearest
        assert found is not None  # noqa: S101 - a variant that touches nothing is at least intergenic
        return found


class Annotator:
    """Knows the genes and the sequence."""

    def __init__(self, genes: GeneModel, reference: Reference) -> None:
        self._genes = genes
        self._reference = reference
        self._near = lru_cache(maxsize=256)(self._find_near)
        self._heads: dict[tuple[str, str], str] = {}
        """Transcript and flanking term → `Consequence.csq` up to the distance."""

    def consequences(self, variant: Variant, calls: Mapping[str, Call]) -> Consequences:
        """``calls``: what `csq` says of the variant, by transcript."""
        touched, nearest, flanking = self._near(variant.contig, *variant.span)
        touching = [self._inside(variant, transcript, calls.get(transcript.transcript_id)) for transcript in touched]
        touching.sort(key=lambda item: RANK[item.terms[0]])
        return Consequences(touching, nearest, flanking)

    def _find_near(
        self, contig: str, start: int, end: int
    ) -> tuple[list[Transcript], Consequence | None, tuple[str, ...]]:
        """What depends on the span alone; on a dense genome it is most of what there is to say."""
        touched: list[Transcript] = []
        beside: list[tuple[int, str, Transcript]] = []
        for transcript in self._genes.near(contig, start, end):
            if transcript.overlaps(start, end):
                touched.append(transcript)
            elif end < transcript.start:
                term = "upstream_gene_variant" if transcript.strand == 1 else "downstream_gene_variant"
                beside.append((transcript.start - end, term, transcript))
            else:
                term = "downstream_gene_variant" if transcript.strand == 1 else "upstream_gene_variant"
                beside.append((start - transcript.end, term, transcript))
        if not beside:
            intergenic = None if touched else Consequence(("intergenic_variant",))
            return touched, intergenic, (intergenic.csq(),) if intergenic else ()
        beside.sort(key=lambda item: item[0])
        distance, term, transcript = beside[0]
        csq = []
        for away, where, other in beside:
            head = self._heads.get((other.transcript_id, where))
            if head is None:
                head = Consequence((where,), other).csq().removesuffix(f"|{other.strand}|")
                self._heads[other.transcript_id, where] = head
            csq.append(f"{head}{away}|{other.strand}|")
        return touched, Consequence((term,), transcript, distance=distance), tuple(csq)

    def _inside(self, variant: Variant, transcript: Transcript, call: Call | None) -> Consequence:
        start, end = variant.span
        if variant.kind == "deletion" and start <= transcript.start and end >= transcript.end:
            return Consequence(("transcript_ablation",), transcript)
        exon = transcript.exon_number(start, end)
        exon_of = f"{exon}/{len(transcript.exons)}" if exon else ""
        cdna = _positions(transcript.cdna_position(start), transcript.cdna_position(end))
        if not transcript.is_coding:
            if exon:
                return Consequence(("non_coding_transcript_exon_variant",), transcript, exon_of, cdna)
            return Consequence(("intron_variant", "non_coding_transcript_variant"), transcript)
        first, last = _ordered(transcript.cds_position(start), transcript.cds_position(end))
        terms = by_severity(_coding_terms(variant, transcript, call, first, last))
        substituted = len(variant.ref) == len(variant.alt)
        return Consequence(
            terms,
            transcript,
            exon_of,
            cdna,
            cds=_positions(first, last),
            residues=_positions(first and (first + 2) // 3, last and (last + 2) // 3),
            amino_acids=_amino_acids(call, terms) if call else "",
            codons=self._codons(variant, transcript, first, last) if call and substituted and first and last else "",
            hgvs_p=hgvs.protein(call, terms) if call and substituted else "",
        )

    def _codons(self, variant: Variant, transcript: Transcript, first: int, last: int) -> str:
        """The codons that a substitution touches, before and after."""
        whole = transcript.cds_bases((first - 1) // 3 * 3 + 1, min((last + 2) // 3 * 3, transcript.cds_length))
        before, after = [], []
        for pos in whole:
            base = self._reference.base(variant.contig, pos)
            offset = pos - variant.pos
            changes = 0 <= offset < len(variant.ref)
            new = variant.alt[offset] if changes else base
            if transcript.strand == -1:
                base, new = base.translate(_COMPLEMENT), new.translate(_COMPLEMENT)
            before.append(base if changes else base.lower())
            after.append(new if changes else new.lower())
        return f"{''.join(before)}/{''.join(after)}"


_COMPLEMENT: Final = str.maketrans("ACGT", "TGCA")


def _coding_terms(
    variant: Variant, transcript: Transcript, call: Call | None, first: int | None, last: int | None
) -> set[str]:
    start, end = variant.span
    change = len(variant.inserted) - (end - start + 1)
    if first is not None and transcript.in_partial_codon(first):
        # `csq` says intron; as VEP, both terms.
        return {"incomplete_terminal_codon_variant", "coding_sequence_variant"}
    if first is None and last is None and not any(low <= end and high >= start for low, high in transcript.cds):
        return _untranslated(transcript, start, end)
    terms = {FROM_CSQ[term] for term in call.terms if term in FROM_CSQ} if call else set()
    if change < 0 and _touches_start_codon(transcript, start, end) and not _keeps_start(call):
        # `csq` adds inframe_deletion, or sees nothing when the deletion begins outside the gene.
        return {"start_lost"} | (terms & {"frameshift_variant", "stop_lost"})
    if call is not None:
        _correct_start(terms, call)
        _correct_frameshift(terms, call, change)
        _correct_inframe(terms, call)
    return terms or {"coding_sequence_variant"}


def _untranslated(transcript: Transcript, start: int, end: int) -> set[str]:
    if transcript.exon_number(start, end) is None:
        return {"intron_variant"}
    before_cds = end < transcript.cds[0][0]
    return {"5_prime_UTR_variant" if before_cds == (transcript.strand == 1) else "3_prime_UTR_variant"}


def _touches_start_codon(transcript: Transcript, start: int, end: int) -> bool:
    return any(start <= pos <= end for pos in transcript.cds_bases(1, 3))


def _keeps_start(call: Call | None) -> bool:
    """The first codon still reads methionine, or still reads what it read: ND2 starts with ATT."""
    if call is None or call.residue != 1 or not call.alt_amino_acids:
        return False
    return call.alt_amino_acids[0] in ("M", call.ref_amino_acids[0])


def _correct_start(terms: set[str], call: Call) -> None:
    """`csq` calls every change of a start codon start_lost, ATA>ATG too."""
    if "start_lost" in terms and _keeps_start(call):
        terms -= {"start_lost", "synonymous_variant", "missense_variant"}
        if not terms:
            terms.add("start_retained_variant")


def _correct_frameshift(terms: set[str], call: Call, change: int) -> None:
    """`csq` adds stop_gained wherever the new frame ends; it is one only where its first new codon is a stop.

    A change by whole codons shifts no frame, whatever it does beside an incomplete last codon.
    """
    if "frameshift_variant" not in terms:
        return
    if change % 3 == 0:
        terms -= {"frameshift_variant", "stop_gained"}
        return
    terms -= {"synonymous_variant"}
    ref, alt = call.ref_amino_acids, call.alt_amino_acids
    new = next((n for n, residue in enumerate(alt) if n >= len(ref) or residue != ref[n]), None)
    if new is None or alt[new] != "*":
        terms -= {"stop_gained"}


def _correct_inframe(terms: set[str], call: Call) -> None:
    """An in-frame insertion or deletion that also changes a neighbouring residue alters the protein."""
    inframe = terms & {"inframe_insertion", "inframe_deletion"}
    ref, alt = call.ref_amino_acids, call.alt_amino_acids
    if not inframe or not ref or "*" in alt or "?" in alt or terms & {"stop_gained", "stop_lost", "start_lost"}:
        return
    shorter, longer = sorted((ref, alt), key=len)
    head = next((n for n, residue in enumerate(shorter) if residue != longer[n]), len(shorter))
    if shorter[head:] != longer[len(longer) - (len(shorter) - head) :]:
        terms -= inframe
        terms.add("protein_altering_variant")


def _amino_acids(call: Call, terms: tuple[str, ...]) -> str:
    ref, alt = call.ref_amino_acids, call.alt_amino_acids
    if "frameshift_variant" in terms:
        return f"{ref[:1]}/X" if ref else ""
    return ref if ref == alt else f"{ref or '-'}/{alt or '-'}"


def _ordered(first: int | None, last: int | None) -> tuple[int | None, int | None]:
    if first is not None and last is not None and first > last:
        return last, first
    return first, last


def _positions(first: int | None, last: int | None) -> str:
    """As VEP writes ranges; a question mark where an end lies outside."""
    if first is None and last is None:
        return ""
    first, last = _ordered(first, last)
    if first == last:
        return str(first)
    return f"{'?' if first is None else first}-{'?' if last is None else last}"
