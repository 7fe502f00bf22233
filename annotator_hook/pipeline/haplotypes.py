"""Calls that change when what stands on one copy of a chromosome is read together.

How the pipeline uses it, for the alleles of one contig (or of a part of it, see ``Cuts``)::

    annotation = engine.annotate(alleles)
    calls = read_together(engine, annotation, Genotypes(text, record, number), ref, alt)
    calls.columns(rows)     # hap_consequence, hap_impact, hap_hgvsp, hap_with, hap_copies: one value a row, mostly null
    calls.csq(rows)         # the CSQ field HAPLOTYPE of each row, mostly empty
    calls.alleles           # the alleles with a changed call

``rows`` is ``len(annotation.allele)``. Rows are those of ``annotation``: one for each allele and transcript.

**What stands together.** A genotype's alleles stand on the sample's copies in the order of GT. Phased ones (``|``) of one
phase set (PS; those without PS make one set) stand together; so does everything homozygous or haploid with everything
else of the sample. Heterozygous genotypes of different phase sets, and unphased ones, are never put together.

**What is read together.** Changes that touch a common codon; those between which the reading frame is shifted; and a
change that lies behind a stop which the same copy has got earlier: that stop's call is then its call. Only changes that
lie wholly in the coding sequence take part; of two that overlap the first one counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from annotator_hook.consequence.arrays import Ints, Text
from annotator_hook.consequence.engine import Annotation, Engine
from annotator_hook.consequence.models import ContigModel

COLUMNS = pa.schema(
    [
        ("hap_consequence", pa.string()),
        ("hap_impact", pa.string()),
        ("hap_hgvsp", pa.string()),
        ("hap_with", pa.string()),
        ("hap_copies", pa.int32()),
    ]
)
"""The columns beside the single-record call. All are null where the call is the same."""


@dataclass(frozen=True, eq=False)
class Genotypes:
    """The genotypes of some records, as their file has them.

    Args:
        text: Of each record the columns from FORMAT on, tabs included: ``GT:PS\\t0|1:7\\t1|1:7``. Arrow string or
            large_string. Only records with alleles that may be read together are looked at.
        record: Of each allele, its record as an index into ``text``.
        number: Of each allele, what GT calls it: 1 for the first ALT.
    """

    text: Text
    record: Ints
    number: Ints


class Cuts:
    """Where a contig can be cut into parts that are annotated apart without tearing apart what is read together."""

    def __init__(self, model: ContigModel) -> None:
        low, high = (side[model.coding] for side in model.coding_region)
        order = np.argsort(low, kind="stable")
        low, high = low[order] - MARGIN, np.maximum.accumulate(high[order] + MARGIN) if len(low) else high
        first = np.append(True, low[1:] > high[:-1]) if len(low) else np.zeros(0, dtype=np.bool_)
        self._low = low[first]
        self._high = high[np.append(np.flatnonzero(first)[1:] - 1, len(high) - 1)] if len(low) else high

    def after(self, position: int) -> int:
        """The first place from ``position`` on: records with POS less than it make one part, the others another."""
        i = int(np.searchsorted(self._low, position, side="left")) - 1
        return int(self._high[i]) + 1 if i >= 0 and position <= self._high[i] else position

    def before(self, position: int) -> int:
        """The last such place up to ``position``; it may be 0 or less where there is none."""
        i = int(np.searchsorted(self._low, position, side="left")) - 1
        return int(self._low[i]) if i >= 0 and position <= self._high[i] else position


MARGIN = 20
"""Bases beside a coding region that are not cut: an indel's POS may lie before what it changes."""


def read_together(engine: Engine, annotation: Annotation, genotypes: Genotypes, ref: Text, alt: Text) -> Calls:
    """The calls that change.

    Args:
        engine: Of the contig.
        annotation: What it said of the alleles.
        genotypes: Of their records.
        ref: REF of each allele, as it was given to the engine and as partners are to be named.
        alt: ALT, likewise.
    """
    raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Calls:
    """Rows of an annotation whose call changes, ascending, and what is said instead."""

    row: Ints
    alleles: Ints
    """The alleles of these rows, ascending, each once."""
    consequence: Text
    """SO terms of the combination, with the row's own terms that are not about the coding sequence."""
    impact: Text
    hgvsp: Text
    partners: Text
    """``pos:ref>alt`` of the others that are read with it, joined with ``&``."""
    copies: Ints
    """Copies that carry exactly this combination, the most frequent one that changes the call."""
    of: Ints
    """Copies that the record's genotypes have, missing ones included."""
    others: Ints
    """Further combinations that change the call."""
    unread: int
    """Transcripts with more combinations than ``COMBINATIONS``; the rarest ones were not read."""

    def columns(self, rows: int) -> pa.Table:
        """``COLUMNS`` for all rows of the annotation."""
        raise NotImplementedError

    def csq(self, rows: int) -> Text:
        """The CSQ field HAPLOTYPE of all rows, empty where the call is the same.

        ``missense_variant~p.Arg5Gln~12346:A>G~3/600``: terms, protein, partners, copies of all copies; with ``~+2``
        behind it where two further combinations change the call otherwise.
        """
        raise NotImplementedError
