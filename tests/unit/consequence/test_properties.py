"""Whatever the change: putting it into the transcript and translating gives the protein that was reported."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotator_hook.consequence.alleles import Alleles
from annotator_hook.consequence.arrays import Bytes, Ints
from annotator_hook.consequence.engine import Engine
from annotator_hook.consequence.genetic_code import THREE_LETTERS, codon_table, reverse_complement
from annotator_hook.consequence.models import ContigModel
from annotator_hook.consequence.output import Writer
from annotator_hook.consequence.snv import Exchanges
from tests.unit.consequence.chr20 import contig, needs_chr20
from tests.unit.consequence.scene import Scene
from tests.unit.consequence.test_mitochondria import mitochondrion

ONE_LETTER = {three: one for one, three in THREE_LETTERS.items()}
AA = "([A-Z][a-z]{2})"


def _translate(dna: str, code: int) -> str:
    """The test's own translation, up to and with the first stop."""
    table = {codon.decode(): residue for codon, residue in codon_table(code).items()}
    protein = ""
    for i in range(0, len(dna) - 2, 3):
        protein += table.get(dna[i : i + 3], "X")
        if protein[-1] == "*":
            break
    return protein


def _mutated(
    model: ContigModel, sequence: Bytes, transcript: int, position: int, ref: str, alt: str
) -> tuple[str, str]:
    """Coding sequence and 3' UTR of a transcript before and after a change of the contig that leaves its borders."""
    exons = range(int(model.exon_offset[transcript]), int(model.exon_offset[transcript + 1]))
    spans = [(int(model.exon_start[i]), int(model.exon_end[i])) for i in exons]
    pieces = [sequence[low - 1 : high].tobytes().decode() for low, high in spans]
    after = list(pieces)
    for i, (low, high) in enumerate(spans):
        if low <= position and position + len(ref) - 1 <= high:
            at = position - low
            assert pieces[i][at : at + len(ref)] == ref
            after[i] = pieces[i][:at] + alt + pieces[i][at + len(ref) :]
    old, new = "".join(pieces), "".join(after)
    if model.strand[transcript] < 0:
        old, new = (reverse_complement(s.encode()).decode() for s in (old, new))
    start = int(model.coding_start[transcript]) - 1
    return old[start:], new[start:]


def _apply(name: str, protein: str) -> tuple[str, bool]:
    """The protein that ``name`` (HGVSp behind ``p.``) makes of ``protein`` (which ends in its stop), as far as it says.

    The second value tells whether the name gives the whole protein.
    """
    if name.endswith("%3D"):
        return protein, True
    if match := re.fullmatch(f"{AA}(\\d+){AA}fsTer(\\d+|\\?)", name):
        at = int(match[2])
        assert protein[at - 1] == ONE_LETTER[match[1]]
        return protein[: at - 1] + ONE_LETTER[match[3]], False
    if match := re.fullmatch(f"Ter(\\d+){AA}extTer(\\d+|\\?)", name):
        at = int(match[1])
        assert protein[at - 1] == "*"
        return protein[: at - 1] + ONE_LETTER[match[2]], False
    if match := re.fullmatch(f"{AA}(\\d+){AA}", name):
        at = int(match[2])
        assert protein[at - 1] == ONE_LETTER[match[1]]
        return protein[: at - 1] + ONE_LETTER[match[3]] + protein[at:], True
    match = re.fullmatch(f"{AA}(\\d+)(?:_{AA}(\\d+))?(del|dup|ins|delins)((?:[A-Z][a-z]{{2}})*)(extTer.*)?", name)
    assert match, name
    first, last = int(match[2]), int(match[4] or match[2])
    assert protein[first - 1] == ONE_LETTER[match[1]]
    assert not match[3] or protein[last - 1] == ONE_LETTER[match[3]]
    added = "".join(ONE_LETTER[match[6][i : i + 3]] for i in range(0, len(match[6]), 3))
    kept = protein[: first - 1]
    if match[5] == "ins":
        return protein[:first] + added + protein[first:], True
    if match[5] == "dup":
        return protein[:last] + protein[first - 1 :], True
    return kept + added + protein[last:], not match[7] and "*" not in protein[first - 1 : last]


