"""A gene with samples: what is called when their genotypes are read together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotator_hook.consequence.alleles import Alleles
from annotator_hook.consequence.arrays import text
from annotator_hook.pipeline.haplotypes import Calls, Genotypes, read_together
from tests.unit.consequence.scene import Scene, c

Event = tuple[int, int, str]
"""Bases ``start`` to ``end`` on the forward strand and what takes their place; an insertion has ``start = end + 1``."""


def snv(position: int, base: str) -> Event:
    """A coding base exchanged."""
    return c(position), c(position), base


def deletion(first: int, last: int) -> Event:
    """Coding bases lost."""
    return c(first), c(last), ""


def insertion(behind: int, bases: str) -> Event:
    """Bases put behind a coding base."""
    return c(behind) + 1, c(behind), bases


@dataclass(frozen=True)
class Said:
    """What is said of one allele instead of its single-record call."""

    consequence: str
    hgvsp: str
    partners: set[str]
    """Of the partners their names."""
    copies: int


class Cohort:
    """Records of one gene and the genotypes of some samples.

    Args:
        scene: The gene.
        records: Each a list of events, its ALTs, and the columns from FORMAT on, split by spaces.
    """

    def __init__(self, scene: Scene, *records: tuple[list[Event], str]) -> None:
        self.scene = scene
        pieces = [
            (scene.alleles(*event), i, n) for i, (events, _) in enumerate(records) for n, event in enumerate(events, 1)
        ]
        position = [int(allele.position[0]) for allele, _, _ in pieces]
        self.ref, self.alt = [], []
        for allele, _, _ in pieces:
            ref, alt = allele.reference(0).decode(), allele.replacement(0).decode()
            if not ref or not alt:  # written with the base before it
                before = scene.contig[int(allele.position[0]) - 1 : int(allele.position[0])].decode()
                ref, alt = before + ref, before + alt
            self.ref.append(ref)
            self.alt.append(alt)
        self.names = [f"{p}:{r}>{a}" for p, r, a in zip(position, self.ref, self.alt, strict=True)]
        ref, alt = text(self.ref), text(self.alt)
        self.annotation = scene.engine.annotate(Alleles(np.array(position, dtype=np.int64), ref, alt))
        self.rows = len(self.annotation.allele)
        genotypes = Genotypes.of(
            text([genotypes.replace(" ", "\t") for _, genotypes in records]),
            np.array([i for _, i, _ in pieces]),
            np.array([n for _, _, n in pieces]),
        )
        self.calls: Calls = read_together(scene.engine, self.annotation, genotypes, ref, alt)

    def said(self) -> list[Said | None]:
        """Of each allele, in the order given, what is called instead."""
        table = self.calls.columns(self.rows).to_pylist()
        return [
            Said(
                row["hap_consequence"],
                (row["hap_hgvsp"] or "").partition("P1.3:p.")[2],
                set(row["hap_with"].split("&")),
                row["hap_copies"],
            )
            if row["hap_consequence"]
            else None
            for row in table
        ]

    def briefly(self) -> list[str | None]:
        """The same as ``terms protein copies``."""
        return [f"{said.consequence} {said.hgvsp} {said.copies}" if said else None for said in self.said()]


def cohort(strand: int, *records: tuple[Event, str]) -> Cohort:
    """Records with one ALT each."""
    return Cohort(Scene(strand), *(([event], genotypes) for event, genotypes in records))
