"""Whatever stands on a copy: putting it into the transcript and translating gives the protein that was reported."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from annotator_hook.consequence.alleles import Alleles
from annotator_hook.consequence.arrays import Bytes, text
from annotator_hook.consequence.engine import Annotation, Engine
from annotator_hook.consequence.genetic_code import reverse_complement
from annotator_hook.consequence.models import ContigModel
from annotator_hook.pipeline.haplotypes import Calls, Genotypes, read_together
from tests.unit.consequence.chr20 import contig, needs_chr20
from tests.unit.consequence.scene import Scene
from tests.unit.consequence.test_mitochondria import mitochondrion
from tests.unit.consequence.test_properties import _apply, _translate

Variant = tuple[int, str, str]
"""POS, REF, ALT."""


class _Copy:
    """Variants that stand on the one copy of a sample, and what is said of them."""

    def __init__(self, model: ContigModel, sequence: Bytes, variants: list[Variant]) -> None:
        self.model, self.sequence, self.variants = model, sequence, variants
        positions, refs, alts = zip(*variants, strict=True)
        ref, alt = text(refs), text(alts)
        engine = Engine(model, sequence, distance=0)
        self.annotation: Annotation = engine.annotate(Alleles(np.array(positions, dtype=np.int64), ref, alt))
        numbers = np.arange(len(variants))
        genotypes = Genotypes.of(text(["GT\t1"] * len(variants)), numbers, np.ones(len(variants), dtype=np.int64))
        self.calls: Calls = read_together(engine, self.annotation, genotypes, ref, alt)
        self.names = {f"{p}:{r}>{a}": i for i, (p, r, a) in enumerate(variants)}

    def edited(self, transcript: int, which: set[int]) -> tuple[str, str]:
        """From the start codon on, before and after some of the variants."""
        exons = range(int(self.model.exon_offset[transcript]), int(self.model.exon_offset[transcript + 1]))
        old = new = ""
        for low, high in ((int(self.model.exon_start[i]), int(self.model.exon_end[i])) for i in exons):
            piece = self.sequence[low - 1 : high].tobytes().decode()
            old += piece
            for i in sorted(which, reverse=True):
                position, ref, alt = self.variants[i]
                if low <= position <= high:
                    at = position - low
                    piece = piece[:at] + alt + piece[at + len(ref) :]
            new += piece
        if self.model.strand[transcript] < 0:
            old, new = (reverse_complement(bases.encode()).decode() for bases in (old, new))
        start = int(self.model.coding_start[transcript]) - 1
        return old[start:], new[start:]

    def proteins(self, transcript: int, which: set[int]) -> tuple[str, str]:
        before, after = self.edited(transcript, which)
        return _translate(before, self.model.genetic_code), _translate(after, self.model.genetic_code)

    def check(self, transcript: int) -> None:
        said = dict(
            zip(
                self.calls.row.tolist(),
                zip(self.calls.hgvsp.to_pylist(), self.calls.partners.to_pylist(), strict=True),
                strict=True,
            )
        )
        every = set()
        for row in np.flatnonzero(self.annotation.transcript == transcript).tolist():
            allele = int(self.annotation.allele[row])
            hgvsp, partners = said.get(row, (str(self.annotation.hgvsp[row]), ""))
            name = hgvsp.partition(":p.")[2]
            every.add(name)
            if partners and name:
                with_it = {self.names[partner] for partner in partners.split("&")}
                before, after = self.proteins(transcript, with_it | {allele})
                _agree([name], before, after)
        # a name that was moved along a repeat may point at what another change has altered
        assume(not any(re.search(r"\d(del|dup|ins)|\?$|^$", name) and "fs" not in name for name in every))
        ends = sorted((name for name in every if re.search("fs|[a-z0-9]Ter$", name)), key=_residue)[:1]
        # behind a stop nothing is read
        read = [name for name in every if name in ends or not ends or _residue(name) < _residue(ends[0])]
        before, after = self.proteins(transcript, set(range(len(self.variants))))
        _agree(sorted(read, key=_residue, reverse=True), before, after)


def _residue(name: str) -> int:
    return int(re.findall(r"\d+", name)[0])


def _agree(names: list[str], before: str, after: str) -> None:
    """The names, from the protein's end to its start, make ``after`` of ``before`` as far as they say."""
    if any(name.endswith("?") and "fs" not in name and "ext" not in name for name in names):
        return
    said, whole = before, True
    for name in names:
        said, complete = _apply(name, said)
        whole = complete and (whole or "*" in said)
        said = said.partition("*")[0] + ("*" if "*" in said else "")
        whole |= said.endswith("*") and "ext" not in name
    if "*" not in after:  # the transcript ends before a stop does
        said = said.removesuffix("*")
    assert after.startswith(said) if not whole else after == said, (names, before, after, said)
    if len(names) == 1 and (match := re.search(r"fsTer(\d+)$", names[0])):
        at = int(re.match(r"[A-Z][a-z]{2}(\d+)", names[0])[1])  # type: ignore[index]  # it matches
        assert after.index("*") + 1 == at - 1 + int(match[1])


