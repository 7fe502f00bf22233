"""A filter as SQL. The text is made of our own words alone; whatever a person typed is a parameter.

The tables are those of `frontend.results.index`: a variant's calls over all its transcripts are a *call set*, of which
there are few different ones, so that conditions on transcripts are decided once a call set and not once a row.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from frontend.results.vocabulary import BESIDE, ZYGOSITIES

if TYPE_CHECKING:
    from frontend.results.filters import Filter, Region, Span

MITOCHONDRIA: Final = ("MT", "M", "chrM", "chrMT")
THREE_LETTERS: Final = {
    "A": "Ala", "C": "Cys", "D": "Asp", "E": "Glu", "F": "Phe", "G": "Gly", "H": "His", "I": "Ile", "K": "Lys",
    "L": "Leu", "M": "Met", "N": "Asn", "P": "Pro", "Q": "Gln", "R": "Arg", "S": "Ser", "T": "Thr", "U": "Sec",
    "V": "Val", "W": "Trp", "Y": "Tyr", "*": "Ter", "=": "=",
}  # fmt: skip
_ONE_LETTER: Final = re.compile(r"(?:p\.)?([ACDEFGHIKLMNPQRSTUVWY*])(\d+)([ACDEFGHIKLMNPQRSTUVWY*=])", re.IGNORECASE)
"""``p.R201H``, ``R201H``."""
_PLACE: Final = re.compile(r"([^\s:-]+)[\s:-](\d[\d,]{0,13})(?:[\s:-]?([ACGTN]+)[\s>/:-]([ACGTN]+))?", re.IGNORECASE)
"""``20:1,187,729``, ``chr20-1187729-C-T``, ``20:1187729C>T``."""
_UNVERSIONED: Final = re.compile(r"([^\s:.]+):([cnpgm]\..+)")
"""``ENST00000361381:c.1019G>A``: what the results name with a version."""
_LAST_POSITION: Final = 2**31 - 1

_SNVS: Final = ("transition", "transversion", "SNV")


@dataclass
class Where:
    """Conditions that must all hold, and the values of their ``?`` in order."""

    conditions: list[str] = field(default_factory=list)
    parameters: list[Any] = field(default_factory=list)

    def add(self, condition: str, *parameters: Any) -> None:
        """One more."""
        self.conditions.append(condition)
        self.parameters.extend(parameters)

    def extend(self, other: Where) -> None:
        """All of another."""
        self.conditions += other.conditions
        self.parameters += other.parameters

    @property
    def sql(self) -> str:
        """What follows WHERE."""
        return " AND ".join(f"({condition})" for condition in self.conditions) or "true"


def where(chosen: Filter) -> Where:
    """All of the filter."""
    found = beside_facets(chosen)
    _add_calls(found, chosen)
    if chosen.kind:
        wanted = kinds(chosen.kind)
        found.add(f"kind IN ({_marks(wanted)})", *wanted)
    if chosen.clinvar:
        found.add(*significance(chosen.clinvar))
    return found


def beside_facets(chosen: Filter) -> Where:
    """What is not a facet: everything but gene, consequence, impact, class and ClinVar's significance."""
    found = Where()
    if chosen.region:
        parts, values = zip(*(_region(region) for region in chosen.region), strict=True)
        found.add(" OR ".join(parts), *(value for some in values for value in some))
    if chosen.af:
        # rare is also what nobody has counted; whoever wants what is frequent wants to know that it is
        _add_span(found, "af", chosen.af, " OR af IS NULL" if chosen.af.low is None else "")
    if chosen.qual:
        _add_span(found, "qual", chosen.qual)
    if chosen.size:
        _add_span(found, "length(alt) - length(ref)", chosen.size)
    if chosen.passed:
        found.add("filter IS NULL OR filter IN ('PASS', '.')")
    if chosen.genotype:
        found.add("n_het > 0" if chosen.genotype == "het" else "n_hom_alt > 0")
    for genotype in chosen.sample:
        found.add(
            "(zygosities >> (SELECT 2 * position FROM samples WHERE name = ?)) & 3 = ?",
            genotype.sample,
            ZYGOSITIES[genotype.zygosity],
        )
    if chosen.haplotype:
        found.add("haplotype")
    if chosen.text:
        found.add(*_free_text(chosen.text))
    return found


def kinds(classes: Sequence[str]) -> tuple[str, ...]:
    """The values of ``kind`` that classes comprise."""
    return tuple(dict.fromkeys(kind for name in classes for kind in (_SNVS if name == "SNV" else (name,))))


def _add_span(found: Where, expression: str, span: Span, more: str = "") -> None:
    # what is stored is a 32-bit float: 0.01 has to find 0.01
    if span.low is not None:
        found.add(f"{expression} >= ?::FLOAT{more}", span.low)
    if span.high is not None:
        found.add(f"{expression} <= ?::FLOAT{more}", span.high)


def significance(values: Sequence[str]) -> tuple[str, ...]:
    """A condition on ClinVar's word for a variant, and its parameters."""
    if "any" in values:
        return ("clinvar_significance IS NOT NULL",)
    return (f"clinvar_significance IN ({_marks(values)})", *values)