def _check(model: ContigModel, sequence: Bytes, transcript: int, position: int, ref: str, alt: str) -> None:
    alleles = Alleles.of([position], [ref.encode()], [alt.encode()])
    annotation = Engine(model, sequence, distance=0).annotate(alleles)
    rows = Writer(model).table(annotation).to_pylist()
    (row,) = [r for r, t in zip(rows, annotation.transcript.tolist(), strict=True) if t == transcript]
    old, new = _mutated(model, sequence, transcript, position, ref, alt)
    before, after = _translate(old, model.genetic_code), _translate(new, model.genetic_code)
    name = (row["HGVSp"] or "").partition("p.")[2]
    if not name or (name.endswith("?") and "fs" not in name and "ext" not in name) or "start" in row["Consequence"]:
        return
    said, whole = _apply(name, before)
    said = said.partition("*")[0] + ("*" if "*" in said else "")
    if "*" not in after:  # the transcript ends before a stop does
        said = said.removesuffix("*")
    assert after.startswith(said) if not whole else after == said, (row, before, after, said)
    if match := re.search("fsTer(\\d+)$", name):
        at = int(re.match(f"{AA}(\\d+)", name)[2])  # type: ignore[index]  # it matches
        assert after.index("*") + 1 == at - 1 + int(match[1])
    if match := re.search("extTer(\\d+)$", name):
        assert after.index("*") + 1 == len(before) + int(match[1])


@st.composite
def changes(draw: st.DrawFn) -> tuple[int, int, int, str]:
    """(which transcript, which base of its coding sequence, bases replaced, replacement)."""
    return (
        draw(st.integers(0, 10**9)),
        draw(st.integers(0, 10**9)),
        draw(st.sampled_from([1, 1, 1, 2, 3, 4, 5, 6, 9])),
        draw(st.text("ACGT", min_size=0, max_size=9)),
    )


def _try(model: ContigModel, sequence: Bytes, change: tuple[int, int, int, str]) -> None:
    coding = np.flatnonzero(model.coding & ~model.start_unknown)
    transcript = int(coding[change[0] % len(coding)])
    low, high = (int(side[transcript]) for side in model.coding_region)
    exons = range(int(model.exon_offset[transcript]), int(model.exon_offset[transcript + 1]))
    spans = [(max(low, int(model.exon_start[i])), min(high, int(model.exon_end[i]))) for i in exons]
    bases = [p for a, z in spans for p in range(a + 1, z - change[2] + 1)]
    if not bases:
        return
    position = bases[change[1] % len(bases)]
    ref = sequence[position - 2 : position - 1 + change[2]].tobytes().decode()
    alt = ref[0] + change[3]
    if "N" in ref or ref == alt:
        return
    _check(model, sequence, transcript, position - 1, ref, alt)


@cache
def _scenes() -> tuple[Scene, Scene]:
    return Scene(1), Scene(-1)


@settings(max_examples=150, deadline=None)
@given(changes())
def test_the_reported_protein_is_the_one_that_is_made(change: tuple[int, int, int, str]) -> None:
    for scene in _scenes():
        _try(scene.model, scene.sequence, change)


@settings(max_examples=80, deadline=None)
@given(changes())
def test_the_reported_protein_is_the_one_that_is_made_in_mitochondria(change: tuple[int, int, int, str]) -> None:
    _try(*mitochondrion(), change)


@needs_chr20
@settings(max_examples=80, deadline=None)
@given(changes())
def test_the_reported_protein_is_the_one_that_is_made_on_chromosome_20(change: tuple[int, int, int, str]) -> None:
    _try(*contig(), change)


@pytest.mark.parametrize("strand", [1, -1], ids=["forward", "reverse"])
def test_columns_and_single_pairs_say_the_same_of_every_coding_snv(
    strand: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(strand)
    positions = [
        p for low, high in ((101, 160), (261, 330), (401, 461)) for p in range(low, high + 1) for _ in range(3)
    ]
    if strand < 0:
        positions = [len(scene.contig) + 1 - p for p in positions]
    refs = [scene.contig[p - 1 : p] for p in positions]
    alts = [b"ACGT".replace(ref, b"")[i % 3 : i % 3 + 1] for i, ref in enumerate(refs)]
    alleles = Alleles.of(positions, refs, alts)
    quick = Writer(scene.model).table(scene.engine.annotate(alleles))
    monkeypatch.setattr("annotator_hook.consequence.snv.exchanges", _none_settled)
    assert Writer(scene.model).table(scene.engine.annotate(alleles)).to_pylist() == quick.to_pylist()


def _none_settled(_model: ContigModel, transcript: Ints, *_: object) -> Exchanges:
    nothing = np.zeros(len(transcript), dtype=np.int64)
    return Exchanges(nothing > 0, nothing, nothing, nothing)