@st.composite
def haplotypes(draw: st.DrawFn) -> tuple[int, int, list[tuple[int, int, str]]]:
    """(which transcript, which base of its coding sequence, changes near it: gap, bases replaced, replacement)."""
    change = st.tuples(
        st.sampled_from([0, 0, 1, 1, 2, 3, 5, 8]),
        st.sampled_from([1, 1, 1, 0, 2, 3]),
        st.one_of(st.sampled_from("ACGT"), st.sampled_from("ACGT"), st.text("ACGT", max_size=3)),
    )
    return draw(st.integers(0, 10**9)), draw(st.integers(0, 10**9)), draw(st.lists(change, min_size=2, max_size=5))


def _try(model: ContigModel, sequence: Bytes, drawn: tuple[int, int, list[tuple[int, int, str]]]) -> None:
    coding = np.flatnonzero(model.coding & ~model.start_unknown)
    transcript = int(coding[drawn[0] % len(coding)])
    low, high = (int(side[transcript]) for side in model.coding_region)
    exons = range(int(model.exon_offset[transcript]), int(model.exon_offset[transcript + 1]))
    spans = [(max(low, int(model.exon_start[i])) + 4, min(high, int(model.exon_end[i])) - 4) for i in exons]
    bases = [p for a, z in spans for p in range(a, z + 1)]
    if not bases:
        return
    at = drawn[1] % len(bases)
    variants, free = [], 0
    for gap, size, alt in drawn[2]:
        at += gap + 1
        if at >= len(bases):
            break
        position = bases[at]
        one = size == 1 == len(alt)
        ref = sequence[position - 1 : position + (0 if one else size)].tobytes().decode()
        put = alt if one else ref[0] + alt
        inside = any(a <= position and position + len(ref) - 1 <= z for a, z in spans)
        if inside and position > free and ref != put and "N" not in ref:
            variants.append((position, ref, put))
            free = position + len(ref) - 1
            at += len(ref) - 1
    if len(variants) > 1:
        _Copy(model, sequence, variants).check(transcript)


@cache
def _scenes() -> tuple[Scene, Scene]:
    return Scene(1), Scene(-1)


@settings(max_examples=200, deadline=None)
@given(haplotypes())
def test_the_reported_protein_is_the_one_that_is_made(drawn: tuple[int, int, list[tuple[int, int, str]]]) -> None:
    for scene in _scenes():
        _try(scene.model, scene.sequence, drawn)


@settings(max_examples=80, deadline=None)
@given(haplotypes())
def test_the_reported_protein_is_the_one_that_is_made_in_mitochondria(
    drawn: tuple[int, int, list[tuple[int, int, str]]],
) -> None:
    _try(*mitochondrion(), drawn)


@needs_chr20
@settings(max_examples=80, deadline=None)
@given(haplotypes())
def test_the_reported_protein_is_the_one_that_is_made_on_chromosome_20(
    drawn: tuple[int, int, list[tuple[int, int, str]]],
) -> None:
    _try(*contig(), drawn)