def gene_sets(chosen: Filter) -> tuple[str, list[Any]]:
    """The rows of ``gene_calls`` of the chosen genes: ``variant`` and ``callset``, the calls on that gene alone."""
    names = [name.lower() for name in chosen.gene]
    marks = _marks(names)
    genes = f"SELECT gene FROM genes WHERE lower(symbol) IN ({marks}) OR lower(gene_id) IN ({marks})"
    return f"SELECT variant, callset FROM gene_calls WHERE gene IN ({genes})", [*names, *names]


def picked_gene(chosen: Filter) -> Where:
    """The condition on the gene of the picked transcript."""
    found = Where()
    if chosen.gene:
        names = [name.lower() for name in chosen.gene]
        found.add(f"lower(gene) IN ({_marks(names)}) OR lower(gene_id) IN ({_marks(names)})", *names, *names)
    return found


def _add_calls(found: Where, chosen: Filter) -> None:
    """Gene, consequence and impact, which have to be those of one and the same transcript."""
    has_call = bool(chosen.consequence or chosen.impact)
    if chosen.match == "picked":
        found.extend(picked_gene(chosen))
        if has_call:
            condition, parameters = _call(chosen)
            found.add(f"picked_consequence IN (SELECT consequence FROM calls WHERE {condition})", *parameters)
        return
    condition, parameters = _worst(chosen) if chosen.match == "worst" else _call(chosen)
    if chosen.gene:
        if not set(chosen.consequence) & set(BESIDE):
            condition = f"NOT beside AND {condition}"
        sets, genes = gene_sets(chosen)
        fitting = _worst_sets(condition) if chosen.match == "worst" else _sets(condition)
        found.add(f"id IN (SELECT variant FROM ({sets}) WHERE callset IN ({fitting}))", *genes, *parameters)
    elif has_call:
        found.add(condition if chosen.match == "worst" else f"callset IN ({_sets(condition)})", *parameters)


def _worst_sets(condition: str) -> str:
    """The call sets for whose most severe consequence this holds."""
    return f"SELECT callset FROM worst WHERE {condition}"


def _worst(chosen: Filter) -> tuple[str, list[Any]]:
    """The condition on a most severe consequence: of ``variants`` or of ``worst``."""
    condition = "true"
    if chosen.consequence:
        condition += f" AND consequence IN ({_marks(chosen.consequence)})"
    if chosen.impact:
        condition += f" AND impact IN ({_marks(chosen.impact)})"
    return condition, [*chosen.consequence, *chosen.impact]


def _sets(condition: str) -> str:
    """The call sets that have a call for which this holds."""
    return f"SELECT callset FROM callsets WHERE call IN (SELECT call FROM calls WHERE {condition})"


def _call(chosen: Filter) -> tuple[str, list[Any]]:
    """The condition on one row of ``calls``."""
    condition = "true"
    parameters: list[Any] = []
    if chosen.consequence:
        condition += " AND list_has_any(terms, ?)"
        parameters.append(list(chosen.consequence))
    if chosen.impact:
        condition += f" AND impact IN ({_marks(chosen.impact)})"
        parameters += chosen.impact
    return condition, parameters


def _region(region: Region) -> tuple[str, list[Any]]:
    """Variants of which a base lies in it; the contig may be called otherwise than in the reference."""
    names = same_contig(region.contig)
    return (
        f"lower(contig) IN ({_marks(names)}) AND pos <= ? AND stop >= ?",
        [*names, region.end, region.start],
    )


def same_contig(name: str) -> list[str]:
    """What a contig may be called, in lower case: ``20``, ``chr20``."""
    plain = name.lower().removeprefix("chr")
    if plain in {"m", "mt"}:
        return [alias.lower() for alias in MITOCHONDRIA]
    return list(dict.fromkeys([name.lower(), plain, f"chr{plain}"]))


def _free_text(text: str) -> tuple[Any, ...]:
    """Part of a gene's name, an id, an HGVS expression or a condition; or a place or allele, as people write them.

    Whatever it can be read as is looked for: ``NKX2-5`` might be a place and ``F2R`` a change, but are genes.
    """
    lowered = text.lower()
    genes = "SELECT gene FROM genes WHERE contains(lower(symbol), ?) OR contains(lower(gene_id), ?)"
    ways = [f"contains(search, ?) OR id IN (SELECT variant FROM gene_calls WHERE gene IN ({genes}))"]
    values: list[Any] = [lowered] * 3
    if change := _ONE_LETTER.fullmatch(text):
        before, number, after = change.groups()
        ways.append("contains(search, ?)")
        values.append(f"p.{THREE_LETTERS[before.upper()]}{number}{THREE_LETTERS[after.upper()]}".lower())
    if named := _UNVERSIONED.fullmatch(lowered):
        ways.append("contains(search, ?) AND contains(search, ?)")
        values += [f"{named[1]}.", f":{named[2]}"]
    if place := _PLACE.fullmatch(text):
        contig, pos, ref, alt = place.groups()
        at = min(int(pos.replace(",", "")), _LAST_POSITION)
        ways.append(
            "list_contains(?, lower(contig)) AND pos <= ? AND stop >= ?" + (" AND ref = ? AND alt = ?" if alt else "")
        )
        values += [same_contig(contig), at, at, *([ref.upper(), alt.upper()] if alt else [])]
    return (" OR ".join(f"({way})" for way in ways), *values)


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))
